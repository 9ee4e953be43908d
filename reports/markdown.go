package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/netconform/netconform/reports/internal/markdown"
	"github.com/netconform/netconform/reports/internal/text"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// markdownBudget keeps report.md, with room to spare, under the 1 MiB of a
// GitHub step summary: above it the upload fails and the job stays green.
const markdownBudget = 900 << 10

// Markdown writes a run for a step summary or a comment: verdict and counts,
// then what differs, the truth table and the environment. Headings start at h3.
// It stays under 900 KiB: what does not fit is cut within its section, and the
// section says how much.
func Markdown(w io.Writer, run *suites.Run) error {
	v := view.New(run)
	d := document{markdown.New(markdownBudget)}
	d.verdict(v)
	d.errors(v)
	d.notRun(v)
	for _, c := range []view.Class{view.Disagreement, view.UnexpectedDeny, view.UnexpectedAllow, view.Inconclusive} {
		d.differences(v, c)
	}
	d.split(v)
	d.accepted(v)
	d.skipped(v)
	d.tables(v)
	d.findings(v)
	d.environment(v)
	if _, err := io.WriteString(w, d.String()); err != nil {
		return fmt.Errorf("write markdown: %w", err)
	}
	return nil
}

// document adds a run's sections to a Markdown document.
type document struct{ *markdown.Document }

func (d document) verdict(v *view.View) {
	mark := map[view.State]string{view.Conforming: "✅", view.Failed: "❌", view.Unknown: "❔", view.NothingJudged: "❔"}[v.State()]
	d.Printf("### %s %s %s\n\n", mark, markdown.Prose(v.Run.Suite), v.Verdict())
	d.Printf("| platform | cases | conform | violations | inconclusive | skipped | accepted | not as its files say |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, p := range v.Platforms {
		if p.Count.Cases == 0 {
			d.Printf("| %s | – | – | – | – | – | – | – |\n", markdown.Prose(p.Name))
			continue
		}
		c := p.Count
		d.Printf("| %s | %d | %d | %d | %d | %d | %d | %d |\n", markdown.Prose(p.Name), c.Cases, c.Conforms, c.Violations, c.Inconclusive, c.Skipped, c.Accepted, c.Disagreements)
	}
	d.Printf("\nMatrix %s, %s; netconform %s", markdown.Code(v.Run.Matrix), markdown.Code(v.Run.Digest), markdown.Prose(v.Run.Version))
	if !v.Run.Started.IsZero() {
		d.Printf("; %s, %.1f s", v.Run.Started.UTC().Format("2006-01-02 15:04:05 UTC"), v.Run.ElapsedMS/1000)
	}
	d.Printf(".\n")
}

func (d document) errors(v *view.View) {
	s := d.Section("The run itself failed", len(v.Errors), 100<<10)
	for _, e := range v.Errors {
		s.Row("- " + markdown.Prose(e) + "\n")
	}
	s.End()
}

func (d document) notRun(v *view.View) {
	n := 0
	for _, p := range v.Platforms {
		if p.NotRun != "" {
			n++
		}
	}
	s := d.Section("Not run", n, 10<<10)
	for _, p := range v.Platforms {
		if p.NotRun != "" {
			s.Row("- " + markdown.Prose(p.Name) + ": " + markdown.Prose(p.NotRun) + "\n")
		}
	}
	s.End()
}

// differences lists the rows whose most urgent result is of a class, with the
// platforms side by side; the pattern by tiers comes first.
func (d document) differences(v *view.View, c view.Class) {
	var rows []view.Row
	for _, r := range v.Rows {
		if r.Worst() == c {
			rows = append(rows, r)
		}
	}
	s := d.Section(c.Title(), len(rows), 200<<10)
	if len(rows) > 10 {
		s.Row("| platform | from tier | to tier | cases | through |\n|---|---|---|--:|---|\n")
		for _, p := range v.Platforms {
			for _, g := range v.Groups(p.Of(c)) {
				s.Row(fmt.Sprintf("| %s | %s | %s | %d | %s |\n", markdown.Prose(p.Name), markdown.Prose(g.From), markdown.Prose(g.To), len(g.Results), markdown.Prose(through(g))))
			}
		}
		s.Row("\n")
	}
	s.Fold(len(rows) > 40, "every case")
	s.Row(heads(v, " why |"))
	for _, r := range rows {
		s.Row(sides(v, r) + " " + markdown.Prose(why(r)) + " |\n")
	}
	s.End()
}

