package oracle

import (
	"github.com/netconform/netconform/suites"
)

// toInternet are the ways of a container to a peer beyond the host: by the
// gateway of its first network that is not internal, masqueraded.
func (m *model) toInternet(from *node, service string) []way {
	w := way{route: suites.ByAddress, required: true}
	switch out := from.gateway(); {
	case from.kind == onHost:
		w.state, w.why = open, service+" is on the host"
	case from.kind == isolated || len(from.nets) == 0:
		w.why = service + " " + from.describe() + ", so it reaches nothing"
	case out != nil && out.unknown != "":
		w.state, w.why, w.pos = unclear, out.unknown, out.pos
	case out == nil:
		w.why, w.pos = "all networks of "+service+" are internal", from.nets[0].pos
		for _, net := range from.nets {
			if net.unknown != "" {
				w.state, w.why = unclear, net.unknown
			}
		}
	case !m.engine.IPTables || !out.masquerade || out.gateway == "routed":
		w.state, w.why, w.pos = unclear, "what leaves "+out.key+" is not masqueraded, so the routers beyond decide whether answers come back", out.pos
	default:
		w.state, w.why, w.pos = open, out.key+" leads to the outside through the host", out.pos
	}
	return []way{w}
}

// fromOutside are the ways of a peer beyond the host to a service: what is
// published, and each container address, routed by the host as a neighbour on
// its network could.
func (t trip) fromOutside() []way {
	var list []way
	entered := false
	for _, p := range t.to.published(t.port, t.protocol) {
		net := t.to.gateway()
		w := way{route: suites.ByPublished, via: net, required: true, state: open, why: "it is published on the host"}
		switch addr := bound(p, net); {
		case net.unknown != "":
			w.state, w.why = unclear, net.unknown
		case net.gateway == "routed":
			w.state, w.required, w.why = closed, false, net.key+" is routed, so no port of the host is bound"
		case addr.IsLoopback():
			w.state, w.required, w.why = closed, false, "it is published on the host's loopback only"
		case addr.Is6() && !addr.IsUnspecified():
			w.state, w.why = unclear, "it is published on the IPv6 address "+addr.String()
		}
		entered = entered || w.required
		list = append(list, w)
	}
	switch t.to.kind {
	case onHost:
		return append(list, way{route: suites.ByPublished, required: true, state: open, why: t.toService + " listens on the host"})
	case isolated:
		return append(list, way{route: suites.ByAddress, required: true, why: t.toService + " has network_mode none, so it has no address"})
	}
	for _, net := range t.to.nets {
		w := t.routed(net)
		w.required = !entered
		list = append(list, w)
	}
	return list
}

// routed is direct routing to a container's address. Until 28.0 the rule that
// lets a published port through lets it through from anywhere, also where the
// port is bound to the host's loopback (moby#45610).
func (t trip) routed(net *network) way {
	e := t.m.engine
	w := way{route: suites.ByAddress, via: net, pos: net.pos, why: "the host forwards nothing to " + net.key + " that is not published"}
	published := len(t.to.published(t.port, t.protocol)) > 0
	switch {
	case net.unknown != "":
		w.state, w.why = unclear, net.unknown
	case net.internal:
		w.why = net.key + " is internal"
	case !e.IPTables:
		w.state, w.why = unclear, "the engine writes no firewall rules, so the host's own decide"
	case net.gateway == "nat-unprotected":
		w.state, w.why = open, net.key+" has gateway mode nat-unprotected, so all its ports are open to who can route there"
	case published && net.gateway == "routed":
		w.state, w.why = open, net.key+" is routed, and ports opens this one"
	case e.since(28, 0, 0):
	case published && net == t.to.gateway():
		w.state, w.why = open, "before 28.0 a published port is open to neighbours that route to the container's address"
	case e.ForwardPolicy == "ACCEPT":
		w.state, w.why = open, "before 28.0, and with the FORWARD policy ACCEPT, all ports are open to neighbours that route to the container's address"
	}
	return w
}
