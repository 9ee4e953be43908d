// Package markdown writes Markdown under a budget of bytes, from texts that can
// hold anything.
package markdown

import (
	"fmt"
	"strings"

	"github.com/netconform/netconform/reports/internal/text"
)

// Document is Markdown under a budget of bytes.
type Document struct {
	b    strings.Builder
	left int
}

// New starts a document of at most budget bytes.
func New(budget int) *Document { return &Document{left: budget} }

func (d *Document) String() string { return d.b.String() }

// Printf writes without asking for the budget; only for what is always short.
func (d *Document) Printf(format string, args ...any) {
	n, _ := fmt.Fprintf(&d.b, format, args...)
	d.left -= n
}

// NoCount is for a section whose items are not worth counting.
const NoCount = -1

// Section is a part of a document with a share of its budget. Rows that do not
// fit are counted, not written.
type Section struct {
	d      *Document
	left   int
	empty  bool
	folded bool
	cut    int
}

// Section starts a part with at most share bytes. One of no items is left out;
// one of NoCount has no number in its title.
func (d *Document) Section(title string, items, share int) *Section {
	s := &Section{d: d, empty: items == 0}
	if s.empty {
		return s
	}
	before := d.b.Len()
	if items == NoCount {
		d.Printf("\n### %s\n\n", title)
	} else {
		d.Printf("\n### %s: %d\n\n", title, items)
	}
	s.left = min(share, d.left) - (d.b.Len() - before)
	return s
}

// Fold hides the rows that follow behind a click.
func (s *Section) Fold(fold bool, label string) {
	if fold && !s.empty {
		s.folded = true
		s.d.Printf("<details><summary>%s</summary>\n\n", label)
	}
}

// Row writes a line of the section, or counts it where the share is used up.
// Once one is cut all that follow are.
func (s *Section) Row(line string) {
	switch {
	case s.empty:
	case s.cut > 0 || len(line) > s.left:
		s.cut++
	default:
		s.d.b.WriteString(line)
		s.left -= len(line)
		s.d.left -= len(line)
	}
}

// End says what was cut.
func (s *Section) End() {
	if s.cut > 0 {
		s.d.Printf("\n… and %d more lines, cut to keep this report small; results.json has them all.\n", s.cut)
	}
	if s.folded {
		s.d.Printf("\n</details>\n")
	}
}

var proseEscape = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "{", `\{`, "}", `\}`, "[", `\[`, "]", `\]`,
	"#", `\#`, "|", `\|`, "~", `\~`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "@", "&#64;", "\n", " ",
)

// longest is the longest text from outside that is shown, in characters.
const longest = 600

// Prose makes a text from outside safe to show as prose: it reads as written, in a
// table too, and mentions nobody.
func Prose(s string) string { return proseEscape.Replace(text.Cut(text.Line(s), longest)) }

var codeEscape = strings.NewReplacer("`", "'", "|", `\|`, "\n", " ")

// Code is a name or a place as a code span, in a table too. A code span knows no escape, so that a
// back quote is shown as a quote.
func Code(s string) string {
	s = strings.TrimSpace(codeEscape.Replace(text.Cut(text.Line(s), 120)))
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
