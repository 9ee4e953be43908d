package probes

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// askWith runs probes with a resolver of the test's.
func askWith(t *testing.T, r *resolver, probes ...Probe) []Result {
	t.Helper()
	b := Batch{ID: t.Name(), Key: testKey, WindowMS: patient, Probes: probes}
	for i := range b.Probes {
		b.Probes[i].ID = i
	}
	run := newRunner(b)
	run.resolver = r
	var out bytes.Buffer
	require.NoError(t, run.run(t.Context(), &out))
	results, err := ReadResults(&out, b)
	require.NoError(t, err)
	return results
}

func TestNamesAreProbedThroughTheResolver(t *testing.T) {
	tcp, _ := stand(t, "postgres", testKey)
	s := startNameServer(t, func(m *dnsmessage.Message, q dnsmessage.Question, transport string) bool {
		if name := q.Name.String(); q.Type == dnsmessage.TypeA && name == "db." {
			m.Answers = append(m.Answers, record(name, &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}))
			return true
		}
		return zone(m, q, transport)
	})
	r := testResolver(300*time.Millisecond, s.addr)
	r.confirm = 10 // silence is short, and nothing that comes late is missed
	rs := askWith(t, r,
		Probe{Protocol: TCP, Host: "db", Port: tcp, Expect: "postgres"},
		Probe{Protocol: DNS, Host: "db"},
		Probe{Protocol: TCP, Host: "nx", Port: tcp, Expect: "postgres"},
		Probe{Protocol: DNS, Host: "silent"},
		Probe{Protocol: UDP, Host: "empty", Port: tcp, Expect: "postgres"},
	)
	want := []string{"open answer", "resolved answer", "unresolved nxdomain", "unresolved timeout", "unresolved nodata"}
	for i, r := range rs {
		require.NotNil(t, r.DNS)
		assert.Equal(t, want[i], fmt.Sprint(r.Outcome, " ", r.DNS.Status), "%+v", r)
	}
	assert.Equal(t, "127.0.0.1", rs[0].Address)
	assert.Empty(t, rs[2].Address)
}

// An application goes on to the next address only where nobody accepts.
func TestSeveralAddressesAreTriedInOrder(t *testing.T) {
	tcp, _ := stand(t, "postgres", testKey)
	hosts := filepath.Join(t.TempDir(), "hosts")
	require.NoError(t, os.WriteFile(hosts, []byte("127.0.0.1 db\n::1 db\n127.0.0.1 only\n"), 0o644))
	r := testResolver(300*time.Millisecond, "127.0.0.1:1")
	r.hosts = hosts
	closed := freePort(t, TCP)

	rs := askWith(t, r,
		Probe{Protocol: TCP, Host: "db", Port: tcp, Expect: "postgres"},
		Probe{Protocol: TCP, Host: "db", Port: tcp, Expect: "nats"},
		Probe{Protocol: TCP, Host: "db", Port: closed, Expect: "postgres"},
	)
	assert.Equal(t, OutcomeOpen, rs[0].Outcome)
	assert.Equal(t, OutcomeWrongPeer, rs[1].Outcome)
	assert.Equal(t, "127.0.0.1", rs[1].Address)
	assert.Equal(t, OutcomeRefused, rs[2].Outcome)
	assert.Equal(t, "127.0.0.1", rs[2].Address, "the first address's outcome counts")
	assert.Contains(t, rs[2].Detail, "::1 ")
}

// loopbackResolver knows every name as 127.0.0.1, and asks for no AAAA.
func loopbackResolver(t *testing.T) (*resolver, *nameServer) {
	t.Helper()
	s := startNameServer(t, func(m *dnsmessage.Message, q dnsmessage.Question, _ string) bool {
		m.Answers = append(m.Answers, record(q.Name.String(), &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}))
		return true
	})
	r := testResolver(patient*time.Millisecond, s.addr)
	r.six = false
	return r, s
}

func TestOneLookupServesAllOfAName(t *testing.T) {
	tcp, _ := stand(t, "postgres", testKey)
	r, s := loopbackResolver(t)
	hosts := filepath.Join(t.TempDir(), "hosts")
	require.NoError(t, os.WriteFile(hosts, []byte("127.0.0.1 listed\n"), 0o644))
	r.hosts = hosts
	rs := askWith(t, r,
		Probe{Protocol: DNS, Host: "db"},
		Probe{Protocol: TCP, Host: "db", Port: tcp, Expect: "postgres"},
		Probe{Protocol: TCP, Host: "db", Port: tcp, Expect: "postgres"},
		Probe{Protocol: DNS, Host: "listed"},
		Probe{Protocol: TCP, Host: "listed", Port: tcp, Expect: "postgres"},
	)
	for i, want := range []Outcome{OutcomeResolved, OutcomeOpen, OutcomeOpen, OutcomeResolved, OutcomeOpen} {
		assert.Equal(t, want, rs[i].Outcome, "%+v", rs[i])
	}
	assert.Equal(t, hostOf(s.addr), rs[3].DNS.Server, "DNS is asked, whatever the hosts file says")
	assert.Equal(t, hosts, rs[4].DNS.Server)
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.Len(t, s.from, 2, "a question for each name: A, since AAAA is of no use here")
}

func TestANameJoinsTheFlowOfItsAddress(t *testing.T) {
	tcp, _ := stand(t, "postgres", testKey)
	r, _ := loopbackResolver(t)
	rs := askWith(t, r,
		Probe{Protocol: TCP, Host: "db", Port: tcp, Expect: "postgres"},
		Probe{Protocol: TCP, Host: "127.0.0.1", Port: tcp, Expect: "postgres"},
		Probe{Protocol: TCP, Host: "127.0.0.1", Port: tcp, Expect: "postgres"},
		Probe{Protocol: TCP, Host: "db", Port: tcp, Expect: "nats"},
	)
	for i, want := range []Outcome{OutcomeOpen, OutcomeOpen, OutcomeOpen, OutcomeWrongPeer} {
		assert.Equal(t, want, rs[i].Outcome, "%+v", rs[i])
		assert.Equal(t, i, rs[i].ID)
	}
	require.NotNil(t, rs[0].DNS)
	assert.Nil(t, rs[1].DNS, "an address needs no lookup, whoever shares its flow")
	assert.Contains(t, []float64{rs[1].ElapsedMS, rs[2].ElapsedMS}, rs[0].ElapsedMS, "the same flow")
	assert.NotEqual(t, rs[1].ElapsedMS, rs[2].ElapsedMS, "what is asked twice is probed twice")
}
