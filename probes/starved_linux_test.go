package probes

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// An agent that is not scheduled while its answers come must find them when it
// wakes, long after the window: they were there in time.
func TestAnswersThatWaitForASleepingAgentCount(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	answer := make(chan struct{})
	port := answerer(t, func(c *net.TCPConn) {
		buf := make([]byte, requestSize)
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		asked <- struct{}{}
		<-answer
		n, _ := readRequest(buf)
		c.Write(testSaid.sign(testKey, n))
		<-t.Context().Done()
	})
	const window = 2 * time.Second
	b := Batch{ID: "sleep", Key: testKey, WindowMS: int(window.Milliseconds()), Probes: []Probe{{Protocol: TCP, Host: "127.0.0.1", Port: port, Expect: "postgres"}}}
	sleepThrough(t, exec.Command(agentBinary(t), "batch"), b, asked, answer, window, func(r Result) {
		assert.Equal(t, OutcomeOpen, r.Outcome, "%+v", r)
	})
}

func TestLookupsThatWaitForASleepingAgentCount(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("a resolv.conf of its own needs root")
	}
	l := newLab(t)
	dir := filepath.Join("/etc/netns", l.src)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir); os.Remove("/etc/netns") })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte("nameserver 127.0.0.1\n"), 0o644))

	asked := make(chan struct{}, 1)
	answer := make(chan struct{})
	c := listenIn(t, l.src, "127.0.0.1:53")
	s := nameServer{from: map[string]int{}, reply: func(m *dnsmessage.Message, q dnsmessage.Question, _ string) bool {
		if q.Type == dnsmessage.TypeA {
			select {
			case asked <- struct{}{}:
			default:
			}
			<-answer
		}
		return zone(m, q, "udp")
	}}
	go s.overUDP(c)
	const window = 3 * time.Second
	b := Batch{ID: "sleep", Key: testKey, WindowMS: int(window.Milliseconds()), Probes: []Probe{{Protocol: DNS, Host: "db"}}}
	sleepThrough(t, l.agent(l.src, "batch"), b, asked, answer, window, func(r Result) {
		assert.Equal(t, OutcomeResolved, r.Outcome, "%+v", r)
	})
}

// sleepThrough stops the agent as soon as it has asked, has it answered, and
// wakes it when its window is long over.
func sleepThrough(t *testing.T, agent *exec.Cmd, b Batch, asked, answer chan struct{}, window time.Duration, check func(Result)) {
	t.Helper()
	var in, out bytes.Buffer
	require.NoError(t, WriteBatch(&in, b))
	agent.Stdin, agent.Stdout, agent.Stderr = &in, &out, os.Stderr
	require.NoError(t, agent.Start())
	t.Cleanup(func() { agent.Process.Kill() })
	<-asked
	require.NoError(t, agent.Process.Signal(syscall.SIGSTOP))
	close(answer)
	time.Sleep(2 * window) // the window is what has to pass
	require.NoError(t, agent.Process.Signal(syscall.SIGCONT))
	require.NoError(t, agent.Wait())
	results, err := ReadResults(&out, b)
	require.NoError(t, err)
	check(results[0])
}
