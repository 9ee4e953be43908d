package policy_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
	"github.com/netconform/netconform/suites/kubernetes/policy"
)

// TestProof holds the oracle against a real cluster: five pods in three
// namespaces stay up, one random policy set after another is applied, and what
// every case shows must be what was predicted. NETCONFORM_PROVE is the number
// of sets (2), NETCONFORM_SEED the first one's seed (1).
func TestProof(t *testing.T) {
	if os.Getenv("KUBECONFIG") == "" {
		if strings.Contains(os.Getenv("NETCONFORM_REQUIRE"), "kubernetes") {
			t.Fatal("NETCONFORM_REQUIRE asks for a cluster, and KUBECONFIG names none")
		}
		t.Skip("KUBECONFIG names no cluster")
	}
	if testing.Short() {
		t.Skip("-short leaves the cluster alone")
	}
	p := deploy(t)
	require.Empty(t, p.disagreements(t, nil), "without a policy everything is open")
	first := number(t, "NETCONFORM_SEED", 1)
	for seed := first; seed < first+number(t, "NETCONFORM_PROVE", 2); seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			set := policy.RandomPolicies(seed)
			wrong := p.disagreements(t, set)
			if len(wrong) == 0 {
				return
			}
			set, wrong = p.shrink(t, set, wrong)
			t.Fatalf("%d cases are not as predicted, the first of them:\n%s\nunder\n%s", len(wrong), wrong[0], policy.Describe(set))
		})
	}
}

func number(t *testing.T, name string, value uint64) uint64 {
	if text := os.Getenv(name); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, name)
		return n
	}
	return value
}

// proving is the deployment that the policy sets come and go on.
type proving struct {
	suite      *suites.Suite
	objects    *manifests.Objects
	placed     []manifests.StandIn
	cases      []matrix.Case
	deployment suites.Deployment
	client     clientset.Interface
	prefix     string
	key        []byte
	facts      policy.Cluster
}

func deploy(t *testing.T) *proving {
	pods, namespaces := policy.RandomPods(5)
	p := &proving{prefix: fmt.Sprintf("prove-%d-", os.Getpid()), key: []byte("0123456789abcdef0123456789abcdef"),
		facts: policy.Cluster{CNI: "calico", Addresses: map[string][]netip.Addr{}}}
	target := &suites.KubernetesTarget{Namespace: "x", TierLabel: "-", Namespaces: map[string]map[string]string{}, Services: map[string]suites.Placement{}}
	for name, labels := range namespaces {
		target.Namespaces[name] = map[string]string{"ns": labels["ns"], "team": labels["team"]}
	}
	p.suite = &suites.Suite{Name: "prove", File: "suite.yaml", FS: fstest.MapFS{}, Dir: ".", Kubernetes: target, Matrix: &matrix.Matrix{Name: "prove"}}
	for _, pod := range pods {
		service := matrix.Service{Name: pod.Service}
		for _, c := range pod.ContainerPorts {
			service.Ports = append(service.Ports, matrix.Port{Name: c.Name, Number: c.Port, End: c.Port, Protocol: c.Protocol})
		}
		p.suite.Matrix.Services = append(p.suite.Matrix.Services, service)
		target.Services[pod.Service] = suites.Placement{Namespace: pod.Namespace, Labels: pod.Labels}
	}
	for _, to := range p.suite.Matrix.Services {
		for _, from := range p.suite.Matrix.Services {
			if from.Name == to.Name {
				continue
			}
			for _, port := range to.Ports {
				p.cases = append(p.cases, matrix.Case{From: from.Name, To: to.Name, Port: port.Number, Protocol: port.Protocol, Expected: matrix.Allow})
			}
			p.cases = append(p.cases, matrix.Case{From: from.Name, To: to.Name, Protocol: matrix.DNS, Expected: matrix.Allow})
		}
	}
	var err error
	p.objects, err = manifests.Load(p.suite)
	require.NoError(t, err)
	p.placed, _, err = p.objects.Place(p.suite)
	require.NoError(t, err)

	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	require.NoError(t, err)
	p.client, err = clientset.NewForConfig(config)
	require.NoError(t, err)
	platform := kubernetes.New(kubernetes.Options{NamespacePrefix: p.prefix, LoadImageCommand: os.Getenv("NETCONFORM_LOAD_IMAGE")})
	p.deployment, err = platform.Deploy(t.Context(), suites.Job{
		RunID: fmt.Sprintf("%08x", os.Getpid()), Key: p.key, Suite: p.suite, Cases: p.cases, Notify: t.Logf})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.deployment.Close(context.Background())) })
	_, err = p.deployment.Enforce(t.Context())
	require.NoError(t, err)
	dns := policy.DNS{Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}}
	list, err := p.client.CoreV1().Pods(dns.Namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
	require.NoError(t, err)
	for _, pod := range list.Items {
		dns.Addresses = append(dns.Addresses, netip.MustParseAddr(pod.Status.PodIP))
	}
	for _, c := range list.Items[0].Spec.Containers[0].Ports {
		dns.Ports = append(dns.Ports, manifests.ContainerPort{Name: c.Name, Port: int(c.ContainerPort), Protocol: matrix.Protocol(strings.ToLower(string(c.Protocol)))})
	}
	p.facts.DNS = &dns
	for _, c := range p.cases {
		for _, path := range p.deployment.Ways(c).Paths {
			if a, err := netip.ParseAddr(path.Host); err == nil && path.Route == suites.ByAddress {
				p.facts.Addresses[c.To] = append(p.facts.Addresses[c.To], a)
			}
		}
	}
	return p
}

