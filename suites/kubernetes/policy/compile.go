package policy

import (
	"net/netip"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

type direction int

const (
	ingress direction = iota
	egress
)

func (d direction) String() string { return [...]string{"ingress", "egress"}[d] }

// peersField is where a rule of this direction lists its peers.
func (d direction) peersField() string { return [...]string{"from", "to"}[d] }

// portSpec is one entry of a rule's ports.
type portSpec struct {
	protocol matrix.Protocol // empty: any
	from, to int             // 0: every port
	name     string          // instead of numbers
}

// rule is one rule of a policy, ready to be asked.
type rule struct {
	object *manifests.Object
	index  int
	action action
	sure   set    // peers that it is about
	unsure set    // peers that it may be about
	spans  []span // its address blocks, together
	ports  []portSpec
}

type action string

const (
	allow action = "Allow"
	deny  action = "Deny"
	pass  action = "Pass"
)

// policy is a NetworkPolicy, ready to be asked.
type policy struct {
	*manifests.Object
	spec     *networkingv1.NetworkPolicySpec
	isolates [2]bool
	selects  set
	rules    [2][]rule
}

// tiered is an AdminNetworkPolicy, BaselineAdminNetworkPolicy or ClusterNetworkPolicy.
type tiered struct {
	*manifests.Object
	priority int32
	subject  set
	rules    [2][]rule
}

func (w *world) compileAll(list []manifests.Of[networkingv1.NetworkPolicy]) []*policy {
	all := make([]*policy, len(list))
	for i := range list {
		all[i] = w.compile(&list[i])
	}
	return all
}

// compile makes a NetworkPolicy ready.
func (w *world) compile(of *manifests.Of[networkingv1.NetworkPolicy]) *policy {
	spec := &of.Value.Spec
	p := &policy{Object: &of.Object, spec: spec, selects: w.selectPods(of.Namespace, &spec.PodSelector, nil)}
	p.isolates[ingress], p.isolates[egress] = isolation(spec)
	if p.isolates[ingress] {
		for i, r := range spec.Ingress {
			p.rules[ingress] = append(p.rules[ingress], w.rule(p.Object, i, r.From, r.Ports))
		}
	}
	if p.isolates[egress] {
		for i, r := range spec.Egress {
			p.rules[egress] = append(p.rules[egress], w.rule(p.Object, i, r.To, r.Ports))
		}
	}
	return p
}

// isolation is which directions a policy is about: what policyTypes says, or
// else ingress always, and egress where there is a rule for it
// (NetworkPolicySpec.PolicyTypes in networking/v1).
func isolation(spec *networkingv1.NetworkPolicySpec) (in, out bool) {
	if len(spec.PolicyTypes) == 0 {
		return true, len(spec.Egress) > 0
	}
	for _, t := range spec.PolicyTypes {
		in = in || t == networkingv1.PolicyTypeIngress
		out = out || t == networkingv1.PolicyTypeEgress
	}
	return in, out
}

func (w *world) rule(o *manifests.Object, index int, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) rule {
	r := rule{object: o, index: index, action: allow}
	for _, p := range ports {
		r.ports = append(r.ports, portOf(p))
	}
	if len(peers) == 0 { // absent and empty mean the same: everybody, outside too
		r.sure, r.unsure = w.all, newSet(len(w.endpoints))
		return r
	}
	r.sure, r.unsure = newSet(len(w.endpoints)), newSet(len(w.endpoints))
	for _, peer := range peers {
		if peer.IPBlock != nil {
			r.spans = append(r.spans, blockSpans(peer.IPBlock)...)
			continue
		}
		// Whether a selector means pods on the host's network is left to the
		// implementation (https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-and-hostnetwork-pods).
		chosen := w.selectPods(o.Namespace, peer.PodSelector, peer.NamespaceSelector)
		r.sure.or(chosen)
		r.unsure.or(chosen.and(w.hosts))
	}
	r.sure.without(w.hosts)
	r.addBlocks(w)
	return r
}

// addBlocks adds the peers that the rule's address blocks mean.
func (r *rule) addBlocks(w *world) {
	if len(r.spans) == 0 {
		return
	}
	r.spans = union(r.spans)
	sure, unsure := w.inBlock(r.spans)
	r.sure.or(sure)
	r.unsure.or(unsure)
}

// portOf is a policy's port: TCP unless it says otherwise, and every port
// where it names none (NetworkPolicyPort in networking/v1).
func portOf(p networkingv1.NetworkPolicyPort) portSpec {
	s := portSpec{protocol: matrix.TCP}
	if p.Protocol != nil {
		s.protocol = protocolOf(*p.Protocol)
	}
	switch {
	case p.Port == nil:
	case p.Port.Type == intstr.String:
		s.name = p.Port.StrVal
	default:
		s.from, s.to = int(p.Port.IntVal), int(p.Port.IntVal)
		if p.EndPort != nil {
			s.to = int(*p.EndPort)
		}
	}
	return s
}

func protocolOf(p corev1.Protocol) matrix.Protocol {
	return matrix.Protocol(strings.ToLower(string(p)))
}

// compileTiers makes the cluster-wide policies ready, in the order in which
// they are asked: AdminNetworkPolicy and ClusterNetworkPolicy of tier Admin
// first, and those of tier Baseline where no NetworkPolicy decides.
func (w *world) compileTiers(o *manifests.Objects) (admin, baseline []*tiered) {
	for i := range o.AdminPolicies {
		p := &o.AdminPolicies[i]
		s := p.Value.Spec
		t := w.tiered(&p.Object, s.Priority, s.Subject.Namespaces, (*podPeer)(s.Subject.Pods))
		for j, r := range s.Ingress {
			peers := make([]tierPeer, len(r.From))
			for k, f := range r.From {
				peers[k] = tierPeer{namespaces: f.Namespaces, pods: (*podPeer)(f.Pods)}
			}
			t.rules[ingress] = append(t.rules[ingress], w.tierRule(t.Object, j, string(r.Action), peers, alphaPorts(r.Ports)))
		}
		for j, r := range s.Egress {
			peers := make([]tierPeer, len(r.To))
			for k, f := range r.To {
				peers[k] = tierPeer{f.Namespaces, (*podPeer)(f.Pods), f.Nodes, texts(f.Networks), len(f.DomainNames) > 0}
			}
			t.rules[egress] = append(t.rules[egress], w.tierRule(t.Object, j, string(r.Action), peers, alphaPorts(r.Ports)))
		}
		admin = append(admin, t)
	}
	for i := range o.BaselinePolicies {
		p := &o.BaselinePolicies[i]
		s := p.Value.Spec
		t := w.tiered(&p.Object, 0, s.Subject.Namespaces, (*podPeer)(s.Subject.Pods))
		for j, r := range s.Ingress {
			peers := make([]tierPeer, len(r.From))
			for k, f := range r.From {
				peers[k] = tierPeer{namespaces: f.Namespaces, pods: (*podPeer)(f.Pods)}
			}
			t.rules[ingress] = append(t.rules[ingress], w.tierRule(t.Object, j, string(r.Action), peers, alphaPorts(r.Ports)))
		}
		for j, r := range s.Egress {
			peers := make([]tierPeer, len(r.To))
			for k, f := range r.To {
				peers[k] = tierPeer{f.Namespaces, (*podPeer)(f.Pods), f.Nodes, texts(f.Networks), false}
			}
			t.rules[egress] = append(t.rules[egress], w.tierRule(t.Object, j, string(r.Action), peers, alphaPorts(r.Ports)))
		}
		baseline = append(baseline, t)
	}
	for i := range o.ClusterPolicies {
		p := &o.ClusterPolicies[i]
		s := p.Value.Spec
		t := w.tiered(&p.Object, s.Priority, s.Subject.Namespaces, betaPods(s.Subject.Pods))
		for j, r := range s.Ingress {
			peers := make([]tierPeer, len(r.From))
			for k, f := range r.From {
				peers[k] = tierPeer{namespaces: f.Namespaces, pods: betaPods(f.Pods)}
			}
			t.rules[ingress] = append(t.rules[ingress], w.tierRule(t.Object, j, string(r.Action), peers, betaPorts(r.Protocols)))
		}
		for j, r := range s.Egress {
			peers := make([]tierPeer, len(r.To))
			for k, f := range r.To {
				peers[k] = tierPeer{f.Namespaces, betaPods(f.Pods), f.Nodes, texts(f.Networks), len(f.DomainNames) > 0}
			}
			t.rules[egress] = append(t.rules[egress], w.tierRule(t.Object, j, string(r.Action), peers, betaPorts(r.Protocols)))
		}
		if s.Tier == "Baseline" {
			baseline = append(baseline, t)
		} else {
			admin = append(admin, t)
		}
	}
	for _, list := range [][]*tiered{admin, baseline} {
		sort.SliceStable(list, func(i, j int) bool { return list[i].priority < list[j].priority })
	}
	return admin, baseline
}

// tierPeer is a subject or peer of a cluster-wide policy, whatever its version.
type tierPeer struct {
	namespaces  *metav1.LabelSelector
	pods        *podPeer
	nodes       *metav1.LabelSelector
	networks    []string
	domainNames bool
}

func (w *world) tiered(o *manifests.Object, priority int32, namespaces *metav1.LabelSelector, pods *podPeer) *tiered {
	return &tiered{Object: o, priority: priority, subject: w.tierPods(tierPeer{namespaces: namespaces, pods: pods})}
}

// tierPods are the pods that a subject or peer means: never those on the
// host's network (ClusterNetworkPolicySubject in network-policy-api).
func (w *world) tierPods(p tierPeer) set {
	var s set
	switch {
	case p.namespaces != nil:
		s = w.choose(w.byNsName, p.namespaces)
	case p.pods != nil:
		s = w.choose(w.byNsName, &p.pods.NamespaceSelector).and(w.choose(w.byLabel, &p.pods.PodSelector))
	default:
		return newSet(len(w.endpoints))
	}
	return s.without(w.hosts)
}

func (w *world) tierRule(o *manifests.Object, index int, verb string, peers []tierPeer, ports []portSpec) rule {
	r := rule{object: o, index: index, action: action(verb), sure: newSet(len(w.endpoints)), unsure: newSet(len(w.endpoints)), ports: ports}
	if verb == "Accept" {
		r.action = allow
	}
	for _, p := range peers {
		r.sure.or(w.tierPods(p))
		for _, text := range p.networks {
			if prefix, err := netip.ParsePrefix(text); err == nil {
				if s, ok := prefixSpan(prefix); ok {
					r.spans = append(r.spans, s)
				}
			}
		}
		if p.nodes != nil { // which node a pod is on is not known
			r.unsure.or(w.hosts)
		}
		if p.domainNames { // which name an external has is not known
			r.unsure.or(w.all.clone().without(w.pods))
		}
	}
	r.addBlocks(w)
	return r
}
