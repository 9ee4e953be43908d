package matrix

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// numbered gives every peer of the table its number: sources by their row, and
// then the destinations that are no sources. Names as column heads would make
// a table of 25 services 500 letters wide.
func (t Table) numbered() (names []string, number map[string]int) {
	names = slices.Clone(t.Sources)
	for _, d := range t.Destinations {
		if !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	number = map[string]int{}
	for i, name := range names {
		number[name] = i + 1
	}
	return names, number
}

func (t Table) ports() map[string]string {
	ports := map[string]string{}
	for _, d := range t.Destinations {
		ports[d.Name] = portList(d.Ports)
	}
	return ports
}

// Text writes the table for a terminal. Columns carry the numbers of the rows,
// read downwards.
func (t Table) Text(w io.Writer) error {
	var b strings.Builder
	names, number := t.numbered()
	ports := t.ports()
	wide, widePorts := len("from"), len("ports")
	for _, name := range names {
		wide, widePorts = max(wide, len(name)), max(widePorts, len(ports[name]))
	}
	digits := len(strconv.Itoa(len(names)))
	fmt.Fprintf(&b, "%s: rows talk to columns, both by number\nA all ports  p some ports  . none  - itself\n\n", t.Name)
	for line := range digits {
		left := []string{"", "", ""}
		if line == digits-1 {
			left = []string{"", "from", "ports"}
		}
		head := fmt.Sprintf("%*s  %-*s  %-*s ", digits, left[0], wide, left[1], widePorts, left[2])
		for _, d := range t.Destinations {
			head += " " + fmt.Sprintf("%*d", digits, number[d.Name])[line:line+1]
		}
		b.WriteString(strings.TrimRight(head, " ") + "\n")
	}
	for i, name := range names {
		line := fmt.Sprintf("%*d  %-*s  %-*s ", digits, i+1, wide, name, widePorts, ports[name])
		if i < len(t.Sources) {
			for _, c := range t.Cells[i] {
				line += " " + marks[c.Verdict]
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString("\n")
	t.partial(func(from, to string, allowed, denied []Port) {
		fmt.Fprintf(&b, "p  %s to %s: %s, not %s\n", from, to, portList(allowed), portList(denied))
	})
	fmt.Fprintf(&b, "%s\n", t.counts())
	_, err := io.WriteString(w, b.String())
	return err
}

var marks = map[Verdict]string{Allow: "A", Partial: "p", Deny: ".", "": "-"}

// Markdown writes the table for a review or a step summary.
func (t Table) Markdown(w io.Writer) error {
	var b strings.Builder
	names, number := t.numbered()
	ports := t.ports()
	fmt.Fprintf(&b, "### Plan of %s\n\nRows talk to columns, both by number. ✅ all ports, a list: these ports only, · none.\n\n", t.Name)
	b.WriteString("| # | from | ports |")
	for _, d := range t.Destinations {
		fmt.Fprintf(&b, " %d |", number[d.Name])
	}
	b.WriteString("\n| ---: | --- | --- |" + strings.Repeat(" :---: |", len(t.Destinations)) + "\n")
	for i, name := range names {
		fmt.Fprintf(&b, "| %d | %s | %s |", i+1, name, ports[name])
		for j := range t.Destinations {
			mark := ""
			if i < len(t.Sources) {
				mark = markdownMark(t.Cells[i][j])
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n%s\n", t.counts())
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownMark(c Cell) string {
	switch c.Verdict {
	case Allow:
		return "✅"
	case Partial:
		return portList(c.Allowed)
	case Deny:
		return "·"
	}
	return "–"
}

// partial calls f for every cell where some ports are allowed and others not.
func (t Table) partial(f func(from, to string, allowed, denied []Port)) {
	for i, row := range t.Cells {
		for j, c := range row {
			if c.Verdict == Partial {
				f(t.Sources[i], t.Destinations[j].Name, c.Allowed, c.Denied)
			}
		}
	}
}
