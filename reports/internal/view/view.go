// Package view orders a run for the reports: by platform, by what differs, and
// case by case with the platforms side by side. It counts from the cases, so
// that a report never shows a sum that its own lines contradict.
package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// View is a run, ordered. Its results point into the run.
type View struct {
	Run       *suites.Run
	Platforms []Platform
	Rows      []Row // in the order of the cases
	Total     suites.Summary
	// Errors are the run's, and what is wrong with its accepted deviations.
	Errors []string
	tiers  map[string]string
}

// Platform is what one platform contributed, with its results in their order.
type Platform struct {
	suites.PlatformRun
	Count   suites.Summary
	Results []*suites.Result
}

// Row is one case on every platform.
type Row struct {
	Case matrix.Case
	// Cells has one entry a platform, nil where the platform does not have the case.
	Cells []*suites.Result
}

// New orders a run. Results of a platform that the run does not list are kept
// under a platform of their own.
func New(run *suites.Run) *View {
	v := &View{Run: run, tiers: make(map[string]string, len(run.Services))}
	for _, s := range run.Services {
		v.tiers[s.Name] = s.Tier
		if s.External {
			v.tiers[s.Name] = "external"
		}
	}
	v.Errors = append(v.Errors, run.Errors...)
	for _, a := range run.Accepts {
		if a.Problem != "" && !slices.Contains(v.Errors, a.Problem) {
			v.Errors = append(v.Errors, a.Problem)
		}
	}
	index := map[string]int{}
	for _, p := range run.Platforms {
		index[p.Name] = len(v.Platforms)
		v.Platforms = append(v.Platforms, Platform{PlatformRun: p})
	}
	for _, r := range run.Cases {
		if _, known := index[r.Platform]; !known {
			index[r.Platform] = len(v.Platforms)
			v.Platforms = append(v.Platforms, Platform{PlatformRun: suites.PlatformRun{Name: r.Platform}})
		}
	}
	type key struct {
		from, to string
		port     int
		protocol matrix.Protocol
	}
	rows := make(map[key]int, len(run.Cases))
	for i := range run.Cases {
		r := &run.Cases[i]
		p := index[r.Platform]
		v.Platforms[p].Results = append(v.Platforms[p].Results, r)
		count(&v.Platforms[p].Count, r)
		count(&v.Total, r)
		k := key{r.From, r.To, r.Port, r.Protocol}
		row, known := rows[k]
		if !known {
			row = len(v.Rows)
			rows[k] = row
			v.Rows = append(v.Rows, Row{Case: r.Case, Cells: make([]*suites.Result, len(v.Platforms))})
		}
		v.Rows[row].Cells[p] = r
	}
	return v
}

// count adds a result to a summary. What nobody judged is inconclusive.
func count(s *suites.Summary, r *suites.Result) {
	s.Cases++
	switch r.Judgement {
	case suites.Conforms:
		s.Conforms++
	case suites.UnexpectedAllow, suites.UnexpectedDeny:
		s.Violations++
	case suites.Skipped:
		s.Skipped++
	case suites.Accepted:
		s.Accepted++
	default:
		s.Inconclusive++
	}
	if r.Disagrees() {
		s.Disagreements++
	}
}

// Tier of a service; "external" for an external, "no tier" where it has none.
func (v *View) Tier(name string) string {
	if t := v.tiers[name]; t != "" {
		return t
	}
	return "no tier"
}

// Class is how a result is listed: what needs a person's eye first comes first.
type Class int

const (
	Disagreement    Class = iota // the network does not do what its files say
	UnexpectedDeny               // needed and blocked
	UnexpectedAllow              // forbidden and open
	Inconclusive
	Skipped
	Accepted
	Conforms
)

// ClassOf gives every result exactly one class.
func ClassOf(r *suites.Result) Class {
	if r.Disagrees() && r.Judgement != suites.Skipped {
		return Disagreement
	}
	switch r.Judgement {
	case suites.UnexpectedDeny:
		return UnexpectedDeny
	case suites.UnexpectedAllow:
		return UnexpectedAllow
	case suites.Skipped:
		return Skipped
	case suites.Accepted:
		return Accepted
	case suites.Conforms:
		return Conforms
	}
	return Inconclusive
}

// Title says what a class means.
func (c Class) Title() string {
	return [...]string{
		"The network does not do what its files say (enforcement, not configuration)",
		"Needed but blocked",
		"Forbidden but open",
		"Inconclusive: could not be known",
		"Skipped",
		"Accepted deviations",
		"Conforms",
	}[c]
}

// Of lists a platform's results of a class, in their order.
func (p Platform) Of(c Class) []*suites.Result {
	var out []*suites.Result
	for _, r := range p.Results {
		if ClassOf(r) == c {
			out = append(out, r)
		}
	}
	return out
}

// Static reports whether a platform's verdicts come from its files alone.
func Static(platform string) bool { return strings.HasPrefix(platform, "static-") }

// Seen is the verdict that a result rests on: what was observed, and on a static
// platform what the files imply.
func Seen(r *suites.Result) matrix.Verdict {
	if Static(r.Platform) {
		return orUnknown(r.Predicted)
	}
	return orUnknown(r.Observed)
}

func orUnknown(v matrix.Verdict) matrix.Verdict {
	if v == "" {
		return matrix.Unknown
	}
	return v
}

// Why is what was seen and what the files say to it, without saying it twice: on
// a static platform the evidence is the files' reason.
func Why(r *suites.Result) string {
	switch {
	case r.Evidence == "" || r.Explanation == "":
		return r.Evidence + r.Explanation
	case strings.Contains(r.Evidence, r.Explanation):
		return r.Evidence
	}
	return r.Evidence + "; " + r.Explanation
}

// Target is the case's destination as people write it: "postgres:5432",
// "coredns:53/udp", "postgres (DNS)".
func Target(c matrix.Case) string {
	switch c.Protocol {
	case matrix.DNS:
		return c.To + " (DNS)"
	case matrix.TCP:
		return fmt.Sprintf("%s:%d", c.To, c.Port)
	}
	return fmt.Sprintf("%s:%d/%s", c.To, c.Port, c.Protocol)
}

// Split reports whether the platforms of a row that were probed saw different
// things: one enforces what another does not.
func (r Row) Split() bool {
	seen := map[matrix.Verdict]bool{}
	for _, c := range r.Cells {
		if c != nil && !Static(c.Platform) && (c.Observed == matrix.Allow || c.Observed == matrix.Deny || c.Observed == matrix.Partial) {
			seen[c.Observed] = true
		}
	}
	return len(seen) > 1
}

// Worst is the most urgent class among the row's results.
func (r Row) Worst() Class {
	worst := Conforms
	for _, c := range r.Cells {
		if c != nil {
			worst = min(worst, ClassOf(c))
		}
	}
	return worst
}
