package suites

import (
	"context"
	"fmt"
	"sort"
	"sync"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

// ask sends every path to its vantage, one batch a vantage, and returns the
// results in the order of the paths. What a vantage could not answer is an
// error outcome.
func (r *runner) ask(ctx context.Context, paths []Path, expect []string, confirm int) ([]probes.Result, error) {
	results := make([]probes.Result, len(paths))
	byVantage := map[string][]int{}
	for i, p := range paths {
		byVantage[p.From] = append(byVantage[p.From], i)
	}
	vantages := make([]string, 0, len(byVantage))
	for v := range byVantage {
		vantages = append(vantages, v)
	}
	sort.Strings(vantages)
	var wait sync.WaitGroup
	for n, v := range vantages {
		wait.Go(func() {
			indices := byVantage[v]
			b := probes.Batch{ID: fmt.Sprintf("%s-%d-%d", r.job.RunID, n, r.options.Now().UnixNano()), Key: r.job.Key,
				WindowMS: int(r.window.Milliseconds()), Confirm: confirm}
			for _, i := range indices {
				b.Probes = append(b.Probes, probes.Probe{ID: i, Protocol: string(paths[i].Protocol), Host: paths[i].Host, Port: paths[i].Port, Expect: expect[i]})
			}
			answers, err := r.deployment.Probe(ctx, v, b)
			if err == nil && len(answers) != len(indices) {
				err = fmt.Errorf("%d answers to %d probes", len(answers), len(indices))
			}
			if err != nil {
				for _, i := range indices {
					results[i] = probes.Result{ID: i, Outcome: probes.OutcomeError, Detail: fmt.Sprintf("probing from %s: %v", v, err)}
				}
				return
			}
			for _, a := range answers {
				results[a.ID] = a
			}
		})
	}
	wait.Wait()
	return results, ctx.Err()
}

// look probes the paths of some cases and rules on them as far as is known.
func (r *runner) look(ctx context.Context, indices []int, confirm int) error {
	var paths []Path
	var expect []string
	for _, i := range indices {
		e := &r.entries[i]
		for _, p := range e.ways.Paths {
			paths = append(paths, p)
			expect = append(expect, e.c.To)
		}
	}
	results, err := r.ask(ctx, paths, expect, confirm)
	if err != nil {
		return err
	}
	n := 0
	now := r.options.Now()
	for _, i := range indices {
		e := &r.entries[i]
		copy(e.latest, results[n:n+len(e.latest)])
		n += len(e.latest)
		was := e.ruling.observed
		e.ruling = judge(e.c.Expected, r.observations(e, true))
		if e.looks == 0 {
			e.first, was = now, e.ruling.observed
			e.changed = now
		}
		if was != e.ruling.observed {
			e.changed = now
		}
		e.restless = e.looks > 0 && was != e.ruling.observed
		e.looks++
	}
	return nil
}

// observations pairs the paths with their results. While probing goes on the
// controls after it are not known yet, so those before it must do.
func (r *runner) observations(e *entry, underway bool) []Observation {
	list := make([]Observation, len(e.ways.Paths))
	for k, p := range e.ways.Paths {
		list[k] = Observation{Path: p, Result: e.latest[k], Live: !e.shut[k] && r.live(e, p, e.latest[k], underway)}
	}
	return list
}

// live reports whether the controls that a path's silence needs have answered.
func (r *runner) live(e *entry, p Path, q probes.Result, underway bool) bool {
	found := false
	for _, cp := range e.ways.Controls {
		lookup := cp.Protocol == matrix.DNS
		if lookup != (q.Outcome == probes.OutcomeUnresolved) || !lookup && p.To != "" && cp.From != p.To {
			continue
		}
		c := r.controls[cp]
		if !isOpen(c.before) || !underway && !isOpen(c.after) {
			return false
		}
		found = true
	}
	return found
}

// again looks once more at what the files don't imply, or, where they leave it
// open, at what is not as expected: two looks must agree.
func (r *runner) again(ctx context.Context) error {
	pending := r.differing(r.all())
	for look := 0; look < 3 && len(pending) > 0; look++ {
		if err := r.look(ctx, pending, 1); err != nil {
			return err
		}
		var restless []int
		for _, i := range pending {
			if r.entries[i].restless {
				restless = append(restless, i)
			}
		}
		pending = restless
	}
	return nil
}

func (r *runner) differing(indices []int) []int {
	predicted := r.predictions()
	var list []int
	for _, i := range indices {
		v := r.entries[i].ruling
		if definite(predicted[i]) && predicted[i] != v.observed || !definite(predicted[i]) && v.judgement != Conforms {
			list = append(list, i)
		}
	}
	return list
}
