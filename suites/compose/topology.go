package compose

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"

	"github.com/netconform/netconform/matrix"
)

// topology is what the engine really gave, as far as Ways needs it. It is not
// changed after Deploy.
type topology struct {
	members map[string]*member // services of the matrix and externals, by name
	// host are the host's own addresses, beside the gateways of networks, that
	// containers can dial.
	host []netip.Addr
}

// member is a vantage: a stand-in of a service, or of an external.
type member struct {
	name string // in the matrix; also the identity that answers
	dns  string // the Compose service's name; empty for externals
	skip string // why there is no stand-in
	node *node
	// outside says what kind of external it is; zero for a service.
	kind kind
}

type kind uint8

const (
	_ kind = iota // a service
	// destination: an external that is talked to, behind the engine's forwarding path.
	destination
	// outsider: an external that talks, from beyond the host.
	outsider
	// onHost: the same where nothing beyond the host can be made: it talks
	// from the host itself, which proves published ports only.
	onHost
)

// node is a network namespace: what decides connectivity is it, not the
// service (network_mode service:x shares it).
type node struct {
	// name resolves wherever the node's lookups are served at all: the Compose
	// service that owns the namespace.
	name     string
	mode     string // "", "host", "none" or "bridge" (the engine's default network)
	networks []attachment
	ports    []publication
}

// attachment is a node's place on a network.
type attachment struct {
	network  string // the key in the Compose files
	addrs    []netip.Addr
	gateways []netip.Addr // the host's addresses on it
}

// publication is a port that the engine publishes on the host.
type publication struct {
	target   int
	protocol matrix.Protocol
	hostIP   netip.Addr // unspecified: all addresses of that family
	hostPort int
}

// resolves reports whether the engine's DNS serves the node's lookups: the
// default bridge, the host's namespace and "none" have none.
func (n *node) resolves() bool { return n.mode == "" }

// addresses are the node's own, with the network that each is on.
func (n *node) addresses() []place {
	var list []place
	for _, a := range n.networks {
		for _, addr := range a.addrs {
			list = append(list, place{addr, a.network})
		}
	}
	return list
}

type place struct {
	addr netip.Addr
	via  string
}

// published are a port's publications, in a stable order.
func (n *node) published(port int, protocol matrix.Protocol) []publication {
	var list []publication
	for _, p := range n.ports {
		if p.target == port && p.protocol == protocol {
			list = append(list, p)
		}
	}
	return list
}

// nodeOf reads a node from what the engine says of its container. keys gives
// the Compose files' name of each network that they name.
func nodeOf(name string, c container.InspectResponse, keys map[string]string) *node {
	n := &node{name: name}
	if c.HostConfig != nil {
		switch mode := string(c.HostConfig.NetworkMode); mode {
		case "host", "none":
			n.mode = mode
		case "bridge", "default":
			n.mode = "bridge"
		}
	}
	if c.NetworkSettings == nil || n.mode == "host" || n.mode == "none" {
		return n
	}
	for name, e := range c.NetworkSettings.Networks {
		a := attachment{network: name}
		if key, ok := keys[name]; ok {
			a.network = key
		}
		for _, addr := range []netip.Addr{e.IPAddress, e.GlobalIPv6Address} {
			if addr.IsValid() && !addr.IsUnspecified() {
				a.addrs = append(a.addrs, addr)
			}
		}
		for _, addr := range []netip.Addr{e.Gateway, e.IPv6Gateway} {
			if addr.IsValid() && !addr.IsUnspecified() {
				a.gateways = append(a.gateways, addr)
			}
		}
		n.networks = append(n.networks, a)
	}
	slices.SortFunc(n.networks, func(a, b attachment) int { return strings.Compare(a.network, b.network) })
	for port, bindings := range c.NetworkSettings.Ports {
		for _, b := range bindings {
			hostPort, err := strconv.Atoi(b.HostPort)
			if err != nil || hostPort == 0 {
				continue
			}
			ip := b.HostIP
			if !ip.IsValid() {
				ip = netip.IPv4Unspecified()
			}
			n.ports = append(n.ports, publication{target: int(port.Num()), protocol: matrix.Protocol(port.Proto()), hostIP: ip, hostPort: hostPort})
		}
	}
	slices.SortFunc(n.ports, comparePublications)
	return n
}

func comparePublications(a, b publication) int {
	return cmp.Or(
		cmp.Compare(a.target, b.target),
		cmp.Compare(a.protocol, b.protocol),
		a.hostIP.Compare(b.hostIP),
		cmp.Compare(a.hostPort, b.hostPort),
	)
}
