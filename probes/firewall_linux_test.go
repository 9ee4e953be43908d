package probes

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each row is a cause of a failed connection, made with the kernel's own
// means, and what TCP and UDP probes must say of it.
func TestEveryCauseHasItsOutcome(t *testing.T) {
	l := newLab(t)
	l.serve(l.dst, "db", "tcp/80,udp/80,"+ports(7000, 7040))
	type want struct {
		outcome    Outcome
		errno      string
		icmp, code int
		offender   string
	}
	dropped := want{outcome: OutcomeDropped}
	open := want{outcome: OutcomeOpen}
	rejected := func(errno string, code int, by string) want {
		return want{OutcomeRejected, errno, 3, code, by}
	}
	rejected6 := func(errno string, code int) want {
		return want{OutcomeRejected, errno, 1, code, labGateway6}
	}
	refused := want{outcome: OutcomeRefused, errno: "ECONNREFUSED"}
	closed := want{OutcomeRefused, "ECONNREFUSED", 3, 3, labDst}
	rows := []struct {
		name     string
		where    string // namespace and chain; none: no rule
		target   string
		tcp, udp want
		six      bool
	}{
		{name: "no rule", tcp: open, udp: open},
		{name: "no rule, IPv6", tcp: open, udp: open, six: true},
		{name: "drop on the path", where: l.router + " FORWARD", target: "DROP", tcp: dropped, udp: dropped},
		{name: "drop at the peer", where: l.dst + " INPUT", target: "DROP", tcp: dropped, udp: dropped},
		{name: "drop of the answers", where: l.src + " INPUT", target: "DROP", tcp: dropped, udp: dropped},
		{name: "drop at the source", where: l.src + " OUTPUT", target: "DROP", tcp: dropped,
			udp: want{outcome: OutcomeUnreachable, errno: "EPERM"}},
		{name: "drop on the path, IPv6", where: l.router + " FORWARD", target: "DROP", tcp: dropped, udp: dropped, six: true},
		{name: "port-unreachable on the path", where: l.router + " FORWARD", target: "REJECT",
			tcp: rejected("ECONNREFUSED", 3, labGateway), udp: rejected("ECONNREFUSED", 3, labGateway)},
		{name: "port-unreachable at the peer", where: l.dst + " INPUT", target: "REJECT", tcp: closed, udp: closed},
		{name: "net-unreachable", where: l.router + " FORWARD", target: "REJECT --reject-with icmp-net-unreachable",
			tcp: rejected("ENETUNREACH", 0, labGateway), udp: rejected("ENETUNREACH", 0, labGateway)},
		{name: "host-unreachable", where: l.router + " FORWARD", target: "REJECT --reject-with icmp-host-unreachable",
			tcp: rejected("EHOSTUNREACH", 1, labGateway), udp: rejected("EHOSTUNREACH", 1, labGateway)},
		{name: "proto-unreachable", where: l.router + " FORWARD", target: "REJECT --reject-with icmp-proto-unreachable",
			tcp: rejected("ENOPROTOOPT", 2, labGateway), udp: rejected("ENOPROTOOPT", 2, labGateway)},
		{name: "net-prohibited", where: l.router + " FORWARD", target: "REJECT --reject-with icmp-net-prohibited",
			tcp: rejected("ENETUNREACH", 9, labGateway), udp: rejected("ENETUNREACH", 9, labGateway)},
		{name: "host-prohibited", where: l.router + " FORWARD", target: "REJECT --reject-with icmp-host-prohibited",
			tcp: rejected("EHOSTUNREACH", 10, labGateway), udp: rejected("EHOSTUNREACH", 10, labGateway)},
		{name: "admin-prohibited", where: l.router + " FORWARD", target: "REJECT --reject-with icmp-admin-prohibited",
			tcp: rejected("EHOSTUNREACH", 13, labGateway), udp: rejected("EHOSTUNREACH", 13, labGateway)},
		{name: "admin-prohibited at the peer", where: l.dst + " INPUT", target: "REJECT --reject-with icmp-admin-prohibited",
			tcp: rejected("EHOSTUNREACH", 13, labDst), udp: rejected("EHOSTUNREACH", 13, labDst)},
		{name: "admin-prohibited, IPv6", where: l.router + " FORWARD", target: "REJECT --reject-with icmp6-adm-prohibited",
			tcp: rejected6("EACCES", 1), udp: rejected6("EACCES", 1), six: true},
		{name: "port-unreachable on the path, IPv6", where: l.router + " FORWARD", target: "REJECT",
			tcp: rejected6("ECONNREFUSED", 4), udp: rejected6("ECONNREFUSED", 4), six: true},
		{name: "reset", where: l.router + " FORWARD", target: "REJECT --reject-with tcp-reset", tcp: refused, udp: open},
		{name: "no listener", tcp: refused, udp: closed},
	}
	quick, slow := Batch{WindowMS: 400, Confirm: 1}, Batch{} // what stays silent, and what is answered
	var answered, silent []int
	for i, row := range rows {
		port := 7000 + i
		if row.name == "no listener" {
			port = 81
		}
		host, tables := labDst, "iptables"
		if row.six {
			host, tables = labDst6, "ip6tables"
		}
		for _, protocol := range []string{TCP, UDP} {
			if row.where != "" && !(row.name == "reset" && protocol == UDP) {
				var ns, chain string
				fmt.Sscan(row.where, &ns, &chain)
				match := "--dport"
				if row.name == "drop of the answers" {
					match = "--sport"
				}
				l.in(ns, fmt.Sprintf("%s -A %s -p %s %s %d -j %s", tables, chain, protocol, match, port, row.target))
			}
			p, w := Probe{Protocol: protocol, Host: host, Port: port, Expect: "db"}, row.tcp
			if protocol == UDP {
				w = row.udp
			}
			if w.outcome == OutcomeDropped || w.errno == "EPERM" {
				quick.Probes, silent = append(quick.Probes, p), append(silent, i)
			} else {
				slow.Probes, answered = append(slow.Probes, p), append(answered, i)
			}
		}
	}
	results := append(l.probe(quick), l.probe(slow)...)
	all := append(quick.Probes, slow.Probes...)
	for i, index := range append(silent, answered...) {
		row, p, r := rows[index], all[i], results[i]
		w := row.tcp
		if p.Protocol == UDP {
			w = row.udp
		}
		t.Run(row.name+" "+p.Protocol, func(t *testing.T) {
			assert.Equal(t, w.outcome, r.Outcome, "%+v", r)
			assert.Equal(t, w.errno, r.Errno)
			switch {
			case w.icmp == 0:
				assert.Nil(t, r.ICMP)
			case r.ICMP == nil && p.Protocol == TCP && !tcpHasErrorQueue():
				// The errno alone has to do on this kernel.
			default:
				assert.Equal(t, &ICMP{w.icmp, w.code, w.offender}, r.ICMP)
			}
			if w.outcome == OutcomeOpen {
				assert.Equal(t, "db", r.Peer)
			}
		})
	}
}

