package oracle

import (
	"slices"
	"strings"
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
	if _, ok := m.services[fromService].ExtraHosts[name]; ok {
		return answer{unknown: "extra_hosts of " + fromService + " gives " + name + " an address of its own"}
	}
	for _, link := range m.services[fromService].Links {
		if target, alias, ok := strings.Cut(link, ":"); ok && alias == name && target != name {
			name = target
		}
	}
	for _, net := range from.nets {
		owners := m.named(net, name)
		if len(owners) == 0 {
			continue
		}
		if net.unknown != "" {
			return answer{unknown: net.unknown}
		}
		return answer{owners: owners, net: net}
	}
	if strings.Contains(name, ".") {
		return answer{unknown: "the name " + name + " has a dot, so the engine asks the host's resolver for it"}
	}
	return answer{none: "no network of " + fromService + " knows the name " + name}
}

// named lists the services on a network that answer to a name: their own, the
// container's, and the network's aliases.
func (m *model) named(net *network, name string) []string {
	if !net.embeddedDNS {
		return nil
	}
	var owners []string
	for service, node := range m.nodes {
		if node.owner != service || !node.on(net) {
			continue
		}
		s := m.services[service]
		config := s.Networks[net.key]
		if service == name || s.ContainerName == name || config != nil && slices.Contains(config.Aliases, name) {
			owners = append(owners, service)
		}
	}
	slices.Sort(owners)
	return owners
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
