package gate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/junitxml"
	"github.com/netconform/netconform/reports/internal/markdown"
	"github.com/netconform/netconform/reports/internal/text"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// Verdict is the report in one sentence.
func (r *Report) Verdict() string {
	worse := 0
	var parts []string
	for _, c := range Classes {
		n := r.Counts[c]
		if c.Worse() {
			worse += n
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, c))
		}
	}
	if n := len(r.Errors); n > 0 {
		parts = append(parts, view.Plural(n, "error of the run", "errors of the run"))
	}
	head := "nothing got worse"
	switch r.Exit() {
	case 1:
		head = view.Plural(worse, "case got worse", "cases got worse")
	case 3:
		head = "can't tell"
	}
	return head + ": " + strings.Join(parts, ", ")
}

// Terminal writes the report for a person, with at most limit lines of a class
// (0 means 20); colour marks the verdict.
func (r *Report) Terminal(w io.Writer, colour bool, limit int) error {
	if limit == 0 {
		limit = 20
	}
	out := bufio.NewWriter(w)
	for _, c := range Classes[:len(Classes)-1] {
		n := r.Counts[c]
		if n == 0 {
			continue
		}
		fmt.Fprintf(out, "%s (%d)\n", c.Title(), n)
		for i, ch := range r.of(c) {
			if i == limit {
				fmt.Fprintf(out, "  … and %d more\n", n-limit)
				break
			}
			fmt.Fprintf(out, "  %s: %s → %s: %s\n", text.Name(ch.Platform), text.Name(ch.Case.From), target(ch.Case), text.Cut(text.Line(ch.story()), 300))
		}
		fmt.Fprintln(out)
	}
	if r.MatrixChanged {
		fmt.Fprintf(out, "The matrix is not the one of the baseline: new, gone and changed cases are its doing.\n\n")
	}
	for _, e := range r.Errors {
		fmt.Fprintf(out, "error: %s\n", text.Cut(text.Line(e), 1000))
	}
	mark, code := "✓", "1;32"
	switch r.Exit() {
	case 1:
		mark, code = "✗", "1;31"
	case 3:
		mark, code = "?", "1;33"
	}
	verdict := fmt.Sprintf("%s gate %s: %s", mark, text.Name(r.Suite), r.Verdict())
	if colour {
		verdict = "\x1b[" + code + "m" + verdict + "\x1b[0m"
	}
	fmt.Fprintln(out, verdict)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write gate: %w", err)
	}
	return nil
}

// Markdown writes the report for a step summary or a pull request, under 900 KiB.
func (r *Report) Markdown(w io.Writer) error {
	d := markdown.New(900 << 10)
	mark := map[int]string{0: "✅", 1: "❌", 3: "❔"}[r.Exit()]
	d.Printf("### %s gate %s: %s\n", mark, markdown.Prose(r.Suite), r.Verdict())
	if r.MatrixChanged {
		d.Printf("\nThe matrix is not the one of the baseline: new, gone and changed cases are its doing.\n")
	}
	s := d.Section("Errors of the run", len(r.Errors), 50<<10)
	for _, e := range r.Errors {
		s.Row("- " + markdown.Prose(e) + "\n")
	}
	s.End()
	for _, c := range Classes[:len(Classes)-1] {
		s := d.Section(c.Title(), r.Counts[c], 200<<10)
		s.Fold(!c.Worse() && c != CantTell && r.Counts[c] > 20, "every case")
		s.Row("| platform | from | to | before | now | why |\n|---|---|---|---|---|---|\n")
		for _, ch := range r.of(c) {
			s.Row(fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", markdown.Prose(ch.Platform), markdown.Code(text.Name(ch.Case.From)),
				markdown.Code(target(ch.Case)), markdown.Prose(ch.before()), markdown.Prose(ch.now()), markdown.Prose(ch.why())))
		}
		s.End()
	}
	if _, err := io.WriteString(w, d.String()); err != nil {
		return fmt.Errorf("write gate: %w", err)
	}
	return nil
}

