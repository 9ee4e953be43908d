package matrix

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The rules of Lint.
const (
	// OneSidedPair: a service's "to" and its peer's "from" contradict each other.
	OneSidedPair = "one-sided-pair"
	// MentionedPeer: a peer that is named and described nowhere.
	MentionedPeer = "mentioned-peer"
	// StatedPort: the documents state another port than the one that is verified.
	StatedPort = "stated-port"
	// UnusedService: nobody may reach it, and it may reach nobody.
	UnusedService = "unused-service"
	// UnreachableService: it has ports, and no service or external may reach it.
	UnreachableService = "unreachable-service"
	// UnreachablePort: others of the service's ports may be reached, this one by nobody.
	UnreachablePort = "unreachable-port"
	// UnusedExternal: an external that no rule names.
	UnusedExternal = "unused-external"
	// NoLookups: a service that may talk to others and may not look up their names.
	NoLookups = "no-lookups"
	// EmptyGroup: a group that stands for no service and no external.
	EmptyGroup = "empty-group"
	// UnusedGroup: a group that no rule and no other group names.
	UnusedGroup = "unused-group"
)

// Lint returns what the matrix contradicts in itself, sorted by place. None of
// it keeps the matrix from being used: "from" decides.
func (m *Matrix) Lint() []Finding {
	l := newLinter(m)
	l.pairs()
	l.mentioned()
	l.stated()
	l.services()
	l.externals()
	l.lookups()
	l.groups()
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.Rule, b.Rule))
	})
	return l.findings
}

// linter holds both sides of every pair: what "from" allows, which decides,
// and what "to" says.
type linter struct {
	m        *Matrix
	members  func(string) []string
	ports    map[string][]Port
	cases    []Case
	byPair   map[pair][]Case // without DNS, in the order of the ports
	says     map[pair]saying
	named    map[string][]string // a peer's name to the owners of the rules that name it
	findings []Finding
}

func newLinter(m *Matrix) *linter {
	l := &linter{m: m, members: m.memo(), ports: m.portsByName(), cases: m.Expand(), byPair: map[pair][]Case{}, says: map[pair]saying{}, named: map[string][]string{}}
	for _, c := range l.cases {
		if c.Protocol != DNS {
			l.byPair[pair{c.From, c.To}] = append(l.byPair[pair{c.From, c.To}], c)
		}
	}
	for i := range m.Services {
		s := &m.Services[i]
		l.name(s.Name, s.From)
		l.name(s.Name, s.To)
		for j := range s.To {
			l.say(s.Name, &s.To[j])
		}
	}
	for _, e := range m.Externals {
		l.name(e.Name, e.From)
	}
	for _, g := range m.Groups {
		for _, member := range g.Members {
			l.named[member.Name] = append(l.named[member.Name], "group "+g.Name)
		}
	}
	return l
}

func (l *linter) name(owner string, rules []Rule) {
	for _, r := range rules {
		if !slices.Contains(l.named[r.Peer], owner) {
			l.named[r.Peer] = append(l.named[r.Peer], owner)
		}
	}
}

func (l *linter) add(rule string, pos Pos, message, mend string) {
	l.findings = append(l.findings, Finding{rule, pos, message, mend})
}

func (l *linter) mentioned() {
	for _, n := range l.m.Mentioned {
		owners := l.named[n.Name]
		if len(owners) == 0 {
			l.add(MentionedPeer, n.Pos, fmt.Sprintf("%s is mentioned, and no rule names it", n.Name), "remove it")
			continue
		}
		l.add(MentionedPeer, n.Pos,
			fmt.Sprintf("%s is named by %s and described nowhere: it has no ports, no stand-in and no cases", n.Name, strings.Join(owners, ", ")),
			fmt.Sprintf("describe %s as a service or an external", n.Name))
	}
}

func (l *linter) stated() {
	for _, s := range l.m.Services {
		if len(s.Stated) > 0 {
			l.add(StatedPort, s.Stated[0].Pos,
				fmt.Sprintf("%s is verified on %s, and %s is stated elsewhere for it", s.Name, portList(s.Ports), portList(s.Stated)),
				"find out which port is right, correct the documents, and remove \"stated\"")
		}
	}
}

// services finds those that the rules leave out.
func (l *linter) services() {
	reached, talks := map[string]bool{}, map[string]bool{}
	open := map[access]bool{}
	for _, c := range l.cases {
		if c.Expected == Allow && c.Protocol != DNS {
			reached[c.To], talks[c.From] = true, true
			open[access{c.To, c.Port, c.Protocol}] = true
		}
	}
	for _, s := range l.m.Services {
		switch {
		case !reached[s.Name] && !talks[s.Name]:
			l.add(UnusedService, s.Pos, fmt.Sprintf("nobody may reach %s, and it may reach nobody", s.Name),
				"add the rules that it needs, or remove it")
		case !reached[s.Name] && len(s.Ports) > 0:
			l.add(UnreachableService, s.Pos, fmt.Sprintf("%s has ports, and no service or external may reach them", s.Name),
				"add who may, or remove its ports")
		default:
			l.unreachable(s, open)
		}
	}
}

func (l *linter) unreachable(s Service, open map[access]bool) {
	for _, p := range s.Ports {
		used := false
		for number := p.Number; number <= p.End && !used; number++ {
			used = open[access{s.Name, number, p.Protocol}]
		}
		if !used {
			l.add(UnreachablePort, p.Pos, fmt.Sprintf("nobody may reach port %s of %s", p, s.Name), "add who may, or remove the port")
		}
	}
}

func (l *linter) externals() {
	for _, e := range l.m.Externals {
		used := slices.ContainsFunc(l.cases, func(c Case) bool {
			return c.Expected == Allow && (c.From == e.Name || c.To == e.Name)
		})
		if !used {
			l.add(UnusedExternal, e.Pos, fmt.Sprintf("no rule lets external %s talk or be talked to", e.Name), "name it in a rule, or remove it")
		}
	}
}

func (l *linter) lookups() {
	named := map[string]bool{}
	for _, c := range l.cases {
		if s := l.m.Service(c.From); c.Protocol == DNS && c.Expected == Deny && !named[c.From] {
			named[c.From] = true
			l.add(NoLookups, s.Pos, fmt.Sprintf("%s may talk to %s, and \"dns: deny\" keeps it from looking up the name", c.From, c.To),
				"remove \"dns: deny\", unless it connects to addresses only")
		}
	}
}

func (l *linter) groups() {
	for _, g := range l.m.Groups {
		if len(l.members(g.Name)) == 0 {
			l.add(EmptyGroup, g.Pos, fmt.Sprintf("group %s stands for no service and no external: rules that name it allow nothing", g.Name), "add members, or remove it")
		}
		if len(l.named[g.Name]) == 0 {
			l.add(UnusedGroup, g.Pos, fmt.Sprintf("no rule names group %s", g.Name), "remove it")
		}
	}
}
