package probes

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tcpHasErrorQueue reports whether this kernel queues ICMP errors for TCP
// sockets (since 6.0).
func tcpHasErrorQueue() bool {
	var major int
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	fmt.Sscanf(string(text), "%d.", &major)
	return major >= 6
}

func TestInFlightKeepsToTheDescriptors(t *testing.T) {
	assert.Equal(t, maxInFlight, inFlight(0, 1<<20))
	assert.Equal(t, 320, inFlight(0, 1024))
	assert.Equal(t, 7, inFlight(7, 1024))
	assert.Equal(t, maxInFlight, inFlight(50_000, 1<<20))
	assert.Equal(t, 1, inFlight(0, 20))
}

// No two minutes of probing may fill the connection tracking table, and a
// usual batch isn't slowed at all.
func TestFlowsBegunStayBelowTheTable(t *testing.T) {
	const table = 262_144
	now := time.Unix(1_800_000_000, 0)
	b := newBucket(table, now)
	begun := 0
	for end := now.Add(120 * time.Second); now.Before(end); {
		wait := b.take(now)
		if wait == 0 {
			begun++
			continue
		}
		require.Greater(t, begun, 20_000, "the burst comes first")
		now = now.Add(wait)
	}
	assert.Less(t, begun, table*9/10)
	assert.Greater(t, begun, table*8/10)
}

func TestFullTableIsSeen(t *testing.T) {
	dir := t.TempDir()
	assert.False(t, conntrackFull(dir), "no table, no limit")
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("nf_conntrack_max", "1000\n")
	write("nf_conntrack_count", "900\n")
	assert.False(t, conntrackFull(dir))
	write("nf_conntrack_count", "1000\n")
	assert.True(t, conntrackFull(dir))
}

// Where descriptors run out the outcome is an error, or the batch is; it is
// never a verdict.
func TestTooFewDescriptorsAreNoVerdict(t *testing.T) {
	tcp, _ := stand(t, "db", testKey)
	b := Batch{ID: "few", Key: testKey, WindowMS: 100}
	for i := range 20 {
		b.Probes = append(b.Probes, Probe{ID: i, Protocol: TCP, Host: "127.0.0.1", Port: tcp, Expect: "db"})
	}
	var in bytes.Buffer
	require.NoError(t, WriteBatch(&in, b))
	errors := 0
	for limit := 3; limit <= 12; limit++ {
		cmd := exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %d; exec %s batch", limit, agentBinary(t)))
		cmd.Stdin = bytes.NewReader(in.Bytes())
		out, _ := cmd.Output()
		results, err := ReadResults(bytes.NewReader(out), b)
		if err != nil {
			continue
		}
		for _, r := range results {
			switch r.Outcome {
			case OutcomeOpen:
			case OutcomeError:
				assert.Equal(t, "EMFILE", r.Errno, "%+v", r)
				errors++
			default:
				t.Errorf("limit %d: %+v", limit, r)
			}
		}
	}
	assert.Positive(t, errors, "one of the limits must be too low for a socket")
}

// Where source ports run out the outcome is an error, never silence.
func TestTooFewSourcePortsAreNoVerdict(t *testing.T) {
	l := newLab(t)
	l.narrowPorts(40000, 40029)
	l.in(l.router, "iptables -A FORWARD -j DROP")
	b := Batch{WindowMS: 300}
	for range 60 {
		b.Probes = append(b.Probes, Probe{Protocol: TCP, Host: labDst, Port: 80, Expect: "db"})
	}
	errors, silent := 0, 0
	for _, r := range l.probe(b) {
		switch r.Outcome {
		case OutcomeError:
			assert.Equal(t, "EADDRNOTAVAIL", r.Errno, "%+v", r)
			errors++
		case OutcomeDropped:
			silent++
			assert.Equal(t, attemptsPerWindow, r.Attempts)
		default:
			t.Errorf("%+v", r)
		}
	}
	assert.Positive(t, errors)
	t.Logf("%d errors, %d dropped", errors, silent)
}
