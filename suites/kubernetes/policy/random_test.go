package policy

import (
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// scenario is a random policy set over a few pods.
type scenario struct {
	pods       []manifests.StandIn
	namespaces map[string]map[string]string
	policies   []manifests.Of[networkingv1.NetworkPolicy]
}

func (s *scenario) endpoints() []endpoint {
	var all []endpoint
	for _, p := range s.pods {
		all = append(all, Cluster{}.podEndpoint(p))
	}
	return all
}

// randomPods stand in three namespaces x, y and z, and have the labels pod and
// tier. The name "web" is port 80 on some and port 81 on others.
func randomPods(n int) ([]manifests.StandIn, map[string]map[string]string) {
	namespaces := map[string]map[string]string{}
	for i, ns := range []string{"x", "y", "z"} {
		namespaces[ns] = map[string]string{corev1.LabelMetadataName: ns, "ns": ns, "team": []string{"red", "blue", "red"}[i]}
	}
	var pods []manifests.StandIn
	for i := range n {
		p := manifests.StandIn{
			Namespace: string("xyz"[i%3]), Labels: map[string]string{"pod": string("abc"[i/3%3])},
			ContainerPorts: []manifests.ContainerPort{
				{Name: "web", Port: 80, Protocol: matrix.TCP}, {Name: "alt", Port: 81, Protocol: matrix.TCP},
				{Name: "web-udp", Port: 80, Protocol: matrix.UDP}, {Port: 81, Protocol: matrix.UDP}},
		}
		p.Service = p.Namespace + p.Labels["pod"]
		p.KubeService = p.Service
		if i%2 == 1 {
			p.ContainerPorts[0].Name, p.ContainerPorts[1].Name = "alt", "web"
		}
		if i%4 != 3 {
			p.Labels["tier"] = []string{"front", "back"}[i%2]
		}
		pods = append(pods, p)
	}
	return pods, namespaces
}

func randomScenario(r *rand.Rand, n int) scenario {
	var s scenario
	s.pods, s.namespaces = randomPods(n)
	for i := range 1 + r.IntN(5) {
		s.policies = append(s.policies, manifests.Of[networkingv1.NetworkPolicy]{
			Object: manifests.Object{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: string("xyz"[r.IntN(3)]), Name: fmt.Sprint("p", i)},
			Value:  &networkingv1.NetworkPolicy{Spec: randomSpec(r)},
		})
	}
	return s
}

// pick is one of the choices.
func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// randomSpec is biased to the odd corners: empty against nil, types that the
// rules do not fit, rules without peers or ports.
func randomSpec(r *rand.Rand) networkingv1.NetworkPolicySpec {
	spec := networkingv1.NetworkPolicySpec{PodSelector: randomPodSelector(r)}
	spec.PolicyTypes = pick(r, nil, []networkingv1.PolicyType{}, []networkingv1.PolicyType{"Ingress"}, []networkingv1.PolicyType{"Egress"}, []networkingv1.PolicyType{"Ingress", "Egress"})
	for range r.IntN(3) {
		spec.Ingress = append(spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: randomPeers(r), Ports: randomPorts(r)})
	}
	for range r.IntN(3) {
		spec.Egress = append(spec.Egress, networkingv1.NetworkPolicyEgressRule{To: randomPeers(r), Ports: randomPorts(r)})
	}
	return spec
}

func randomPodSelector(r *rand.Rand) metav1.LabelSelector {
	switch r.IntN(8) {
	case 0, 1:
		return metav1.LabelSelector{}
	case 2:
		return randomExpressions(r, "pod", "a", "b", "c")
	case 3:
		return randomExpressions(r, "tier", "front", "back", "none")
	case 4:
		return metav1.LabelSelector{MatchLabels: map[string]string{"tier": pick(r, "front", "back"), "pod": pick(r, "a", "b", "c")}}
	case 5:
		s := randomExpressions(r, "tier", "front", "back")
		s.MatchLabels = map[string]string{"pod": pick(r, "a", "b")}
		return s
	}
	return metav1.LabelSelector{MatchLabels: map[string]string{"pod": pick(r, "a", "b", "c")}}
}

