package policy

import (
	"fmt"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/netconform/netconform/matrix"
)

// reason is the verdict in a sentence: the policy and rule that decide, or what is missing.
func (w walk) reason() string {
	if w.c.Protocol == matrix.DNS {
		return w.nameReason()
	}
	switch w.verdict() {
	case matrix.Deny:
		if w.noPort != "" {
			return w.noPort
		}
		return w.linkReason(w.direct)
	case matrix.Partial:
		return fmt.Sprintf("%s is open by address and not by name: %s", w.c.To, w.nameReason())
	case matrix.Unknown:
		if w.direct.state() == maybe {
			return w.linkReason(w.direct)
		}
		return w.nameReason()
	}
	return w.linkReason(w.direct)
}

// nameReason says whether the destination's name leads to it, and why.
func (w walk) nameReason() string {
	switch {
	case w.noName != "":
		return w.noName
	case w.lookup.state() == yes && w.unsureName != "":
		return w.unsureName
	}
	return w.linkReason(*w.lookup)
}

// linkReason says what decides about a connection: the side that blocks it, or
// both where it is open.
func (w walk) linkReason(l link) string {
	if l.why != "" {
		return l.why
	}
	var parts []string
	for _, d := range []direction{egress, ingress} {
		if l.rulings[d].state == l.state() {
			parts = append(parts, w.rulingReason(l, d))
		}
	}
	if l.state() == maybe {
		return parts[0]
	}
	return strings.Join(parts, "; ")
}

// rulingReason is one direction's part of a sentence.
func (w walk) rulingReason(l link, d direction) string {
	r := l.rulings[d]
	subject, peer := l.ends(d)
	self, other := w.world.endpoints[subject].name, w.world.endpoints[peer].name
	port := portText(l.port, l.protocol)
	verb := [...]string{ingress: "lets %s in to %s on %s", egress: "lets %[2]s out to %[1]s on %[3]s"}[d]
	switch {
	case r.state == maybe:
		return r.why
	case r.tier != nil && r.state == no:
		return fmt.Sprintf("%s of %s denies %s %s", ruleName(d, r.rule.index), r.tier.Title(), arrow(d, self, other), port)
	case r.rule != nil:
		return fmt.Sprintf("%s of %s %s", ruleName(d, r.rule.index), r.rule.object.Title(), fmt.Sprintf(verb, other, self, port))
	case w.world.endpoints[subject].external:
		return fmt.Sprintf("%s is outside of the cluster's policies", self)
	case r.state == yes:
		return fmt.Sprintf("no policy isolates %s for %s", self, d)
	}
	text := fmt.Sprintf("no %s rule of %s ", d, titles(r.isolating)) + fmt.Sprintf(verb, other, self, port)
	if n := w.nearest(l, d); n != nil {
		text += ": " + n.text
	}
	return text
}

func arrow(d direction, self, other string) string {
	if d == ingress {
		return other + " to " + self
	}
	return self + " to " + other
}

// near is a rule that comes closest to letting a packet through.
type near struct {
	policy *policy
	rule   *rule
	// port says that the port is what the rule lacks; else the peer is.
	port bool
	text string
}

// nearest prefers a rule that is about the peer on other ports to one that is
// about the port and another peer.
func (w walk) nearest(l link, d direction) *near {
	_, peer := l.ends(d)
	var best *near
	for _, p := range l.rulings[d].isolating {
		for i := range p.rules[d] {
			r := &p.rules[d][i]
			if r.sure.has(peer) {
				return &near{p, r, true, fmt.Sprintf("%s lets it on %s only", ruleName(d, i), portsText(r.ports))}
			}
			if best == nil && len(r.ports) > 0 && r.portMatch(&w.world.endpoints[l.to], l.port, l.protocol) == yes {
				best = &near{p, r, false, fmt.Sprintf("%s has the port, for %s only", ruleName(d, i), peersText(p.Namespace, peersOf(p.spec, d, i)))}
			}
		}
	}
	return best
}

func peersOf(spec *networkingv1.NetworkPolicySpec, d direction, i int) []networkingv1.NetworkPolicyPeer {
	if d == ingress {
		return spec.Ingress[i].From
	}
	return spec.Egress[i].To
}

// deciding is the connection that the verdict turns on.
func (w walk) deciding() link {
	v := w.verdict()
	if w.lookup != nil && (w.c.Protocol == matrix.DNS || v == matrix.Partial || v == matrix.Unknown && w.direct.state() == yes) {
		return *w.lookup
	}
	return w.direct
}

