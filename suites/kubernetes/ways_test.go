package kubernetes

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// deployed is the suite of three namespaces as if it were up.
func deployed(t *testing.T, nodes ...string) *deployment {
	t.Helper()
	d := &deployment{run: &run{id: "0000aaaa"}, layout: planned(t, "testdata/three", ""),
		pods: map[string]*livePod{}, services: map[string]*liveNames{}}
	for i, name := range nodes {
		n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("192.168.0.%d", i+1)}}
		d.nodes = append(d.nodes, n)
	}
	d.all = d.nodes
	for i, s := range d.podSpecs() {
		address := fmt.Sprintf("10.244.0.%d", i+1)
		if s.hostNetwork {
			address = d.nodeAddress(s.node)
		}
		d.pods[s.vantage] = &livePod{podSpec: s, uid: types.UID(s.name), addresses: []string{address}, container: "c"}
		d.order = append(d.order, s.vantage)
	}
	for i, s := range d.layout.standIns {
		d.services[s.Service] = &liveNames{addresses: []string{fmt.Sprintf("10.96.0.%d", i+1)}, nodePorts: map[portKey]int{}}
	}
	d.services["front"].nodePorts[portKey{80, matrix.TCP}] = 30001
	return d
}

func TestWaysOfAPair(t *testing.T) {
	d := deployed(t, "n1", "n2")
	w := d.Ways(matrix.Case{From: "front", To: "api", Port: 8080, Protocol: matrix.TCP})
	require.Empty(t, w.Skip)
	var routes []string
	for _, p := range w.Paths {
		routes = append(routes, fmt.Sprintf("%s %s %s:%d %s %v", p.From, p.Route, p.Host, p.Port, p.Via, p.Required))
	}
	one, two := d.pods["api@n1"].addresses[0], d.pods["api@n2"].addresses[0]
	service := d.services["api"].addresses[0]
	assert.Equal(t, []string{
		"front@n1 name api:8080  true",
		"front@n1 service-address " + service + ":8080  false",
		"front@n1 address " + one + ":8000 same node true",
		"front@n1 address " + two + ":8000 other node true",
		"front@n2 name api:8080  true",
		"front@n2 service-address " + service + ":8080  false",
		"front@n2 address " + one + ":8000 other node true",
		"front@n2 address " + two + ":8000 same node true",
	}, routes)
	for _, p := range w.Paths {
		if p.To == "" {
			continue
		}
		assert.Condition(t, func() bool {
			for _, c := range w.Controls {
				if c.From == p.To && c.To == p.To && c.Host == p.Host && c.Port == p.Port {
					return true
				}
			}
			return false
		}, "%s has no control from its own network namespace", p.To)
	}
}

func TestWaysAcrossNamespaces(t *testing.T) {
	d := deployed(t, "n1")
	w := d.Ways(matrix.Case{From: "api", To: "db", Port: 5432, Protocol: matrix.TCP})
	assert.Equal(t, "db.three-data", w.Paths[0].Host)
	w = d.Ways(matrix.Case{From: "api", To: "db", Protocol: matrix.DNS})
	require.Len(t, w.Paths, 1)
	assert.Equal(t, suites.ByLookup, w.Paths[0].Route)
	assert.Equal(t, "db.three-data", w.Paths[0].Host)
	require.Len(t, w.Controls, 1)
	assert.Equal(t, "peer:n1", w.Controls[0].From, "a pod that no policy of the suite can select")
}

// A node may always reach its own pods, so clients come from another one.
func TestWaysOfClients(t *testing.T) {
	c := matrix.Case{From: "clients", To: "front", Port: 80, Protocol: matrix.TCP}
	w := deployed(t, "n1", "n2").Ways(c)
	require.Empty(t, w.Skip)
	published := 0
	for _, p := range w.Paths {
		if p.Route == suites.ByPublished {
			published++
			assert.Equal(t, 30001, p.Port)
			continue
		}
		assert.Equal(t, "other node", p.Via)
	}
	assert.Equal(t, 2, published)
	assert.NotEmpty(t, deployed(t, "n1").Ways(c).Skip)
}

// A block that holds a node's address and no public one, or the other way
// round, makes a node no stand-in for the outside.
func TestWaysOfTheOutside(t *testing.T) {
	d := deployed(t, "n1", "n2")
	c := matrix.Case{From: "api", To: "internet", Port: 18443, Protocol: matrix.TCP}
	w := d.Ways(c)
	require.Empty(t, w.Skip)
	for _, p := range w.Paths {
		assert.Equal(t, "other node", p.Via)
	}
	for _, p := range d.layout.policies {
		for _, r := range p.Spec.Egress {
			for _, peer := range r.To {
				if peer.IPBlock != nil {
					peer.IPBlock.Except = append(peer.IPBlock.Except, "192.168.0.0/16")
				}
			}
		}
	}
	assert.Contains(t, d.Ways(c).Skip, "192.168.0.1")

	d = deployed(t, "n1", "n2")
	d.pods["internet@n2"].failed = "port 18443 is taken"
	assert.Contains(t, d.Ways(c).Skip, "port 18443 is taken")
}

// Whatever is no longer the pod that was proved alive is noticed.
func TestChangedPod(t *testing.T) {
	was := livePod{uid: "u", addresses: []string{"10.0.0.1"}, container: "c", labels: map[string]string{"a": "b"}}
	now := func(change func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "u", Labels: map[string]string{"a": "b"}}}
		p.Status.Phase = corev1.PodRunning
		p.Status.PodIPs = []corev1.PodIP{{IP: "10.0.0.1"}}
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{ContainerID: "c"}}
		change(p)
		return p
	}
	assert.Empty(t, was.changed(now(func(*corev1.Pod) {})))
	assert.Contains(t, was.changed(nil), "deleted")
	assert.Contains(t, was.changed(now(func(p *corev1.Pod) { p.UID = "v" })), "replaced")
	assert.Contains(t, was.changed(now(func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} })), "deleted")
	assert.Contains(t, was.changed(now(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })), "stopped")
	assert.Contains(t, was.changed(now(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].ContainerID = "d" })), "restarted")
	assert.Contains(t, was.changed(now(func(p *corev1.Pod) { p.Status.ContainerStatuses[0].RestartCount = 1 })), "restarted")
	assert.Contains(t, was.changed(now(func(p *corev1.Pod) { p.Status.PodIPs[0].IP = "10.0.0.2" })), "address")
	assert.Contains(t, was.changed(now(func(p *corev1.Pod) { p.Labels["a"] = "c" })), "labels")
}
