package compose

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
)

// TestHeard: what answered amid losses stands, what was silent is asked again,
// and what never had a calm moment is an error.
func TestHeard(t *testing.T) {
	batch := probes.Batch{Probes: []probes.Probe{{ID: 7}, {ID: 3}}}
	for name, c := range map[string]struct {
		lossy int // how many batches losses come with
		late  probes.Outcome
		want  []probes.Result
	}{
		"calm":        {0, probes.OutcomeOpen, []probes.Result{{ID: 7, Outcome: probes.OutcomeOpen}, {ID: 3, Outcome: probes.OutcomeDropped}}},
		"answers":     {2, probes.OutcomeOpen, []probes.Result{{ID: 7, Outcome: probes.OutcomeOpen}, {ID: 3, Outcome: probes.OutcomeOpen}}},
		"stays shut":  {2, probes.OutcomeDropped, []probes.Result{{ID: 7, Outcome: probes.OutcomeOpen}, {ID: 3, Outcome: probes.OutcomeDropped}}},
		"always lost": {1000, probes.OutcomeDropped, []probes.Result{{ID: 7, Outcome: probes.OutcomeOpen}, {ID: 3, Outcome: probes.OutcomeError, Detail: probes.Losses{Neighbours: 1}.Since(probes.Losses{}).Error()}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var lost probes.Losses
				d := deployment{job: suites.Job{Notify: t.Logf}, losses: func() (probes.Losses, error) { return lost, nil }}
				var asked []int
				got, err := d.heard(t.Context(), batch, func(b probes.Batch) ([]probes.Result, error) {
					asked = append(asked, len(b.Probes))
					if len(asked) <= c.lossy {
						lost.Neighbours++
					}
					if len(asked) == 1 {
						return []probes.Result{{ID: 3, Outcome: probes.OutcomeDropped}, {ID: 7, Outcome: probes.OutcomeOpen}}, nil
					}
					return []probes.Result{{ID: 3, Outcome: c.late}}, nil
				})
				require.NoError(t, err)
				assert.Equal(t, c.want, got)
				for _, n := range asked[1:] {
					assert.Equal(t, 1, n, "only what was silent")
				}
			})
		})
	}
}

// TestTooManyNeighbours: where nobody sees what the kernel loses, a project that
// its neighbour table can't hold is not judged.
func TestTooManyNeighbours(t *testing.T) {
	crowded := func(services int) *topology {
		top := topology{members: map[string]*member{"skipped": {}}}
		for i := range services {
			n := &node{networks: []attachment{{network: "one"}}}
			if i < 2 {
				n.networks = append(n.networks, attachment{network: "two"})
			}
			top.members[fmt.Sprint(i)], top.members[fmt.Sprint("shares ", i)] = &member{node: n}, &member{node: n}
		}
		return &top
	}
	assert.Equal(t, 31*30+3*2, crowded(30).neighbours())
	assert.NoError(t, tooMany(crowded(30).neighbours()))
	assert.ErrorContains(t, tooMany(crowded(33).neighbours()), "have 1128 neighbours, the kernel keeps 1024 by default")

	d := deployment{blind: tooMany(2000)}
	assert.Equal(t, map[string]error{"": d.blind}, d.Check(t.Context()))
}

func TestFullNeighbourTable(t *testing.T) {
	p := live(t)
	t.Run("local", func(t *testing.T) { fillNeighbourTable(t, p, false) })
	t.Run("remote", func(t *testing.T) {
		t.Setenv("DOCKER_HOST", overTCP(t))
		fillNeighbourTable(t, p, true)
	})
}

// TestNoGauge: an engine that can't tell what its kernel loses is used all the
// same, and the report says so.
func TestNoGauge(t *testing.T) {
	d := deploy(t, live(t), suiteOf(t, "matrix: one\nservices: {a: {ports: [80]}}\n", "services: {a: {image: any}}\n"))
	d.local, d.image = false, "netconform/none:0"
	require.NoError(t, d.watchKernel(t.Context()))
	_, notes := d.Environment()
	assert.Regexp(t, "whether the engine's kernel loses packets .* can't be seen: create a gauge: .*netconform/none:0", strings.Join(notes, "\n"))
	assert.NoError(t, d.blind, "one stand-in has no neighbours")
}

