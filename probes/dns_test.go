package probes

import (
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// patient is a window, in milliseconds, that only a lost answer can miss, however
// slow the machine is.
const patient = 30_000

// nameServer is a DNS server on the loopback interface, over UDP and TCP.
type nameServer struct {
	addr string
	mu   sync.Mutex
	from map[string]int // source address and port of a UDP query: how often
	// reply fills in the answer to q; false is silence.
	reply func(m *dnsmessage.Message, q dnsmessage.Question, transport string) bool
}

func startNameServer(t *testing.T, reply func(*dnsmessage.Message, dnsmessage.Question, string) bool) *nameServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c, err := net.ListenPacket("udp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { l.Close(); c.Close() })
	s := &nameServer{addr: l.Addr().String(), from: map[string]int{}, reply: reply}
	go s.overUDP(c)
	go s.overTCP(l)
	return s
}

func (s *nameServer) overUDP(c net.PacketConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.from[from.String()]++
		s.mu.Unlock()
		if text := s.answer(buf[:n], "udp"); text != nil {
			c.WriteTo(text, from)
		}
	}
}

func (s *nameServer) overTCP(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		size := make([]byte, 2)
		io.ReadFull(conn, size)
		buf := make([]byte, binary.BigEndian.Uint16(size))
		io.ReadFull(conn, buf)
		if text := s.answer(buf, "tcp"); text != nil {
			conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...))
		}
		conn.Close()
	}
}

func (s *nameServer) answer(b []byte, transport string) []byte {
	var m dnsmessage.Message
	if m.Unpack(b) != nil {
		return nil
	}
	m.Response = true
	if !s.reply(&m, m.Questions[0], transport) {
		return nil
	}
	text, _ := m.Pack()
	return text
}

func record(name string, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET}, Body: body}
}

func a(name string, last byte) dnsmessage.Resource {
	return record(name, &dnsmessage.AResource{A: [4]byte{10, 0, 0, last}})
}

func testResolver(window time.Duration, servers ...string) *resolver {
	return &resolver{conf: resolvConf{servers: servers, ndots: 1}, hosts: "/dev/null", window: window, ports: newPortRotation(time.Now()), six: true}
}

// zone answers by the name's first letters.
func zone(m *dnsmessage.Message, q dnsmessage.Question, transport string) bool {
	name := q.Name.String()
	rcode := map[string]dnsmessage.RCode{
		"nx.": dnsmessage.RCodeNameError, "nx.a.test.": dnsmessage.RCodeNameError, "fail.": dnsmessage.RCodeServerFailure,
		"refuse.": dnsmessage.RCodeRefused, "notimp.": dnsmessage.RCodeNotImplemented, "db.a.test.": dnsmessage.RCodeNameError,
		"fail.a.test.": dnsmessage.RCodeNameError, "empty.a.test.": dnsmessage.RCodeNameError, "silent.a.test.": dnsmessage.RCodeNameError,
	}[name]
	m.RCode = rcode
	v4 := q.Type == dnsmessage.TypeA
	switch {
	case name == "silent.":
		return false
	case name == "halfsilent." && !v4:
		return false
	case name == "halffail." && !v4:
		m.RCode = dnsmessage.RCodeServerFailure
	case name == "big." && transport == "udp":
		m.Truncated = true
	case name == "six." && !v4:
		m.Answers = append(m.Answers, record(name, &dnsmessage.AAAAResource{AAAA: [16]byte{0xfd, 15: 1}}))
	case name == "alias.":
		m.Answers = append(m.Answers, record(name, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("db.")}))
		if v4 {
			m.Answers = append(m.Answers, a("db.", 1), a("stranger.", 66))
		}
	case rcode == 0 && v4 && name != "empty." && name != "six.":
		m.Answers = append(m.Answers, a(name, 2), a(name, 1))
	}
	return true
}