// JUnit writes a testsuite a platform and a testcase for each case that is not
// unchanged: what got worse fails, what can't be told is an error.
func (r *Report) JUnit(w io.Writer) error {
	rep := &junitxml.Report{Name: "netconform gate " + r.Suite}
	index := map[string]int{}
	for i, e := range r.Errors {
		if i == 0 {
			rep.Suites = append(rep.Suites, junitxml.Suite{Name: r.Suite + ".gate.run"})
		}
		rep.Suites[0].Cases = append(rep.Suites[0].Cases, junitxml.Case{Classname: r.Suite + ".gate.run", Name: fmt.Sprintf("error %d", i+1),
			Error: &junitxml.Problem{Type: "run-error", Message: e, Body: junitxml.Body{Text: e}}})
	}
	for _, ch := range r.Changes {
		i, known := index[ch.Platform]
		if !known {
			i = len(rep.Suites)
			index[ch.Platform] = i
			rep.Suites = append(rep.Suites, junitxml.Suite{Name: r.Suite + ".gate." + ch.Platform})
		}
		c := junitxml.Case{Classname: rep.Suites[i].Name + "." + ch.Case.From, Name: ch.Case.Key()}
		problem := &junitxml.Problem{Type: string(ch.Class), Message: ch.Class.Title() + ": " + ch.story(), Body: junitxml.Body{Text: ch.story()}}
		switch {
		case ch.Class.Worse():
			c.Failure = problem
		case ch.Class == CantTell:
			c.Error = problem
		case ch.Class == Gone:
			c.Skipped = &junitxml.Skip{Message: ch.Class.Title()}
		default:
			c.Out = &junitxml.Body{Text: ch.Class.Title() + ": " + ch.story()}
		}
		rep.Suites[i].Cases = append(rep.Suites[i].Cases, c)
	}
	return junitxml.Write(w, rep)
}

// JSON writes the report: its exit code, the count of each class, and all
// changes, a line each.
func (r *Report) JSON(w io.Writer) error {
	type change struct {
		Class    Class           `json:"class"`
		Platform string          `json:"platform"`
		From     string          `json:"from"`
		To       string          `json:"to"`
		Port     int             `json:"port,omitempty"`
		Protocol matrix.Protocol `json:"protocol"`
		Before   string          `json:"before"`
		Now      string          `json:"now"`
		Why      string          `json:"why,omitempty"`
	}
	head, err := json.Marshal(struct {
		Schema        string        `json:"schema"`
		Suite         string        `json:"suite"`
		Exit          int           `json:"exit"`
		MatrixChanged bool          `json:"matrix_changed"`
		Counts        map[Class]int `json:"counts"`
		Errors        []string      `json:"errors,omitempty"`
	}{"netconform.gate/v1", r.Suite, r.Exit(), r.MatrixChanged, r.Counts, r.Errors})
	if err != nil {
		return fmt.Errorf("write gate: %w", err)
	}
	out := bufio.NewWriter(w)
	out.Write(head[:len(head)-1])
	out.WriteString(",\n\"changes\":[\n")
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for i, ch := range r.Changes {
		if i > 0 {
			out.WriteString(",")
		}
		if err := e.Encode(change{ch.Class, ch.Platform, ch.Case.From, ch.Case.To, ch.Case.Port, ch.Case.Protocol, ch.before(), ch.now(), ch.why()}); err != nil {
			return fmt.Errorf("write gate: %w", err)
		}
	}
	out.WriteString("]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write gate: %w", err)
	}
	return nil
}

func (r *Report) of(c Class) []Change {
	var out []Change
	for _, ch := range r.Changes {
		if ch.Class == c {
			out = append(out, ch)
		}
	}
	return out
}

func target(c matrix.Case) string {
	c.To = text.Name(c.To)
	return view.Target(c)
}

// before and now tell a side in a few words: "allow, as expected".
func (c Change) before() string {
	if c.Before == nil {
		return "not there"
	}
	return side(c.Before.Expected, c.Before.Seen, c.Before.Judgement)
}

func (c Change) now() string {
	if c.After == nil {
		return "not there"
	}
	return side(c.After.Expected, view.Seen(c.After), c.After.Judgement)
}

func side(expected, seen matrix.Verdict, j suites.Judgement) string {
	switch standingOf(j) {
	case inconclusive:
		return "not known"
	case skipped:
		return "skipped"
	case holds:
		return fmt.Sprintf("%s, as expected", seen)
	case accepted:
		return fmt.Sprintf("%s, where %s is expected, accepted", seen, expected)
	}
	return fmt.Sprintf("%s, where %s is expected", seen, expected)
}

func (c Change) why() string {
	if c.After == nil || c.Class == Fixed || c.Class == Closed {
		return ""
	}
	why := view.Why(c.After)
	if why != "" && c.After.Reason != "" {
		why += " (" + c.After.Reason + ")"
	}
	return why
}

func (c Change) story() string {
	s := "before " + c.before() + "; now " + c.now()
	if why := c.why(); why != "" {
		s += ": " + why
	}
	return s
}
