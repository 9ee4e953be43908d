package kubernetes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// layout is all that a suite puts into a cluster, under the names that it has
// there. It is made from files alone.
type layout struct {
	objects    *manifests.Objects
	matrix     *matrix.Matrix
	placed     []manifests.StandIn // as the files say, without the prefix
	standIns   []standIn           // in the order of the matrix
	namespaces []*corev1.Namespace // sorted by name
	services   []*corev1.Service
	policies   []*networkingv1.NetworkPolicy
	clients    []string          // externals that only talk
	outside    []matrix.External // externals that can be talked to
	notes      []string
}

// standIn is where a service stands in the cluster, and what its agent listens on.
type standIn struct {
	manifests.StandIn
	ports []matrix.Port // of the pod: single ones, sorted
}

// plan reads the suite's manifests and places its services.
func plan(job suites.Job, prefix string) (*layout, error) {
	objects, err := manifests.Load(job.Suite)
	if err != nil {
		return nil, errors.Join(suites.ErrInput, err)
	}
	placed, _, err := objects.Place(job.Suite)
	if err != nil {
		return nil, errors.Join(suites.ErrInput, err)
	}
	l := &layout{objects: objects, matrix: job.Suite.Matrix, placed: placed}
	names := l.planNamespaces(objects.Namespaces(job.Suite, placed), prefix)
	move := prefixer{prefix: prefix, names: names}
	for _, p := range placed {
		l.planStandIn(p, job.Suite.Matrix, move)
	}
	for _, s := range objects.Services {
		l.planService(s, move)
	}
	for _, p := range objects.NetworkPolicies {
		policy := move.policy(p.Value)
		policy.Namespace = move.name(p.Namespace)
		l.policies = append(l.policies, policy)
	}
	for _, u := range objects.Unmodelled {
		l.notes = append(l.notes, fmt.Sprintf("%s: %s was not applied: it is no policy of Kubernetes itself", u.Pos, u.Title()))
	}
	if n := len(objects.AdminPolicies) + len(objects.BaselinePolicies) + len(objects.ClusterPolicies); n > 0 {
		l.notes = append(l.notes, fmt.Sprintf("%d cluster-wide policies of the manifests were not applied: they would reach beyond the run's namespaces", n))
	}
	for _, e := range job.Suite.Matrix.Externals {
		if len(e.Ports) > 0 {
			l.outside = append(l.outside, e)
		} else {
			l.clients = append(l.clients, e.Name)
		}
	}
	return l, nil
}

// planNamespaces keeps those that the run has to make. A system namespace that
// the suite only describes is the cluster's own.
func (l *layout) planNamespaces(all []manifests.Namespace, prefix string) map[string]bool {
	used := map[string]bool{}
	for _, p := range l.placed {
		used[p.Namespace] = true
	}
	for _, p := range l.objects.NetworkPolicies {
		used[p.Namespace] = true
	}
	names := map[string]bool{}
	for _, n := range all {
		if isSystem(n.Name) && !used[n.Name] {
			l.notes = append(l.notes, fmt.Sprintf("namespace %s is the cluster's own: its labels are the cluster's, not those of %s", n.Name, n.Pos))
			continue
		}
		names[n.Name] = true
		labels := maps.Clone(n.Labels)
		delete(labels, corev1.LabelMetadataName)
		for _, p := range l.placed {
			if p.Namespace == n.Name && p.HostNetwork && labels["pod-security.kubernetes.io/enforce"] == "" {
				labels["pod-security.kubernetes.io/enforce"] = "privileged"
			}
		}
		l.namespaces = append(l.namespaces, namespace(prefix+n.Name, labels))
	}
	return names
}

func isSystem(name string) bool { return name == "default" || strings.HasPrefix(name, "kube-") }

