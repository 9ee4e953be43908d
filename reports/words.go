package reports

import (
	"fmt"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/text"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// headline says in one sentence what a result is about: what was expected,
// what was seen, and the evidence or the files' reason.
func headline(r *suites.Result) string {
	switch {
	case r.Judgement == suites.Skipped:
		return "skipped: " + skipReason(r)
	case view.ClassOf(r) == view.Disagreement:
		return fmt.Sprintf("the files imply %s, but %s was seen%s; expected %s", r.Predicted, r.Observed, tail(r.Evidence), r.Expected)
	case view.Static(r.Platform):
		return fmt.Sprintf("expected %s, and the files imply %s%s", r.Expected, view.Seen(r), tail(r.Explanation))
	case view.ClassOf(r) == view.Inconclusive:
		return fmt.Sprintf("expected %s, could not be known%s", r.Expected, tail(r.Evidence))
	case r.Observed == matrix.Partial:
		return fmt.Sprintf("expected %s, open on some ways only%s", r.Expected, tail(r.Evidence))
	}
	return fmt.Sprintf("expected %s, seen %s%s", r.Expected, view.Seen(r), tail(r.Evidence))
}

func skipReason(r *suites.Result) string {
	if r.Evidence != "" {
		return r.Evidence
	}
	return "no reason was given"
}

func tail(s string) string {
	if s == "" {
		return ""
	}
	return ": " + s
}

// target is the case's destination, safe to show.
func target(c matrix.Case) string {
	c.To = text.Name(c.To)
	return view.Target(c)
}

// through tells the networks of a group, the three most frequent.
func through(g view.Group) string {
	words := ""
	for i, t := range g.Via {
		if i == 3 {
			return words + ", …"
		}
		if i > 0 {
			words += ", "
		}
		words += text.Name(t.Word)
		if len(g.Via) > 1 {
			words += fmt.Sprintf(" (%d)", t.Count)
		}
	}
	return words
}

// skip is a reason for which cases of a platform were skipped.
type skip struct {
	platform, reason string
	count            int
}

// skips groups what was skipped by platform and reason, in the cases' order.
func skips(v *view.View) []skip {
	var out []skip
	index := map[skip]int{}
	for _, p := range v.Platforms {
		for _, r := range p.Of(view.Skipped) {
			k := skip{platform: p.Name, reason: skipReason(r)}
			i, known := index[k]
			if !known {
				i = len(out)
				index[k] = i
				out = append(out, k)
			}
			out[i].count++
		}
	}
	return out
}

// phases tells how long the parts of a platform's run took: "deploy 6.2 s, probe 1.8 s".
func phases(p view.Platform) string {
	words := ""
	for i, ph := range p.Phases {
		if i > 0 {
			words += ", "
		}
		words += fmt.Sprintf("%s %.1f s", ph.Name, ph.ElapsedMS/1000)
	}
	return words
}