// disagreements applies the set and compares every case with its prediction.
// Policies take a while to hold, so all cases are asked until each has been as
// predicted once; then all are asked again. From there on a way that is open
// against its prediction is a disagreement at once; one that is closed may be a
// packet that a busy machine lost, and is asked again within the budget.
func (p *proving) disagreements(t *testing.T, set policy.Policies) []string {
	t.Helper()
	p.apply(t, set)
	objects := *p.objects
	objects.NetworkPolicies = set
	oracle := policy.New(&objects, p.placed, p.suite.Matrix, p.facts)
	const budget = 10 * time.Minute
	deadline := time.Now().Add(budget)
	for settled, left := false, p.cases; ; {
		differ, wrong, opened := p.compare(t, oracle, left)
		switch {
		case settled && opened:
			return wrong
		case len(differ) == 0 && settled:
			return nil
		case len(differ) == 0:
			settled, left = true, p.cases
			continue
		case time.Now().After(deadline):
			return wrong
		}
		left = differ
	}
}

// apply replaces the policies of the namespaces by the set.
func (p *proving) apply(t *testing.T, set policy.Policies) {
	t.Helper()
	for _, ns := range []string{"x", "y", "z"} {
		api := p.client.NetworkingV1().NetworkPolicies(p.prefix + ns)
		require.NoError(t, api.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}))
		for _, of := range set {
			if of.Namespace != ns {
				continue
			}
			_, err := api.Create(t.Context(), &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: of.Name}, Spec: of.Value.Spec}, metav1.CreateOptions{})
			require.NoError(t, err, "%s", policy.Describe(policy.Policies{of}))
		}
	}
}

// compare probes the cases and gives those that are not as predicted, and
// whether one of them is more open than predicted.
func (p *proving) compare(t *testing.T, oracle *policy.Oracle, cases []matrix.Case) (differ []matrix.Case, wrong []string, opened bool) {
	t.Helper()
	observed, seen := p.observe(t, cases)
	for i, c := range cases {
		prediction := oracle.Predict(c)
		require.NotEqual(t, matrix.Unknown, prediction.Verdict, "%s: with all facts known nothing is unknown: %s", c.Key(), prediction.Reason)
		if prediction.Verdict != observed[i] {
			differ = append(differ, c)
			opened = opened || observed[i] == matrix.Allow || prediction.Verdict == matrix.Deny && observed[i] == matrix.Partial
			wrong = append(wrong, fmt.Sprintf("%s: predicted %s, observed %s\n  %s\n  %s", c.Key(), prediction.Verdict, observed[i],
				strings.Join(prediction.Steps, "\n  "), strings.Join(seen[i], "\n  ")))
		}
	}
	return differ, wrong, opened
}

// observe probes every path of the cases, one batch a vantage, and gives each
// case the verdict by the runner's rule.
func (p *proving) observe(t *testing.T, cases []matrix.Case) ([]matrix.Verdict, [][]string) {
	t.Helper()
	type asked struct {
		number int
		path   suites.Path
	}
	byVantage := map[string][]asked{}
	for i, c := range cases {
		for _, path := range p.deployment.Ways(c).Paths {
			byVantage[path.From] = append(byVantage[path.From], asked{i, path})
		}
	}
	open, required, requiredOpen := make([]int, len(cases)), make([]int, len(cases)), make([]int, len(cases))
	failed := make([]bool, len(cases))
	seen := make([][]string, len(cases))
	var mu sync.Mutex
	var group sync.WaitGroup
	for vantage, list := range byVantage {
		group.Go(func() {
			b := probes.Batch{ID: vantage, Key: p.key, WindowMS: 2000, Confirm: 2}
			for id, a := range list {
				b.Probes = append(b.Probes, probes.Probe{ID: id, Protocol: string(a.path.Protocol), Host: a.path.Host, Port: a.path.Port, Expect: cases[a.number].To})
			}
			results, err := p.deployment.Probe(t.Context(), vantage, b)
			mu.Lock()
			defer mu.Unlock()
			assert.NoError(t, err)
			answered := map[int]probes.Result{}
			for _, r := range results {
				answered[r.ID] = r
			}
			for id, a := range list {
				r, ok := answered[id]
				failed[a.number] = failed[a.number] || !ok || r.Outcome == probes.OutcomeError || r.Outcome == probes.OutcomeOpenUnverified || r.Outcome == probes.OutcomeWrongPeer
				isOpen := r.Outcome == probes.OutcomeOpen || r.Outcome == probes.OutcomeResolved
				if isOpen {
					open[a.number]++
				}
				if a.path.Required {
					required[a.number]++
					if isOpen {
						requiredOpen[a.number]++
					}
				}
				seen[a.number] = append(seen[a.number], fmt.Sprintf("%s by %s %s: %s %s", a.path.From, a.path.Route, a.path.Host, r.Outcome, r.Detail))
			}
		})
	}
	group.Wait()
	verdicts := make([]matrix.Verdict, len(cases))
	for i := range cases {
		switch {
		case failed[i] || required[i] == 0:
			verdicts[i] = matrix.Unknown
		case requiredOpen[i] == required[i]:
			verdicts[i] = matrix.Allow
		case open[i] == 0:
			verdicts[i] = matrix.Deny
		default:
			verdicts[i] = matrix.Partial
		}
	}
	return verdicts, seen
}

// shrink drops policies and rules as long as some case is not as predicted,
// for at most ten tries, since each takes the whole budget.
func (p *proving) shrink(t *testing.T, set policy.Policies, wrong []string) (policy.Policies, []string) {
	t.Helper()
	for tries := 10; tries > 0; {
		smaller := false
		for _, next := range policy.Smaller(set) {
			if tries--; tries < 0 {
				break
			}
			if w := p.disagreements(t, next); len(w) > 0 {
				set, wrong, smaller = next, w, true
				break
			}
		}
		if !smaller {
			break
		}
	}
	return set, wrong
}