// overTCP makes the engine one of another machine, to all appearances.
func overTCP(t *testing.T) string {
	cli, err := connect()
	require.NoError(t, err)
	defer cli.Close()
	_, socket, ok := strings.Cut(cli.DaemonHost(), "unix://")
	require.True(t, ok, cli.DaemonHost())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", socket)
			if err != nil {
				from.Close()
				return
			}
			relay := func(w, r net.Conn) {
				io.Copy(w, r)
				w.(interface{ CloseWrite() error }).CloseWrite()
			}
			go relay(to, from)
			go relay(from, to)
		}
	}()
	return "tcp://" + listener.Addr().String()
}

// fillNeighbourTable probes with a table that has no room for the pairs of the
// project until the run has noticed: none of them may pass for a deny.
func fillNeighbourTable(t *testing.T, p *Platform, remote bool) {
	var services, containers strings.Builder
	for i := range 12 {
		fmt.Fprintf(&services, "  s%d: {ports: [80], from: [everyone]}\n", i)
		fmt.Fprintf(&containers, "  s%d: {image: any, networks: [one]}\n", i)
	}
	s := suiteOf(t, "matrix: crowd\ngroups: {everyone: ["+crowd(12)+"]}\nservices:\n"+services.String(),
		"services:\n"+containers.String()+"networks: {one: {}}\n")
	job := jobOf(t, s)
	mend := shrinkable(t)
	noticed := false
	job.Notify = func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); strings.Contains(text, "neighbour table was full") {
			noticed = true
			mend()
		}
	}
	got, err := p.Deploy(t.Context(), job)
	require.NoError(t, err)
	d := got.(*deployment)
	t.Cleanup(func() { require.NoError(t, d.Close(context.Background())) })
	require.Equal(t, remote, d.gauge != nil)
	thresholds(t, "4", "8", "40")
	var wait sync.WaitGroup
	for from := range 12 {
		wait.Go(func() {
			b := probes.Batch{ID: fmt.Sprint(from), Key: job.Key, WindowMS: 600}
			for _, c := range job.Cases {
				if c.From != fmt.Sprintf("s%d", from) || c.Protocol != matrix.TCP {
					continue
				}
				for _, path := range d.Ways(c).Paths {
					b.Probes = append(b.Probes, probes.Probe{ID: len(b.Probes), Protocol: probes.TCP, Host: path.Host, Port: path.Port, Expect: c.To})
				}
			}
			results, err := d.Probe(t.Context(), fmt.Sprintf("s%d", from), b)
			assert.NoError(t, err)
			assert.Len(t, results, 22, "by name and by address")
			for _, r := range results {
				assert.Equal(t, probes.OutcomeOpen, r.Outcome, "%+v", r)
			}
		})
	}
	wait.Wait()
	assert.True(t, noticed, "the table was never full")
}

func crowd(n int) string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("s%d", i))
	}
	return strings.Join(names, ", ")
}

// thresholds sets the bounds of the kernel's neighbour table.
func thresholds(t *testing.T, values ...string) {
	t.Helper()
	for i, v := range values {
		require.NoError(t, os.WriteFile(threshold(i), []byte(v), 0o600))
	}
}

func threshold(i int) string { return fmt.Sprintf("/proc/sys/net/ipv4/neigh/default/gc_thresh%d", i+1) }

// shrinkable returns what puts the bounds back, at the end of the test at the latest.
func shrinkable(t *testing.T) (restore func()) {
	t.Helper()
	var values []string
	for i := range 3 {
		text, err := os.ReadFile(threshold(i))
		if err == nil {
			err = os.WriteFile(threshold(i), text, 0o600)
		}
		if err != nil {
			t.Skipf("the kernel's neighbour table can't be made smaller: %v", err)
		}
		values = append(values, string(text))
	}
	restore = sync.OnceFunc(func() { thresholds(t, values...) })
	t.Cleanup(restore)
	return restore
}
