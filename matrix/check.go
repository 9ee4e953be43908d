package matrix

import (
	"regexp"
	"slices"

	"github.com/netconform/netconform/matrix/strict"
)

// Everyone is the peer that stands for all services and externals.
const Everyone = "*"

// label is a DNS label (RFC 1123, section 2.1): names become host names, and
// parts of labels and of Kubernetes objects.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// named is what a name stands for, and where it was first used.
type named struct {
	kind string // "service", "tier", "group", "external" or "mentioned peer"
	pos  Pos
}

// checker finds what the decoder can't: what one line says about another.
type checker struct {
	m        *Matrix
	root     *strict.Node
	problems *strict.Problems
	kinds    map[string]named
	names    []string // the keys of kinds, in the order of their declaration
	members  func(peer string) []string
	has      map[string][]Port // by service and external
}

func (c *checker) check(raw *document) {
	c.name("matrix", raw.Matrix)
	c.declare(raw)
	if len(raw.Services) == 0 && raw.Services != nil {
		c.problems.Add(strict.At(c.m.File, c.root, "services"), "there are no services; add at least one")
	}
	for _, s := range raw.Services {
		if dns := s.Value.DNS; dns.Name != "" && dns.Name != string(Allow) && dns.Name != string(Deny) {
			c.problems.Add(dns.Pos, "dns is %q; write allow or deny", dns.Name)
		}
	}
	c.groups()
	for i := range c.m.Services {
		s := &c.m.Services[i]
		c.ports("service", s.Name, s.Pos, s.Ports)
		c.ports("service", s.Name, s.Pos, s.Stated)
		for _, p := range s.Stated {
			if i := slices.IndexFunc(s.Ports, p.overlaps); i >= 0 && p.Number > 0 {
				c.problems.Add(p.Pos, "stated port %s is one of the service's ports already; remove it here", p)
			}
		}
	}
	for i := range c.m.Externals {
		e := &c.m.Externals[i]
		c.ports("external", e.Name, e.Pos, e.Ports)
	}
	c.members, c.has = c.m.memo(), c.m.portsByName()
	for i := range c.m.Services {
		s := &c.m.Services[i]
		c.from(s.Name, s.Ports, s.From)
		c.to(s.Name, s.To)
	}
	for i := range c.m.Externals {
		e := &c.m.Externals[i]
		c.from(e.Name, e.Ports, e.From)
	}
}

// ports checks one list of ports: numbers, names, overlaps and size.
func (c *checker) ports(kind, owner string, pos Pos, ports []Port) {
	total := 0
	for i, p := range ports {
		if p.Number == 0 {
			if p.Name != "" {
				c.problems.Add(p.Pos, "port %q has no number; write {name: %s, port: 80}", p.Name, p.Name)
			}
			continue
		}
		if p.Name != "" && (!label.MatchString(p.Name) || p.Name[0] < 'a') {
			c.problems.Add(p.Pos, "port name %q is no DNS label that begins with a letter; rename it", p.Name)
		}
		if total += p.End - p.Number + 1; total > MaxPorts {
			c.problems.Add(pos, "%s %q has more than %d ports; narrow its ranges", kind, owner, MaxPorts)
			return
		}
		for _, q := range ports[:i] {
			switch {
			case q.Number == 0:
			case p.overlaps(q):
				c.problems.Add(p.Pos, "port %s is in the list already, on line %d; remove one", p, q.Pos.Line)
			case p.Name != "" && p.Name == q.Name:
				c.problems.Add(p.Pos, "port name %q is used twice, first on line %d; rename one", p.Name, q.Pos.Line)
			}
		}
	}
}
