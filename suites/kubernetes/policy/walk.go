package policy

import (
	"fmt"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// link is one connection: what the source's egress and the destination's
// ingress say to it.
type link struct {
	packet
	rulings [2]ruling // by direction
	// why says what is not known besides the rulings.
	why string
}

func (l link) state() tri {
	if l.why != "" {
		return maybe
	}
	return l.rulings[egress].state.and(l.rulings[ingress].state)
}

func (e *engine) link(p packet) link {
	return link{packet: p, rulings: [2]ruling{ingress: e.decide(ingress, p), egress: e.decide(egress, p)}}
}

// walk is the decision of a case.
type walk struct {
	*Oracle
	c      matrix.Case
	from   int
	to     int
	target *manifests.StandIn // nil for an external
	direct link               // to the pod's own address; unused for a lookup
	lookup *link              // to DNS; nil where no name is needed
	// nameless says why the case is decided by the pod's address alone.
	nameless string
	// noPort says why the pod does not listen on the port at all.
	noPort string
	// noName says why the name leads nowhere, DNS aside; unsureName why that is not known.
	noName, unsureName string
}

// walk follows a case. Externals are reached by address, and reach by address:
// the cluster's DNS is not theirs, and does not name them.
func (o *Oracle) walk(c matrix.Case, from, to int) walk {
	w := walk{Oracle: o, c: c, from: from, to: to}
	if to < len(o.placed) {
		w.target = &o.placed[to]
	}
	if w.target != nil && from < len(o.placed) && !w.byAddressAlone() {
		l := o.engine.link(packet{from, o.dns, 53, matrix.UDP})
		switch {
		case o.world.endpoints[o.dns].nodeLocal && l.state() != yes:
			l.why = "pods ask a DNS cache on their own node, and how egress policies meet it is left to the implementation"
		case o.world.endpoints[from].host:
			l.why = c.From + " is on its node's own network, and uses the node's resolver unless its dnsPolicy says otherwise"
		}
		w.lookup = &l
		w.service()
	}
	if c.Protocol == matrix.DNS {
		return w
	}
	port := c.Port
	if w.target != nil {
		var ok bool
		if port, ok = w.target.PodPort(c.Port, c.Protocol); !ok {
			p, _ := w.target.ServicePort(c.Port, c.Protocol)
			w.noPort = fmt.Sprintf("Service %s sends port %d to a container port named %q, which %s does not have", w.target.KubeService, c.Port, p.Target.StrVal, c.To)
			port = c.Port
		}
	}
	w.direct = o.engine.link(packet{from, to, port, c.Protocol})
	return w
}

// byAddressAlone says whether nobody reaches the port by the service's name,
// because its Service does not have it: a port for metrics, often, that is read
// from the pods' addresses.
func (w *walk) byAddressAlone() bool {
	if _, ok := w.target.ServicePort(w.c.Port, w.c.Protocol); ok || w.c.Protocol == matrix.DNS {
		return false
	}
	w.nameless = fmt.Sprintf("No Service of %s has port %d/%s, so the pod's address alone decides", w.c.To, w.c.Port, w.c.Protocol)
	return true
}

// service looks at what the destination's name leads to.
func (w *walk) service() {
	t := w.target
	if t.KubeService == "" {
		w.noName = "no Service has the name " + t.Service
		return
	}
	if w.c.Protocol == matrix.DNS {
		return
	}
	if t.Selector == nil {
		return // made for this stand-in alone
	}
	if len(t.Selector) == 0 {
		w.noName = fmt.Sprintf("Service %s has no selector, and no pod of %s is behind it", t.KubeService, t.Service)
		return
	}
	own := false
	other := ""
	for i, p := range w.placed {
		if p.Namespace != t.Namespace || !subset(t.Selector, p.Labels) {
			continue
		}
		if i == w.to {
			own = true
		} else if other == "" {
			other = p.Service
		}
	}
	switch {
	case !own:
		w.noName = fmt.Sprintf("Service %s selects %s, which the pods of %s are not", t.KubeService, labelText(t.Selector), t.Service)
	case other != "":
		w.unsureName = fmt.Sprintf("Service %s selects the pods of %s as well as those of %s: its name leads to either", t.KubeService, other, t.Service)
	}
}

// named is whether the name leads to the destination, policies on the way to it aside.
func (w walk) named() tri {
	switch {
	case w.lookup == nil:
		return yes
	case w.noName != "":
		return no
	case w.unsureName != "":
		return w.lookup.state().and(maybe)
	}
	return w.lookup.state()
}

func (w walk) verdict() matrix.Verdict {
	if w.c.Protocol == matrix.DNS {
		return [...]matrix.Verdict{no: matrix.Deny, maybe: matrix.Unknown, yes: matrix.Allow}[w.named()]
	}
	switch addressed := w.addressed(); {
	case addressed == no:
		return matrix.Deny // the name leads to the same pods
	case addressed == maybe || w.named() == maybe:
		return matrix.Unknown
	case w.named() == no:
		return matrix.Partial
	}
	return matrix.Allow
}

// addressed is whether the pod's own address answers.
func (w walk) addressed() tri {
	if w.noPort != "" {
		return no
	}
	return w.direct.state()
}
