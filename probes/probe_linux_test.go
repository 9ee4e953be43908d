package probes

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ask runs probes in this process and returns their results.
func ask(t *testing.T, b Batch) []Result {
	t.Helper()
	b.ID, b.Key = t.Name(), testKey
	if b.WindowMS == 0 {
		b.WindowMS = patient
	}
	for i := range b.Probes {
		b.Probes[i].ID = i
	}
	var out bytes.Buffer
	require.NoError(t, RunBatch(t.Context(), b, &out))
	results, err := ReadResults(&out, b)
	require.NoError(t, err)
	return results
}

// stand serves an identity on free ports of the loopback interface until the test ends.
func stand(t *testing.T, identity string, key []byte) (tcp, udp int) {
	t.Helper()
	tcp, udp = freePort(t, TCP), freePort(t, UDP)
	s := &Server{Identity: identity, Instance: "one", Key: key, Listeners: []Listener{{TCP, tcp}, {UDP, udp}}}
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.Serve(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	return tcp, udp
}

// freePort returns a port of all addresses that nobody listens on, outside the
// ephemeral range, so that no client's socket takes it meanwhile.
func freePort(t *testing.T, protocol string) int {
	t.Helper()
	for range 1000 {
		port := int(nextFree.Add(1))
		if protocol == UDP {
			if c, err := net.ListenPacket("udp", fmt.Sprintf(":%d", port)); err == nil {
				c.Close()
				return port
			}
		} else if l, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

var nextFree atomic.Int32

func init() { nextFree.Store(int32(2000 + time.Now().UnixNano()%7000)) }

// answerer accepts connections on the loopback interface and does with each what it is told.
func answerer(t *testing.T, f func(*net.TCPConn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go f(conn.(*net.TCPConn))
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestStandInAnswers(t *testing.T) {
	tcp, udp := stand(t, "postgres", testKey)
	for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
		if host == "::1" && !hasLoopback6() {
			continue
		}
		for _, r := range ask(t, Batch{Probes: []Probe{
			{Protocol: TCP, Host: host, Port: tcp, Expect: "postgres"},
			{Protocol: UDP, Host: host, Port: udp, Expect: "postgres"},
		}}) {
			assert.Equal(t, OutcomeOpen, r.Outcome, "%s: %+v", host, r)
			assert.Equal(t, "postgres", r.Peer)
			assert.Equal(t, r.Address, r.Seen, "the loopback interface has one address at both ends")
			assert.Equal(t, 1, r.Attempts)
			assert.Contains(t, r.Detail, "of one")
			if host == "localhost" {
				require.NotNil(t, r.DNS)
				assert.Equal(t, "/etc/hosts", r.DNS.Server)
			}
		}
	}
}

func hasLoopback6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		l.Close()
	}
	return err == nil
}

func TestClosedPortIsRefused(t *testing.T) {
	for _, r := range ask(t, Batch{Probes: []Probe{
		{Protocol: TCP, Host: "127.0.0.1", Port: freePort(t, TCP), Expect: "x"},
		{Protocol: UDP, Host: "127.0.0.1", Port: freePort(t, UDP), Expect: "x"},
	}}) {
		assert.Equal(t, OutcomeRefused, r.Outcome, "%+v", r)
		assert.Equal(t, "ECONNREFUSED", r.Errno)
	}
}

func TestOtherIdentityIsWrongPeer(t *testing.T) {
	tcp, udp := stand(t, "nats", testKey)
	for _, r := range ask(t, Batch{Probes: []Probe{
		{Protocol: TCP, Host: "127.0.0.1", Port: tcp, Expect: "postgres"},
		{Protocol: UDP, Host: "127.0.0.1", Port: udp, Expect: "postgres"},
	}}) {
		assert.Equal(t, OutcomeWrongPeer, r.Outcome, "%+v", r)
		assert.Equal(t, "nats", r.Peer)
	}
}

func TestStandInOfAnotherRunIsUnverified(t *testing.T) {
	tcp, udp := stand(t, "postgres", []byte("the key of another run"))
	for _, r := range ask(t, Batch{Probes: []Probe{
		{Protocol: TCP, Host: "127.0.0.1", Port: tcp, Expect: "postgres"},
		{Protocol: UDP, Host: "127.0.0.1", Port: udp, Expect: "postgres"},
	}}) {
		assert.Equal(t, OutcomeOpenUnverified, r.Outcome, "%+v", r)
		assert.Equal(t, errSignature.Error(), r.Detail)
		assert.Empty(t, r.Peer)
	}
}

// What accepts for nobody, as Docker's userland proxy does, is never open.
func TestHollowAcceptIsUnverified(t *testing.T) {
	for name, f := range map[string]func(*net.TCPConn){
		"closed at once":      func(c *net.TCPConn) { c.Close() },
		"reset at once":       func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"closed when asked":   func(c *net.TCPConn) { c.Read(make([]byte, 64)); c.Close() },
		"reset when asked":    func(c *net.TCPConn) { c.Read(make([]byte, 64)); c.SetLinger(0); c.Close() },
		"silent":              func(c *net.TCPConn) { <-t.Context().Done(); c.Close() },
		"half an answer":      func(c *net.TCPConn) { c.Write(testSaid.sign(testKey, testNonce)[:20]); c.Close() },
		"an old answer":       func(c *net.TCPConn) { c.Write(testSaid.sign(testKey, testNonce)) },
		"an echo":             func(c *net.TCPConn) { io.Copy(c, c) },
		"a banner":            func(c *net.TCPConn) { c.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n")) },
		"the right name only": func(c *net.TCPConn) { c.Write([]byte("postgres")) },
	} {
		t.Run(name, func(t *testing.T) {
			port := answerer(t, f)
			r := ask(t, Batch{WindowMS: 100, Probes: []Probe{{Protocol: TCP, Host: "127.0.0.1", Port: port, Expect: "postgres"}}})[0]
			assert.Equal(t, OutcomeOpenUnverified, r.Outcome, "%+v", r)
			assert.NotEmpty(t, r.Detail)
		})
	}
}

// A connection whose answer gets lost is tried again; it may be only loss.
func TestSilenceAfterAcceptIsConfirmed(t *testing.T) {
	var seen atomic.Int32
	port := answerer(t, func(c *net.TCPConn) {
		if seen.Add(1) == 1 {
			<-t.Context().Done() // open, and silent
			return
		}
		buf := make([]byte, requestSize)
		if _, err := io.ReadFull(c, buf); err == nil {
			n, _ := readRequest(buf)
			c.Write(testSaid.sign(testKey, n))
		}
	})
	r := ask(t, Batch{WindowMS: 300, Confirm: 100, Probes: []Probe{{Protocol: TCP, Host: "127.0.0.1", Port: port, Expect: "postgres"}}})[0]
	assert.Equal(t, OutcomeOpen, r.Outcome, "%+v", r)
	assert.GreaterOrEqual(t, r.Attempts, 2)
}

func TestUDPAnswersOfOthersAreUnverified(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 64)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			c.WriteTo(buf[:n], from) // an echo service
		}
	}()
	r := ask(t, Batch{Probes: []Probe{{Protocol: UDP, Host: "127.0.0.1", Port: c.LocalAddr().(*net.UDPAddr).Port, Expect: "x"}}})[0]
	assert.Equal(t, OutcomeOpenUnverified, r.Outcome, "%+v", r)
}