func ports(from, to int) string {
	var list []Listener
	for p := from; p < to; p++ {
		list = append(list, Listener{TCP, p}, Listener{UDP, p})
	}
	return FormatListeners(list)
}

func TestRoutesAtTheSource(t *testing.T) {
	l := newLab(t)
	l.in(l.src, "ip route add blackhole 10.88.1.0/24")
	l.in(l.src, "ip route add unreachable 10.88.2.0/24")
	l.in(l.src, "ip route add prohibit 10.88.3.0/24")
	want := []struct{ host, errno string }{
		{"10.88.1.1", "EINVAL"}, {"10.88.2.1", "EHOSTUNREACH"}, {"10.88.3.1", "EACCES"},
		{"10.99.0.1", "ENETUNREACH"}, {"fd99::1", "ENETUNREACH"},
	}
	var b Batch
	for _, w := range want {
		b.Probes = append(b.Probes, Probe{Protocol: TCP, Host: w.host, Port: 1}, Probe{Protocol: UDP, Host: w.host, Port: 1})
	}
	for i, r := range l.probe(b) {
		assert.Equal(t, OutcomeUnreachable, r.Outcome, "%+v", r)
		assert.Equal(t, want[i/2].errno, r.Errno, "%+v", r)
		assert.Nil(t, r.ICMP)
	}
}

