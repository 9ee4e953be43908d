package policy

import (
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// Mutants are the manifests with one thing changed in each: a policy or a rule
// dropped, a rule open to everybody or on every port, a peer widened to all
// pods, one direction no longer isolated. They come in the order of the files.
func (o *Oracle) Mutants() []suites.Mutant {
	var all []suites.Mutant
	for i := range o.objects.NetworkPolicies {
		p := &o.objects.NetworkPolicies[i]
		all = append(all, o.mutant("drop "+p.Title(), p.Pos, i, nil))
		for _, change := range changes(p) {
			all = append(all, o.mutant(change.name+" of "+p.Title(), p.At(change.path...), i, change.spec))
		}
	}
	return append(all, o.tierMutants()...)
}

// mutant replaces the i-th policy's spec, or drops the policy where spec is nil.
func (o *Oracle) mutant(name string, pos matrix.Pos, i int, spec *networkingv1.NetworkPolicySpec) suites.Mutant {
	policies := append([]*policy{}, o.engine.policies...)
	if spec == nil {
		policies = append(policies[:i], policies[i+1:]...)
	} else {
		of := o.objects.NetworkPolicies[i]
		of.Value = &networkingv1.NetworkPolicy{ObjectMeta: of.Value.ObjectMeta, Spec: *spec}
		policies[i] = o.world.compile(&of)
	}
	changed := *o
	changed.engine = newEngine(o.world, policies, o.engine.admin, o.engine.baseline)
	return suites.Mutant{Name: name, Pos: pos, Predictor: &changed}
}

// tierMutants drop each cluster-wide policy.
func (o *Oracle) tierMutants() []suites.Mutant {
	var all []suites.Mutant
	drop := func(t *tiered) {
		changed := *o
		changed.engine = newEngine(o.world, o.engine.policies, leaveOut(o.engine.admin, t), leaveOut(o.engine.baseline, t))
		all = append(all, suites.Mutant{Name: "drop " + t.Title(), Pos: t.Pos, Predictor: &changed})
	}
	for _, t := range o.engine.admin {
		drop(t)
	}
	for _, t := range o.engine.baseline {
		drop(t)
	}
	return all
}

func leaveOut(list []*tiered, t *tiered) []*tiered {
	var rest []*tiered
	for _, other := range list {
		if other != t {
			rest = append(rest, other)
		}
	}
	return rest
}

// change is one way to weaken or break a policy.
type change struct {
	name string
	path []any
	spec *networkingv1.NetworkPolicySpec
}

func changes(of *manifests.Of[networkingv1.NetworkPolicy]) []change {
	var all []change
	spec := &of.Value.Spec
	add := func(name string, path []any, edit func(*networkingv1.NetworkPolicySpec)) {
		changed := spec.DeepCopy()
		// What the types default to must not change with the rules.
		changed.PolicyTypes = policyTypes(isolation(spec))
		edit(changed)
		all = append(all, change{name, path, changed})
	}
	in, out := isolation(spec)
	if in && out {
		add("no isolation for ingress", []any{"spec", "policyTypes"}, func(s *networkingv1.NetworkPolicySpec) { s.PolicyTypes = policyTypes(false, true) })
		add("no isolation for egress", []any{"spec", "policyTypes"}, func(s *networkingv1.NetworkPolicySpec) { s.PolicyTypes = policyTypes(true, false) })
	}
	for i, r := range spec.Ingress {
		if !in {
			break
		}
		at := []any{"spec", "ingress", i}
		name := ruleName(ingress, i)
		add("drop "+name, at, func(s *networkingv1.NetworkPolicySpec) { s.Ingress = append(s.Ingress[:i], s.Ingress[i+1:]...) })
		if len(r.From) > 0 {
			add("from everybody in "+name, at, func(s *networkingv1.NetworkPolicySpec) { s.Ingress[i].From = nil })
		}
		if len(r.Ports) > 0 {
			add("every port in "+name, at, func(s *networkingv1.NetworkPolicySpec) { s.Ingress[i].Ports = nil })
		}
		for j, p := range r.From {
			if wide, ok := widened(p); ok {
				add(fmt.Sprintf("widen %s.from[%d]", name, j), append(at, "from", j), func(s *networkingv1.NetworkPolicySpec) { s.Ingress[i].From[j] = wide })
			}
		}
	}
	for i, r := range spec.Egress {
		if !out {
			break
		}
		at := []any{"spec", "egress", i}
		name := ruleName(egress, i)
		add("drop "+name, at, func(s *networkingv1.NetworkPolicySpec) { s.Egress = append(s.Egress[:i], s.Egress[i+1:]...) })
		if len(r.To) > 0 {
			add("to everybody in "+name, at, func(s *networkingv1.NetworkPolicySpec) { s.Egress[i].To = nil })
		}
		if len(r.Ports) > 0 {
			add("every port in "+name, at, func(s *networkingv1.NetworkPolicySpec) { s.Egress[i].Ports = nil })
		}
		for j, p := range r.To {
			if wide, ok := widened(p); ok {
				add(fmt.Sprintf("widen %s.to[%d]", name, j), append(at, "to", j), func(s *networkingv1.NetworkPolicySpec) { s.Egress[i].To[j] = wide })
			}
		}
	}
	return all
}

func policyTypes(in, out bool) []networkingv1.PolicyType {
	types := []networkingv1.PolicyType{}
	if in {
		types = append(types, networkingv1.PolicyTypeIngress)
	}
	if out {
		types = append(types, networkingv1.PolicyTypeEgress)
	}
	return types
}

// widened is the peer with its selectors emptied, or every address; false
// where it is as wide already.
func widened(p networkingv1.NetworkPolicyPeer) (networkingv1.NetworkPolicyPeer, bool) {
	if b := p.IPBlock; b != nil {
		everything := networkingv1.IPBlock{CIDR: "0.0.0.0/0"}
		return networkingv1.NetworkPolicyPeer{IPBlock: &everything}, b.CIDR != everything.CIDR || len(b.Except) > 0
	}
	wide := networkingv1.NetworkPolicyPeer{}
	changed := false
	if p.PodSelector != nil {
		wide.PodSelector = &metav1.LabelSelector{}
		changed = changed || !isEmpty(p.PodSelector)
	}
	if p.NamespaceSelector != nil {
		wide.NamespaceSelector = &metav1.LabelSelector{}
		changed = changed || !isEmpty(p.NamespaceSelector)
	}
	return wide, changed
}
