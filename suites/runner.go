package suites

import (
	"context"
	"fmt"
	"time"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

// Baseliner is a Deployment whose paths must all be open before Enforce, so
// that a later deny is the policies' doing.
type Baseliner interface{ Baseline() bool }

// runner takes one platform from deployment to judged cases.
type runner struct {
	job        Job
	options    Options
	part       PlatformRun
	deployment Deployment
	predictor  Predictor

	entries  []entry
	controls map[Path]*control
	window   time.Duration
	// calibrated is whether the window is the run's own, and not the first guess.
	calibrated bool
	started    time.Time // when what is under test was put in place
}

// entry is a case under way.
type entry struct {
	c        matrix.Case
	ways     Ways
	latest   []probes.Result // one a path, of the newest look
	shut     []bool          // paths that were not open in the baseline: nothing can be concluded from their silence
	ruling   ruling
	first    time.Time // when it was first looked at
	changed  time.Time // when the ruling came to be what it is
	looks    int
	restless bool // the newest look differed from the one before
}

// run deploys, probes, judges and removes. Results that are not nil stand even
// where an error is returned with them (what could not be removed, say).
func (r *runner) run(ctx context.Context, p Platform) (results []Result, err error) {
	defer r.phase("total")()
	r.job.Notify("%s: deploying stand-ins for %d services", p.Name(), len(r.job.Suite.Matrix.Services))
	deployed := r.phase("deploy")
	r.deployment, err = p.Deploy(ctx, r.job)
	deployed()
	if err != nil {
		return nil, fmt.Errorf("deploy: %w", err)
	}
	defer func() {
		done := r.phase("teardown")
		// The interrupted run must be able to clean up as well.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		if e := r.deployment.Close(clean); e != nil && err == nil {
			err = fmt.Errorf("remove: %w", e)
		}
		done()
	}()
	r.predictor, _ = r.deployment.(Predictor)
	if err := r.observe(ctx); err != nil {
		return nil, err
	}
	broken := r.deployment.Check(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r.part.Environment, r.part.Notes = r.deployment.Environment()
	return r.results(broken), nil
}

func (r *runner) observe(ctx context.Context) error {
	r.plan()
	done := r.phase("control")
	err := r.lookAtControls(ctx, func(c *control, q probes.Result) { c.before = q })
	done()
	if err != nil {
		return err
	}
	r.calibrate()
	// The first round also starts what probing needs; calmer ones tell better
	// how long an answer takes.
	for round := 0; round < 2 && r.window > shortest; round++ {
		if err := r.lookAtControls(ctx, func(c *control, q probes.Result) {
			if isOpen(c.before) {
				c.before = q
			}
		}); err != nil {
			return err
		}
		r.calibrate()
	}
	r.warn("before", func(c *control) probes.Result { return c.before })

	if b, ok := r.deployment.(Baseliner); ok && b.Baseline() && !r.options.NoBaseline {
		done := r.phase("baseline")
		err := r.baseline(ctx)
		done()
		if err != nil {
			return err
		}
	}
	done = r.phase("enforce")
	r.started = r.options.Now()
	settles, err := r.deployment.Enforce(ctx)
	done()
	if err != nil {
		return fmt.Errorf("enforce: %w", err)
	}
	done = r.phase("probe")
	if settles {
		err = r.settle(ctx, r.started)
	} else {
		err = r.look(ctx, r.all(), r.window, 1)
		if err == nil {
			err = r.again(ctx)
		}
	}
	done()
	if err != nil {
		return err
	}
	done = r.phase("control-after")
	err = r.lookAtControls(ctx, func(c *control, q probes.Result) { c.after = q })
	done()
	r.warn("after", func(c *control) probes.Result { return c.after })
	return err
}

func (r *runner) plan() {
	r.controls = map[Path]*control{}
	for _, c := range r.job.Cases {
		e := entry{c: c, ways: r.deployment.Ways(c)}
		e.latest = make([]probes.Result, len(e.ways.Paths))
		e.shut = make([]bool, len(e.ways.Paths))
		for _, p := range e.ways.Controls {
			if r.controls[p] == nil {
				r.controls[p] = &control{}
			}
		}
		r.entries = append(r.entries, e)
	}
}

func (r *runner) all() []int {
	indices := make([]int, 0, len(r.entries))
	for i := range r.entries {
		if r.entries[i].ways.Skip == "" && len(r.entries[i].ways.Paths) > 0 {
			indices = append(indices, i)
		}
	}
	return indices
}

func (r *runner) results(broken map[string]error) []Result {
	results := make([]Result, 0, len(r.entries))
	for i := range r.entries {
		e := &r.entries[i]
		q := Result{Platform: r.part.Name, Case: e.c, Outcome: probes.OutcomeNotProbed, Observed: matrix.Unknown,
			Judgement: Skipped, Evidence: e.ways.Skip, Reason: e.c.Pos.String(), Why: e.c.Why}
		if e.ways.Skip == "" {
			r.conclude(&q, e, broken)
		}
		results = append(results, q)
	}
	return results
}

func (r *runner) conclude(q *Result, e *entry, broken map[string]error) {
	q.Observations = r.observations(e, false)
	v := judge(e.c.Expected, q.Observations)
	q.Observed, q.Judgement = v.observed, v.judgement
	if v.deciding >= 0 {
		o := q.Observations[v.deciding]
		q.Outcome, q.ElapsedMS, q.Evidence = o.Result.Outcome, o.Result.ElapsedMS, evidence(o)
		if e.shutBefore(v.deciding) {
			q.Evidence += "; it was not open before the policies either"
		}
	}
	if e.looks > 1 && e.changed.After(e.first) {
		q.SettledMS = ms(e.changed.Sub(r.started))
	}
	if len(q.Observations) == 0 {
		q.Evidence = "no way to probe this case is known"
	}
	if err := brokenBy(broken, e); err != nil {
		q.Observed, q.Judgement, q.Evidence = matrix.Unknown, Inconclusive, err.Error()+"; "+q.Evidence
	} else if e.restless {
		q.Observed, q.Judgement, q.Evidence = matrix.Unknown, Inconclusive, "the verdict still changed from look to look; "+q.Evidence
	}
}

// brokenBy is the failure that touches one of the case's vantages.
func brokenBy(broken map[string]error, e *entry) error {
	if len(broken) == 0 {
		return nil
	}
	if err, all := broken[""]; all {
		return err
	}
	for _, p := range append(append([]Path{}, e.ways.Paths...), e.ways.Controls...) {
		for _, v := range []string{p.From, p.To, service(p.From), service(p.To), e.c.To} {
			if err := broken[v]; err != nil && v != "" {
				return err
			}
		}
	}
	return nil
}

// phase times a part of the run: defer r.phase("probe")().
func (r *runner) phase(name string) func() {
	started := r.options.Now()
	return func() {
		r.part.Phases = append(r.part.Phases, Phase{Name: name, ElapsedMS: ms(r.options.Now().Sub(started))})
	}
}