// Nobody answers ARP: the kernel says so after three seconds, and silence until then.
func TestAbsentNeighbour(t *testing.T) {
	t.Parallel() // it mostly waits
	l := newLab(t)
	absent := []Probe{{Protocol: TCP, Host: "10.77.1.99", Port: 1}}
	assert.Equal(t, OutcomeDropped, l.probe(Batch{WindowMS: 300, Probes: absent})[0].Outcome)
	r := l.probe(Batch{WindowMS: 60_000, Probes: absent})[0]
	assert.Equal(t, OutcomeUnreachable, r.Outcome, "%+v", r)
	assert.Equal(t, "EHOSTUNREACH", r.Errno)
	r = l.probe(Batch{WindowMS: 60_000, Probes: []Probe{{Protocol: TCP, Host: "fd77:1::99", Port: 1}}})[0]
	assert.Equal(t, OutcomeUnreachable, r.Outcome, "%+v", r)
	r = l.probe(Batch{WindowMS: 60_000, Probes: []Probe{{Protocol: TCP, Host: "10.77.2.99", Port: 1}}})[0]
	assert.Equal(t, OutcomeRejected, r.Outcome, "the router says so by ICMP: %+v", r)
}

// A host with several addresses answers from the one that was asked.
func TestUDPAnswersLeaveFromTheAddressThatWasAsked(t *testing.T) {
	l := newLab(t)
	l.in(l.dst, "ip addr add 10.77.2.3/24 dev eth0")
	l.in(l.dst, "ip addr add fd77:2::3/64 dev eth0 nodad")
	l.serve(l.dst, "db", "udp/53")
	var b Batch
	for _, host := range []string{labDst, "10.77.2.3", labDst6, "fd77:2::3"} {
		b.Probes = append(b.Probes, Probe{Protocol: UDP, Host: host, Port: 53, Expect: "db"})
	}
	for _, r := range l.probe(b) {
		assert.Equal(t, OutcomeOpen, r.Outcome, "%+v", r)
	}
}

// A flow that connection tracking knows passes a rule that comes after it; no
// probe may use one.
func TestNoProbeRidesOnAnEarlierFlow(t *testing.T) {
	l := newLab(t)
	l.serve(l.dst, "db", "udp/53,tcp/53")
	l.serve(l.src, "web", "tcp/80") // as in every stand-in: it lends the source ports
	l.in(l.router, "iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")
	var b Batch
	for range 50 {
		b.Probes = append(b.Probes, Probe{Protocol: UDP, Host: labDst, Port: 53, Expect: "db"}, Probe{Protocol: TCP, Host: labDst, Port: 53, Expect: "db"})
	}
	for _, r := range l.probe(b) {
		require.Equal(t, OutcomeOpen, r.Outcome, "%+v", r)
	}
	l.in(l.router, "iptables -A FORWARD -p udp --dport 53 -j DROP")
	l.in(l.router, "iptables -A FORWARD -p tcp --dport 53 -j DROP")
	b.WindowMS, b.Confirm = 200, 1
	for _, r := range l.probe(b) {
		require.Equal(t, OutcomeDropped, r.Outcome, "%+v", r)
	}
}

// Three SYNs or datagrams in each of six windows, lost at 5 % each way.
func TestFivePercentLossIsNeverADeny(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve(l.dst, "db", "udp/53,tcp/53")
	l.in(l.router, "iptables -A FORWARD -m statistic --mode random --probability 0.05 -j DROP")
	b := Batch{WindowMS: 1000, Confirm: 5}
	for range 1500 {
		b.Probes = append(b.Probes, Probe{Protocol: UDP, Host: labDst, Port: 53, Expect: "db"}, Probe{Protocol: TCP, Host: labDst, Port: 53, Expect: "db"})
	}
	repeated := 0
	for _, r := range l.probe(b) {
		require.Equal(t, OutcomeOpen, r.Outcome, "%+v", r)
		if r.Attempts > 1 {
			repeated++
		}
	}
	assert.Positive(t, repeated, "some packets must have been lost")
}
