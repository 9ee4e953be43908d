package compose

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/netconform/netconform/probes"
)

const (
	// lossLimit bounds how long a batch is repeated because packets were lost. A
	// full neighbour table makes room when entries turn stale, 15 to 45 s after
	// they were made (base_reachable_time_ms, neigh_forced_gc in the kernel's
	// net/core/neighbour.c).
	lossLimit = 2 * time.Minute
	lossPause = 5 * time.Second // at most, between repetitions
	// neighbourTable is how many entries Linux keeps by default (gc_thresh3), in
	// all namespaces of a machine.
	neighbourTable = 1024
)

// heard asks what did not answer again for as long as packets were lost
// meanwhile: an answer is one whatever was lost, a silence only where nothing
// was. What is silent only amid losses at the end of the limit is an error.
func (d *deployment) heard(ctx context.Context, b probes.Batch, ask func(probes.Batch) ([]probes.Result, error)) ([]probes.Result, error) {
	byID := make(map[int]probes.Result, len(b.Probes))
	all := b.Probes
	for deadline := time.Now().Add(lossLimit); ; {
		before, err := d.losses()
		if err != nil {
			return nil, err
		}
		results, err := ask(b)
		if err != nil {
			return nil, err
		}
		after, err := d.losses()
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			byID[r.ID] = r
		}
		lost := after.Since(before)
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

// watchKernel finds who tells what the engine's kernel loses: this process, or,
// where the engine's networks are on another machine, a gauge there.
func (d *deployment) watchKernel(ctx context.Context) error {
	why := errors.New("the engine is not in its machine's first network namespace")
	d.losses = func() (probes.Losses, error) { return probes.ReadLosses(probes.KernelStats), nil }
	if !d.local {
		var err error
		if d.gauge, err = d.startGauge(ctx); err == nil {
			d.losses = d.gauge.read
		} else {
			d.losses = func() (probes.Losses, error) { return probes.Losses{}, ctx.Err() }
			why = err
		}
	}
	l, err := d.losses()
	if err == nil && !l.Known {
		d.pl.note("whether the engine's kernel loses packets for want of room can't be seen: %v", why)
		d.blind = tooMany(d.topology.neighbours())
	}
	return err
}

// tooMany is why silence proves nothing where nobody sees the losses of a
// kernel that needs so many neighbours.
func tooMany(neighbours int) error {
	if neighbours < neighbourTable {
		return nil
	}
	return fmt.Errorf("the stand-ins have %d neighbours, the kernel keeps %d by default, and whether it lost packets can't be seen: "+
		"use an engine in its machine's first network namespace", neighbours, neighbourTable)
}

// neighbours is how many entries the kernel's neighbour table has when
// everybody has talked to everybody on the own networks, and to the host.
func (t *topology) neighbours() int {
	on := map[string]map[*node]bool{}
	for _, m := range t.members {
		if m.node == nil {
			continue
		}
		for _, a := range m.node.networks {
			if on[a.network] == nil {
				on[a.network] = map[*node]bool{}
			}
			on[a.network][m.node] = true
		}
	}
	sum := 0
	for _, nodes := range on {
		sum += (len(nodes) + 1) * len(nodes)
	}
	return sum
}
