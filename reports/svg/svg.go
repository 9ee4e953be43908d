// Package svg draws a run as matrix.svg: a heat map a platform, sources as rows
// and destinations as columns, for READMEs and pull requests. The picture is a
// pure function of the run's verdicts: equal verdicts give equal bytes.
package svg

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/text"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// kinds are what a cell can say, in the order of their urgency, each with its
// class in the style sheet and its words in the legend.
var kinds = []struct{ class, words string }{
	{"n", "not as the files say"},
	{"b", "needed but blocked"},
	{"o", "forbidden but open"},
	{"q", "not known"},
	{"p", "accepted deviation"},
	{"a", "allowed, connects"},
	{"d", "forbidden, blocked"},
	{"s", "skipped"},
}

const (
	notAsFiles = iota
	blocked
	open
	unsure
	accepted
	allowed
	denied
	skipped
)

// style works on light and on dark: GitHub shows an image on either. The
// pictures' own background is transparent.
const style = `text{font:11px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#57606a}.t{font-weight:600;font-size:13px}` +
	`.f{fill:none;stroke:#8b949e;stroke-opacity:.35}.d{fill:#8b949e;fill-opacity:.16}.a{fill:#2da44e}.o{fill:#e5484d}.b{fill:#f76808}` +
	`.n{fill:#8e4ec6}.q{fill:#f5d90a}.p{fill:#e5484d;fill-opacity:.35}.s{fill:none;stroke:#8b949e;stroke-opacity:.4}` +
	`@media(prefers-color-scheme:dark){text{fill:#adbac7}}`

// Write draws the run. Pairs sum up their ports by the most urgent; DNS cases
// are left out.
func Write(w io.Writer, run *suites.Run) error {
	v := view.New(run)
	var panels []panel
	for _, p := range v.Platforms {
		if q := panelOf(run, p); len(q.cells) > 0 {
			panels = append(panels, q)
		}
	}
	out := bufio.NewWriter(w)
	draw(out, run, panels)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write svg: %w", err)
	}
	return nil
}

// panel is the heat map of one platform.
type panel struct {
	name    string
	rows    []string
	columns []string
	cells   map[[2]string]int // kind
}

func panelOf(run *suites.Run, p view.Platform) panel {
	q := panel{name: p.Name, cells: map[[2]string]int{}}
	from, to := map[string]bool{}, map[string]bool{}
	for _, r := range p.Results {
		if r.Protocol == matrix.DNS {
			continue
		}
		k, kind := [2]string{r.From, r.To}, kindOf(r)
		if was, known := q.cells[k]; !known || kind < was {
			q.cells[k] = kind
		}
		from[r.From], to[r.To] = true, true
	}
	for _, s := range run.Services {
		if from[s.Name] {
			q.rows = append(q.rows, s.Name)
		}
		if to[s.Name] {
			q.columns = append(q.columns, s.Name)
		}
	}
	return q
}

func kindOf(r *suites.Result) int {
	switch view.ClassOf(r) {
	case view.Disagreement:
		return notAsFiles
	case view.UnexpectedDeny:
		return blocked
	case view.UnexpectedAllow:
		return open
	case view.Accepted:
		return accepted
	case view.Skipped:
		return skipped
	case view.Conforms:
		if r.Expected == matrix.Allow {
			return allowed
		}
		return denied
	}
	return unsure
}

func draw(out io.Writer, run *suites.Run, panels []panel) {
	const size, gap, labelWidth, head = 14, 2, 150, 150
	step := size + gap
	if len(run.Services) > 60 { // labels would be unreadable: smaller cells, the same label size is not possible
		step = max(3, 900/len(run.Services))
	}
	cell := step - min(gap, step/3)
	labels := step >= 12
	left, top := labelWidth, head
	if !labels {
		left, top = 10, 30
	}
	width, height := 0, 0
	for _, p := range panels {
		width = max(width, left+len(p.columns)*step+40)
		height += top + len(p.rows)*step + 24
	}
	width = max(width, 560)
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img"><title>%s</title><style>%s</style>`+"\n",
		width, height+60, width, height+60, escape("Network conformance of "+text.Name(run.Suite)), style)
	y := 0
	for _, p := range panels {
		fmt.Fprintf(out, `<text class="t" x="10" y="%d">%s</text>`+"\n", y+20, escape(text.Name(p.name)))
		y += top
		if labels {
			for i, c := range p.columns {
				x := left + i*step + cell - 3
				fmt.Fprintf(out, `<text transform="translate(%d %d)rotate(-60)">%s</text>`+"\n", x, y-6, escape(text.Cut(text.Line(c), 22)))
			}
			for i, r := range p.rows {
				fmt.Fprintf(out, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-6, y+i*step+cell-3, escape(text.Cut(text.Line(r), 22)))
			}
		}
		cells(out, p, left, y, step, cell)
		y += len(p.rows)*step + 24
	}
	legend(out, y+6)
	fmt.Fprint(out, "</svg>\n")
}

// cells draws one path a kind: a tenth of the bytes of an element a cell.
func cells(out io.Writer, p panel, left, top, step, cell int) {
	paths := make([]strings.Builder, len(kinds))
	for y, from := range p.rows {
		for x, to := range p.columns {
			kind, known := p.cells[[2]string{from, to}]
			if known {
				fmt.Fprintf(&paths[kind], "M%d %dh%dv%dh-%dz", left+x*step, top+y*step, cell, cell, cell)
			}
		}
	}
	for i := range paths {
		if paths[i].Len() > 0 {
			fmt.Fprintf(out, `<path class="%s" d="%s"/>`+"\n", kinds[i].class, paths[i].String())
		}
	}
}

func legend(out io.Writer, y int) {
	for i, k := range kinds {
		x := 10 + i%4*138
		fmt.Fprintf(out, `<path class="%s" d="M%d %dh12v12h-12z"/><text x="%d" y="%d">%s</text>`+"\n", k.class, x, y+i/4*22, x+18, y+i/4*22+10, k.words)
	}
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}
