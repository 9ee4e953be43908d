package initial

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netconform/netconform/matrix"
)

// everybody is the group of all services, where somebody is open to all of them.
const everybody = "everybody"

// open gives the draft's services and externals the rules that verdicts show:
// an allow, or a partial one, since one open way is enough for an attacker, and
// enough to be relied upon. Lookups are passed over. What is not known becomes a
// comment, and no rule.
func (d *draft) open(cases []matrix.Case, verdict func(int) matrix.Verdict) {
	on := map[string]map[string][]port{} // destination → source → ports
	unknown := map[string][]string{}
	for i, c := range cases {
		if c.Protocol == matrix.DNS {
			continue
		}
		switch verdict(i) {
		case matrix.Allow, matrix.Partial:
			if on[c.To] == nil {
				on[c.To] = map[string][]port{}
			}
			on[c.To][c.From] = append(on[c.To][c.From], port{number: c.Port, protocol: c.Protocol})
		case matrix.Unknown:
			unknown[c.To] = append(unknown[c.To], fmt.Sprintf("%s on %d/%s", c.From, c.Port, c.Protocol))
		}
	}
	var all []string
	for _, s := range d.services {
		all = append(all, s.name)
	}
	sources := slices.Clone(all)
	for _, e := range d.externals {
		sources = append(sources, e.name)
	}
	for i := range d.services {
		s := &d.services[i]
		s.from = d.rules(s.name, s.ports, all, sources, on[s.name])
		if list := unknown[s.name]; len(list) > 0 {
			s.notes = append(s.notes, "not known: "+strings.Join(list, ", "))
		}
	}
	for i := range d.externals {
		e := &d.externals[i]
		e.from = d.rules(e.name, e.ports, all, all, on[e.name])
		if list := unknown[e.name]; len(list) > 0 {
			e.note = strings.TrimSpace(e.note + " Not known: " + strings.Join(list, ", "))
		}
	}
}

// rules are a destination's, in the order of the sources; ports are named only
// where they are not all of the destination's.
func (d *draft) rules(to string, own []port, all, sources []string, on map[string][]port) []rule {
	var full []string
	for _, s := range all {
		if s != to && len(on[s]) == len(own) && len(own) > 0 {
			full = append(full, s)
		}
	}
	var rules []rule
	together := len(full) > 2 && len(full) == len(without(all, to))
	if together {
		if len(d.groups) == 0 {
			d.groups = []group{{name: everybody, members: all}}
		}
		rules = append(rules, rule{peer: everybody})
	}
	for _, s := range sources {
		switch {
		case len(on[s]) == 0 || together && slices.Contains(full, s):
		case len(on[s]) == len(own):
			rules = append(rules, rule{peer: s})
		default:
			rules = append(rules, rule{peer: s, ports: on[s]})
		}
	}
	return rules
}

func without(list []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == name })
}
