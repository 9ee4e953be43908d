package oracle

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/compose/project"
)

// Options of the bridge driver. An engine that does not know one ignores it.
const (
	optICC         = "com.docker.network.bridge.enable_icc"
	optMasquerade  = "com.docker.network.bridge.enable_ip_masquerade"
	optGatewayMode = "com.docker.network.bridge.gateway_mode_ipv4"
	optHostBinding = "com.docker.network.bridge.host_binding_ipv4"
)

// model is a project as the engine sees it: network namespaces on networks.
type model struct {
	engine   Engine
	networks map[string]*network // by key in the Compose files
	nodes    map[string]*node    // by Compose service

	aliases  map[string]map[string][]string // by Compose service, then network key
	hosts    map[string]map[string]bool     // extra_hosts by Compose service
	links    map[string]map[string]string   // alias to target, by Compose service
	priority map[string]map[string]int      // gw_priority by Compose service, then network key
	names    map[*network]map[string][]string
	stands   map[string]bool // Compose services whose network namespace the matrix knows
}

// network is a bridge network.
type network struct {
	key, name   string // the engine orders a container's networks by name
	internal    bool
	icc         bool   // containers on it reach each other
	masquerade  bool   // what leaves it carries the host's address
	gateway     string // "nat", "routed", "nat-unprotected" or "isolated"
	hostBinding string
	ipv6        bool
	embeddedDNS bool   // the default bridge has none
	unknown     string // why its options can't be known; empty where they are
	used        bool
	pos         matrix.Pos
}

type kind uint8

const (
	bridged kind = iota
	onHost
	isolated // network_mode none
	foreign  // joins a container that the project doesn't make
)

// node is a network namespace. network_mode service:x shares x's.
type node struct {
	owner string // the Compose service that it is made for
	kind  kind
	nets  []*network // in the order in which the engine's DNS asks them
	ports []types.ServicePortConfig
	mode  string
}

func newModel(p *project.Project, e Engine) *model {
	m := &model{engine: e, networks: map[string]*network{}, nodes: map[string]*node{},
		aliases: map[string]map[string][]string{}, hosts: map[string]map[string]bool{},
		links: map[string]map[string]string{}, priority: map[string]map[string]int{}, stands: map[string]bool{}}
	for key, n := range p.Networks {
		m.networks[key] = newNetwork(p, key, n, e)
	}
	for name, s := range p.Services {
		if owner := owner(p.Project, name); owner != name {
			continue
		}
		m.nodes[name] = m.newNode(s)
	}
	for name := range p.Services {
		m.nodes[name] = m.nodes[owner(p.Project, name)]
	}
	m.speak(p.Services)
	m.learn()
	return m
}

func newNetwork(p *project.Project, key string, c types.NetworkConfig, e Engine) *network {
	n := &network{key: key, name: c.Name, embeddedDNS: true, gateway: "nat", pos: p.Pos("networks", key)}
	driver, options := c.Driver, map[string]string(c.DriverOpts)
	n.internal = c.Internal
	n.ipv6 = c.EnableIPv6 != nil && *c.EnableIPv6
	if c.External {
		facts, known := e.Networks[key]
		driver, options, n.internal, n.ipv6 = facts.Driver, facts.Options, facts.Internal, facts.IPv6
		if !known {
			n.unknown = fmt.Sprintf("network %s is external, and its driver, internal and options are not in the files", key)
		}
	}
	if driver != "" && driver != "bridge" && driver != "default" {
		n.unknown = fmt.Sprintf("network %s has the driver %s, which is not modelled", key, driver)
	}
	n.icc = option(options, optICC, true) || !e.BridgeNFCall || !e.IPTables
	n.masquerade = option(options, optMasquerade, true)
	n.hostBinding = options[optHostBinding]
	if mode := options[optGatewayMode]; mode != "" && (e.since(28, 0, 0) || mode == "routed" && e.since(27, 0, 0)) {
		n.gateway = mode
	}
	return n
}

