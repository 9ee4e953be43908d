package kubernetes

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

func planned(t *testing.T, ref, prefix string) *layout {
	t.Helper()
	s, err := suites.Load(ref)
	require.NoError(t, err)
	l, err := plan(suites.Job{RunID: "0000aaaa", Suite: s, Cases: s.Matrix.Expand(), Notify: t.Logf}, prefix)
	require.NoError(t, err)
	return l
}

func TestPlanFollowsTheManifests(t *testing.T) {
	l := planned(t, "testdata/three", "p-")
	var names []string
	for _, n := range l.namespaces {
		names = append(names, n.Name)
		assert.NotContains(t, n.Labels, corev1.LabelMetadataName, "the API server's own label")
	}
	assert.Equal(t, []string{"p-three-data", "p-three-ops", "p-three-shop"}, names)

	api := l.find("api")
	assert.Equal(t, "p-three-shop", api.Namespace)
	assert.Equal(t, map[string]string{"app": "api", "tier": "app"}, api.Labels, "the workload's labels and no others")
	assert.Equal(t, []matrix.Port{
		{Number: 5353, End: 5353, Protocol: matrix.UDP}, {Number: 8000, End: 8000, Protocol: matrix.TCP},
		{Number: 9000, End: 9000, Protocol: matrix.TCP}, {Number: 9001, End: 9001, Protocol: matrix.TCP},
		{Number: 9002, End: 9002, Protocol: matrix.TCP}}, api.ports, "the pod listens where the Service leads")
	assert.Equal(t, []string{"default", "api"}, l.accounts("p-three-shop"))
	assert.Equal(t, []string{"default"}, l.accounts("p-three-data"))
	assert.Equal(t, []string{"clients"}, l.clients)
	require.Len(t, l.outside, 1)
}

// Only kubernetes.io/metadata.name follows the prefix, and only for namespaces of the suite.
func TestPrefixRewritesNamespaceSelectors(t *testing.T) {
	m := prefixer{prefix: "p-", names: map[string]bool{"shop": true, "kube-system": true}}
	for _, c := range []struct{ name, before, after string }{
		{"a namespace of the suite", "matchLabels: {kubernetes.io/metadata.name: shop}", `{matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [p-shop]}]}`},
		{"a foreign namespace", "matchLabels: {kubernetes.io/metadata.name: ingress}", "matchLabels: {kubernetes.io/metadata.name: ingress}"},
		{"another label", "matchLabels: {name: shop}", "matchLabels: {name: shop}"},
		{"the cluster's own keeps its name too", "matchLabels: {kubernetes.io/metadata.name: kube-system}", `{matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [p-kube-system, kube-system]}]}`},
		{"expressions", `{matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [shop, x]}]}`, `{matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [p-shop, x]}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after metav1.LabelSelector
			require.NoError(t, yaml.UnmarshalStrict([]byte(c.before), &before))
			require.NoError(t, yaml.UnmarshalStrict([]byte(c.after), &after))
			p := &networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{
				Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &before}}}},
				Egress:  []networkingv1.NetworkPolicyEgressRule{{To: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &before}}}}}}
			q := m.policy(p)
			for _, got := range []*metav1.LabelSelector{q.Spec.Ingress[0].From[0].NamespaceSelector, q.Spec.Egress[0].To[0].NamespaceSelector} {
				assert.Equal(t, asMap(t, after), asMap(t, *got))
			}
			assert.Equal(t, before, *p.Spec.Ingress[0].From[0].NamespaceSelector, "the suite's own object is not changed")
		})
	}
}

// asMap is the selector as it is stored, where nil and empty are one.
func asMap(t *testing.T, s metav1.LabelSelector) string {
	t.Helper()
	text, err := yaml.Marshal(s)
	require.NoError(t, err)
	return string(text)
}

// What would reach beyond the run is taken out of a Service.
func TestServiceKeepsToTheRun(t *testing.T) {
	files := fstest.MapFS{
		"suite.yaml": {},
		"m.yaml": {Data: []byte(`
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  loadBalancerIP: 192.0.2.1
  externalIPs: [192.0.2.2]
  clusterIP: 10.96.3.3
  externalTrafficPolicy: Local
  selector: {app: web}
  ports: [{port: 80, nodePort: 30080}]
`)}}
	s := &suites.Suite{Name: "s", File: "suite.yaml", FS: files, Dir: ".",
		Matrix:     &matrix.Matrix{Services: []matrix.Service{{Name: "web", Ports: []matrix.Port{{Number: 80, End: 80, Protocol: matrix.TCP}}}}},
		Kubernetes: &suites.KubernetesTarget{Manifests: []string{"m.yaml"}, Namespace: "shop"}}
	l, err := plan(suites.Job{Suite: s}, "")
	require.NoError(t, err)
	require.Len(t, l.services, 1)
	got := l.services[0].Spec
	assert.Equal(t, corev1.ServiceTypeNodePort, got.Type)
	assert.Empty(t, got.LoadBalancerIP)
	assert.Empty(t, got.ExternalIPs)
	assert.Empty(t, got.ClusterIP)
	assert.Zero(t, got.Ports[0].NodePort)
	assert.NotEmpty(t, l.notes, "what was changed is said")
}

func TestOwner(t *testing.T) {
	me := thisProcess()
	runs, known := me.alive()
	assert.True(t, known && runs)
	assert.Equal(t, me.annotations(), ownerFrom(me.annotations()).annotations())

	other := me
	other.started = "1"
	runs, known = other.alive()
	assert.True(t, known, "a later process with the number of an earlier one")
	assert.False(t, runs)

	other = me
	other.machine = "ffffff"
	_, known = other.alive()
	assert.False(t, known, "a process of another machine can't be asked")

	id, back, ok := kindOwner(kindName("0011aabb", me))
	require.True(t, ok)
	assert.Equal(t, "0011aabb", id)
	runs, known = back.alive()
	assert.True(t, runs && known)
	for _, name := range []string{"kind", "netconform", "netconform-0011aabb", "netconform-0011aabb-x-0-0", "other-0011aabb-1-0-0"} {
		_, _, ok := kindOwner(name)
		assert.False(t, ok, "%s is somebody else's", name)
	}
}

// The file that users apply is the one that is tested.
func TestRightsAreNotWide(t *testing.T) {
	text, err := os.ReadFile("rbac.yaml")
	require.NoError(t, err)
	assert.NotContains(t, string(text), "*")
	assert.NotContains(t, string(text), "secrets")
	assert.NotContains(t, string(text), "cluster-admin")
}
