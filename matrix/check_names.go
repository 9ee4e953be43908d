package matrix

import (
	"slices"
	"strings"

	"github.com/netconform/netconform/matrix/strict"
)

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
