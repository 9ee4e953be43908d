package suites

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

// settle looks until every verdict is at rest, then confirms them with another
// look. What still changes when the budget is spent is inconclusive.
//
// Predictions decide how long to look, never what is seen: a verdict that the
// files imply is where it will stay, one that they don't must stand still for
// the patience before it is believed.
func (r *runner) settle(ctx context.Context, enforced time.Time) error {
	deadline := enforced.Add(r.options.Budget)
	predicted := r.predictions()
	unconfirmed := r.all()
	pending := unconfirmed
	// What must come to be silent is asked once a window until it is, and
	// several times to confirm it.
	brief := func(i, _ int) attempts {
		if predicted[i] == matrix.Deny {
			return single
		}
		return several
	}
	for {
		if err := r.lookAt(ctx, pending, brief, r.window, 0); err != nil {
			return err
		}
		now := r.options.Now()
		var moving []int
		for _, i := range pending {
			if !r.atRest(&r.entries[i], predicted[i], now) {
				moving = append(moving, i)
			}
		}
		spent := now.After(deadline)
		if len(moving) > 0 && !spent {
			pending = moving
			continue
		}
		if err := r.confirm(ctx, unconfirmed, predicted); err != nil {
			return err
		}
		var restless []int
		for _, i := range unconfirmed {
			e := &r.entries[i]
			if spent && e.ruling.observed != predicted[i] && now.Sub(e.changed) < r.options.Patience {
				// On a cluster that has not come to rest only those verdicts stand that the files imply.
				e.restless = true
			}
			if e.restless {
				restless = append(restless, i)
			}
		}
		if len(restless) == 0 || spent {
			r.converged(enforced, len(restless))
			return nil
		}
		unconfirmed, pending = restless, restless
	}
}

// confirm looks once more: at what the files imply by addresses only, since a
// silence needs another look most and a resolver bears it least; at what they
// don't imply by all ways, and twice before it is called dropped.
func (r *runner) confirm(ctx context.Context, indices []int, predicted []matrix.Verdict) error {
	var implied, others []int
	for _, i := range indices {
		if r.entries[i].ruling.observed == predicted[i] && definite(predicted[i]) {
			implied = append(implied, i)
		} else {
			others = append(others, i)
		}
	}
	err := r.lookAt(ctx, implied, func(i, k int) attempts {
		e := &r.entries[i]
		switch route := e.ways.Paths[k].Route; {
		case route == ByName || route == ByLookup:
			return none
		case route == ByAddress && isOpen(e.latest[k]) && e.hasService():
			return none // the Service's address stands for those of its pods that answered
		}
		return several
	}, r.window, 0)
	if err != nil {
		return err
	}
	return r.look(ctx, others, r.window, 1)
}

func (e *entry) hasService() bool {
	return slices.ContainsFunc(e.ways.Paths, func(p Path) bool { return p.Route == ByService })
}

func (r *runner) predictions() []matrix.Verdict {
	list := make([]matrix.Verdict, len(r.entries))
	for i := range r.entries {
		list[i] = matrix.Unknown
		if r.predictor != nil {
			list[i] = r.predictor.Predict(r.entries[i].c).Verdict
		}
	}
	return list
}

func (r *runner) atRest(e *entry, predicted matrix.Verdict, now time.Time) bool {
	switch {
	case e.ruling.observed == predicted && predicted != matrix.Unknown:
		return true
	case e.ruling.judgement == Conforms && !definite(predicted):
		return now.Sub(e.changed) >= r.options.Patience/5
	}
	return now.Sub(e.changed) >= r.options.Patience
}

func (r *runner) converged(enforced time.Time, unsettled int) {
	var took []float64
	for _, i := range r.all() {
		took = append(took, ms(r.entries[i].changed.Sub(enforced)))
	}
	if len(took) == 0 {
		return
	}
	sort.Float64s(took)
	at := func(percent int) float64 { return took[(len(took)-1)*percent/100] }
	r.part.Convergence = &Convergence{P50MS: at(50), P90MS: at(90), MaxMS: at(100), Unsettled: unsettled}
}

// baseline proves what is reachable while nothing forbids it. Endpoints of
// Services may need a moment, so it looks again while there is progress. Nothing
// is expected to be silent, so patience costs nothing.
func (r *runner) baseline(ctx context.Context) error {
	pending := r.all()
	progress := r.options.Now()
	for {
		if err := r.look(ctx, pending, longest, 0); err != nil {
			return err
		}
		var shut []int
		for _, i := range pending {
			if r.entries[i].noteShut() {
				shut = append(shut, i)
			}
		}
		now := r.options.Now()
		if len(shut) < len(pending) {
			progress = now
		}
		if len(shut) == 0 || now.Sub(progress) >= r.options.Patience/3 {
			if len(shut) > 0 {
				r.part.Notes = append(r.part.Notes, fmt.Sprintf(
					"%d of %d cases had a way that was not open before the policies were applied: its silence proves nothing", len(shut), len(r.all())))
			}
			break
		}
		pending = shut
	}
	for i := range r.entries {
		r.entries[i].looks = 0
	}
	return nil
}

// noteShut remembers which paths are not open, and reports whether there is one.
func (e *entry) noteShut() bool {
	any := false
	for k, q := range e.latest {
		e.shut[k] = !isOpen(q)
		any = any || e.shut[k]
	}
	return any
}

// shutBefore tells of a deciding path that was shut before the policies.
func (e *entry) shutBefore(deciding int) bool {
	return deciding >= 0 && e.shut[deciding] && e.latest[deciding].Outcome != probes.OutcomeError
}