// A silent UDP port is asked three times a window, from another port each time.
func TestUDPSilenceIsConfirmedFromNewPorts(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	r := ask(t, Batch{WindowMS: 100, Confirm: 1, Probes: []Probe{{Protocol: UDP, Host: "127.0.0.1", Port: c.LocalAddr().(*net.UDPAddr).Port, Expect: "x"}}})[0]
	assert.Equal(t, OutcomeDropped, r.Outcome, "%+v", r)
	assert.Equal(t, 2*attemptsPerWindow, r.Attempts)
	ports, buf := map[string]bool{}, make([]byte, 64)
	for range r.Attempts {
		n, from, err := c.ReadFrom(buf)
		require.NoError(t, err)
		assert.Equal(t, requestSize, n)
		assert.False(t, ports[from.String()], "%s came twice", from)
		ports[from.String()] = true
	}
}

func TestProbesThatAreNoneAreErrors(t *testing.T) {
	probes := []Probe{
		{Protocol: TCP, Host: "127.0.0.1", Port: 0}, {Protocol: TCP, Host: "127.0.0.1", Port: 65536},
		{Protocol: "icmp", Host: "127.0.0.1", Port: 1}, {Protocol: TCP, Host: "", Port: 1},
		{Protocol: TCP, Host: "300.1.1.1", Port: 1}, {Protocol: TCP, Host: "1::2::3", Port: 1},
		{Protocol: TCP, Host: "fe80::1%lo", Port: 1}, {Protocol: TCP, Host: "0.0.0.0", Port: 1},
		{Protocol: DNS, Host: "a..b"}, {Protocol: UDP, Host: "fe80::1", Port: 1},
	}
	for i, r := range ask(t, Batch{Probes: probes}) {
		assert.Equal(t, OutcomeError, r.Outcome, "%+v: %+v", probes[i], r)
		assert.NotEmpty(t, r.Detail)
	}
}

func TestSCTPWithoutTheKernelIsAnError(t *testing.T) {
	if SCTPSupported() {
		t.Skip("this kernel has SCTP")
	}
	r := ask(t, Batch{Probes: []Probe{{Protocol: SCTP, Host: "127.0.0.1", Port: 7, Expect: "x"}}})[0]
	assert.Equal(t, OutcomeError, r.Outcome)
	assert.Equal(t, "the kernel has no SCTP", r.Detail)
}

