package matrix

import (
	"fmt"
	"slices"
)

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
		if c.kinds[r.Peer].kind == "external" && len(c.has[r.Peer]) > 0 {
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
		for _, member := range c.members(r.Peer) {
			if member != owner {
				ports = append(ports, c.has[member]...)
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
