package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/junitxml"
	"github.com/netconform/netconform/reports/internal/text"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// maxTestcases bounds the file. GitLab gives up above 250,000 objects a file,
// and a testcase is about five of them. Above the bound, the ports of a pair
// share one testcase; if that is not enough, the sources of a destination do.
const maxTestcases = 25_000

// maxListed bounds the cases that one shared testcase lists.
const maxListed = 50

// JUnit writes a run as JUnit XML: a testsuite a platform, and a testcase a
// source, destination and port. A violation is a failure of type
// unexpected-allow or unexpected-deny, what could not be known is an error, and
// errors of the run as a whole are failing cases of the testsuite "<suite>.run".
func JUnit(w io.Writer, run *suites.Run) error {
	v := view.New(run)
	other := beside(v)
	report := &junitxml.Report{Name: "netconform " + run.Suite, Time: junitxml.Seconds(run.ElapsedMS / 1000)}
	if len(v.Errors) > 0 {
		report.Suites = append(report.Suites, runErrors(v))
	}
	fold := foldFor(v)
	for i, p := range v.Platforms {
		s := junitxml.Suite{Name: run.Suite + "." + p.Name, Properties: properties(run, p)}
		if !run.Started.IsZero() {
			s.Timestamp = run.Started.UTC().Format("2006-01-02T15:04:05")
		}
		if p.NotRun != "" {
			s.Cases = append(s.Cases, junitxml.Case{Classname: s.Name, Name: "platform",
				Skipped: &junitxml.Skip{Message: "not run: " + p.NotRun}})
		}
		for _, g := range fold.apply(p.Results) {
			c := junitxml.Case{Classname: s.Name + "." + g.class, Name: g.name}
			for _, r := range g.results {
				c.Time += junitxml.Seconds(r.ElapsedMS / 1000)
			}
			if len(g.results) == 1 {
				single(&c, g.results[0], other(i, g.results[0]))
			} else {
				shared(&c, g.results)
			}
			s.Cases = append(s.Cases, c)
		}
		report.Suites = append(report.Suites, s)
	}
	return junitxml.Write(w, report)
}

func runErrors(v *view.View) junitxml.Suite {
	s := junitxml.Suite{Name: v.Run.Suite + ".run"}
	for i, e := range v.Errors {
		s.Cases = append(s.Cases, junitxml.Case{Classname: s.Name, Name: fmt.Sprintf("error %d", i+1),
			Failure: &junitxml.Problem{Type: "run-error", Message: e, Body: junitxml.Body{Text: e}}})
	}
	return s
}

func properties(run *suites.Run, p view.Platform) []junitxml.Property {
	out := []junitxml.Property{{Name: "matrix", Value: run.Matrix}, {Name: "digest", Value: run.Digest}, {Name: "netconform", Value: run.Version}}
	for _, f := range p.Environment {
		out = append(out, junitxml.Property{Name: f.Name, Value: f.Value})
	}
	for _, n := range p.Notes {
		out = append(out, junitxml.Property{Name: "note", Value: n})
	}
	return out
}

// single fills in the testcase of one result.
func single(c *junitxml.Case, r *suites.Result, beside string) {
	body := details(r) + beside
	switch view.ClassOf(r) {
	case view.Accepted:
		c.Out = &junitxml.Body{Text: "accepted deviation: " + r.AcceptedBy + "\n" + body}
		return
	case view.Conforms:
		return
	}
	switch {
	case r.Judgement.Violation():
		c.Failure = &junitxml.Problem{Type: string(r.Judgement), Message: headline(r), Body: junitxml.Body{Text: body}}
	case r.Judgement == suites.Skipped:
		c.Skipped = &junitxml.Skip{Message: skipReason(r)}
	case r.Judgement == suites.Conforms, r.Judgement == suites.Accepted:
		c.Out = &junitxml.Body{Text: headline(r) + "\n" + body}
	default:
		c.Error = &junitxml.Problem{Type: "inconclusive", Message: headline(r), Body: junitxml.Body{Text: body}}
	}
}

