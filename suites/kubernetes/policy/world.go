package policy

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// tri is an answer that may be missing.
type tri int8

const (
	no tri = iota
	maybe
	yes
)

func (a tri) and(b tri) tri { return min(a, b) }
func (a tri) or(b tri) tri  { return max(a, b) }

// endpoint is whatever a policy can be about: a pod, the cluster's DNS, an external.
type endpoint struct {
	name      string
	namespace string
	labels    map[string]string
	ports     []manifests.ContainerPort
	host      bool // on its node's own network
	external  bool // outside the cluster
	nodeLocal bool // DNS through a cache on the node
	addresses []span
}

func (e *endpoint) namedPort(name string, protocol matrix.Protocol) (int, bool) {
	for _, p := range e.ports {
		if p.Name == name && p.Protocol == protocol {
			return p.Port, true
		}
	}
	return 0, false
}

// world is the endpoints with an index of their labels, so that a selector's
// members come from a few operations on sets.
type world struct {
	endpoints  []endpoint
	namespaces map[string]map[string]string
	noPodBlock bool // an ipBlock does not match pods

	all      set            // everything
	pods     set            // all in the cluster
	hosts    set            // pods on the host's network
	members  map[string]set // by namespace
	byLabel  labelIndex
	byNsName labelIndex // by the labels of the namespace
}

// labelIndex holds, by label and value, the endpoints that have it.
type labelIndex map[string]map[string]set

func (x labelIndex) add(labels map[string]string, i, n int) {
	for k, v := range labels {
		values := x[k]
		if values == nil {
			values = map[string]set{}
			x[k] = values
		}
		s := values[v]
		if s == nil {
			s = newSet(n)
			values[v] = s
		}
		s.add(i)
	}
}

func newWorld(endpoints []endpoint, namespaces map[string]map[string]string, noPodBlock bool) *world {
	n := len(endpoints)
	w := &world{endpoints: endpoints, namespaces: namespaces, noPodBlock: noPodBlock,
		all: newSet(n), pods: newSet(n), hosts: newSet(n),
		members: map[string]set{}, byLabel: labelIndex{}, byNsName: labelIndex{}}
	for i := range endpoints {
		e := &endpoints[i]
		w.all.add(i)
		if e.external {
			continue
		}
		w.pods.add(i)
		if e.host {
			w.hosts.add(i)
		}
		if w.members[e.namespace] == nil {
			w.members[e.namespace] = newSet(n)
		}
		w.members[e.namespace].add(i)
		w.byLabel.add(e.labels, i, n)
	}
	for name, members := range w.members {
		for k, v := range namespaces[name] {
			values := w.byNsName[k]
			if values == nil {
				values = map[string]set{}
				w.byNsName[k] = values
			}
			if values[v] == nil {
				values[v] = newSet(n)
			}
			values[v].or(members)
		}
	}
	return w
}

// inNamespace is the set of the namespace's pods.
func (w *world) inNamespace(name string) set {
	if s := w.members[name]; s != nil {
		return s.clone()
	}
	return newSet(len(w.endpoints))
}

// selectPods is the set of pods that a pod selector and a namespace selector
// choose together. A nil namespace selector means the policy's own namespace,
// a nil pod selector every pod (NetworkPolicyPeer in networking/v1).
func (w *world) selectPods(own string, pods, namespaces *metav1.LabelSelector) set {
	var s set
	if namespaces == nil {
		s = w.inNamespace(own)
	} else {
		s = w.choose(w.byNsName, namespaces)
	}
	if pods != nil {
		s.and(w.choose(w.byLabel, pods))
	}
	return s
}

// choose evaluates a selector. An empty one chooses all pods. NotIn and
// DoesNotExist hold for whoever lacks the label (labels.Requirement.Matches in apimachinery).
func (w *world) choose(x labelIndex, s *metav1.LabelSelector) set {
	out := w.pods.clone()
	for k, v := range s.MatchLabels {
		if values := x[k][v]; values != nil {
			out.and(values)
		} else {
			return newSet(len(w.endpoints))
		}
	}
	for _, e := range s.MatchExpressions {
		with := newSet(len(w.endpoints))
		if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpNotIn {
			for _, v := range e.Values {
				with.or(x[e.Key][v])
			}
		} else {
			for _, values := range x[e.Key] {
				with.or(values)
			}
		}
		if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpExists {
			out.and(with)
		} else {
			out.without(with)
		}
	}
	return out
}

// inBlock sorts the endpoints by whether their address is in the spans.
func (w *world) inBlock(spans []span) (sure, unsure set) {
	sure, unsure = newSet(len(w.endpoints)), newSet(len(w.endpoints))
	for i := range w.endpoints {
		e := &w.endpoints[i]
		if w.noPodBlock && !e.external && !e.host {
			continue
		}
		switch meets(e.addresses, spans) {
		case yes:
			sure.add(i)
		case maybe:
			unsure.add(i)
		}
	}
	return sure, unsure
}
