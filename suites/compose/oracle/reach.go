package oracle

import (
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// state is whether a way is open.
type state uint8

const (
	closed state = iota
	open
	unclear
)

// way is one way from a source to a destination, with the reason for its state.
type way struct {
	route    suites.Route
	via      *network // that the address is on; nil for the host
	state    state
	required bool // see suites.Path
	why      string
	pos      matrix.Pos
}

// trip is one question: can from reach to's port?
type trip struct {
	m                      *model
	from, to               *node
	fromService, toService string
	port                   int
	protocol               matrix.Protocol
}

// ways are the same as the live platform's: by name, by each address, and by
// published ports through the host. Where no name resolves at all, applications
// must use addresses, and these are required instead.
func (t trip) ways() []way {
	named := t.from.resolves()
	var list []way
	if named {
		list = append(list, t.byName())
	}
	for _, net := range t.to.nets {
		w := t.toAddress(net)
		w.required = !named
		list = append(list, w)
	}
	switch {
	case t.from == t.to && t.to.kind != onHost:
		list = append(list, way{route: suites.ByAddress, state: open, required: !named, why: "both share one network namespace"})
	case t.to.kind == onHost:
		w := t.toHost()
		w.required = !named
		list = append(list, w)
	case t.to.kind == isolated:
		list = append(list, way{route: suites.ByAddress, required: !named, why: t.toService + " has network_mode none, so it has no address"})
	}
	for _, p := range t.to.published(t.port, t.protocol) {
		list = append(list, t.toPublished(p))
	}
	return list
}

func (t trip) byName() way {
	w := way{route: suites.ByName, required: true}
	a := t.m.resolve(t.from, t.fromService, t.toService)
	switch {
	case a.unknown != "":
		w.state, w.why = unclear, a.unknown
	case a.none != "":
		w.why = a.none
	case len(a.owners) > 1:
		w.via, w.state = a.net, unclear
		w.why = "several services answer to the name " + t.toService + " on " + a.net.key + ": " + join(a.owners)
	case t.m.nodes[a.owners[0]] != t.to:
		w.via = a.net
		w.why = "on " + a.net.key + " the name " + t.toService + " leads to " + a.owners[0]
	default:
		w = t.toAddress(a.net)
		w.route, w.required = suites.ByName, true
		w.why = "the name " + t.toService + " resolves to its address on " + a.net.key + "; " + w.why
	}
	return w
}

// toAddress: planes 1 (same bridge) and 2 (from bridge to bridge), and 4 from the host.
func (t trip) toAddress(net *network) way {
	w := way{route: suites.ByAddress, via: net, pos: net.pos}
	e := t.m.engine
	switch {
	case t.from == t.to:
		w.state, w.why = open, "a service reaches its own address"
	case t.from.kind == isolated || t.from.kind == bridged && len(t.from.nets) == 0:
		w.why = t.fromService + " " + t.from.describe() + ", so it reaches nothing"
	case net.unknown != "":
		w.state, w.why = unclear, net.unknown
	case net.internal && e.since(25, 0, 0) && !e.since(25, 0, 4):
		w.state, w.why = unclear, "engines 25.0.0 to 25.0.3 do not serve internal networks as they should"
	case t.from.kind == onHost:
		w.state, w.why = open, "the host reaches every container's address"
	case t.from.on(net) && net.icc:
		w.state, w.why = open, "both are on "+net.key
	case t.from.on(net) && net.ipv6 && !e.since(27, 0, 0):
		w.state, w.why = unclear, "IPv6 is not filtered by default before 27.0, so enable_icc of "+net.key+" may not hold"
	case t.from.on(net):
		w.why = "both are on " + net.key + ", where enable_icc is false"
	case !e.IPTables:
		w.state, w.why = unclear, "the engine writes no firewall rules, so the host's own decide between networks"
	case net.ipv6 && !e.since(27, 0, 0) && t.fromIPv6():
		w.state, w.why = unclear, "IPv6 between networks is not filtered by default before 27.0"
	default:
		w.state, w.why = t.across(net)
	}
	return w
}

func (t trip) fromIPv6() bool {
	for _, net := range t.from.nets {
		if net.ipv6 {
			return true
		}
	}
	return false
}

// across is isolation between bridges: only gateway modes open it.
func (t trip) across(net *network) (state, string) {
	e := t.m.engine
	no := t.fromService + " is not on " + net.key + ", and the engine isolates bridges from each other"
	switch {
	case net.internal || t.from.gateway() == nil:
		return closed, no
	case net.gateway == "nat-unprotected" && e.since(29, 0, 0):
		return open, "since 29.0 " + net.key + " with gateway mode nat-unprotected takes packets from other bridges"
	case net.gateway == "routed" && len(t.to.published(t.port, t.protocol)) > 0 &&
		(e.since(29, 0, 0) || e.since(28, 0, 0) && t.to.gateway() == net):
		return open, net.key + " is routed, and ports opens this one to other bridges"
	}
	return closed, no
}

// toHost: plane 3. The engine writes nothing in INPUT, so that a process on the
// host is reached by every network's gateway address, internal ones included.
func (t trip) toHost() way {
	w := way{route: suites.ByAddress, why: t.toService + " listens on the host, which " + t.fromService + " reaches at its gateway's address"}
	switch {
	case t.from.kind == onHost:
		w.why = "both are on the host"
		w.state = open
	case t.from.kind == isolated || len(t.from.nets) == 0:
		w.why = t.fromService + " " + t.from.describe() + ", so it reaches nothing"
	default:
		w.why = "the only networks of " + t.fromService + " have gateway mode isolated, so the host has no address there"
		for _, net := range t.from.nets {
			if net.gateway != "isolated" {
				w.state = open
				w.why = t.toService + " listens on the host, which " + t.fromService + " reaches at the gateway of " + net.key
				break
			}
		}
	}
	return w
}

// toPublished: a published port turns plane 3 into docker-proxy or plane 2.
func (t trip) toPublished(p types.ServicePortConfig) way {
	net := t.to.gateway()
	w := way{route: suites.ByPublished, via: net}
	addr := bound(p, net)
	switch {
	case net.unknown != "":
		w.state, w.why = unclear, net.unknown
	case net.gateway == "routed":
		w.why = net.key + " is routed, so no port of the host is bound"
	case t.from.kind == onHost:
		w.state, w.why = open, "the host reaches what is published on it"
	case t.from.kind == isolated || len(t.from.nets) == 0:
		w.why = t.fromService + " " + t.from.describe() + ", so it reaches nothing"
	case addr.IsLoopback():
		w.why = "it is published on the host's loopback only"
	case addr.Is6() && !addr.IsUnspecified():
		w.state, w.why = unclear, "it is published on the IPv6 address "+addr.String()
	case !t.m.engine.IPTables:
		w.state, w.why = unclear, "the engine writes no firewall rules, so the host's own decide between networks"
	default:
		w.state, w.why = t.throughHost(net)
	}
	return w
}

// throughHost dials the host's addresses from a container. From internal
// networks the packet is forwarded to the other bridge, and dropped.
func (t trip) throughHost(to *network) (state, string) {
	result, why := closed, "all networks of "+t.fromService+" are internal, and from there published ports are shut"
	for _, net := range t.from.nets {
		switch {
		case net.unknown != "":
			if result == closed {
				result, why = unclear, net.unknown
			}
		case net.internal:
		case t.m.engine.UserlandProxy:
			return open, "docker-proxy takes what comes from " + net.key + " to the host's published port, whatever the networks"
		case net == to && net.icc:
			return open, "the published port leads back into " + net.key
		case net != to && t.m.engine.since(29, 0, 0):
			return open, "since 29.0 published ports are open to all networks that are not internal"
		default:
			if result == closed {
				why = "without the userland proxy, published ports are shut from " + net.key
			}
		}
	}
	return result, why
}
