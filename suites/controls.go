package suites

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/netconform/netconform/probes"
)

// control is a path that must be open before and after.
type control struct {
	before, after probes.Result
}

func isOpen(r probes.Result) bool {
	return r.Outcome == probes.OutcomeOpen || r.Outcome == probes.OutcomeResolved
}

func (r *runner) lookAtControls(ctx context.Context, keep func(*control, probes.Result)) error {
	paths := r.controlPaths()
	questions := make([]question, len(paths))
	for i, p := range paths {
		questions[i] = question{path: p, expect: r.identity(p)}
	}
	if r.window == 0 {
		r.window = 2 * time.Second
	}
	results, err := r.ask(ctx, questions, r.window, 1)
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

// The bounds of the window of silence.
const (
	shortest = 600 * time.Millisecond
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
