package compose

import (
	"fmt"
	"net/netip"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// ways lists how a case's source can try its destination on this topology:
//
//   - by the destination's service name, as an application would: it must be
//     open for an allow;
//   - by each of the destination's addresses: all must be closed for a deny;
//   - by each published port, through every address of the host that the source
//     can know of: the gateways of its own and of the destination's networks,
//     and the host's own. docker-proxy and DNAT take no heed of networks.
//
// Every path is to the one stand-in of the destination, and its control is the
// destination itself, in its own network namespace, where nothing that Compose
// can say blocks it.
func (t *topology) ways(c matrix.Case) suites.Ways {
	from, to := t.members[c.From], t.members[c.To]
	for name, m := range map[string]*member{c.From: from, c.To: to} {
		if m == nil {
			return suites.Ways{Skip: fmt.Sprintf("no Compose service stands for %s", name)}
		}
	}
	if from.skip != "" {
		return suites.Ways{Skip: from.skip}
	}
	if to.skip != "" {
		return suites.Ways{Skip: to.skip}
	}
	w := &way{t: t, c: c, from: from, to: to}
	switch {
	case c.Protocol == matrix.DNS:
		w.lookup()
	case to.kind == destination:
		w.addresses(true)
	case from.kind == outsider:
		w.fromOutside()
	case from.kind == onHost:
		w.fromHost()
	case !from.node.resolves():
		// No name resolves there, so its applications must use addresses.
		w.addresses(true)
		w.throughHost()
	default:
		w.path(suites.ByName, to.dns, c.Port, "", true)
		w.addresses(false)
		w.throughHost()
	}
	if w.skip != "" {
		return suites.Ways{Skip: w.skip}
	}
	w.controls()
	return w.Ways
}

// way collects the paths of one case.
type way struct {
	suites.Ways
	t        *topology
	c        matrix.Case
	from, to *member
	skip     string
	seen     map[string]bool
}

func (w *way) path(route suites.Route, host string, port int, via string, required bool) {
	key := fmt.Sprintf("%s %s %d", route, host, port)
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	if w.seen[key] {
		return
	}
	w.seen[key] = true
	w.Paths = append(w.Paths, suites.Path{Route: route, From: w.from.name, To: w.to.name,
		Host: host, Port: port, Protocol: w.c.Protocol, Via: via, Required: required})
}

func (w *way) lookup() {
	if !w.from.node.resolves() {
		w.skip = fmt.Sprintf("%s has network_mode %s, where the engine's DNS serves no lookups", w.from.name, w.from.node.mode)
		return
	}
	w.path(suites.ByLookup, w.to.dns, 0, "", true)
}

func (w *way) addresses(required bool) {
	if w.from.node == w.to.node {
		w.path(suites.ByAddress, "127.0.0.1", w.c.Port, "shared network namespace", required)
	}
	for _, p := range w.to.node.addresses() {
		w.path(suites.ByAddress, p.addr.String(), w.c.Port, p.via, required)
	}
	if w.to.node.mode == "host" {
		for _, p := range w.hostAddresses() {
			w.path(suites.ByAddress, p.addr.String(), w.c.Port, p.via, required)
		}
	}
	if w.to.node.mode == "none" && w.from.node != w.to.node {
		w.skip = fmt.Sprintf("%s has network_mode none, so it has no address that could be tried", w.to.name)
	}
}

// hostAddresses are the addresses of the host that the source can know of.
func (w *way) hostAddresses() []place {
	var list []place
	for _, n := range []*node{w.from.node, w.to.node} {
		for _, a := range n.networks {
			for _, g := range a.gateways {
				list = append(list, place{g, "gateway of " + a.network})
			}
		}
	}
	for _, addr := range w.t.host {
		list = append(list, place{addr, "the host's address"})
	}
	if w.from.node.mode == "host" {
		list = append(list, place{netip.MustParseAddr("127.0.0.1"), "the host's loopback"})
	}
	return list
}

// throughHost tries what the engine publishes.
func (w *way) throughHost() {
	for _, pub := range w.to.node.published(w.c.Port, w.c.Protocol) {
		for _, p := range w.hostAddresses() {
			if reaches(pub, p.addr) {
				w.path(suites.ByPublished, p.addr.String(), pub.hostPort, p.via, false)
			}
		}
		if pub.hostIP.IsValid() && !pub.hostIP.IsUnspecified() && !pub.hostIP.IsLoopback() {
			w.path(suites.ByPublished, pub.hostIP.String(), pub.hostPort, "published address", false)
		}
	}
}

// reaches reports whether a host address is worth trying for a publication: a
// port bound to one address may still be forwarded from others by mistake, so
// only the family must fit.
func reaches(pub publication, addr netip.Addr) bool {
	return pub.hostIP.Is4() == addr.Is4()
}

// fromOutside: a peer beyond the host comes in by what is published. The
// containers' own addresses are tried too, with the host as the router, as a
// neighbour on the host's network could.
func (w *way) fromOutside() {
	host := w.from.node.networks[0].gateways[0]
	entered := false
	for _, pub := range w.to.node.published(w.c.Port, w.c.Protocol) {
		switch {
		case !reaches(pub, host):
		case pub.hostIP.IsUnspecified():
			w.path(suites.ByPublished, host.String(), pub.hostPort, "from outside the host", true)
			entered = true
		case pub.hostIP.IsLoopback():
			w.path(suites.ByPublished, host.String(), pub.hostPort, "published on the host's loopback only", false)
		default:
			w.path(suites.ByPublished, pub.hostIP.String(), pub.hostPort, "from outside the host", true)
			entered = true
		}
	}
	switch w.to.node.mode {
	case "host":
		w.path(suites.ByPublished, host.String(), w.c.Port, "the host's network", true)
	case "none":
		w.skip = fmt.Sprintf("%s has network_mode none, so it has no address that could be tried", w.to.name)
	}
	for _, p := range w.to.node.addresses() {
		if p.addr.Is4() == host.Is4() {
			via := p.via + ", routed by the host"
			if !entered {
				via = "no port is published; " + via
			}
			w.path(suites.ByAddress, p.addr.String(), w.c.Port, via, !entered)
		}
	}
}

// fromHost: the host itself is no peer from outside, since it reaches every
// container's address. What is published, and nothing else, it can prove.
func (w *way) fromHost() {
	for _, pub := range w.to.node.published(w.c.Port, w.c.Protocol) {
		if pub.hostIP.IsLoopback() || !pub.hostIP.Is4() {
			continue
		}
		addrs := []place{{pub.hostIP, "from the host"}}
		if pub.hostIP.IsUnspecified() {
			addrs = w.hostAddresses()
		}
		for i, p := range addrs {
			if p.addr.Is4() && !p.addr.IsLoopback() {
				w.path(suites.ByPublished, p.addr.String(), pub.hostPort, p.via, i == 0)
			}
		}
	}
	if len(w.Paths) == 0 {
		w.skip = fmt.Sprintf("no port of %s is published, and only a peer outside the host could show that it is shut: "+
			"that needs root and iproute2 on the engine's machine", w.to.name)
	}
}

// controls: the destination answers itself, and the source's own name resolves.
func (w *way) controls() {
	if w.c.Protocol != matrix.DNS {
		for _, host := range w.to.node.own() {
			w.Controls = append(w.Controls, suites.Path{Route: suites.ByAddress, From: w.to.name, To: w.to.name,
				Host: host, Port: w.c.Port, Protocol: w.c.Protocol, Via: "itself"})
		}
	}
	if w.from.dns != "" && w.from.node.resolves() {
		w.Controls = append(w.Controls, suites.Path{Route: suites.ByLookup, From: w.from.name, To: w.from.name,
			Host: w.from.node.name, Protocol: matrix.DNS, Via: "its own name"})
	}
}

// own are the addresses at which a node reaches itself.
func (n *node) own() []string {
	var list []string
	for _, p := range n.addresses() {
		list = append(list, p.addr.String())
	}
	if len(list) == 0 {
		list = append(list, "127.0.0.1")
	}
	return list
}