func TestLookupTellsTheOutcomesApart(t *testing.T) {
	s := startNameServer(t, zone)
	r := testResolver(300*time.Millisecond, s.addr)
	r.confirm = 10 // silence is short, and nothing that comes late is missed
	both := []string{"10.0.0.2", "10.0.0.1"}
	for name, want := range map[string]Lookup{
		"db":          {Status: "answer", Name: "db.", Transport: "udp", Addresses: both},
		"halffail":    {Status: "answer", Name: "halffail.", Transport: "udp", Addresses: both},
		"halfsilent.": {Status: "answer", Name: "halfsilent.", Transport: "udp", Addresses: both},
		"six":         {Status: "answer", Name: "six.", Transport: "udp", Addresses: []string{"fd00::1"}},
		"alias":       {Status: "answer", Name: "alias.", Transport: "udp", Addresses: []string{"10.0.0.1"}},
		"big":         {Status: "answer", Name: "big.", Transport: "tcp", Addresses: both},
		"empty":       {Status: "nodata", Name: "empty.", Transport: "udp"},
		"nx":          {Status: "nxdomain", Name: "nx.", Transport: "udp"},
		"fail":        {Status: "servfail", Name: "fail.", Transport: "udp"},
		"notimp":      {Status: "servfail", Name: "notimp.", Transport: "udp"},
		"refuse":      {Status: "refused", Name: "refuse.", Transport: "udp"},
		"silent":      {Status: "timeout", Name: "silent.", Transport: "udp"},
	} {
		want.Server = "127.0.0.1"
		got, _ := r.lookup(t.Context(), name)
		assert.Equal(t, want, got, name)
	}
}

func TestSearchPath(t *testing.T) {
	s := startNameServer(t, zone)
	r := testResolver(200*time.Millisecond, s.addr)
	r.confirm = 10
	r.conf.search = []string{"a.test", "b.test"}
	for name, want := range map[string]string{
		"db":      "answer db.b.test.", // not db.a.test., which does not exist
		"nx.":     "nxdomain nx.",
		"silent.": "timeout silent.",
	} {
		got, _ := r.lookup(t.Context(), name)
		assert.Equal(t, want, got.Status+" "+got.Name)
	}
	r.conf.search = []string{"a.test"}
	for name, want := range map[string]string{
		"nx":     "nxdomain nx.",
		"fail":   "servfail fail.",
		"empty":  "nodata empty.",
		"silent": "timeout silent.",
	} {
		got, _ := r.lookup(t.Context(), name)
		assert.Equal(t, want, got.Status+" "+got.Name)
	}
}

func TestNextServerIsAskedWhereOneFails(t *testing.T) {
	broken := startNameServer(t, func(m *dnsmessage.Message, _ dnsmessage.Question, _ string) bool {
		m.RCode = dnsmessage.RCodeServerFailure
		return true
	})
	sound := startNameServer(t, zone)
	got, _ := testResolver(patient*time.Millisecond, broken.addr, sound.addr).lookup(t.Context(), "db")
	assert.Equal(t, statusAnswer, got.Status)
	got, _ = testResolver(patient*time.Millisecond, broken.addr, broken.addr).lookup(t.Context(), "db")
	assert.Equal(t, statusServFail, got.Status)
}

func TestLostQueriesAreRepeatedFromNewPorts(t *testing.T) {
	var mu sync.Mutex
	lost := map[dnsmessage.Type]int{}
	s := startNameServer(t, func(m *dnsmessage.Message, q dnsmessage.Question, transport string) bool {
		mu.Lock()
		defer mu.Unlock()
		if lost[q.Type]++; lost[q.Type] < 3 {
			return false
		}
		return zone(m, q, transport)
	})
	got, _ := testResolver(3*time.Second, s.addr).lookup(t.Context(), "db")
	assert.Equal(t, statusAnswer, got.Status)
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.GreaterOrEqual(t, len(s.from), 6)
	for from, n := range s.from {
		assert.Equal(t, 1, n, from)
	}
}

// What answers another question is no answer.
func TestForgedAnswersAreIgnored(t *testing.T) {
	s := startNameServer(t, func(m *dnsmessage.Message, q dnsmessage.Question, _ string) bool {
		zone(m, q, "tcp")
		m.ID++
		return true
	})
	got, _ := testResolver(100*time.Millisecond, s.addr).lookup(t.Context(), "db")
	assert.Equal(t, statusTimeout, got.Status)
}

func TestNoResolverListensIsATimeoutWithItsReason(t *testing.T) {
	got, why := testResolver(100*time.Millisecond, "127.0.0.1:1").lookup(t.Context(), "db")
	assert.Equal(t, statusTimeout, got.Status)
	assert.Equal(t, "the resolver can't be reached: connection refused", why)
}

func TestUnreadableResolvConfIsAnError(t *testing.T) {
	_, err := readResolvConf(filepath.Join(t.TempDir(), "none"))
	require.Error(t, err)
	got, why := (&resolver{fault: err}).lookup(t.Context(), "db")
	assert.Equal(t, statusError, got.Status)
	assert.Contains(t, why, "no such file")
	assert.Equal(t, OutcomeError, lookupOutcome(got, TCP), "the tool failed: never a verdict")
}
