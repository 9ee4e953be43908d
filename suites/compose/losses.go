package compose

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netconform/netconform/probes"
)

const (
	// kernelStats is this thread's view. /proc/net is that of the first one, which
	// inNetns may have left in a container's namespace, where no counters are.
	kernelStats = "/proc/thread-self/net/stat"
	// lossLimit bounds how long a batch is repeated because packets were lost. A
	// full neighbour table makes room when entries turn stale, 15 to 45 s after
	// they were made (base_reachable_time_ms, neigh_forced_gc in the kernel's
	// net/core/neighbour.c).
	lossLimit = 2 * time.Minute
	lossPause = 5 * time.Second // at most, between repetitions
)

// losses count what this machine's kernel threw away for want of room, since
// it booted: for a probe that is silence, and it would pass for a deny.
type losses struct{ neighbours, connections uint64 }

// readLosses reads the counters in a folder like /proc/net/stat; all zero where there are none.
func readLosses(dir string) losses {
	arp, ndisc := stats(filepath.Join(dir, "arp_cache")), stats(filepath.Join(dir, "ndisc_cache"))
	track := stats(filepath.Join(dir, "nf_conntrack"))
	l := losses{neighbours: arp["table_fulls"] + ndisc["table_fulls"]}
	// drop counts clashes too, which happen to two questions of one DNS socket
	// and are repeated there; what is more than those is the table that was full
	// (nf_conntrack_core.c).
	if track["drop"] > track["insert_failed"] {
		l.connections = track["drop"] - track["insert_failed"]
	}
	return l
}

// since says what was thrown away after before was read, or nil.
func (l losses) since(before losses) error {
	switch {
	case l.neighbours > before.neighbours:
		return fmt.Errorf("the kernel's neighbour table was full %d times while probes ran, so packets were lost (raise net.ipv4.neigh.default.gc_thresh3)", l.neighbours-before.neighbours)
	case l.connections > before.connections:
		return fmt.Errorf("the kernel's connection tracking was full %d times while probes ran, so packets were lost (raise net.netfilter.nf_conntrack_max)", l.connections-before.connections)
	}
	return nil
}

// heard asks what did not answer again for as long as packets were lost
// meanwhile: an answer is one whatever was lost, a silence only where nothing
// was. What is silent only amid losses at the end of the limit is an error.
func (d *deployment) heard(ctx context.Context, b probes.Batch, ask func(probes.Batch) ([]probes.Result, error)) ([]probes.Result, error) {
	byID := make(map[int]probes.Result, len(b.Probes))
	all := b.Probes
	for deadline := time.Now().Add(lossLimit); ; {
		before := d.losses()
		results, err := ask(b)
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			byID[r.ID] = r
		}
		lost := d.losses().since(before)
		b.Probes = unanswered(b.Probes, byID)
		if lost == nil || len(b.Probes) == 0 {
			break
		}
		d.lossy.Do(func() { d.job.Notify("compose: %v; what is silent is asked again", lost) })
		if time.Now().After(deadline) {
			for _, p := range b.Probes {
				byID[p.ID] = probes.Result{ID: p.ID, Outcome: probes.OutcomeError, Detail: lost.Error()}
			}
			break
		}
		// At random, so that those who filled the table don't fill it together again.
		select {
		case <-time.After(rand.N(lossPause)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	results := make([]probes.Result, 0, len(all))
	for _, p := range all {
		if r, ok := byID[p.ID]; ok {
			results = append(results, r)
		}
	}
	return results, nil
}

func unanswered(asked []probes.Probe, results map[int]probes.Result) []probes.Probe {
	var list []probes.Probe
	for _, p := range asked {
		if o := results[p.ID].Outcome; o != probes.OutcomeOpen && o != probes.OutcomeResolved {
			list = append(list, p)
		}
	}
	return list
}

// stats sums a file of /proc/net/stat over the processors: a line of names, and
// a line of hexadecimal numbers for each.
func stats(file string) map[string]uint64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	sums := map[string]uint64{}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	names := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		for i, field := range strings.Fields(line) {
			if n, err := strconv.ParseUint(field, 16, 64); err == nil && i < len(names) {
				sums[names[i]] += n
			}
		}
	}
	return sums
}
