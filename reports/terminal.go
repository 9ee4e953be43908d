package reports

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/netconform/netconform/reports/internal/text"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// TerminalOptions say how a run is shown to a person.
type TerminalOptions struct {
	// Colour marks verdicts with ANSI colours; see ColourFor.
	Colour bool
	// Limit bounds the single lines of each kind of difference on a platform; 0 means 8.
	Limit int
	// More is where the whole lists are, such as "out/report.md"; empty means
	// that they are nowhere, and the text says to ask for a report.
	More string
}

// ColourFor reports whether w is a terminal that wants colour: a character
// device, without NO_COLOR (https://no-color.org) and not TERM=dumb.
func ColourFor(w io.Writer, env func(string) string) bool {
	if env("NO_COLOR") != "" || env("TERM") == "dumb" {
		return false
	}
	f, isFile := w.(*os.File)
	if !isFile {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Terminal writes a run for a person: the counts, what differs (the pattern
// before the single lines), what was not run and why, and the verdict as the
// last line, where the eye is.
func Terminal(w io.Writer, run *suites.Run, o TerminalOptions) error {
	if o.Limit == 0 {
		o.Limit = 8
	}
	t := &terminal{b: bufio.NewWriter(w), o: o, v: view.New(run)}
	for _, c := range []view.Class{view.Disagreement, view.UnexpectedDeny, view.UnexpectedAllow, view.Inconclusive} {
		t.differences(c)
	}
	t.accepted()
	t.notRun()
	t.counts()
	for _, e := range t.v.Errors {
		t.printf("%s %s\n", t.paint(red, "error:"), text.Cut(text.Line(e), 1000))
	}
	t.verdict()
	if err := t.b.Flush(); err != nil {
		return fmt.Errorf("write to the terminal: %w", err)
	}
	return nil
}

type terminal struct {
	b *bufio.Writer
	o TerminalOptions
	v *view.View
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
	faint  = "2"
)

func (t *terminal) paint(colour, s string) string {
	if !t.o.Colour {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func (t *terminal) printf(format string, args ...any) { fmt.Fprintf(t.b, format, args...) }

// few results are shown with all that is known of each; of more, the pattern
// comes first, and each is one line.
const few = 4

// differences shows one class: for each platform the pattern by tiers, what would
// mend most of it, and then single lines.
func (t *terminal) differences(c view.Class) {
	shown := false
	for _, p := range t.v.Platforms {
		results := p.Of(c)
		if len(results) == 0 {
			continue
		}
		if !shown {
			t.printf("%s\n", t.paint(bold, c.Title()))
			shown = true
		}
		t.printf("  %s: %s\n", text.Name(p.Name), view.Plural(len(results), "case", "cases"))
		if len(results) <= few {
			t.details(results)
			continue
		}
		if why := sameEvidence(results); why != "" {
			t.printf("    %s\n", text.Cut(text.Line(why), 400))
			continue
		}
		t.groups(t.v.Groups(results))
		if c != view.Inconclusive {
			t.mends(results)
		}
		t.lines(results)
	}
	if shown {
		t.printf("\n")
	}
}

// sameEvidence is the evidence that all results have in common, as where a
// platform could not be set up; empty where they differ.
func sameEvidence(results []*suites.Result) string {
	for _, r := range results {
		if r.Evidence != results[0].Evidence {
			return ""
		}
	}
	return results[0].Evidence
}

func (t *terminal) groups(groups []view.Group) {
	const most = 8
	tw := tabwriter.NewWriter(t.b, 0, 0, 2, ' ', 0)
	for i, g := range groups {
		if i == most {
			break
		}
		way := through(g)
		if way != "" {
			way = "through " + way
		}
		fmt.Fprintf(tw, "    %s → %s\t%s\t%s\n", text.Name(g.From), text.Name(g.To), view.Plural(len(g.Results), "case", "cases"), way)
	}
	tw.Flush()
	if n := len(groups) - most; n > 0 {
		t.printf("    … and %s\n", view.Plural(n, "more pair of tiers", "more pairs of tiers"))
	}
}

// mends shows what would turn most cases round.
func (t *terminal) mends(results []*suites.Result) {
	const most = 4
	mends := view.Mends(results)
	if len(mends) == 0 || mends[0].Count == 1 {
		return
	}
	t.printf("    to mend them:\n")
	for i, m := range mends {
		if i == most || m.Count == 1 {
			t.printf("      %s\n", t.paint(faint, fmt.Sprintf("… and %s, %s", view.Plural(len(mends)-i, "more change", "more changes"), t.more())))
			break
		}
		t.printf("      %s: %s\n", view.Plural(m.Count, "case", "cases"), text.Cut(text.Line(m.Word), 240))
	}
}

// lines shows each result on one line.
func (t *terminal) lines(results []*suites.Result) {
	t.printf("    each:\n")
	for i, r := range results {
		if i == t.o.Limit {
			t.printf("      %s\n", t.paint(faint, fmt.Sprintf("… and %d more, %s", len(results)-i, t.more())))
			return
		}
		t.printf("      %s → %s: %s %s\n", text.Name(r.From), target(r.Case), text.Cut(text.Line(headline(r)), 150), t.paint(faint, "("+text.Line(r.Reason)+")"))
	}
}

// details shows results with all that is known of them.
func (t *terminal) details(results []*suites.Result) {
	for _, r := range results {
		t.printf("      %s → %s: %s\n", text.Name(r.From), target(r.Case), text.Cut(text.Line(headline(r)), 400))
		var notes []string
		note := func(name, value string) {
			if value != "" {
				notes = append(notes, name+": "+text.Cut(text.Line(value), 400))
			}
		}
		if !view.Static(r.Platform) {
			note("files", r.Explanation)
		}
		note("mend", r.Mend)
		note("matrix", r.Reason)
		t.printf("        %s\n", t.paint(faint, strings.Join(notes, "; ")))
	}
}

func (t *terminal) more() string {
	if t.o.More == "" {
		return "--report DIR lists them all"
	}
	return "see " + t.o.More
}

func (t *terminal) accepted() {
	if len(t.v.Run.Accepts) == 0 {
		return
	}
	t.printf("%s\n", t.paint(bold, "Accepted deviations"))
	for _, a := range t.v.Run.Accepts {
		expires := ""
		if a.Expires != "" {
			expires = ", until " + text.Line(a.Expires)
		}
		t.printf("  %s: %s (%s%s)\n", text.Cut(text.Line(a.Where), 120), view.Plural(a.Count, "case", "cases"), text.Cut(text.Line(a.Reason), 200), expires)
	}
	t.printf("\n")
}

func (t *terminal) notRun() {
	groups := skips(t.v)
	shown := len(groups) > 0
	for _, p := range t.v.Platforms {
		shown = shown || p.NotRun != ""
	}
	if !shown {
		return
	}
	t.printf("%s\n", t.paint(bold, "Not run"))
	for _, p := range t.v.Platforms {
		if p.NotRun != "" {
			t.printf("  %s: %s\n", text.Name(p.Name), text.Cut(text.Line(p.NotRun), 300))
		}
	}
	for i, g := range groups {
		if i == t.o.Limit {
			t.printf("  … and %s, %s\n", view.Plural(len(groups)-i, "more reason", "more reasons"), t.more())
			break
		}
		t.printf("  %s: %s skipped: %s\n", text.Name(g.platform), view.Plural(g.count, "case", "cases"), text.Cut(text.Line(g.reason), 200))
	}
	t.printf("\n")
}

func (t *terminal) counts() {
	tw := tabwriter.NewWriter(t.b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "\tcases\tconform\tviolations\tinconclusive\tskipped\taccepted\t\n")
	for _, p := range t.v.Platforms {
		c := p.Count
		if c.Cases > 0 {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", text.Name(p.Name), c.Cases, c.Conforms, c.Violations, c.Inconclusive, c.Skipped, c.Accepted)
		}
	}
	tw.Flush()
	t.printf("\n")
}

func (t *terminal) verdict() {
	colour, mark := map[view.State]string{view.Conforming: green, view.Failed: red}[t.v.State()], "✓"
	switch t.v.State() {
	case view.Failed:
		mark = "✗"
	case view.Unknown, view.NothingJudged:
		colour, mark = yellow, "?"
	}
	t.printf("%s\n", t.paint(strings.Join([]string{bold, colour}, ";"), fmt.Sprintf("%s %s %s", mark, text.Name(t.v.Run.Suite), t.v.Verdict())))
}
