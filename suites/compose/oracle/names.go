package oracle

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// answer is what the engine's DNS tells a service.
type answer struct {
	owners []string // Compose services whose network namespaces the name leads to
	net    *network // the network that answers
	// unknown says why it can't be known; empty where it can.
	unknown string
	// none says why there is no answer.
	none string
}

// resolve looks a Compose service's name up as an application in from would.
// The engine asks from's networks in order, and the first that knows the name
// answers, whether or not packets pass there (libnetwork, Sandbox.ResolveName).
func (m *model) resolve(from *node, fromService, name string) answer {
	if !from.resolves() {
		return answer{none: fromService + " " + from.describe() + ", where the engine's DNS serves no lookups"}
	}
	if m.hosts[fromService][name] {
		return answer{unknown: "extra_hosts of " + fromService + " gives " + name + " an address of its own"}
	}
	asked := name
	if target, ok := m.links[fromService][name]; ok {
		asked = target
	}
	for _, net := range from.nets {
		owners := m.names[net][asked]
		if len(owners) == 0 {
			continue
		}
		if net.unknown != "" {
			return answer{unknown: net.unknown}
		}
		for _, owner := range owners {
			if !m.stands[owner] {
				return answer{unknown: owner + ", which the matrix does not have, answers to the name " + name + " on " + net.key}
			}
		}
		return answer{owners: owners, net: net}
	}
	if strings.Contains(name, ".") {
		return answer{unknown: "the name " + name + " has a dot, so the engine asks the host's resolver for it"}
	}
	return answer{none: "no network of " + fromService + " knows the name " + name}
}

// learn collects who answers to which name on which network: a service's name,
// its container's, and the network's aliases. To be called after each change
// of who is on what.
func (m *model) learn() {
	m.names = map[*network]map[string][]string{}
	for _, n := range m.owned() {
		for _, net := range n.nets {
			if !net.embeddedDNS {
				continue
			}
			if m.names[net] == nil {
				m.names[net] = map[string][]string{}
			}
			for _, name := range m.aliases[n.owner][net.key] {
				m.names[net][name] = append(m.names[net][name], n.owner)
			}
			if m.aliases[n.owner][net.key] == nil { // a mutant's new place
				m.names[net][n.owner] = append(m.names[net][n.owner], n.owner)
			}
		}
	}
}

// speak reads what services are called, and what they call others.
func (m *model) speak(services types.Services) {
	for service, s := range services {
		m.aliases[service] = map[string][]string{}
		for key, config := range s.Networks {
			names := []string{service}
			if s.ContainerName != "" {
				names = append(names, s.ContainerName)
			}
			if config != nil {
				names = append(names, config.Aliases...)
			}
			slices.Sort(names)
			m.aliases[service][key] = slices.Compact(names)
		}
		m.hosts[service] = map[string]bool{}
		for name := range s.ExtraHosts {
			m.hosts[service][name] = true
		}
		m.links[service] = map[string]string{}
		for _, link := range s.Links {
			if target, alias, ok := strings.Cut(link, ":"); ok {
				m.links[service][alias] = target
			}
		}
	}
}

// resolves reports whether the engine's DNS serves the node: it does on
// networks that a user made, and not on the default bridge.
func (n *node) resolves() bool { return n.kind == bridged && n.mode == "" && len(n.nets) > 0 }

func (n *node) describe() string {
	switch {
	case n.mode != "":
		return "has network_mode " + n.mode
	case len(n.nets) == 0:
		return "is on no network"
	}
	var keys []string
	for _, net := range n.nets {
		keys = append(keys, net.key)
	}
	return "is on " + strings.Join(keys, ", ")
}
