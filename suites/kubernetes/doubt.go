package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/netconform/netconform/probes"
)

// A lookup that nobody answers can be a policy's doing, or that of a resolver
// with more questions than it can serve: a run asks thousands at once. A
// NetworkPolicy knows addresses and ports and no names, so two facts tell them
// apart:
//
//   - Where the resolver answered other lookups of the same pod, the way to it
//     is open. The silent ones are asked once more, few at a time; those that
//     stay silent are a failure of the tool.
//   - Where it answered none, one of them is asked again when all is quiet
//     (Check). If it is answered then, nothing is known about that pod.
const (
	quietInFlight = 4
	quietWindow   = 2000 // milliseconds
)

// askAgain settles the silent lookups of a batch.
func (d *deployment) askAgain(ctx context.Context, p *livePod, b probes.Batch, results []probes.Result) {
	var silent []int
	answered := 0
	for i, r := range results {
		switch {
		case r.DNS == nil || r.DNS.Status == "error":
		case r.DNS.Status == "timeout":
			silent = append(silent, i)
		case r.DNS.Server != "/etc/hosts":
			answered++
		}
	}
	d.keepSilent(p, b, silent, answered)
	if len(silent) == 0 || answered == 0 {
		return
	}
	if b.Confirm > 0 {
		again := b
		again.ID, again.InFlight, again.WindowMS, again.Probes = b.ID+".again", quietInFlight, max(b.WindowMS, quietWindow), nil
		for _, i := range silent {
			again.Probes = append(again.Probes, b.Probes[i])
		}
		if second, err := d.probeOnce(ctx, p, again); err == nil {
			for k, i := range silent {
				results[i] = second[k]
			}
		}
	}
	for _, i := range silent {
		if r := &results[i]; r.DNS != nil && r.DNS.Status == "timeout" {
			r.Outcome = probes.OutcomeError
			r.Detail = fmt.Sprintf("the resolver did not answer, though it answered %d other lookups of this pod: that is its load, and no policy's doing", answered)
		}
	}
}

// keepSilent remembers a lookup of a pod that got no answer at all.
func (d *deployment) keepSilent(p *livePod, b probes.Batch, silent []int, answered int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case answered > 0:
		delete(d.silent, p.vantage)
	case len(silent) > 0:
		q := b
		q.ID, q.WindowMS, q.Confirm = b.ID+".quiet", quietWindow, 0
		q.Probes = []probes.Probe{{ID: 1, Protocol: probes.DNS, Host: b.Probes[silent[0]].Host}}
		d.silent[p.vantage] = q
	}
}

// askQuietly asks every pod that got no answer at all once more. It returns
// those that get one now.
func (d *deployment) askQuietly(ctx context.Context) map[string]error {
	d.mu.Lock()
	questions := maps.Clone(d.silent)
	d.mu.Unlock()
	vantages := slices.Sorted(maps.Keys(questions))
	answers := make([]error, len(vantages))
	_ = each(len(vantages), func(i int) error {
		results, err := d.probeOnce(ctx, d.pods[vantages[i]], questions[vantages[i]])
		switch {
		case err != nil:
			answers[i] = fmt.Errorf("its lookups can't be confirmed: %w", err)
		case results[0].DNS == nil || results[0].DNS.Status != "timeout":
			answers[i] = fmt.Errorf("the resolver answered none of its lookups during the probes, and answers now: nothing is known")
		}
		return nil
	})
	broken := map[string]error{}
	for i, v := range vantages {
		if answers[i] != nil {
			broken[v] = answers[i]
		}
	}
	return broken
}
