package matrix

import "fmt"

// Table is the expected truth table: a row for each source, a column for each
// destination.
type Table struct {
	Name    string
	Sources []string
	// Destinations are the services and externals with ports.
	Destinations []Destination
	// Cells holds a row for each source.
	Cells [][]Cell
	// Allowed and Denied count the cases on ports; Lookups those of DNS.
	Allowed, Denied, Lookups int
}

// Destination is a column.
type Destination struct {
	Name  string
	Ports []Port
}

// Cell is what is expected of one source and destination.
type Cell struct {
	// Verdict is Allow where all ports are, Deny where none is, Partial where
	// some are; empty where there is no case: a service and itself.
	Verdict Verdict
	// Allowed and Denied are the ports on either side, where the verdict is Partial.
	Allowed, Denied []Port
}

// Plan tabulates what m expects.
func Plan(m *Matrix) Table {
	t := Table{Name: m.Name}
	for _, s := range m.Services {
		t.Sources = append(t.Sources, s.Name)
		t.destination(s.Name, s.Ports)
	}
	for _, e := range m.Externals {
		if len(e.Ports) == 0 {
			t.Sources = append(t.Sources, e.Name)
		}
		t.destination(e.Name, e.Ports)
	}
	byPair := map[pair][]Case{}
	for _, c := range m.Expand() {
		switch {
		case c.Protocol == DNS:
			t.Lookups++
			continue
		case c.Expected == Allow:
			t.Allowed++
		default:
			t.Denied++
		}
		byPair[pair{c.From, c.To}] = append(byPair[pair{c.From, c.To}], c)
	}
	t.Cells = make([][]Cell, len(t.Sources))
	for i, from := range t.Sources {
		t.Cells[i] = make([]Cell, len(t.Destinations))
		for j, to := range t.Destinations {
			t.Cells[i][j] = cell(byPair[pair{from, to.Name}])
		}
	}
	return t
}

func (t *Table) destination(name string, ports []Port) {
	if len(ports) > 0 {
		t.Destinations = append(t.Destinations, Destination{name, ports})
	}
}

func cell(cases []Case) Cell {
	if len(cases) == 0 {
		return Cell{}
	}
	var allowed, denied []Case
	for _, c := range cases {
		if c.Expected == Allow {
			allowed = append(allowed, c)
		} else {
			denied = append(denied, c)
		}
	}
	switch {
	case len(allowed) == 0:
		return Cell{Verdict: Deny}
	case len(denied) == 0:
		return Cell{Verdict: Allow}
	}
	return Cell{Partial, casePorts(allowed), casePorts(denied)}
}

// counts is the table's last line.
func (t Table) counts() string {
	return fmt.Sprintf("%d cases: %d allow, %d deny, %d DNS", t.Allowed+t.Denied+t.Lookups, t.Allowed, t.Denied, t.Lookups)
}
