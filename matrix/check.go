package matrix

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

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

// declare gives every name its one meaning.
func (c *checker) declare(raw *document) {
	for _, e := range raw.Externals {
		c.add("external", Named{e.Name, e.Pos})
	}
	for _, g := range raw.Groups {
		c.add("group", Named{g.Name, g.Pos})
	}
	for _, n := range raw.Mentioned {
		c.add("mentioned peer", n)
	}
	for _, s := range raw.Services {
		c.add("service", Named{s.Name, s.Pos})
	}
	seen := map[string]bool{}
	for _, s := range raw.Services {
		if tier := s.Value.Tier; !seen[tier.Name] {
			c.add("tier", tier)
			seen[tier.Name] = true
		}
	}
}

func (c *checker) add(kind string, n Named) {
	if n.Name == "" {
		return
	}
	c.name(kind, n)
	if first, taken := c.kinds[n.Name]; taken {
		c.problems.Add(n.Pos, "%s %q has the name of the %s on line %d; rename one", kind, n.Name, first.kind, first.pos.Line)
		return
	}
	c.kinds[n.Name] = named{kind, n.Pos}
	c.names = append(c.names, n.Name)
}

func (c *checker) name(kind string, n Named) {
	if n.Name != "" && !label.MatchString(n.Name) {
		c.problems.Add(n.Pos, "%s name %q is no DNS label; use up to 63 lower-case letters, digits and inner hyphens", kind, n.Name)
	}
}

func (c *checker) groups() {
	for _, g := range c.m.Groups {
		seen := map[string]bool{}
		for _, member := range g.Members {
			switch {
			case seen[member.Name]:
				c.problems.Add(member.Pos, "group %q has %q twice; remove one", g.Name, member.Name)
			case member.Name == Everyone:
				c.problems.Add(member.Pos, "group %q can't hold \"*\"; use \"*\" itself as the peer", g.Name)
			default:
				c.known(member)
			}
			seen[member.Name] = true
		}
	}
	c.cycles()
}

// cycles names each cycle of groups once, at its first group in the file.
func (c *checker) cycles() {
	groups := map[string]Group{}
	for _, g := range c.m.Groups {
		groups[g.Name] = g
	}
	done := map[string]bool{}
	var trail []string
	var visit func(name string)
	visit = func(name string) {
		if i := slices.Index(trail, name); i >= 0 {
			cycle := append(slices.Clone(trail[i:]), name)
			c.problems.Add(groups[name].Pos, "group %q contains itself: %s; take one of them out", name, strings.Join(cycle, " > "))
			return
		}
		g, is := groups[name]
		if !is || done[name] {
			return
		}
		trail = append(trail, name)
		for _, member := range g.Members {
			visit(member.Name)
		}
		trail = trail[:len(trail)-1]
		done[name] = true
	}
	for _, g := range c.m.Groups {
		visit(g.Name)
	}
}

// known notes a name that nothing declares.
func (c *checker) known(n Named) bool {
	if _, ok := c.kinds[n.Name]; ok || n.Name == Everyone {
		return true
	}
	if n.Name == "" {
		return false // noted by the decoder
	}
	if s := strict.Suggest(n.Name, c.names); s != "" {
		c.problems.Add(n.Pos, "unknown peer %q; did you mean %q?", n.Name, s)
	} else {
		c.problems.Add(n.Pos, "unknown peer %q; declare it under services, externals, groups or mentioned", n.Name)
	}
	return false
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
		total += p.End - p.Number + 1
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
	if total > MaxPorts {
		c.problems.Add(pos, "%s %q has %d ports, more than %d; narrow its ranges", kind, owner, total, MaxPorts)
	}
}

// from checks who may talk to a service or external.
func (c *checker) from(owner string, ports []Port, rules []Rule) {
	if len(rules) > 0 && len(ports) == 0 {
		c.problems.Add(rules[0].Pos, "%q has \"from\" but no ports to talk to; add \"ports\" or remove \"from\"", owner)
	}
	for i := range rules {
		r := &rules[i]
		if !c.peer(owner, rules, i) {
			continue
		}
		if e := c.m.External(r.Peer); e != nil && len(e.Ports) > 0 {
			c.problems.Add(r.Pos, "external %q has ports: it is talked to and can't talk; use an external without ports", r.Peer)
		}
		if len(ports) > 0 {
			c.resolve(r, fmt.Sprintf("%q", owner), ports)
		}
	}
}

// to checks whom a service says that it talks to.
func (c *checker) to(owner string, rules []Rule) {
	for i := range rules {
		r := &rules[i]
		if !c.peer(owner, rules, i) {
			continue
		}
		var ports []Port
		for _, member := range c.m.Members(r.Peer) {
			if member != owner {
				ports = append(ports, c.m.portsOf(member)...)
			}
		}
		kind := c.kinds[r.Peer].kind
		if len(ports) == 0 && (kind == "service" || kind == "external") {
			c.problems.Add(r.Pos, "%q has no ports: nobody can talk to it; give it ports or remove it here", r.Peer)
		}
		if len(ports) > 0 {
			c.resolve(r, fmt.Sprintf("%q", r.Peer), ports)
		}
	}
}

// peer checks a rule's peer, and reports whether it can be looked at further.
func (c *checker) peer(owner string, rules []Rule, i int) bool {
	r := rules[i]
	if !c.known(Named{r.Peer, r.Pos}) {
		return false
	}
	if r.Peer == owner {
		c.problems.Add(r.Pos, "%q lists itself; remove it: a service's traffic to itself is no case", owner)
		return false
	}
	for _, before := range rules[:i] {
		if before.Peer == r.Peer && samePorts(before, r) {
			c.problems.Add(r.Pos, "%q is listed twice, first on line %d; keep one", r.Peer, before.Pos.Line)
			return false
		}
	}
	return true
}

// samePorts reports whether two rules for one peer speak of a port both.
func samePorts(a, b Rule) bool {
	if len(a.Ports) == 0 || len(b.Ports) == 0 {
		return true
	}
	return slices.ContainsFunc(a.Ports, func(p Port) bool {
		return slices.ContainsFunc(b.Ports, func(q Port) bool {
			return p.Name != "" && p.Name == q.Name || p.Number > 0 && q.Number > 0 && p.overlaps(q)
		})
	})
}

// resolve turns the names of a rule's ports into numbers and checks that the
// destination has each.
func (c *checker) resolve(r *Rule, owner string, ports []Port) {
	if slices.ContainsFunc(ports, func(p Port) bool { return p.Number == 0 }) {
		return // noted already: what the destination has is not known
	}
	var resolved []Port
	for _, p := range r.Ports {
		var found []Port
		for _, have := range ports {
			if p.Number == 0 && p.Name != "" && p.Name == have.Name {
				found = append(found, Port{p.Name, have.Number, have.End, have.Protocol, p.Pos})
			} else if p.Number > 0 && have.covers(p) {
				found = []Port{p}
				break
			}
		}
		if len(found) == 0 && (p.Number > 0 || p.Name != "") {
			what := p.Name
			if p.Number > 0 {
				what = p.String()
			}
			c.problems.Add(p.Pos, "%s has no port %s; it has %s", owner, what, portList(ports))
		}
		resolved = append(resolved, found...)
	}
	if len(r.Ports) > 0 {
		r.Ports = resolved
	}
}