func TestSCTP(t *testing.T) {
	if !SCTPSupported() {
		t.Skip("this kernel has no SCTP")
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := &Server{Identity: "mme", Key: testKey, Listeners: []Listener{{SCTP, 36412}}}
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.Serve(ctx, func() { close(ready) }) }()
	<-ready
	defer func() { cancel(); <-done }()
	rs := ask(t, Batch{Probes: []Probe{
		{Protocol: SCTP, Host: "127.0.0.1", Port: 36412, Expect: "mme"},
		{Protocol: SCTP, Host: "127.0.0.1", Port: 36413, Expect: "mme"},
	}})
	assert.Equal(t, OutcomeOpen, rs[0].Outcome, "%+v", rs[0])
	assert.Equal(t, OutcomeRefused, rs[1].Outcome, "%+v", rs[1])
}

func TestPortThatIsTakenIsAnError(t *testing.T) {
	tcp, udp := stand(t, "first", testKey)
	for _, l := range []Listener{{TCP, tcp}, {UDP, udp}} {
		err := (&Server{Identity: "second", Key: testKey, Listeners: []Listener{l}}).Serve(t.Context(), func() { t.Error("ready") })
		assert.ErrorContains(t, err, fmt.Sprintf("listen on %s: ", l))
		assert.ErrorContains(t, err, "address already in use")
	}
}

func TestPortThatBecomesFree(t *testing.T) {
	var stop []context.CancelFunc
	var done []chan error
	start := func(name string, l Listener, ready func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		stop, done = append(stop, cancel), append(done, ended)
		s := &Server{Identity: name, Key: testKey, Listeners: []Listener{l}, Patience: time.Minute}
		go func() { ended <- s.Serve(ctx, ready) }()
	}
	for _, protocol := range []string{TCP, UDP} {
		stop, done = nil, nil
		l := Listener{protocol, freePort(t, protocol)}
		up := make(chan bool)
		start("first", l, func() { up <- true })
		<-up
		start("second", l, func() { up <- true })
		select {
		case <-up:
			t.Fatal("two have one port")
		case err := <-done[1]:
			t.Fatal(err)
		case <-time.After(3 * portPoll):
		}
		stop[0]()
		require.NoError(t, <-done[0])
		select {
		case <-up:
		case err := <-done[1]:
			t.Fatal(err)
		}
		stop[1]()
		require.NoError(t, <-done[1])
	}
}

func TestReady(t *testing.T) {
	tcp, udp := stand(t, "postgres", testKey)
	s := Server{Identity: "postgres", Key: testKey, Listeners: []Listener{{TCP, tcp}, {UDP, udp}}}
	assert.NoError(t, s.Ready(t.Context()))
	s.Identity = ""
	assert.NoError(t, s.Ready(t.Context()))
	s.Identity = "nats"
	assert.ErrorContains(t, s.Ready(t.Context()), "wrong-peer")
	s.Listeners = append(s.Listeners, Listener{TCP, freePort(t, TCP)})
	s.Identity = "postgres"
	assert.ErrorContains(t, s.Ready(t.Context()), "is not ready: refused")
}

// No exchange leaves a TIME_WAIT behind, which would use the source ports up.
func TestManyProbesInFlight(t *testing.T) {
	tcp, udp := stand(t, "postgres", testKey)
	var b Batch
	for range 1000 {
		b.Probes = append(b.Probes, Probe{Protocol: TCP, Host: "127.0.0.1", Port: tcp, Expect: "postgres"}, Probe{Protocol: UDP, Host: "127.0.0.1", Port: udp, Expect: "postgres"})
	}
	for _, r := range ask(t, b) {
		require.Equal(t, OutcomeOpen, r.Outcome, "%+v", r)
	}
	assert.NotContains(t, timeWaits(t), fmt.Sprintf(":%04X", tcp))
}

func TestInterruptLeavesNoWholeFrame(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	port := answerer(t, func(*net.TCPConn) { cancel() })
	b := Batch{ID: "x", Key: testKey, WindowMS: 600_000, Probes: []Probe{{Protocol: TCP, Host: "127.0.0.1", Port: port}}}
	var out bytes.Buffer
	require.ErrorIs(t, RunBatch(ctx, b, &out), context.Canceled)
	_, err := ReadResults(&out, b)
	assert.Error(t, err)
}

func TestOutputThatBreaksEndsTheBatch(t *testing.T) {
	tcp, _ := stand(t, "postgres", testKey)
	b := Batch{ID: "x", Key: testKey, Probes: []Probe{{Protocol: TCP, Host: "127.0.0.1", Port: tcp, Expect: "postgres"}}}
	r, w := io.Pipe()
	r.Close()
	assert.ErrorIs(t, RunBatch(t.Context(), b, w), io.ErrClosedPipe)
}

// timeWaits lists the local addresses of the TCP sockets in TIME_WAIT (state 06).
func timeWaits(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(file)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) > 3 && f[3] == "06" {
				out = append(out, f[1][strings.LastIndexByte(f[1], ':'):], f[2][strings.LastIndexByte(f[2], ':'):])
			}
		}
	}
	return out
}
