package oracle

import (
	"fmt"
	"maps"
	"slices"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// Mutants are the project with one network or membership dropped or widened, in
// a stable order. A service that is left with no network is on none at all.
func (o *Oracle) Mutants() []suites.Mutant {
	var list []suites.Mutant
	add := func(name string, pos matrix.Pos, change func(*model)) {
		mutant := *o
		mutant.model, mutant.brief = o.model.clone(), true
		change(mutant.model)
		mutant.model.learn()
		list = append(list, suites.Mutant{Name: name, Pos: pos, Predictor: &mutant})
	}
	for _, key := range o.model.keys() {
		net := o.model.networks[key]
		if !net.used || !net.embeddedDNS {
			continue
		}
		add("drop network "+key, net.pos, func(m *model) {
			for _, n := range m.owned() {
				m.leave(n, m.networks[key])
			}
		})
		if net.internal {
			add(fmt.Sprintf("network %s not internal", key), o.project.Pos("networks", key, "internal"), func(m *model) {
				m.networks[key].internal = false
				m.reorder()
			})
		}
		if !net.icc {
			add(fmt.Sprintf("network %s with enable_icc", key), o.project.Pos("networks", key, "driver_opts", optICC), func(m *model) {
				m.networks[key].icc = true
			})
		}
		if outsiders := slices.DeleteFunc(o.model.owned(), func(n *node) bool { return n.kind != bridged || n.mode != "" || n.on(net) }); len(outsiders) > 0 {
			add("all services on network "+key, net.pos, func(m *model) {
				for _, n := range m.owned() {
					if n.kind == bridged && n.mode == "" && !n.on(m.networks[key]) {
						n.nets = append(n.nets, m.networks[key])
					}
				}
				m.reorder()
			})
		}
		for _, n := range o.model.owned() {
			if n.on(net) && len(o.model.members(net)) > 1 {
				add(fmt.Sprintf("%s off network %s", n.owner, key), o.membership(n.owner, net), func(m *model) {
					m.leave(m.nodes[n.owner], m.networks[key])
				})
			}
		}
	}
	return list
}

// owned are the network namespaces, each once, by their owners' names.
func (m *model) owned() []*node {
	var list []*node
	for _, service := range slices.Sorted(maps.Keys(m.nodes)) {
		if n := m.nodes[service]; n.owner == service {
			list = append(list, n)
		}
	}
	return list
}

func (m *model) members(net *network) []*node {
	return slices.DeleteFunc(m.owned(), func(n *node) bool { return !n.on(net) })
}

func (m *model) leave(n *node, net *network) {
	n.nets = slices.DeleteFunc(n.nets, func(other *network) bool { return other == net })
}

func (m *model) reorder() {
	for _, n := range m.owned() {
		m.order(n)
	}
}

// clone copies what a mutant may change.
func (m *model) clone() *model {
	c := new(model)
	*c = *m
	c.networks, c.nodes = map[string]*network{}, map[string]*node{}
	for key, net := range m.networks {
		copied := *net
		c.networks[key] = &copied
	}
	for _, n := range m.owned() {
		copied := *n
		copied.nets = nil
		for _, net := range n.nets {
			copied.nets = append(copied.nets, c.networks[net.key])
		}
		c.nodes[n.owner] = &copied
	}
	for service, n := range m.nodes {
		c.nodes[service] = c.nodes[n.owner]
	}
	return c
}