// pos is the place that decides: the rule that lets the packet through, the
// rule that comes closest, or the policy that isolates. Where there is none, it
// is that of the pod which a policy would have to select.
func (w walk) pos() matrix.Pos {
	if w.target != nil && (w.noName != "" || w.noPort != "") && w.verdict() != matrix.Allow {
		if w.noPort != "" || w.addressed() == yes || w.c.Protocol == matrix.DNS {
			return w.target.Pos
		}
	}
	l := w.deciding()
	for _, d := range []direction{ingress, egress} {
		r := l.rulings[d]
		switch {
		case r.state != l.state() && l.why == "":
		case r.rule != nil:
			return r.rule.object.At("spec", d.String(), r.rule.index)
		case len(r.isolating) > 0:
			if n := w.nearest(l, d); n != nil {
				return n.policy.At("spec", d.String(), n.rule.index)
			}
			return r.isolating[0].Pos
		}
	}
	if w.target == nil {
		return w.placed[w.from].Pos
	}
	return w.target.Pos
}

// steps is the walk as a person would tell it.
func (w walk) steps() []string {
	var out []string
	for _, i := range []int{w.from, w.to} {
		out = append(out, w.describe(i))
	}
	if w.c.Protocol != matrix.DNS {
		if w.target != nil && w.direct.port != w.c.Port {
			out = append(out, fmt.Sprintf("Service %s sends port %d to port %d of the pods, which is the port that policies see.", w.target.KubeService, w.c.Port, w.direct.port))
		}
		if w.noPort != "" {
			out = append(out, w.noPort+".")
		}
		out = append(out, w.linkSteps(w.direct)...)
	}
	if w.nameless != "" {
		out = append(out, w.nameless+".")
	}
	if w.lookup != nil {
		if w.noName != "" {
			out = append(out, w.noName+".")
		}
		if w.unsureName != "" {
			out = append(out, w.unsureName+".")
		}
		out = append(out, fmt.Sprintf("To look names up, %s must reach the cluster's DNS (pods %s in namespace %s) on 53/udp.", w.c.From, labelText(w.world.endpoints[w.dns].labels), w.world.endpoints[w.dns].namespace))
		out = append(out, w.linkSteps(*w.lookup)...)
	}
	return append(out, fmt.Sprintf("So the verdict is %s.", w.verdict()))
}

func (w walk) describe(i int) string {
	e := &w.world.endpoints[i]
	switch {
	case e.external && len(w.facts.Addresses[e.name]) > 0:
		return fmt.Sprintf("%s is outside of the cluster, at %s.", e.name, w.facts.Addresses[e.name][0])
	case e.external:
		return fmt.Sprintf("%s is outside of the cluster: selectors never mean it, address blocks may.", e.name)
	}
	text := fmt.Sprintf("%s is in namespace %s (%s) with the labels %s", e.name, e.namespace, labelText(w.world.namespaces[e.namespace]), labelText(e.labels))
	if e.host {
		text += ", on its node's own network"
	}
	return text + "."
}

func (w walk) linkSteps(l link) []string {
	var out []string
	for _, d := range []direction{egress, ingress} {
		r := l.rulings[d]
		subject, _ := l.ends(d)
		name := w.world.endpoints[subject].name
		if w.world.endpoints[subject].external {
			continue
		}
		for _, p := range r.isolating {
			out = append(out, fmt.Sprintf("%s isolates %s for %s (%s); it has %s.", p.Title(), name, d, p.Pos, countRules(len(p.rules[d]), d)))
		}
		line := fmt.Sprintf("%s of %s: %s", d, name, w.rulingReason(l, d))
		if r.rule != nil {
			line += fmt.Sprintf(" (%s)", r.rule.object.At("spec", d.String(), r.rule.index))
		} else if n := w.nearest(l, d); r.state == no && n != nil {
			line += fmt.Sprintf(" (%s)", n.policy.At("spec", d.String(), n.rule.index))
		}
		out = append(out, line+".")
	}
	if l.why != "" {
		out = append(out, l.why+".")
	}
	return out
}

func countRules(n int, d direction) string {
	switch n {
	case 0:
		return fmt.Sprintf("no %s rule, so it allows nothing", d)
	case 1:
		return fmt.Sprintf("1 %s rule", d)
	}
	return fmt.Sprintf("%d %s rules", n, d)
}
