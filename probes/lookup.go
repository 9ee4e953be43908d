package probes

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"
)

// Statuses of a Lookup.
const (
	statusAnswer   = "answer"
	statusNoData   = "nodata"
	statusNXDomain = "nxdomain"
	statusServFail = "servfail"
	statusRefused  = "refused"
	statusTimeout  = "timeout"
	statusError    = "error"
)

// resolver looks names up as the C library of an application would, but tells
// the outcomes apart.
type resolver struct {
	conf    resolvConf
	fault   error // resolv.conf could not be read
	hosts   string
	window  time.Duration // of one question to one server
	confirm int           // repetitions of a question that nobody answers
	ports   *portRotation
	six     bool // whether AAAA is asked for
}

func systemResolver(window time.Duration, confirm int) *resolver {
	conf, err := readResolvConf("/etc/resolv.conf")
	return &resolver{conf: conf, fault: err, hosts: "/etc/hosts", window: window, confirm: confirm, ports: sourcePorts, six: hasIPv6()}
}

// hasIPv6 reports whether an interface has an IPv6 address to talk from. Without
// one getaddrinfo(3) does not ask for AAAA (AI_ADDRCONFIG, its default), and
// a resolver would bear twice the questions.
func hasIPv6() bool {
	addrs, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.To4() == nil && n.IP.IsGlobalUnicast()
	})
}

// inHosts looks into the hosts file, as an application does before it asks.
func (r *resolver) inHosts(name string) (Lookup, bool) {
	found := hostsFile(r.hosts, name)
	return Lookup{Status: statusAnswer, Name: name, Server: r.hosts, Addresses: found}, len(found) > 0
}

// lookup asks for name through the search path. The text says what the status can't.
//
// As in glibc's res_search, a name that does not exist, has no address, or
// whose server fails, leads to the next; no answer at all ends the search. Of
// several outcomes "nodata" counts most, then "servfail", then the last "nxdomain".
func (r *resolver) lookup(ctx context.Context, name string) (Lookup, string) {
	if r.fault != nil {
		return Lookup{Status: statusError, Name: name}, r.fault.Error()
	}
	var kept Lookup
	var why string
	rank := map[string]int{statusNXDomain: 1, statusServFail: 2, statusNoData: 3}
	for _, candidate := range r.conf.candidates(name) {
		if !validName(candidate) {
			continue // the search path makes it too long
		}
		l, text := r.ask(ctx, candidate)
		if rank[l.Status] == 0 {
			return l, text
		}
		if rank[l.Status] >= rank[kept.Status] {
			kept, why = l, text
		}
	}
	return kept, why
}

// ask asks the servers for the absolute name, one after the other until one
// knows: a failing, refusing or silent server leads to the next.
func (r *resolver) ask(ctx context.Context, name string) (Lookup, string) {
	var first Lookup
	var why string
	for i := 0; i <= r.confirm; i++ {
		for j, server := range r.conf.servers {
			l, text := r.askServer(ctx, server, name)
			switch l.Status {
			case statusAnswer, statusNoData, statusNXDomain, statusError:
				return l, text
			}
			if j == 0 {
				first, why = l, text
			}
		}
		if first.Status != statusTimeout {
			break
		}
	}
	return first, why
}

// askServer asks one server for A and AAAA at once. The A answer's status
// counts, unless only AAAA has addresses: no fault of the latter spoils the former.
func (r *resolver) askServer(ctx context.Context, server, name string) (Lookup, string) {
	if !r.six {
		return r.question(ctx, server, name, typeA)
	}
	type both struct {
		l    Lookup
		text string
	}
	six := make(chan both, 1)
	go func() {
		l, text := r.question(ctx, server, name, typeAAAA)
		six <- both{l, text}
	}()
	l, text := r.question(ctx, server, name, typeA)
	v6 := <-six
	switch {
	case l.Status != statusAnswer && v6.l.Status == statusAnswer:
		return v6.l, v6.text
	case l.Status == statusAnswer && v6.l.Status == statusAnswer:
		l.Addresses = append(l.Addresses, v6.l.Addresses...)
	case l.Status == statusAnswer && v6.l.Status != statusNoData:
		text = fmt.Sprintf("AAAA: %s", v6.l.Status)
	}
	return l, text
}

// lookupOutcome is the outcome of a probe whose lookup found no address, or of a
// DNS probe. A failure of the tool is never a verdict.
func lookupOutcome(l Lookup, protocol string) Outcome {
	switch {
	case l.Status == "error":
		return OutcomeError
	case l.Status == "answer" && protocol == DNS:
		return OutcomeResolved
	}
	return OutcomeUnresolved
}
