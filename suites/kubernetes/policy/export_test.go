package policy

import (
	"math/rand/v2"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	corev1 "k8s.io/api/core/v1"

	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// What the proof, which imports the live platform, needs of the generator.
var RandomPods = randomPods

// Policies is a random policy set.
type Policies = []manifests.Of[networkingv1.NetworkPolicy]

// RandomPolicies is the set of a seed. Most namespaces get a way to the
// cluster's DNS, right or nearly right, since little is open by name without.
func RandomPolicies(seed uint64) Policies {
	r := rand.New(rand.NewPCG(seed, 99))
	policies := randomScenario(r, 5).policies
	for _, ns := range []string{"x", "y", "z"} {
		if r.IntN(4) == 0 {
			continue
		}
		peer := networkingv1.NetworkPolicyPeer{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: "kube-system"}},
			PodSelector:       pick(r, nil, &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}}),
		}
		rule := networkingv1.NetworkPolicyEgressRule{To: pick(r, nil, []networkingv1.NetworkPolicyPeer{peer}, []networkingv1.NetworkPolicyPeer{peer})}
		for _, protocol := range pick(r, []corev1.Protocol{"UDP"}, []corev1.Protocol{"UDP", "TCP"}, []corev1.Protocol{"TCP"}, []corev1.Protocol{"UDP"}) {
			rule.Ports = append(rule.Ports, networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: new(pick(r, intstr.FromInt(53), intstr.FromString(map[corev1.Protocol]string{"UDP": "dns", "TCP": "dns-tcp"}[protocol])))})
		}
		policies = append(policies, manifests.Of[networkingv1.NetworkPolicy]{
			Object: manifests.Object{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: ns, Name: "dns"},
			Value:  &networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{"Egress"}, Egress: []networkingv1.NetworkPolicyEgressRule{rule}}},
		})
	}
	return policies
}

// Describe writes the set as YAML.
func Describe(p Policies) string { return describe(p) }

// Smaller are the sets that lack one policy, or one rule, of p.
func Smaller(p Policies) []Policies {
	var all []Policies
	for i := range p {
		all = append(all, append(append(Policies{}, p[:i]...), p[i+1:]...))
	}
	for i, of := range p {
		for _, c := range changes(&of) {
			if len(c.spec.Ingress)+len(c.spec.Egress) < len(of.Value.Spec.Ingress)+len(of.Value.Spec.Egress) {
				q := append(Policies{}, p...)
				q[i].Value = &networkingv1.NetworkPolicy{Spec: *c.spec}
				all = append(all, q)
			}
		}
	}
	return all
}
