package policy

import (
	"fmt"

	"github.com/netconform/netconform/matrix"
)

// engine decides about traffic between the endpoints of its world.
type engine struct {
	*world
	policies        []*policy
	selecting       [2][][]*policy // by direction and endpoint: the policies that isolate it
	admin, baseline []*tiered
}

// newEngine makes an engine of policies that were compiled for the world.
func newEngine(w *world, policies []*policy, admin, baseline []*tiered) *engine {
	e := &engine{world: w, policies: policies, admin: admin, baseline: baseline}
	for d := range e.selecting {
		e.selecting[d] = make([][]*policy, len(w.endpoints))
	}
	for _, p := range policies {
		for d := range e.selecting {
			if p.isolates[d] {
				p.selects.each(func(i int) { e.selecting[d][i] = append(e.selecting[d][i], p) })
			}
		}
	}
	return e
}

// packet is what a policy is asked about: who, whom, and the port of the
// destination's pod.
type packet struct {
	from, to int
	port     int
	protocol matrix.Protocol
}

// ends are the endpoint that a policy of this direction selects, and its peer.
func (p packet) ends(d direction) (subject, peer int) {
	if d == ingress {
		return p.to, p.from
	}
	return p.from, p.to
}

// ruling is what the policies of one direction say to a packet, and which of
// them decides.
type ruling struct {
	state tri
	// rule decides, and policy or tier is its policy. All are nil where nothing
	// isolates the pod, or where it is isolated and no rule matches.
	rule   *rule
	policy *policy
	tier   *tiered
	// isolating are the NetworkPolicies that isolate the pod in this direction.
	isolating []*policy
	// why says what is not known where state is maybe.
	why string
}

// decide asks first the Admin tier, then the NetworkPolicies, and the Baseline
// tier only where no NetworkPolicy isolates the pod (ClusterNetworkPolicySpec.Tier).
func (e *engine) decide(d direction, p packet) ruling {
	subject, peer := p.ends(d)
	if e.endpoints[subject].external {
		return ruling{state: yes}
	}
	r, done := e.askTier(e.admin, d, p)
	if !done {
		r = e.askPolicies(d, p)
	}
	// A pod's own node always reaches it, and is reached by it; which node a
	// host's pod is on is not known.
	if r.state == no && e.endpoints[peer].host {
		r.state, r.why = maybe, "traffic between a pod and the node that it runs on is always allowed, and "+e.endpoints[peer].name+" is on its node's own network"
	}
	return r
}

// askTier finds the first matching rule of the policies of one tier. It is
// done where that rule allows or denies; Pass ends the tier and no more.
func (e *engine) askTier(tier []*tiered, d direction, p packet) (ruling, bool) {
	subject, _ := p.ends(d)
	for i, t := range tier {
		if !t.subject.has(subject) {
			continue
		}
		r, state := e.firstMatch(t, d, p)
		if state == no {
			continue
		}
		out := ruling{state: state, rule: r, tier: t}
		if state == maybe {
			out.why = fmt.Sprintf("whether %s of %s applies is not known from files", ruleName(d, r.index), t.Title())
			return out, true
		}
		// Equal priorities: any of the policies may be applied first (ClusterNetworkPolicySpec.Priority).
		for _, other := range tier[i+1:] {
			if other.priority != t.priority {
				break
			}
			if r2, s2 := e.firstMatch(other, d, p); other.subject.has(subject) && s2 != no && r2.action != r.action {
				out.state = maybe
				out.why = fmt.Sprintf("%s and %s have the same priority, %d, and decide differently: either may come first", t.Title(), other.Title(), t.priority)
				return out, true
			}
		}
		switch r.action {
		case pass:
			return ruling{}, false
		case deny:
			out.state = no
		}
		return out, true
	}
	return ruling{}, false
}

