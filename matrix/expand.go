package matrix

// Expand returns every case: what no rule allows is denied.
//
// Every service, and every external without ports, is a source for every port
// of every other service; every service is one for every port of an external
// with ports. A service's traffic to itself is no case. DNS cases, from a
// service to another that it may talk to, come last: its name must resolve,
// or must not where the source says "dns: deny".
//
// The order is that of the file: by destination, then port, then source.
func (m *Matrix) Expand() []Case {
	var sources []string
	for _, s := range m.Services {
		sources = append(sources, s.Name)
	}
	services := len(sources)
	for _, e := range m.Externals {
		if len(e.Ports) == 0 {
			sources = append(sources, e.Name)
		}
	}
	members := m.memo()
	cases := make([]Case, 0, len(sources)*m.portCount())
	var lookups []Case
	for _, s := range m.Services {
		allowed := allow(s.From, s.Ports, members)
		cases = expand(cases, s.Name, s.Pos, s.Ports, sources, allowed)
		for _, from := range m.Services {
			rule, ok := allowed.any[from.Name]
			if ok && from.Name != s.Name {
				lookups = append(lookups, Case{from.Name, s.Name, 0, DNS, from.DNS, rule.Pos, rule.Why})
			}
		}
	}
	for _, e := range m.Externals {
		if len(e.Ports) > 0 {
			allowed := allow(e.From, e.Ports, members)
			cases = expand(cases, e.Name, e.Pos, e.Ports, sources[:services], allowed)
		}
	}
	return append(cases, lookups...)
}

// allowance is who may talk to one destination, and the first rule that says so.
type allowance struct {
	on  map[access]*Rule
	any map[string]*Rule // on at least one port
}

type access struct {
	from     string
	port     int
	protocol Protocol
}

func allow(rules []Rule, ports []Port, members func(string) []string) allowance {
	a := allowance{map[access]*Rule{}, map[string]*Rule{}}
	for i := range rules {
		rule := &rules[i]
		open := rule.Ports
		if len(open) == 0 {
			open = ports
		}
		for _, from := range members(rule.Peer) {
			for _, p := range open {
				for number := p.Number; number <= p.End; number++ {
					key := access{from, number, p.Protocol}
					if a.on[key] == nil {
						a.on[key] = rule
					}
					if a.any[from] == nil {
						a.any[from] = rule
					}
				}
			}
		}
	}
	return a
}

// portCount is how many ports all services and externals have.
func (m *Matrix) portCount() int {
	count := 0
	for _, ports := range m.portsByName() {
		for _, p := range ports {
			count += p.End - p.Number + 1
		}
	}
	return count
}

// expand appends the cases of one destination.
func expand(cases []Case, to string, pos Pos, ports []Port, sources []string, allowed allowance) []Case {
	for _, p := range ports {
		for number := p.Number; number <= p.End; number++ {
			for _, from := range sources {
				if from == to {
					continue
				}
				c := Case{From: from, To: to, Port: number, Protocol: p.Protocol, Expected: Deny, Pos: pos}
				if rule := allowed.on[access{from, number, p.Protocol}]; rule != nil {
					c.Expected, c.Pos, c.Why = Allow, rule.Pos, rule.Why
				}
				cases = append(cases, c)
			}
		}
	}
	return cases
}