// split lists what one platform enforces and another does not.
func (d document) split(v *view.View) {
	var rows []view.Row
	for _, r := range v.Rows {
		if r.Split() {
			rows = append(rows, r)
		}
	}
	s := d.Section("What one platform enforces and another does not", len(rows), 150<<10)
	s.Fold(len(rows) > 40, "every case")
	s.Row(heads(v, ""))
	for _, r := range rows {
		s.Row(sides(v, r) + "\n")
	}
	s.End()
}

func (d document) accepted(v *view.View) {
	s := d.Section("Accepted deviations", len(v.Run.Accepts), 40<<10)
	s.Row("| entry | reason | expires | cases |\n|---|---|---|--:|\n")
	for _, a := range v.Run.Accepts {
		expires := a.Expires
		if expires == "" {
			expires = "never"
		}
		s.Row(fmt.Sprintf("| %s | %s | %s | %d |\n", markdown.Code(a.Where), markdown.Prose(a.Reason), markdown.Prose(expires), a.Count))
	}
	s.End()
}

func (d document) skipped(v *view.View) {
	groups := skips(v)
	n := 0
	for _, g := range groups {
		n += g.count
	}
	s := d.Section("Skipped", n, 20<<10)
	for _, g := range groups {
		s.Row(fmt.Sprintf("- %s: %s: %s\n", markdown.Prose(g.platform), view.Plural(g.count, "case", "cases"), markdown.Prose(g.reason)))
	}
	s.End()
}

func (d document) findings(v *view.View) {
	s := d.Section("Findings in the files", len(v.Run.Findings), 60<<10)
	for _, f := range v.Run.Findings {
		line := "- " + markdown.Code(f.Pos.String()) + " " + markdown.Prose(f.Message)
		if f.Mend != "" {
			line += "; " + markdown.Prose(f.Mend)
		}
		s.Row(line + " (" + markdown.Code(f.Rule) + ")\n")
	}
	s.End()
}

func (d document) environment(v *view.View) {
	s := d.Section("Environment", markdown.NoCount, 60<<10)
	s.Fold(true, "what the verdicts depend on")
	for _, p := range v.Platforms {
		s.Row("**" + markdown.Prose(p.Name) + "**\n\n")
		for _, f := range p.Environment {
			s.Row("- " + markdown.Prose(f.Name) + ": " + markdown.Prose(f.Value) + "\n")
		}
		if c := p.Convergence; c != nil {
			s.Row(fmt.Sprintf("- policies took hold: half within %.0f ms, 90 %% within %.0f ms, all within %.0f ms; %s\n",
				c.P50MS, c.P90MS, c.MaxMS, view.Plural(c.Unsettled, "case did not settle", "cases did not settle")))
		}
		if phases := phases(p); phases != "" {
			s.Row("- " + markdown.Prose(phases) + "\n")
		}
		for _, n := range p.Notes {
			s.Row("- " + markdown.Prose(n) + "\n")
		}
		s.Row("\n")
	}
	s.End()
}

// heads is the head of a table with a column for each platform that has cases.
func heads(v *view.View, last string) string {
	line := "| from | to | expected |"
	for _, p := range v.Platforms {
		if p.Count.Cases > 0 {
			line += " " + markdown.Prose(p.Name) + " |"
		}
	}
	line += last
	return line + "\n|" + strings.Repeat("---|", strings.Count(line, " |")) + "\n"
}

// sides is the row of a case, without the line's end.
func sides(v *view.View, r view.Row) string {
	line := "| " + markdown.Code(text.Name(r.Case.From)) + " | " + markdown.Code(target(r.Case)) + " | " + string(r.Case.Expected) + " |"
	for i, p := range v.Platforms {
		if p.Count.Cases > 0 {
			line += " " + side(r.Cells[i]) + " |"
		}
	}
	return line
}

// side is a platform's cell beside the others.
func side(r *suites.Result) string {
	switch {
	case r == nil:
		return "–"
	case r.Judgement == suites.Skipped:
		return "skipped"
	}
	cell := string(view.Seen(r))
	switch view.ClassOf(r) {
	case view.Disagreement:
		cell = "**" + cell + "** ≠ files: " + string(r.Predicted)
	case view.UnexpectedAllow, view.UnexpectedDeny:
		cell = "**" + cell + "**"
	case view.Accepted:
		cell += " (accepted)"
	case view.Inconclusive:
		cell = "?"
	}
	return cell
}

// why picks the words of the row's most urgent result.
func why(r view.Row) string {
	for _, c := range r.Cells {
		if c == nil || view.ClassOf(c) != r.Worst() {
			continue
		}
		words := view.Why(c)
		if c.Mend != "" {
			words += "; mend: " + c.Mend
		}
		return text.Cut(words, 400) + " (" + c.Reason + ")"
	}
	return ""
}
