package suites

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

// ErrInput marks what the user has to mend: a file, a flag, a suite (exit code 2).
var ErrInput = errors.New("bad input")

// ErrNotEnforced says that a cluster enforces no NetworkPolicy, so no deny can hold.
var ErrNotEnforced = errors.New("the cluster does not enforce NetworkPolicy")

// Options say how a suite is verified. The zero value probes nothing.
type Options struct {
	Version string
	// Targets are verified one after the other, in this order.
	Targets []Target
	// Budget is how long verdicts may take to hold after Enforce; default 60 s.
	Budget time.Duration
	// Patience is how long a verdict that neither the matrix nor the files
	// imply must stand still before it is believed; default 15 s.
	Patience time.Duration
	// NoBaseline leaves out the proof that everything is reachable before the policies.
	NoBaseline bool
	// Findings of the matrix and the targets' files, to be put in the report.
	Findings []matrix.Finding
	// Notify is told of progress; nil for silence.
	Notify func(format string, args ...any)
	// Now is the clock; nil for the machine's.
	Now func() time.Time
}

// Target is a platform to verify on, or the files to judge in its stead.
type Target struct {
	Platform Platform // nil: predict only
	Oracle   Oracle   // nil: no prediction
	// Static is the name under which predictions are reported where nothing is
	// probed: "static-compose", "static-kubernetes".
	Static string
	// NotRun says why the platform is not probed, where it isn't.
	NotRun string
}

// Verify runs a suite on its targets. The error is the user's to mend
// (ErrInput) or the context's; a platform that fails is part of the Run.
func Verify(ctx context.Context, s *Suite, o Options) (*Run, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Notify == nil {
		o.Notify = func(string, ...any) {}
	}
	if o.Budget == 0 {
		o.Budget = time.Minute
	}
	if o.Patience == 0 {
		o.Patience = 15 * time.Second
	}
	started := o.Now()
	run := &Run{
		Schema: Schema, Suite: s.Name, Version: o.Version, Matrix: s.Matrix.File, Digest: s.Matrix.Digest(),
		Started: started.UTC().Truncate(time.Second), Services: rows(s.Matrix), Findings: o.Findings,
	}
	var random [36]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("run key: %w", err)
	}
	run.ID = hex.EncodeToString(random[:4])
	job := Job{RunID: run.ID, Key: random[4:], Suite: s, Cases: s.Matrix.Expand(), Notify: o.Notify}

	predicted := predictStatic(job.Cases, o.Targets)
	for i, t := range o.Targets {
		part, results, err := verifyTarget(ctx, job, t, o, predicted[i])
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, ErrInput) {
			return nil, err
		}
		if err != nil {
			run.Errors = append(run.Errors, fmt.Sprintf("%s: %v", part.Name, err))
		}
		run.Platforms = append(run.Platforms, part)
		run.Cases = append(run.Cases, results...)
	}
	accept(run, s, o.Now())
	summarize(run)
	run.ElapsedMS = ms(o.Now().Sub(started))
	return run, nil
}

// predictStatic judges, at once, the targets of which only the files are
// looked at. Their results stand at the targets' places.
func predictStatic(cases []matrix.Case, targets []Target) [][]Result {
	results := make([][]Result, len(targets))
	var all sync.WaitGroup
	for i, t := range targets {
		if t.Platform == nil {
			all.Go(func() { results[i] = predictAll(cases, t) })
		}
	}
	all.Wait()
	return results
}

func verifyTarget(ctx context.Context, job Job, t Target, o Options, predicted []Result) (PlatformRun, []Result, error) {
	if t.Platform == nil {
		return PlatformRun{Name: t.Static, NotRun: t.NotRun, Environment: assumptions(t.Oracle)}, predicted, nil
	}
	r := &runner{job: job, options: o, part: PlatformRun{Name: t.Platform.Name()}}
	results, err := r.run(ctx, t.Platform)
	if err != nil && results == nil {
		results = failed(job.Cases, t.Platform.Name(), err)
	}
	if r.predictor == nil && t.Oracle != nil {
		r.predictor = t.Oracle
	}
	attach(results, r.predictor)
	return r.part, results, err
}

// failed makes every case inconclusive: a run that could not be set up has
// cases that failed, not none.
func failed(cases []matrix.Case, platform string, err error) []Result {
	results := make([]Result, len(cases))
	for i, c := range cases {
		results[i] = Result{Platform: platform, Case: c, Outcome: probes.OutcomeNotProbed, Observed: matrix.Unknown,
			Judgement: Inconclusive, Evidence: "not probed: " + err.Error(), Reason: c.Pos.String(), Why: c.Why}
	}
	return results
}

func assumptions(o Oracle) []Fact {
	if o == nil {
		return nil
	}
	return o.Assumptions()
}

// predictAll judges every case by the files alone.
func predictAll(cases []matrix.Case, t Target) []Result {
	results := make([]Result, len(cases))
	for i, c := range cases {
		results[i] = Result{Platform: t.Static, Case: c, Outcome: probes.OutcomeNotProbed,
			Observed: matrix.Unknown, Judgement: Inconclusive, Reason: c.Pos.String(), Why: c.Why}
	}
	if t.Oracle == nil {
		return results
	}
	attach(results, t.Oracle)
	for i := range results {
		r := &results[i]
		r.Judgement = judgePrediction(r.Expected, r.Predicted)
		r.Evidence = "by the files: " + r.Explanation
	}
	return results
}

// attach puts the predictions beside the verdicts.
func attach(results []Result, p Predictor) {
	if p == nil {
		return
	}
	for i := range results {
		r := &results[i]
		q := p.Predict(r.Case)
		r.Predicted, r.Explanation, r.Mend, r.Decides = q.Verdict, q.Reason, q.Mend, q.Pos.String()
		if q.Verdict == matrix.Partial && r.Expected == matrix.Deny {
			r.Mend = "" // it would open what is still closed
		}
	}
}

func rows(m *matrix.Matrix) []Service {
	var list []Service
	for _, s := range m.Services {
		list = append(list, Service{Name: s.Name, Tier: s.Tier})
	}
	for _, e := range m.Externals {
		list = append(list, Service{Name: e.Name, External: true})
	}
	return list
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
