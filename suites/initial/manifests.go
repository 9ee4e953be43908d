package initial

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
	"github.com/netconform/netconform/suites/kubernetes/policy"
)

// FromManifests makes a matrix of what manifests allow: paths are files, folders
// and kustomizations. A service is a workload; its ports are those of the
// Kubernetes Service of its name, or else of its containers; its tier is its
// pods' label "tier". What hangs on facts of a cluster that nobody asked becomes a
// comment.
func FromManifests(paths []string) ([]byte, error) {
	if len(paths) == 0 {
		return nil, fmt.Errorf("no manifest is named")
	}
	s, err := onDisk(paths[0])
	if err != nil {
		return nil, err
	}
	s.Kubernetes = &suites.KubernetesTarget{TierLabel: "-", Services: map[string]suites.Placement{}}
	for _, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		s.Kubernetes.Manifests = append(s.Kubernetes.Manifests, abs)
	}
	objects, err := manifests.Load(s)
	if err != nil {
		return nil, err
	}
	if len(objects.Workloads) == 0 {
		return nil, fmt.Errorf("%s: there is no workload (Deployment, StatefulSet, DaemonSet, Pod …), so nothing to make services of", strings.Join(paths, ", "))
	}
	d := &draft{name: s.Name, externals: outside(), head: []string{
		"A first matrix: what " + strings.Join(paths, ", ") + " allow. It says what is, not",
		"what should be: take out what nobody needs."}}
	for _, w := range objects.Workloads {
		d.workload(s, objects, w)
	}
	for i := range d.services {
		if d.has(d.services[i].tier) {
			d.services[i].tier = "" // a name has one meaning
		}
	}
	return d.predicted(s, func() (suites.Predictor, error) { return policy.Static(s) })
}

func (d *draft) has(name string) bool {
	return slices.ContainsFunc(d.services, func(o service) bool { return o.name == name })
}

// workload makes a service of a workload. One of a name that is taken gets its
// namespace before it.
func (d *draft) workload(s *suites.Suite, objects *manifests.Objects, w manifests.Workload) {
	name := label(w.Name)
	if d.has(name) {
		name = label(w.Namespace + "-" + w.Name)
	}
	for n := 2; d.has(name); n++ {
		name = fmt.Sprintf("%s-%d", label(w.Namespace+"-"+w.Name), n)
	}
	kube := kubeService(objects, w)
	v := service{name: name, tier: label(w.Template.Labels["tier"]), ports: kubePorts(kube, w), notes: []string{w.Title()}}
	if len(v.ports) == 0 {
		v.notes = append(v.notes, "its manifests state no port: add those that it listens on")
	}
	placement := suites.Placement{Workload: w.Namespace + "/" + w.Name}
	if kube != nil {
		placement.Service = kube.Name
	}
	s.Kubernetes.Services[name] = placement
	d.services = append(d.services, v)
}

// kubeService is the one that leads to the workload: that of its name, or else
// the first that selects its pods; nil where there is none.
func kubeService(objects *manifests.Objects, w manifests.Workload) *corev1.Service {
	var selecting *corev1.Service
	for _, o := range objects.Services {
		if o.Namespace != w.Namespace {
			continue
		}
		if o.Name == w.Name {
			return o.Value
		}
		selects := labels.SelectorFromSet(o.Value.Spec.Selector).Matches(labels.Set(w.Template.Labels))
		if selecting == nil && len(o.Value.Spec.Selector) > 0 && selects {
			selecting = o.Value
		}
	}
	return selecting
}

func kubePorts(kube *corev1.Service, w manifests.Workload) []port {
	var list []port
	add := func(name string, number int32, protocol string) {
		p := port{name: name, number: int(number), protocol: matrix.TCP}
		if protocol != "" {
			p.protocol = matrix.Protocol(strings.ToLower(protocol))
		}
		if !plainName.MatchString(name) {
			p.name = ""
		}
		same := func(o port) bool { return o.number == p.number && o.protocol == p.protocol }
		if !slices.ContainsFunc(list, same) {
			if slices.ContainsFunc(list, func(o port) bool { return o.name == p.name }) {
				p.name = ""
			}
			list = append(list, p)
		}
	}
	if kube != nil {
		for _, p := range kube.Spec.Ports {
			add(p.Name, p.Port, string(p.Protocol))
		}
		return list
	}
	for _, c := range w.Template.Spec.Containers {
		for _, p := range c.Ports {
			add(p.Name, p.ContainerPort, string(p.Protocol))
		}
	}
	return list
}
