package reports

import (
	"fmt"
	"strings"

	"github.com/netconform/netconform/reports/internal/text"
)

// document is Markdown under a budget of bytes.
type document struct {
	b    strings.Builder
	left int
}

// printf writes without asking for the budget; only for what is always short.
func (d *document) printf(format string, args ...any) {
	n, _ := fmt.Fprintf(&d.b, format, args...)
	d.left -= n
}

// section is a part of a document with a share of its budget. Rows that do not
// fit are counted, not written.
type section struct {
	d      *document
	left   int
	empty  bool
	folded bool
	cut    int
}

// section starts a part; one of no items is left out.
func (d *document) section(title string, items, share int) *section {
	s := &section{d: d, empty: items == 0}
	if s.empty {
		return s
	}
	before := d.b.Len()
	if title == "Environment" {
		d.printf("\n### %s\n\n", title)
	} else {
		d.printf("\n### %s: %d\n\n", title, items)
	}
	s.left = min(share, d.left) - (d.b.Len() - before)
	return s
}

// fold hides the rows that follow behind a click.
func (s *section) fold(fold bool, label string) {
	if fold && !s.empty {
		s.folded = true
		s.d.printf("<details><summary>%s</summary>\n\n", label)
	}
}

// row writes a line of the section, or counts it where the share is used up.
// Once one is cut all that follow are.
func (s *section) row(line string) {
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

func (s *section) end() {
	if s.cut > 0 {
		s.d.printf("\n… and %d more lines, cut to keep this report small; results.json has them all.\n", s.cut)
	}
	if s.folded {
		s.d.printf("\n</details>\n")
	}
}

var mdEscape = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "{", `\{`, "}", `\}`, "[", `\[`, "]", `\]`,
	"#", `\#`, "|", `\|`, "~", `\~`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "@", "&#64;", "\n", " ",
)

// longest is the longest text from outside that is shown, in characters.
const longest = 600

// md makes a text from outside safe to show as prose: it reads as written, in a
// table too, and mentions nobody.
func md(s string) string { return mdEscape.Replace(text.Cut(text.Line(s), longest)) }

var codeEscape = strings.NewReplacer("`", "'", "|", `\|`, "\n", " ")

// code is a name or a place as a code span, in a table too. A code span knows no escape, so that a
// back quote is shown as a quote.
func code(s string) string {
	s = strings.TrimSpace(codeEscape.Replace(text.Cut(text.Line(s), 120)))
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
