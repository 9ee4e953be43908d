// Package manifests reads a user's Kubernetes manifests, and says where the
// services of a matrix stand in them.
//
// Decoding is strict, since a field that is silently lost changes what a
// policy means: an unknown field, a duplicate key and an API version that the
// kind does not have are errors that begin "file:line:col:".
package manifests

import (
	"encoding/json"

	"gopkg.in/yaml.v3"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1alpha1 "sigs.k8s.io/network-policy-api/apis/v1alpha1"
	policyv1beta1 "sigs.k8s.io/network-policy-api/apis/v1beta1"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// Objects are all that the manifests hold, each kind in the order of the
// files. They are not changed after Load, and then safe for concurrent use.
type Objects struct {
	NetworkPolicies  []Of[networkingv1.NetworkPolicy]
	NamespaceObjects []Of[corev1.Namespace]
	Services         []Of[corev1.Service]
	Workloads        []Workload

	// The cluster-wide policies of sigs.k8s.io/network-policy-api. A
	// ClusterNetworkPolicy of v1alpha2 has the fields of v1beta1.
	AdminPolicies    []Of[policyv1alpha1.AdminNetworkPolicy]
	BaselinePolicies []Of[policyv1alpha1.BaselineAdminNetworkPolicy]
	ClusterPolicies  []Of[policyv1beta1.ClusterNetworkPolicy]

	// Unmodelled are policies of other projects (Cilium, Calico, Istio, Antrea,
	// OVN-Kubernetes, Linkerd): they can change a verdict, and nobody here knows how.
	Unmodelled []Object
	// Ignored are objects that say nothing about who can talk to whom.
	Ignored []Object

	// Suite is the one that they were loaded for.
	Suite *suites.Suite

	defaultNamespace string
}

// Of is an object of a known kind and the place where it stands.
type Of[T any] struct {
	Object
	Value *T
}

// Workload is whatever makes pods: a Pod, Deployment, StatefulSet, DaemonSet,
// ReplicaSet, ReplicationController, Job or CronJob.
type Workload struct {
	Object
	// Template is what its pods are made from; a Pod's own metadata and spec.
	Template corev1.PodTemplateSpec
	// Path leads to the template inside the document; empty for a Pod.
	Path []any
}

// At is the place of a field of the pod template.
func (w Workload) At(path ...any) matrix.Pos {
	return w.Object.At(append(append([]any{}, w.Path...), path...)...)
}

// Object is what every object has.
type Object struct {
	APIVersion string
	Kind       string
	Namespace  string // the target's namespace where the document names none; empty for a cluster-wide kind
	Name       string
	Pos        matrix.Pos

	fields map[string]any
	node   *yaml.Node // the document as the file writes it
	file   string
}

// Title names the object for people: "NetworkPolicy pmoves/data-tier-policy".
func (o Object) Title() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// At is the place of the field that path leads to: names of fields and numbers
// of list items, such as At("spec", "ingress", 0). Where the path leads no
// further, as after a kustomization's patch, it is the place of the last part found.
func (o Object) At(path ...any) matrix.Pos {
	if o.node == nil {
		return o.Pos
	}
	node, pos := o.node, o.Pos
	for _, step := range path {
		var place *yaml.Node
		switch step := step.(type) {
		case string:
			place, node = field(node, step)
		case int:
			if node.Kind != yaml.SequenceNode || step >= len(node.Content) {
				return pos
			}
			place = node.Content[step]
			node = resolve(place)
		}
		if place == nil {
			return pos
		}
		pos = matrix.Pos{File: o.file, Line: place.Line, Col: place.Column}
	}
	return pos
}

// JSON is the whole document, with its namespace filled in, as an API server takes it.
func (o Object) JSON() ([]byte, error) { return json.Marshal(o.fields) }

// field finds a key of a mapping, through merge keys too, and gives the key's
// node and the value's.
func field(node *yaml.Node, name string) (key, value *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		return nil, node
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i], resolve(node.Content[i+1])
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if isMerge(node.Content[i]) {
			for _, merged := range mergedMaps(node.Content[i+1]) {
				if key, value := field(merged, name); key != nil {
					return key, value
				}
			}
		}
	}
	return nil, node
}

func resolve(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

func isMerge(key *yaml.Node) bool { return key.ShortTag() == "!!merge" }

// mergedMaps are the mappings behind a merge key's value: one, or a list of them.
func mergedMaps(value *yaml.Node) []*yaml.Node {
	value = resolve(value)
	if value.Kind != yaml.SequenceNode {
		return []*yaml.Node{value}
	}
	var maps []*yaml.Node
	for _, item := range value.Content {
		maps = append(maps, resolve(item))
	}
	return maps
}
