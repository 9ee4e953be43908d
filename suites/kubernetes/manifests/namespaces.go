package manifests

import (
	"sort"

	corev1 "k8s.io/api/core/v1"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// Namespace is one that the suite needs.
type Namespace struct {
	Name string
	// Labels are the manifests' and the suite's, and kubernetes.io/metadata.name,
	// which the API server sets on every namespace.
	Labels map[string]string
	Pos    matrix.Pos
}

// Namespaces are all that a stand-in, a policy, a Service or the suite names,
// sorted by name. Namespaces that the cluster has anyway, such as kube-system,
// are among them only where one of these names them.
func (o *Objects) Namespaces(s *suites.Suite, placed []StandIn) []Namespace {
	all := map[string]*Namespace{}
	need := func(name string, pos matrix.Pos) *Namespace {
		if name == "" {
			return nil
		}
		if all[name] == nil {
			all[name] = &Namespace{Name: name, Labels: map[string]string{}, Pos: pos}
		}
		return all[name]
	}
	for _, n := range o.NamespaceObjects {
		ns := need(n.Name, n.Pos)
		for k, v := range n.Value.Labels {
			ns.Labels[k] = v
		}
	}
	for _, name := range sortedKeys(s.Kubernetes.Namespaces) {
		ns := need(name, s.Kubernetes.Pos)
		for k, v := range s.Kubernetes.Namespaces[name] {
			ns.Labels[k] = v
		}
	}
	for _, p := range placed {
		need(p.Namespace, p.Pos)
	}
	for _, p := range o.NetworkPolicies {
		need(p.Namespace, p.Pos)
	}
	for _, p := range o.Unmodelled {
		need(p.Namespace, p.Pos)
	}
	list := make([]Namespace, 0, len(all))
	for _, ns := range all {
		ns.Labels[corev1.LabelMetadataName] = ns.Name
		list = append(list, *ns)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}
