package matrix

import (
	"fmt"
	"slices"
)

type pair struct{ from, to string }

// saying is what a source's "to" says of one destination.
type saying struct {
	rule  *Rule
	ports map[access]bool
}

func (l *linter) say(from string, r *Rule) {
	for _, to := range l.members(r.Peer) {
		if to == from {
			continue
		}
		s, ok := l.says[pair{from, to}]
		if !ok {
			s = saying{r, map[access]bool{}}
		}
		for _, p := range l.ports[to] {
			for number := p.Number; number <= p.End; number++ {
				one := Port{Number: number, End: number, Protocol: p.Protocol}
				if len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(q Port) bool { return q.covers(one) }) {
					s.ports[access{from, number, p.Protocol}] = true
				}
			}
		}
		if len(s.ports) > 0 {
			l.says[pair{from, to}] = s
		}
	}
}

// pairs compares the two sides of every pair whose source has a "to".
func (l *linter) pairs() {
	for _, p := range l.order() {
		says, said := l.says[p]
		var allowed, unsaid, unheard []Case
		for _, c := range l.byPair[p] {
			stated := says.ports[access{c.From, c.Port, c.Protocol}]
			if c.Expected == Allow {
				allowed = append(allowed, c)
			}
			switch {
			case c.Expected == Allow && !stated:
				unsaid = append(unsaid, c)
			case c.Expected == Deny && stated:
				unheard = append(unheard, c)
			}
		}
		if len(unsaid) > 0 {
			l.oneSided(unsaid[0].Pos, side{p.to, "from", p.from}, side{p.from, "to", p.to}, unsaid, said, Allow)
		}
		if len(unheard) > 0 {
			l.oneSided(says.rule.Pos, side{p.from, "to", p.to}, side{p.to, "from", p.from}, unheard, len(allowed) > 0, Deny)
		}
	}
}

// side is one side of a pair: whose list, which one, and whom it should name.
type side struct{ owner, list, peer string }

// oneSided notes what one side says and the other leaves out: the whole pair,
// or, where both name each other, single ports.
func (l *linter) oneSided(pos Pos, says, lacks side, cases []Case, both bool, expected Verdict) {
	message := fmt.Sprintf("%s lists %s in %q, and %s does not list %s in %q", says.owner, says.peer, says.list, lacks.owner, lacks.peer, lacks.list)
	mend := fmt.Sprintf("add %s to %q of %s, or take %s out of %q of %s", lacks.peer, lacks.list, lacks.owner, says.peer, says.list, says.owner)
	if both {
		ports := portList(casePorts(cases))
		message = fmt.Sprintf("%s lists %s in %q on port %s, and %q of %s leaves that out", says.owner, says.peer, says.list, ports, lacks.list, lacks.owner)
		mend = fmt.Sprintf("name the same ports in %q of %s and %q of %s", says.list, says.owner, lacks.list, lacks.owner)
	}
	l.add(OneSidedPair, pos, fmt.Sprintf("%s; \"from\" decides: expected %s", message, expected), mend)
}

// order lists the pairs of services, and of services and externals with ports,
// whose source says whom it talks to.
func (l *linter) order() []pair {
	var pairs []pair
	states, seen := map[string]bool{}, map[pair]bool{}
	for _, s := range l.m.Services {
		states[s.Name] = s.To != nil
	}
	for _, c := range l.cases {
		p := pair{c.From, c.To}
		if !states[c.From] || seen[p] {
			continue
		}
		seen[p] = true
		pairs = append(pairs, p)
	}
	return pairs
}

// casePorts returns the cases' ports, consecutive ones as a range.
func casePorts(cases []Case) []Port {
	var ports []Port
	for _, c := range cases {
		if n := len(ports); n > 0 && ports[n-1].End == c.Port-1 && ports[n-1].Protocol == c.Protocol {
			ports[n-1].End = c.Port
			continue
		}
		ports = append(ports, Port{Number: c.Port, End: c.Port, Protocol: c.Protocol})
	}
	return ports
}