func (l *layout) planStandIn(p manifests.StandIn, m *matrix.Matrix, move prefixer) {
	s := standIn{StandIn: p}
	s.Namespace = move.name(p.Namespace)
	listens := map[matrix.Port]bool{}
	for _, service := range m.Services {
		if service.Name != p.Service {
			continue
		}
		for _, port := range service.Ports {
			for n := port.Number; n <= max(port.Number, port.End); n++ {
				if to, ok := p.PodPort(n, port.Protocol); ok {
					listens[matrix.Port{Number: to, End: to, Protocol: port.Protocol}] = true
				}
			}
		}
	}
	s.ports = slices.SortedFunc(maps.Keys(listens), func(a, b matrix.Port) int {
		if a.Number != b.Number {
			return a.Number - b.Number
		}
		return strings.Compare(string(a.Protocol), string(b.Protocol))
	})
	l.standIns = append(l.standIns, s)
	if p.KubeService != "" && p.Selector == nil {
		l.services = append(l.services, madeService(s))
	}
}

// madeService leads to the stand-in alone, on every port of the matrix.
func madeService(s standIn) *corev1.Service {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: s.KubeService, Namespace: s.Namespace},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{labelStandIn: labelValue(s.Service)}},
	}
	for _, p := range s.ServicePorts {
		service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{
			Name: fmt.Sprintf("%s-%d", p.Protocol, p.Port), Port: int32(p.Port),
			TargetPort: intstr.FromInt32(int32(p.Target.IntValue())), Protocol: protocol(p.Protocol)})
	}
	return service
}

// planService takes a Service of the manifests as it is, but for what would
// reach outside of the run: addresses, node ports and load balancers of its own.
func (l *layout) planService(o manifests.Of[corev1.Service], move prefixer) {
	if o.Value.Spec.Type == corev1.ServiceTypeExternalName || !move.names[o.Namespace] {
		l.notes = append(l.notes, fmt.Sprintf("%s: %s was not made: no stand-in is behind it", o.Pos, o.Title()))
		return
	}
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: o.Name, Namespace: move.name(o.Namespace), Labels: o.Value.Labels},
		Spec:       *o.Value.Spec.DeepCopy(),
	}
	if s.Spec.ClusterIP != corev1.ClusterIPNone {
		s.Spec.ClusterIP, s.Spec.ClusterIPs = "", nil
	}
	s.Spec.ExternalIPs, s.Spec.LoadBalancerIP, s.Spec.LoadBalancerClass, s.Spec.LoadBalancerSourceRanges = nil, "", nil, nil
	s.Spec.HealthCheckNodePort, s.Spec.AllocateLoadBalancerNodePorts = 0, nil
	if s.Spec.Type == corev1.ServiceTypeLoadBalancer {
		s.Spec.Type = corev1.ServiceTypeNodePort
		s.Spec.ExternalTrafficPolicy = ""
		l.notes = append(l.notes, fmt.Sprintf("%s: %s is made with node ports instead of a load balancer", o.Pos, o.Title()))
	}
	for i := range s.Spec.Ports {
		s.Spec.Ports[i].NodePort = 0
	}
	l.services = append(l.services, s)
}

// accounts are the service accounts that the pods of a namespace run as.
func (l *layout) accounts(namespace string) []string {
	names := []string{"default"}
	for _, s := range l.standIns {
		if s.Namespace == namespace && s.ServiceAccount != "" && !slices.Contains(names, s.ServiceAccount) {
			names = append(names, s.ServiceAccount)
		}
	}
	return names
}

func (l *layout) needsHost() bool { return len(l.clients) > 0 || len(l.outside) > 0 }

// find is the stand-in of a service of the matrix.
func (l *layout) find(service string) *standIn {
	for i := range l.standIns {
		if l.standIns[i].Service == service {
			return &l.standIns[i]
		}
	}
	return nil
}

// looksUp reports whether the matrix lets the service resolve names.
func (l *layout) looksUp(service string) bool {
	for _, s := range l.matrix.Services {
		if s.Name == service {
			return s.DNS != matrix.Deny
		}
	}
	return false
}
