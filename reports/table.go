package reports

import (
	"fmt"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/markdown"
	"github.com/netconform/netconform/reports/internal/text"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// tables writes a truth table a platform: sources as rows, destinations as
// columns. A cell sums up all ports of the pair, DNS aside.
func (d document) tables(v *view.View) {
	for _, p := range v.Platforms {
		if p.Count.Cases == 0 {
			continue
		}
		rows, columns, cells := truth(v.Run.Services, p)
		s := d.Section("Truth table of "+markdown.Prose(p.Name)+", pairs", len(cells), 90<<10)
		s.Fold(true, "expected and seen: ✓ allow, · deny, <b>✗</b> forbidden but open, <b>!</b> needed but blocked, <b>≠</b> not as the files say, (✗) accepted, ? not known, – skipped; digits number the columns")
		for i, c := range columns {
			s.Row(fmt.Sprintf("%d %s\n", i+1, markdown.Code(text.Name(c)))) // the key of the columns
		}
		s.Row("\n|  |" + numbers(len(columns)) + "\n|---|" + strings.Repeat(":-:|", len(columns)) + "\n")
		for _, from := range rows {
			line := "| " + markdown.Code(text.Name(from)) + " |"
			for _, to := range columns {
				line += mark(cells[[2]string{from, to}]) + "|"
			}
			s.Row(line + "\n")
		}
		s.End()
	}
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d|", i+1)
	}
	return b.String()
}

// truth lists the sources, the destinations, and the results of each pair.
func truth(services []suites.Service, p view.Platform) (rows, columns []string, cells map[[2]string][]*suites.Result) {
	cells = map[[2]string][]*suites.Result{}
	from, to := map[string]bool{}, map[string]bool{}
	for _, r := range p.Results {
		if r.Protocol == matrix.DNS {
			continue
		}
		from[r.From], to[r.To] = true, true
		k := [2]string{r.From, r.To}
		cells[k] = append(cells[k], r)
	}
	add := func(name string) {
		if from[name] {
			rows = append(rows, name)
		}
		if to[name] {
			columns = append(columns, name)
		}
		from[name], to[name] = false, false
	}
	for _, s := range services {
		add(s.Name)
	}
	for _, r := range p.Results {
		add(r.From)
		add(r.To)
	}
	return rows, columns, cells
}

// mark sums up a pair: the most urgent of its ports.
func mark(results []*suites.Result) string {
	if len(results) == 0 {
		return " "
	}
	worst := results[0]
	for _, r := range results[1:] {
		if view.ClassOf(r) < view.ClassOf(worst) || (view.ClassOf(r) == view.Conforms && view.ClassOf(worst) == view.Conforms && r.Expected == matrix.Allow) {
			worst = r
		}
	}
	switch view.ClassOf(worst) {
	case view.Disagreement:
		return "**≠**"
	case view.UnexpectedAllow:
		return "**✗**"
	case view.UnexpectedDeny:
		return "**!**"
	case view.Inconclusive:
		return "?"
	case view.Skipped:
		return "–"
	case view.Accepted:
		return "(✗)"
	}
	if worst.Expected == matrix.Allow {
		return "✓"
	}
	return "·"
}
