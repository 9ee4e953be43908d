package suites

import (
	"context"
	"fmt"
	"sort"
	"sync"
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

// control is a path that must be open before and after.
type control struct {
	before, after probes.Result
}

func isOpen(r probes.Result) bool {
	return r.Outcome == probes.OutcomeOpen || r.Outcome == probes.OutcomeResolved
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
	for round := 0; round < 2 && r.window > calm; round++ {
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
		err = r.look(ctx, r.all(), 1)
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

func (r *runner) lookAtControls(ctx context.Context, keep func(*control, probes.Result)) error {
	paths := r.controlPaths()
	expect := make([]string, len(paths))
	for i, p := range paths {
		expect[i] = r.identity(p)
	}
	if r.window == 0 {
		r.window = 2 * time.Second
	}
	results, err := r.ask(ctx, paths, expect, 1)
	if err != nil {
		return err
	}
	for i, p := range paths {
		keep(r.controls[p], results[i])
	}
	return nil
}

func (r *runner) controlPaths() []Path {
	paths := make([]Path, 0, len(r.controls))
	for p := range r.controls {
		paths = append(paths, p)
	}
	sort.Slice(paths, func(i, j int) bool { return fmt.Sprint(paths[i]) < fmt.Sprint(paths[j]) })
	return paths
}

// identity is who must answer a control: it is bound to the case's destination
// by the path's To, which names the service or an instance of it.
func (r *runner) identity(p Path) string {
	if p.To == "" {
		return service(p.From)
	}
	return service(p.To)
}

// service is the service of a vantage: "postgres@node1" is an instance of postgres.
func service(vantage string) string {
	for i := range vantage {
		if vantage[i] == '@' {
			return vantage[:i]
		}
	}
	return vantage
}

// calibrate takes the window of silence from the run's own latencies: ten
// times what the slowest of most controls took in the calmest round. The agent
// sends several times within it, and repeats a silent probe before it calls it
// dropped.
func (r *runner) calibrate() {
	var took []float64
	for _, c := range r.controls {
		if isOpen(c.before) {
			took = append(took, c.before.ElapsedMS)
		}
	}
	window := longest
	if len(took) > 0 {
		sort.Float64s(took)
		window = time.Duration(10*took[len(took)*95/100]) * time.Millisecond
	}
	window = min(max(window, shortest), longest)
	if r.calibrated {
		window = min(window, r.window)
	}
	r.window, r.calibrated = window, true
}

// The bounds of the window of silence, and what counts as a calm round of controls.
const (
	shortest = time.Second
	calm     = 1500 * time.Millisecond
	longest  = 3 * time.Second
)

func (r *runner) warn(when string, of func(*control) probes.Result) {
	dead := map[string]int{}
	for p, c := range r.controls {
		if !isOpen(of(c)) {
			dead[service(p.From)]++
		}
	}
	names := make([]string, 0, len(dead))
	for n := range dead {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		r.job.Notify("%s: %d controls of %s did not answer %s the probes", r.part.Name, dead[n], n, when)
	}
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
