package reports

import (
	"fmt"
	"io"
	"strings"

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
	d := &document{left: markdownBudget}
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
	if _, err := io.WriteString(w, d.b.String()); err != nil {
		return fmt.Errorf("write markdown: %w", err)
	}
	return nil
}

func (d *document) verdict(v *view.View) {
	mark := map[view.State]string{view.Conforming: "✅", view.Failed: "❌", view.Unknown: "❔", view.NothingJudged: "❔"}[v.State()]
	d.printf("### %s %s %s\n\n", mark, md(v.Run.Suite), v.Verdict())
	d.printf("| platform | cases | conform | violations | inconclusive | skipped | accepted | not as its files say |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, p := range v.Platforms {
		if p.Count.Cases == 0 {
			d.printf("| %s | – | – | – | – | – | – | – |\n", md(p.Name))
			continue
		}
		c := p.Count
		d.printf("| %s | %d | %d | %d | %d | %d | %d | %d |\n", md(p.Name), c.Cases, c.Conforms, c.Violations, c.Inconclusive, c.Skipped, c.Accepted, c.Disagreements)
	}
	d.printf("\nMatrix %s, %s; netconform %s", code(v.Run.Matrix), code(v.Run.Digest), md(v.Run.Version))
	if !v.Run.Started.IsZero() {
		d.printf("; %s, %.1f s", v.Run.Started.UTC().Format("2006-01-02 15:04:05 UTC"), v.Run.ElapsedMS/1000)
	}
	d.printf(".\n")
}

func (d *document) errors(v *view.View) {
	s := d.section("The run itself failed", len(v.Errors), 100<<10)
	for _, e := range v.Errors {
		s.row("- " + md(e) + "\n")
	}
	s.end()
}

func (d *document) notRun(v *view.View) {
	n := 0
	for _, p := range v.Platforms {
		if p.NotRun != "" {
			n++
		}
	}
	s := d.section("Not run", n, 10<<10)
	for _, p := range v.Platforms {
		if p.NotRun != "" {
			s.row("- " + md(p.Name) + ": " + md(p.NotRun) + "\n")
		}
	}
	s.end()
}

// differences lists the rows whose most urgent result is of a class, with the
// platforms side by side; the pattern by tiers comes first.
func (d *document) differences(v *view.View, c view.Class) {
	var rows []view.Row
	for _, r := range v.Rows {
		if r.Worst() == c {
			rows = append(rows, r)
		}
	}
	s := d.section(c.Title(), len(rows), 200<<10)
	if len(rows) > 10 {
		s.row("| platform | from tier | to tier | cases | through |\n|---|---|---|--:|---|\n")
		for _, p := range v.Platforms {
			for _, g := range v.Groups(p.Of(c)) {
				s.row(fmt.Sprintf("| %s | %s | %s | %d | %s |\n", md(p.Name), md(g.From), md(g.To), len(g.Results), md(through(g))))
			}
		}
		s.row("\n")
	}
	s.fold(len(rows) > 40, "every case")
	s.row(heads(v, " why |"))
	for _, r := range rows {
		s.row(sides(v, r) + " " + md(why(r)) + " |\n")
	}
	s.end()
}

// split lists what one platform enforces and another does not.
func (d *document) split(v *view.View) {
	var rows []view.Row
	for _, r := range v.Rows {
		if r.Split() {
			rows = append(rows, r)
		}
	}
	s := d.section("What one platform enforces and another does not", len(rows), 150<<10)
	s.fold(len(rows) > 40, "every case")
	s.row(heads(v, ""))
	for _, r := range rows {
		s.row(sides(v, r) + "\n")
	}
	s.end()
}

func (d *document) accepted(v *view.View) {
	s := d.section("Accepted deviations", len(v.Run.Accepts), 40<<10)
	s.row("| entry | reason | expires | cases |\n|---|---|---|--:|\n")
	for _, a := range v.Run.Accepts {
		expires := a.Expires
		if expires == "" {
			expires = "never"
		}
		s.row(fmt.Sprintf("| %s | %s | %s | %d |\n", code(a.Where), md(a.Reason), md(expires), a.Count))
	}
	s.end()
}

func (d *document) skipped(v *view.View) {
	groups := skips(v)
	n := 0
	for _, g := range groups {
		n += g.count
	}
	s := d.section("Skipped", n, 20<<10)
	for _, g := range groups {
		s.row(fmt.Sprintf("- %s: %s: %s\n", md(g.platform), view.Plural(g.count, "case", "cases"), md(g.reason)))
	}
	s.end()
}

func (d *document) findings(v *view.View) {
	s := d.section("Findings in the files", len(v.Run.Findings), 60<<10)
	for _, f := range v.Run.Findings {
		line := "- " + code(f.Pos.String()) + " " + md(f.Message)
		if f.Mend != "" {
			line += "; " + md(f.Mend)
		}
		s.row(line + " (" + code(f.Rule) + ")\n")
	}
	s.end()
}

func (d *document) environment(v *view.View) {
	s := d.section("Environment", 1, 60<<10)
	s.fold(true, "what the verdicts depend on")
	for _, p := range v.Platforms {
		s.row("**" + md(p.Name) + "**\n\n")
		for _, f := range p.Environment {
			s.row("- " + md(f.Name) + ": " + md(f.Value) + "\n")
		}
		if c := p.Convergence; c != nil {
			s.row(fmt.Sprintf("- policies took hold: half within %.0f ms, 90 %% within %.0f ms, all within %.0f ms; %s\n",
				c.P50MS, c.P90MS, c.MaxMS, view.Plural(c.Unsettled, "case did not settle", "cases did not settle")))
		}
		if phases := phases(p); phases != "" {
			s.row("- " + md(phases) + "\n")
		}
		for _, n := range p.Notes {
			s.row("- " + md(n) + "\n")
		}
		s.row("\n")
	}
	s.end()
}

// heads is the head of a table with a column for each platform that has cases.
func heads(v *view.View, last string) string {
	line := "| from | to | expected |"
	for _, p := range v.Platforms {
		if p.Count.Cases > 0 {
			line += " " + md(p.Name) + " |"
		}
	}
	line += last
	return line + "\n|" + strings.Repeat("---|", strings.Count(line, " |")) + "\n"
}

// sides is the row of a case, without the line's end.
func sides(v *view.View, r view.Row) string {
	line := "| " + code(text.Name(r.Case.From)) + " | " + code(target(r.Case)) + " | " + string(r.Case.Expected) + " |"
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
		words := c.Evidence
		if c.Explanation != "" {
			if words != "" {
				words += "; "
			}
			words += c.Explanation
		}
		if c.Mend != "" {
			words += "; mend: " + c.Mend
		}
		return text.Cut(words, 400) + " (" + c.Reason + ")"
	}
	return ""
}