func (e *engine) firstMatch(t *tiered, d direction, p packet) (*rule, tri) {
	for i := range t.rules[d] {
		r := &t.rules[d][i]
		if m := e.matches(r, d, p); m != no {
			return r, m
		}
	}
	return nil, no
}

func (e *engine) askPolicies(d direction, p packet) ruling {
	subject, _ := p.ends(d)
	isolating := e.selecting[d][subject]
	if len(isolating) == 0 {
		r, done := e.askTier(e.baseline, d, p)
		if !done {
			r.state = yes
		}
		return r
	}
	r := ruling{isolating: isolating}
	var unsure []*rule
	for _, pol := range isolating {
		for i := range pol.rules[d] {
			switch m := e.matches(&pol.rules[d][i], d, p); m {
			case yes:
				r.state, r.rule, r.policy = yes, &pol.rules[d][i], pol
				return r
			case maybe:
				if r.state == no {
					r.state, r.rule, r.policy = maybe, &pol.rules[d][i], pol
				}
				unsure = append(unsure, &pol.rules[d][i])
			}
		}
	}
	if r.state == maybe {
		r.state, r.why = e.together(unsure, d, p)
	}
	if e.endpoints[subject].host {
		r.state, r.why = maybe, fmt.Sprintf("%s is on its node's own network, and whether a NetworkPolicy applies to such a pod is left to the implementation", e.endpoints[subject].name)
	}
	return r
}

// together decides by several rules that are each about some of the peer's
// possible addresses, or says what is not known.
func (e *engine) together(rules []*rule, d direction, p packet) (tri, string) {
	_, peer := p.ends(d)
	var spans []span
	for _, r := range rules {
		if r.portMatch(&e.endpoints[p.to], p.port, p.protocol) == yes && !r.sure.has(peer) {
			spans = append(spans, r.spans...)
		}
	}
	who := &e.endpoints[peer]
	if len(spans) > 0 && meets(who.addresses, union(spans)) == yes {
		return yes, ""
	}
	r := rules[0]
	at := fmt.Sprintf("%s of %s", ruleName(d, r.index), r.object.Title())
	switch {
	case r.sure.has(peer):
		return maybe, at + " names a port, and " + who.name + " is no pod whose ports have names"
	case who.host && len(r.spans) == 0:
		return maybe, fmt.Sprintf("%s selects %s, which is on its node's own network: whether a selector means such a pod is left to the implementation", at, who.name)
	case who.external:
		return maybe, fmt.Sprintf("%s allows some addresses, and which address %s has is not known from files", at, who.name)
	}
	return maybe, fmt.Sprintf("%s allows some addresses, and the address of %s is not known from files", at, who.name)
}

// matches says whether a rule is about the packet.
func (e *engine) matches(r *rule, d direction, p packet) tri {
	_, peer := p.ends(d)
	m := no
	switch {
	case r.sure.has(peer):
		m = yes
	case r.unsure.has(peer):
		m = maybe
	default:
		return no
	}
	return m.and(r.portMatch(&e.endpoints[p.to], p.port, p.protocol))
}

// portMatch says whether the rule is about the port. A name means the
// destination pod's own container port of that name and protocol.
func (r *rule) portMatch(to *endpoint, port int, protocol matrix.Protocol) tri {
	if len(r.ports) == 0 {
		return yes
	}
	m := no
	for _, s := range r.ports {
		m = m.or(s.match(to, port, protocol))
	}
	return m
}

func (s portSpec) match(to *endpoint, port int, protocol matrix.Protocol) tri {
	switch {
	case s.protocol != "" && s.protocol != protocol:
		return no
	case s.name != "" && to.external:
		return maybe
	case s.name != "":
		if n, ok := to.namedPort(s.name, protocol); ok && n == port {
			return yes
		}
		return no
	case s.from == 0 || s.from <= port && port <= s.to:
		return yes
	}
	return no
}

func ruleName(d direction, index int) string { return fmt.Sprintf("spec.%s[%d]", d, index) }