func option(options map[string]string, name string, otherwise bool) bool {
	if value, err := strconv.ParseBool(options[name]); err == nil {
		return value
	}
	return otherwise
}

// owner follows network_mode to the service whose network namespace it is; ""
// where a container outside the project owns it.
func owner(p *types.Project, name string) string {
	for range len(p.Services) {
		mode := p.Services[name].NetworkMode
		if next, ok := strings.CutPrefix(mode, "service:"); ok {
			name = next
			continue
		}
		container, ok := strings.CutPrefix(mode, "container:")
		if !ok {
			return name
		}
		joined := name
		for other, s := range p.Services {
			if s.ContainerName == container {
				joined = other
			}
		}
		if joined == name {
			return name
		}
		name = joined
	}
	return name
}

func (m *model) newNode(s types.ServiceConfig) *node {
	n := &node{owner: s.Name, mode: s.NetworkMode, ports: s.Ports}
	switch s.NetworkMode {
	case "":
		m.priority[s.Name] = map[string]int{}
		for key, config := range s.Networks {
			n.nets = append(n.nets, m.networks[key])
			m.networks[key].used = true
			if config != nil && m.engine.since(28, 0, 0) {
				m.priority[s.Name][key] = config.GatewayPriority
			}
		}
	case "host":
		n.kind = onHost
	case "none":
		n.kind = isolated
	case "bridge", "default":
		n.nets = []*network{m.defaultBridge()}
	default:
		n.kind = foreign
	}
	m.order(n)
	return n
}

// defaultBridge is the engine's own network, docker0.
func (m *model) defaultBridge() *network {
	const key = "the engine's default bridge"
	if m.networks[key] == nil {
		m.networks[key] = &network{key: key, name: "bridge", icc: true, masquerade: true, gateway: "nat", used: true}
	}
	return m.networks[key]
}

// order sorts a node's networks as the engine does (libnetwork's Endpoint.Less):
// by gw_priority since 28.0, then internal ones last, then those with IPv6
// first, then by the network's name on the engine. The first one that knows a
// name answers for it, and the first that is not internal publishes the ports.
func (m *model) order(n *node) {
	priority := m.priority[n.owner]
	slices.SortFunc(n.nets, func(a, b *network) int {
		switch {
		case priority[a.key] != priority[b.key]:
			return cmp.Compare(priority[b.key], priority[a.key])
		case a.internal != b.internal:
			return before(b.internal)
		case a.ipv6 != b.ipv6:
			return before(a.ipv6)
		}
		return strings.Compare(a.name, b.name)
	})
}

func before(first bool) int {
	if first {
		return -1
	}
	return 1
}

func (m *model) keys() []string { return slices.Sorted(maps.Keys(m.networks)) }

func (n *node) on(net *network) bool { return slices.Contains(n.nets, net) }

// way out: the network that publishes ports and leads to the outside.
func (n *node) gateway() *network {
	for _, net := range n.nets {
		if !net.internal {
			return net
		}
	}
	return nil
}

// published are the entries of ports that the engine really publishes: none on
// internal networks only, where it drops them without a word.
func (n *node) published(port int, protocol matrix.Protocol) []types.ServicePortConfig {
	if n.kind != bridged || n.gateway() == nil {
		return nil
	}
	var list []types.ServicePortConfig
	for _, p := range n.ports {
		if int(p.Target) == port && strings.EqualFold(p.Protocol, string(protocol)) {
			list = append(list, p)
		}
	}
	return list
}

// bound is the host address that a published port is bound to.
func bound(p types.ServicePortConfig, on *network) netip.Addr {
	for _, text := range []string{p.HostIP, on.hostBinding} {
		if addr, err := netip.ParseAddr(text); err == nil {
			return addr
		}
	}
	return netip.IPv4Unspecified()
}
