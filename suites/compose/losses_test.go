package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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

func TestLosses(t *testing.T) {
	read := func(arp, track string) losses {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "arp_cache"), []byte(arp), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "nf_conntrack"), []byte(track), 0o600))
		return readLosses(dir)
	}
	const calm = "entries  allocs table_fulls \n00000010 00000001 0000000a \n00000010 00000002 00000001 \n"
	const tracked = "entries  insert_failed drop early_drop\n0 00000002 00000003 0\n0 0 0 0\n"
	before := read(calm, tracked)
	assert.Equal(t, losses{neighbours: 11, connections: 1}, before)
	assert.NoError(t, before.since(before))

	clash := read(calm, "entries  insert_failed drop early_drop\n0 00000004 00000005 0\n")
	assert.NoError(t, clash.since(before), "a clash is no loss")
	full := read("entries  allocs table_fulls\n00000010 00000001 00000012\n", tracked)
	assert.ErrorContains(t, full.since(before), "neighbour table was full 7 times")
	untracked := read(calm, "entries  insert_failed drop early_drop\n0 00000002 00000005 0\n")
	assert.ErrorContains(t, untracked.since(before), "connection tracking was full 2 times")
	assert.Zero(t, readLosses(t.TempDir()))
}

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
		"always lost": {1000, probes.OutcomeDropped, []probes.Result{{ID: 7, Outcome: probes.OutcomeOpen}, {ID: 3, Outcome: probes.OutcomeError, Detail: losses{neighbours: 1}.since(losses{}).Error()}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var lost losses
				d := deployment{job: suites.Job{Notify: t.Logf}, losses: func() losses { return lost }}
				var asked []int
				got, err := d.heard(t.Context(), batch, func(b probes.Batch) ([]probes.Result, error) {
					asked = append(asked, len(b.Probes))
					if len(asked) <= c.lossy {
						lost.neighbours++
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

// TestFullNeighbourTable probes with a table that has no room for the pairs of
// the project until the run has noticed: none of them may pass for a deny.
func TestFullNeighbourTable(t *testing.T) {
	p := live(t)
	var services, containers strings.Builder
	for i := range 12 {
		fmt.Fprintf(&services, "  s%d: {ports: [80], from: [everyone]}\n", i)
		fmt.Fprintf(&containers, "  s%d: {image: any, networks: [one]}\n", i)
	}
	s := suiteOf(t, "matrix: crowd\ngroups: {everyone: ["+crowd(12)+"]}\nservices:\n"+services.String(),
		"services:\n"+containers.String()+"networks: {one: {}}\n")
	job := jobOf(t, s)
	var restore sync.Once
	mend := func() { restore.Do(func() { thresholds(t, "128", "512", "1024") }) }
	t.Cleanup(mend)
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
		require.NoError(t, os.WriteFile(fmt.Sprintf("/proc/sys/net/ipv4/neigh/default/gc_thresh%d", i+1), []byte(v), 0o600))
	}
}
