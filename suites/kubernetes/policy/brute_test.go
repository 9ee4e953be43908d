package policy

import (
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// brute is the specification once more, as plainly as it can be written, on
// Kubernetes' own label selectors, with an address for every pod. It shares no
// code with the engine.
type brute struct {
	scenario
	addresses []string
}

func (b brute) selects(s *metav1.LabelSelector, of map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		panic(err)
	}
	return selector.Matches(labels.Set(of))
}

func (b brute) allowed(from, to int, port int, protocol matrix.Protocol) bool {
	return b.oneWay(networkingv1.PolicyTypeEgress, from, to, to, port, protocol) && b.oneWay(networkingv1.PolicyTypeIngress, to, from, to, port, protocol)
}

func (b brute) oneWay(way networkingv1.PolicyType, self, peer, destination, port int, protocol matrix.Protocol) bool {
	isolated := false
	for _, p := range b.policies {
		spec := p.Value.Spec
		types := spec.PolicyTypes
		if len(types) == 0 {
			types = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
			if len(spec.Egress) > 0 {
				types = append(types, networkingv1.PolicyTypeEgress)
			}
		}
		mine := false
		for _, t := range types {
			mine = mine || t == way
		}
		if !mine || p.Namespace != b.pods[self].Namespace || !b.selects(&spec.PodSelector, b.pods[self].Labels) {
			continue
		}
		isolated = true
		if way == networkingv1.PolicyTypeIngress {
			for _, r := range spec.Ingress {
				if b.peer(p.Namespace, r.From, peer) && b.port(r.Ports, destination, port, protocol) {
					return true
				}
			}
		} else {
			for _, r := range spec.Egress {
				if b.peer(p.Namespace, r.To, peer) && b.port(r.Ports, destination, port, protocol) {
					return true
				}
			}
		}
	}
	return !isolated
}

func (b brute) peer(namespace string, peers []networkingv1.NetworkPolicyPeer, who int) bool {
	if len(peers) == 0 {
		return true
	}
	for _, p := range peers {
		if p.IPBlock != nil {
			address := net.ParseIP(b.addresses[who])
			_, block, _ := net.ParseCIDR(p.IPBlock.CIDR)
			in := block.Contains(address)
			for _, text := range p.IPBlock.Except {
				_, except, _ := net.ParseCIDR(text)
				in = in && !except.Contains(address)
			}
			if in {
				return true
			}
			continue
		}
		if p.NamespaceSelector == nil {
			if b.pods[who].Namespace != namespace {
				continue
			}
		} else if !b.selects(p.NamespaceSelector, b.namespaces[b.pods[who].Namespace]) {
			continue
		}
		if p.PodSelector != nil && !b.selects(p.PodSelector, b.pods[who].Labels) {
			continue
		}
		return true
	}
	return false
}

func (b brute) port(ports []networkingv1.NetworkPolicyPort, destination, port int, protocol matrix.Protocol) bool {
	if len(ports) == 0 {
		return true
	}
	for _, p := range ports {
		want := corev1.ProtocolTCP
		if p.Protocol != nil {
			want = *p.Protocol
		}
		if strings.ToLower(string(want)) != string(protocol) {
			continue
		}
		if p.Port == nil {
			return true
		}
		if p.Port.Type == intstr.String {
			for _, c := range b.pods[destination].ContainerPorts {
				if c.Name == p.Port.StrVal && c.Protocol == protocol && c.Port == port {
					return true
				}
			}
			continue
		}
		last := p.Port.IntVal
		if p.EndPort != nil {
			last = *p.EndPort
		}
		if int(p.Port.IntVal) <= port && port <= int(last) {
			return true
		}
	}
	return false
}

// TestAgainstBruteForce compares the engine with the specification written a
// second time, on random policy sets: with the pods' addresses known every
// answer must be the same, and without them none may contradict.
func TestAgainstBruteForce(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	known, unknown := 0, 0
	for round := range 150 {
		s := randomScenario(random, 9)
		b := brute{scenario: s}
		var exact []endpoint
		for i, p := range s.pods {
			address := pick(random, "10.244.1.", "1.1.1.", "192.168.3.") + string(rune('1'+i))
			b.addresses = append(b.addresses, address)
			e := Cluster{}.podEndpoint(p)
			e.addresses = spansOf(address + "/32")
			exact = append(exact, e)
		}
		w, vague := newWorld(exact, s.namespaces, false), newWorld(s.endpoints(), s.namespaces, false)
		e := newEngine(w, w.compileAll(s.policies), nil, nil)
		v := newEngine(vague, vague.compileAll(s.policies), nil, nil)
		for from := range s.pods {
			for to := range s.pods {
				for _, port := range []int{70, 80, 81, 85} {
					for _, protocol := range []matrix.Protocol{matrix.TCP, matrix.UDP, matrix.SCTP} {
						p := packet{from, to, port, protocol}
						want := no
						if b.allowed(from, to, port, protocol) {
							want = yes
						}
						l := e.link(p)
						if l.state() != want {
							require.Equal(t, want, l.state(), "round %d, %+v\n%s", round, p, describe(s.policies))
						}
						if inPrivate(b.addresses[from]) && inPrivate(b.addresses[to]) {
							if got := v.link(p).state(); got == maybe {
								unknown++
							} else {
								known++
								if got != want {
									require.Equal(t, want, got, "without addresses: round %d, %+v\n%s", round, p, describe(s.policies))
								}
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d known without addresses, %d not", known, unknown)
	require.Greater(t, known, 40_000)
}

func inPrivate(address string) bool { return !strings.HasPrefix(address, "1.") }

func describe(policies []manifests.Of[networkingv1.NetworkPolicy]) string {
	var b strings.Builder
	for _, p := range policies {
		b.WriteString(policyYAML(p))
	}
	return b.String()
}