// shared fills in a testcase that stands for several results: the most urgent
// judgement is its own, and those that differ are listed.
func shared(c *junitxml.Case, results []*suites.Result) {
	worst, differ, skipped := view.Conforms, []*suites.Result(nil), 0
	for _, r := range results {
		switch {
		case r.Judgement == suites.Skipped:
			skipped++
		case view.ClassOf(r) != view.Conforms:
			differ = append(differ, r)
		}
		switch r.Judgement {
		case suites.UnexpectedDeny:
			worst = min(worst, view.UnexpectedDeny)
		case suites.UnexpectedAllow:
			worst = min(worst, view.UnexpectedAllow)
		case suites.Conforms, suites.Accepted, suites.Skipped:
		default:
			worst = min(worst, view.Inconclusive)
		}
	}
	if skipped == len(results) {
		c.Skipped = &junitxml.Skip{Message: skipReason(results[0])}
		return
	}
	if len(differ) == 0 {
		return
	}
	var b strings.Builder
	for i, r := range differ {
		if i == maxListed {
			fmt.Fprintf(&b, "… and %d more, see results.json\n", len(differ)-maxListed)
			break
		}
		b.WriteString(r.Key() + ": " + headline(r) + "\n")
	}
	message := fmt.Sprintf("%d of %d cases differ", len(differ), len(results))
	switch worst {
	case view.UnexpectedDeny:
		c.Failure = &junitxml.Problem{Type: string(suites.UnexpectedDeny), Message: message, Body: junitxml.Body{Text: b.String()}}
	case view.UnexpectedAllow:
		c.Failure = &junitxml.Problem{Type: string(suites.UnexpectedAllow), Message: message, Body: junitxml.Body{Text: b.String()}}
	case view.Inconclusive:
		c.Error = &junitxml.Problem{Type: "inconclusive", Message: message, Body: junitxml.Body{Text: b.String()}}
	default:
		c.Out = &junitxml.Body{Text: b.String()}
	}
}

// details is everything that is known of a result, a line each.
func details(r *suites.Result) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name+":", text.Cut(text.Line(value), 2000))
		}
	}
	if view.ClassOf(r) == view.Disagreement {
		b.WriteString("the network does not do what its files say: enforcement, not configuration\n")
	}
	line("expected", string(r.Expected)+because(r.Why))
	line("predicted", string(r.Predicted))
	if !view.Static(r.Platform) {
		line("observed", string(r.Observed))
		line("evidence", r.Evidence)
	}
	line("matrix", r.Reason)
	if !strings.Contains(r.Evidence, r.Explanation) || view.Static(r.Platform) {
		line("explanation", r.Explanation)
	}
	line("decides", r.Decides)
	line("mend", r.Mend)
	return b.String()
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

// beside returns a function that tells what the other platforms came to for
// the same case, a line each.
func beside(v *view.View) func(platform int, r *suites.Result) string {
	rows := make(map[*suites.Result]int, len(v.Run.Cases))
	if len(v.Platforms) > 1 {
		for i, row := range v.Rows {
			for _, c := range row.Cells {
				if c != nil {
					rows[c] = i
				}
			}
		}
	}
	return func(platform int, r *suites.Result) string {
		var b strings.Builder
		i, known := rows[r]
		if !known {
			return ""
		}
		for p, c := range v.Rows[i].Cells {
			if p != platform && c != nil {
				fmt.Fprintf(&b, "on %s: %s (%s)\n", c.Platform, view.Seen(c), c.Judgement)
			}
		}
		return b.String()
	}
}

// folded is a testcase to be, and fold says which results share one.
type folded struct {
	class, name string
	results     []*suites.Result
}

type fold func(c matrix.Case) (class, name string)

func foldFor(v *view.View) fold {
	folds := []fold{
		func(c matrix.Case) (string, string) { return c.From, c.Key() },
		func(c matrix.Case) (string, string) { return c.From, c.From + "->" + c.To },
		func(c matrix.Case) (string, string) { return "all", "->" + c.To },
	}
	for _, f := range folds[:len(folds)-1] {
		n := 0
		for _, p := range v.Platforms {
			n += len(f.apply(p.Results))
		}
		if n <= maxTestcases {
			return f
		}
	}
	return folds[len(folds)-1]
}

func (f fold) apply(results []*suites.Result) []folded {
	index := make(map[[2]string]int, len(results))
	var out []folded
	for _, r := range results {
		class, name := f(r.Case)
		i, known := index[[2]string{class, name}]
		if !known {
			i = len(out)
			index[[2]string{class, name}] = i
			out = append(out, folded{class: class, name: name})
		}
		out[i].results = append(out[i].results, r)
	}
	return out
}
