package policy

import (
	"fmt"
	"strings"

	"github.com/netconform/netconform/matrix"
)

// mend is the smallest change that turns the verdict round: what opens a deny
// or a partial, and what closes an allow.
func (w walk) mend() string {
	switch w.verdict() {
	case matrix.Deny, matrix.Partial:
		return w.open()
	case matrix.Allow:
		return w.shut()
	}
	return ""
}

func (w walk) open() string {
	var parts []string
	if w.noPort != "" {
		return "name that container port, or write its number as the Service's targetPort"
	}
	if w.c.Protocol != matrix.DNS {
		parts = append(parts, w.openLink(w.direct)...)
	}
	if w.lookup != nil && (w.c.Protocol == matrix.DNS || w.verdict() == matrix.Partial) {
		if w.noName != "" {
			parts = append(parts, w.openService())
		}
		parts = append(parts, w.openLink(*w.lookup)...)
	}
	return strings.Join(parts, "; and ")
}

func (w walk) openService() string {
	if w.target.KubeService == "" {
		return "give it a Service named " + w.target.Service
	}
	return fmt.Sprintf("make the selector of Service %s match %s", w.target.KubeService, labelText(w.target.Labels))
}

// openLink says what each side that blocks needs.
func (w walk) openLink(l link) []string {
	var parts []string
	for _, d := range []direction{egress, ingress} {
		r := l.rulings[d]
		if r.state != no {
			continue
		}
		_, peer := l.ends(d)
		port := portText(l.port, l.protocol)
		if r.tier != nil {
			parts = append(parts, fmt.Sprintf("put a rule that allows %s on %s before %s of %s (%s)", w.world.endpoints[peer].name, port,
				ruleName(d, r.rule.index), r.tier.Title(), r.tier.At("spec", d.String(), r.rule.index)))
			continue
		}
		n := w.nearest(l, d)
		if n != nil && n.port {
			parts = append(parts, fmt.Sprintf("add port %s to %s of %s (%s)", port, ruleName(d, n.rule.index), n.policy.Title(), n.policy.At("spec", d.String(), n.rule.index)))
			continue
		}
		p := specific(r.isolating)
		if n != nil {
			p = n.policy
		}
		parts = append(parts, fmt.Sprintf("add to %s (%s) an %s rule %s %s on %s", p.Title(), p.Pos, d, d.peersField(), w.peerMend(p.Namespace, peer), port))
	}
	return parts
}

// specific is the first policy that is not for every pod of its namespace: the
// place where a rule for one pod belongs.
func specific(policies []*policy) *policy {
	for _, p := range policies {
		if !isEmpty(&p.spec.PodSelector) {
			return p
		}
	}
	return policies[0]
}

// peerMend is the peer that a new rule would name.
func (w walk) peerMend(namespace string, peer int) string {
	e := &w.world.endpoints[peer]
	switch {
	case e.external:
		return "ipBlock with the addresses of " + e.name
	case e.namespace == namespace:
		return "podSelector " + identity(e)
	}
	return fmt.Sprintf("namespaceSelector kubernetes.io/metadata.name=%s with podSelector %s in the same list item", e.namespace, identity(e))
}

// identity is the label that tells a pod apart, as far as there is a usual one.
func identity(e *endpoint) string {
	for _, key := range []string{"app.kubernetes.io/name", "app", "k8s-app", "name"} {
		if v, ok := e.labels[key]; ok {
			return key + "=" + v
		}
	}
	return labelText(e.labels)
}

func (w walk) shut() string {
	l := w.deciding()
	for _, d := range []direction{ingress, egress} {
		r := l.rulings[d]
		if r.rule != nil {
			return fmt.Sprintf("narrow %s of %s (%s)", ruleName(d, r.rule.index), r.rule.object.Title(), r.rule.object.At("spec", d.String(), r.rule.index))
		}
	}
	if w.target == nil {
		return fmt.Sprintf("add a NetworkPolicy in namespace %s that selects %s, with policyTypes [Egress] and the egress rules that it needs",
			w.world.endpoints[w.from].namespace, identity(&w.world.endpoints[w.from]))
	}
	if w.c.Protocol == matrix.DNS {
		return fmt.Sprintf("add a NetworkPolicy in namespace %s that selects %s, with policyTypes [Egress] and no rule for DNS",
			w.world.endpoints[w.from].namespace, identity(&w.world.endpoints[w.from]))
	}
	return fmt.Sprintf("add a NetworkPolicy in namespace %s that selects %s, with policyTypes [Ingress] and the ingress rules that it needs",
		w.target.Namespace, identity(&w.world.endpoints[w.to]))
}