func randomNamespaceSelector(r *rand.Rand) metav1.LabelSelector {
	switch r.IntN(6) {
	case 0:
		return metav1.LabelSelector{}
	case 1:
		return randomExpressions(r, "ns", "x", "y", "z")
	case 2:
		return randomExpressions(r, "team", "red", "blue")
	case 3:
		return metav1.LabelSelector{MatchLabels: map[string]string{"team": pick(r, "red", "blue", "green")}}
	}
	return metav1.LabelSelector{MatchLabels: map[string]string{"ns": pick(r, "x", "y", "z")}}
}

func randomExpressions(r *rand.Rand, key string, values ...string) metav1.LabelSelector {
	var s metav1.LabelSelector
	for range 1 + r.IntN(2) {
		e := metav1.LabelSelectorRequirement{Key: pick(r, key, key, "absent"), Operator: pick(r, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist)}
		if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpNotIn {
			for range 1 + r.IntN(2) {
				e.Values = append(e.Values, pick(r, values...))
			}
		}
		s.MatchExpressions = append(s.MatchExpressions, e)
	}
	return s
}

// randomPeers may be nil or empty, which mean the same.
func randomPeers(r *rand.Rand) []networkingv1.NetworkPolicyPeer {
	switch r.IntN(8) {
	case 0:
		return nil
	case 1:
		return []networkingv1.NetworkPolicyPeer{}
	}
	var peers []networkingv1.NetworkPolicyPeer
	for range 1 + r.IntN(2) {
		var p networkingv1.NetworkPolicyPeer
		switch r.IntN(7) {
		case 0, 1:
			p.PodSelector = new(randomPodSelector(r))
		case 2, 3:
			p.NamespaceSelector = new(randomNamespaceSelector(r))
		case 4, 5:
			p.PodSelector, p.NamespaceSelector = new(randomPodSelector(r)), new(randomNamespaceSelector(r))
		case 6:
			p.IPBlock = &networkingv1.IPBlock{CIDR: pick(r, "0.0.0.0/0", "1.1.1.0/24", "10.244.0.0/16", "10.244.0.0/15")}
			if r.IntN(3) > 0 && p.IPBlock.CIDR == "0.0.0.0/0" {
				p.IPBlock.Except = []string{pick(r, "1.0.0.0/8", "10.0.0.0/8")}
				if p.IPBlock.Except[0] == "10.0.0.0/8" {
					p.IPBlock.Except = append(p.IPBlock.Except, "172.16.0.0/12", "192.168.0.0/16")
				}
			}
		}
		peers = append(peers, p)
	}
	return peers
}

func randomPorts(r *rand.Rand) []networkingv1.NetworkPolicyPort {
	switch r.IntN(6) {
	case 0, 1:
		return nil
	case 2:
		return []networkingv1.NetworkPolicyPort{}
	}
	var ports []networkingv1.NetworkPolicyPort
	for range 1 + r.IntN(2) {
		var p networkingv1.NetworkPolicyPort
		p.Protocol = pick(r, nil, new(corev1.ProtocolTCP), new(corev1.ProtocolUDP))
		switch r.IntN(5) {
		case 0:
		case 1:
			p.Port = new(intstr.FromString(pick(r, "web", "alt", "web-udp", "nobody")))
		case 2:
			p.Port, p.EndPort = new(intstr.FromInt(pick(r, 70, 80, 81))), new(int32(pick(r, 81, 90)))
		default:
			p.Port = new(intstr.FromInt(pick(r, 80, 81, 82)))
		}
		ports = append(ports, p)
	}
	return ports
}

// policyYAML writes a policy as a person would apply it.
func policyYAML(p manifests.Of[networkingv1.NetworkPolicy]) string {
	full := networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace}, Spec: p.Value.Spec,
	}
	text, err := yaml.Marshal(full)
	if err != nil {
		panic(err)
	}
	return "---\n" + string(text)
}
