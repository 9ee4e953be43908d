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

// pace is how many probes are begun in a second: one vantage after the other
// begins its own. Where all begin at once on a machine with few processors, each
// agent waits for its turn between all others; answers come late, are asked for
// again meanwhile, and come later still.
const pace = 10000

// Paced is a Deployment that bears fewer probes in a second.
type Paced interface{ Pace() int }

func (r *runner) pace() int {
	if p, ok := r.deployment.(Paced); ok {
		return p.Pace()
	}
	return pace
}

// question is a path to ask about.
type question struct {
	path   Path
	expect string // who must answer
	once   bool   // one attempt in a window instead of several
}

// ask sends every question to its vantage, one batch a vantage, and returns the
// results in their order. What a vantage could not answer is an error outcome.
func (r *runner) ask(ctx context.Context, questions []question, window time.Duration, confirm int) ([]probes.Result, error) {
	results := make([]probes.Result, len(questions))
	byVantage := map[string][]int{}
	for i, q := range questions {
		byVantage[q.path.From] = append(byVantage[q.path.From], i)
	}
	vantages := make([]string, 0, len(byVantage))
	for v := range byVantage {
		vantages = append(vantages, v)
	}
	sort.Strings(vantages)
	var wait sync.WaitGroup
	before := 0
	for n, v := range vantages {
		turn := time.Duration(before) * time.Second / time.Duration(r.pace())
		before += len(byVantage[v])
		wait.Go(func() {
			if sleep(ctx, turn) != nil {
				return
			}
			indices := byVantage[v]
			b := probes.Batch{ID: fmt.Sprintf("%s-%d-%d", r.job.RunID, n, r.options.Now().UnixNano()), Key: r.job.Key,
				WindowMS: int(window.Milliseconds()), Confirm: confirm}
			for _, i := range indices {
				q := questions[i]
				b.Probes = append(b.Probes, probes.Probe{ID: i, Protocol: string(q.path.Protocol), Host: q.path.Host, Port: q.path.Port, Expect: q.expect, Once: q.once})
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

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look probes all paths of some cases and rules on them as far as is known.
func (r *runner) look(ctx context.Context, indices []int, window time.Duration, confirm int) error {
	return r.lookAt(ctx, indices, func(int, int) attempts { return several }, window, confirm)
}

// attempts is how often a path is asked in a window.
type attempts int

const (
	none attempts = iota // its latest result stands
	single
	several
)

// lookAt asks path k of case i as often as is wanted.
func (r *runner) lookAt(ctx context.Context, indices []int, wanted func(i, k int) attempts, window time.Duration, confirm int) error {
	var questions []question
	var latest []*probes.Result
	for _, i := range indices {
		e := &r.entries[i]
		for k, p := range e.ways.Paths {
			if n := wanted(i, k); n != none {
				questions = append(questions, question{p, e.c.To, n == single})
				latest = append(latest, &e.latest[k])
			}
		}
	}
	results, err := r.ask(ctx, questions, window, confirm)
	if err != nil {
		return err
	}
	for n, q := range results {
		*latest[n] = q
	}
	now := r.options.Now()
	for _, i := range indices {
		e := &r.entries[i]
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
		if err := r.look(ctx, pending, r.window, 1); err != nil {
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
