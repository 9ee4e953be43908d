package policy

import (
	"fmt"
	"math/rand/v2"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// BenchmarkVerdicts is 9 pods, 2 ports and 3 protocols (486 verdicts, loopback
// included) under 256 policy sets, each compiled anew: 124,416 verdicts an operation.
func BenchmarkVerdicts(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	sets := make([]scenario, 256)
	for i := range sets {
		sets[i] = randomScenario(random, 9)
	}
	b.ReportAllocs()
	for b.Loop() {
		verdicts, known := 0, 0
		for i := range sets {
			s := &sets[i]
			w := newWorld(s.endpoints(), s.namespaces, false)
			e := newEngine(w, w.compileAll(s.policies), nil, nil)
			for from := range 9 {
				for to := range 9 {
					for _, port := range []int{80, 81} {
						for _, protocol := range []matrix.Protocol{matrix.TCP, matrix.UDP, matrix.SCTP} {
							p := packet{from, to, port, protocol}
							verdicts++
							if e.decide(egress, p).state.and(e.decide(ingress, p).state) != maybe {
								known++
							}
						}
					}
				}
			}
		}
		if verdicts != 256*486 || known < verdicts*9/10 {
			b.Fatalf("%d verdicts, %d known", verdicts, known)
		}
	}
}

// BenchmarkRelation is the whole allow relation on 4 ports, in 200 namespaces:
// with pods alike, as replicas are, and with every pod of its own kind.
func BenchmarkRelation(b *testing.B) {
	ports := []RelationPort{{80, matrix.TCP}, {443, matrix.TCP}, {53, matrix.UDP}, {5432, matrix.TCP}}
	for _, size := range []struct{ pods, policies, kinds int }{
		{1250, 2000, 10}, {2500, 2000, 10}, {5000, 2000, 10}, {10000, 500, 10}, {10000, 1000, 10}, {10000, 2000, 10}, {10000, 2000, 10000},
	} {
		b.Run(fmt.Sprintf("pods=%d/policies=%d/kinds=%d", size.pods, size.policies, size.kinds), func(b *testing.B) {
			pods, objects := bigCluster(size.pods, size.policies, size.kinds)
			b.ReportAllocs()
			for b.Loop() {
				r := NewRelation(objects, pods, Cluster{}, ports)
				total := 0
				for k := range ports {
					total += r.Count(k)
				}
				if total == 0 || total == len(ports)*size.pods*(size.pods-1) {
					b.Fatal("the policies allow all or nothing")
				}
			}
		})
	}
}

// bigCluster has its pods and policies spread over 200 namespaces.
func bigCluster(pods, policies, kinds int) ([]manifests.StandIn, *manifests.Objects) {
	const namespaces = 200
	random := rand.New(rand.NewPCG(3, 4))
	objects := &manifests.Objects{Suite: &suites.Suite{Kubernetes: &suites.KubernetesTarget{Namespaces: map[string]map[string]string{}}}}
	for i := range namespaces {
		objects.Suite.Kubernetes.Namespaces[fmt.Sprint("ns", i)] = map[string]string{"team": fmt.Sprint("t", i%20)}
	}
	all := make([]manifests.StandIn, pods)
	for i := range all {
		kind := i / namespaces % kinds
		all[i] = manifests.StandIn{
			Service: fmt.Sprint("p", i), Namespace: fmt.Sprint("ns", i%namespaces),
			Labels:         map[string]string{"app": fmt.Sprint("a", kind), "tier": fmt.Sprint("t", kind%4)},
			ContainerPorts: []manifests.ContainerPort{{Name: "http", Port: 80, Protocol: matrix.TCP}},
		}
	}
	selector := func(k, v string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{k: v}}
	}
	udp := corev1.ProtocolUDP
	for i := range policies {
		spec := networkingv1.NetworkPolicySpec{
			PodSelector: *selector("app", fmt.Sprint("a", random.IntN(min(kinds, 50)))),
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{
				{From: []networkingv1.NetworkPolicyPeer{{PodSelector: selector("tier", fmt.Sprint("t", random.IntN(4)))}}},
				{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: selector("team", fmt.Sprint("t", random.IntN(20))), PodSelector: selector("tier", "t1")}},
					Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromString("http"))}}},
			},
			Egress: []networkingv1.NetworkPolicyEgressRule{
				{To: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}}, Ports: []networkingv1.NetworkPolicyPort{{Protocol: &udp, Port: new(intstr.FromInt(53))}}},
				{To: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}, {NamespaceSelector: selector("team", fmt.Sprint("t", random.IntN(20)))}},
					Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromInt(80))}, {Port: new(intstr.FromInt(5000)), EndPort: new(int32(6000))}}},
			},
		}
		name := fmt.Sprint("np", i)
		objects.NetworkPolicies = append(objects.NetworkPolicies, manifests.Of[networkingv1.NetworkPolicy]{
			Object: manifests.Object{Kind: "NetworkPolicy", Namespace: fmt.Sprint("ns", i%namespaces), Name: name},
			Value:  &networkingv1.NetworkPolicy{Spec: spec},
		})
	}
	return all, objects
}
