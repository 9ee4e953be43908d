package manifests

import (
	"fmt"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// StandIn is where and as what a service of the matrix stands in the cluster.
type StandIn struct {
	Service        string // of the matrix
	Namespace      string
	Labels         map[string]string
	ServiceAccount string
	HostNetwork    bool
	// KubeService is the name that others reach it by; empty where the matrix
	// gives the service no port and the manifests no Service of that name.
	KubeService string
	// Headless says that the Service has no address of its own: its name
	// resolves to the pods' addresses, and its ports are not translated.
	Headless bool
	// Selector is that of the manifests' own Service; nil where they have none
	// and the platform makes one that selects this stand-in alone.
	Selector map[string]string
	// ServicePorts are the Service's: those of the manifests, or every port of
	// the matrix onto itself. Ranges are written out.
	ServicePorts []ServicePort
	// ContainerPorts are the ports that the pod declares. A NetworkPolicy's
	// named port means these, so a platform must declare just them.
	ContainerPorts []ContainerPort
	// Workload names the workload that it stands for, or is empty.
	Workload string
	// Pos is the workload's place, or that of the suite's Kubernetes target.
	Pos matrix.Pos
}

// ServicePort is a port of a Kubernetes Service.
type ServicePort struct {
	Name     string
	Port     int
	Target   intstr.IntOrString // a number, or the name of a container port
	Protocol matrix.Protocol
}

// ContainerPort is a port that a pod declares.
type ContainerPort struct {
	Name     string
	Port     int
	Protocol matrix.Protocol
}

// ServicePort is the Service's port of that number.
func (s StandIn) ServicePort(port int, protocol matrix.Protocol) (ServicePort, bool) {
	for _, p := range s.ServicePorts {
		if p.Port == port && p.Protocol == protocol {
			return p, true
		}
	}
	return ServicePort{}, false
}

// PodPort is the port that the pod listens on for a port of the matrix: the
// Service's target, or the port itself where the Service does not translate it.
// It is false where the target is a name that the pod declares no port for.
func (s StandIn) PodPort(port int, protocol matrix.Protocol) (int, bool) {
	p, ok := s.ServicePort(port, protocol)
	if !ok || s.Headless {
		return port, true
	}
	if p.Target.Type == intstr.Int {
		return p.Target.IntValue(), true
	}
	return s.NamedPort(p.Target.StrVal, protocol)
}

// NamedPort is the number of the container port of that name and protocol.
func (s StandIn) NamedPort(name string, protocol matrix.Protocol) (int, bool) {
	for _, p := range s.ContainerPorts {
		if p.Name == name && p.Protocol == protocol {
			return p.Port, true
		}
	}
	return 0, false
}

// Place says where each service of the matrix stands, in the matrix's order:
// as the workload of its name, or the one that the suite names, or else where
// the suite puts it. The findings are workloads and Services that lack what
// the matrix needs; the stand-in has what the workload really has.
func (o *Objects) Place(s *suites.Suite) ([]StandIn, []matrix.Finding, error) {
	var placed []StandIn
	var findings []matrix.Finding
	for _, service := range s.Matrix.Services {
		p := placing{objects: o, target: s.Kubernetes, service: service, given: s.Kubernetes.Services[service.Name]}
		standIn, err := p.place()
		if err != nil {
			return nil, nil, err
		}
		placed = append(placed, standIn)
		findings = append(findings, p.findings...)
	}
	for _, name := range sortedKeys(s.Kubernetes.Services) {
		if !hasService(s.Matrix, name) {
			return nil, nil, &problem{s.Kubernetes.Pos, fmt.Sprintf("kubernetes.services places %q, which is no service of the matrix: correct the name or remove it", name)}
		}
	}
	return placed, findings, nil
}

func hasService(m *matrix.Matrix, name string) bool {
	for _, s := range m.Services {
		if s.Name == name {
			return true
		}
	}
	return false
}

// placing is the work for one service.
type placing struct {
	objects  *Objects
	target   *suites.KubernetesTarget
	service  matrix.Service
	given    suites.Placement
	findings []matrix.Finding
}

func (p *placing) place() (StandIn, error) {
	workload, err := p.workload()
	if err != nil {
		return StandIn{}, err
	}
	out := StandIn{Service: p.service.Name, Namespace: p.namespace(), Pos: p.target.Pos}
	if workload == nil {
		out.Labels = p.labels()
		for _, port := range p.ports() {
			out.ContainerPorts = append(out.ContainerPorts, ContainerPort(port))
		}
	} else {
		p.fromWorkload(&out, workload)
	}
	p.kubeService(&out)
	return out, nil
}

func (p *placing) namespace() string {
	if p.given.Namespace != "" {
		return p.given.Namespace
	}
	return p.objects.defaultNamespace
}

// labels are those of a stand-in without a workload.
func (p *placing) labels() map[string]string {
	labels := map[string]string{"app": p.service.Name, "app.kubernetes.io/name": p.service.Name}
	if name, value, ok := p.tier(); ok {
		labels[name] = value
	}
	for k, v := range p.given.Labels {
		labels[k] = v
	}
	return labels
}

// tier is the label that carries the service's tier, and its value.
func (p *placing) tier() (name, value string, ok bool) {
	name, value = p.target.TierLabel, p.service.Tier
	if name == "" {
		name = "tier"
	}
	if name == "-" || value == "" {
		return "", "", false
	}
	if other, ok := p.target.Tiers[value]; ok {
		value = other
	}
	return name, value, true
}

// ports are the matrix's, with ranges written out.
func (p *placing) ports() []ContainerPort {
	var all []ContainerPort
	for _, port := range p.service.Ports {
		for n := port.Number; n <= max(port.End, port.Number); n++ {
			name := port.Name
			if port.End > port.Number {
				name = ""
			}
			all = append(all, ContainerPort{Name: name, Port: n, Protocol: port.Protocol})
		}
	}
	return all
}

// rank orders the kinds of workloads of one name: the one that usually serves comes first.
var rank = map[string]int{"Deployment": 0, "StatefulSet": 1, "DaemonSet": 2, "ReplicaSet": 3, "ReplicationController": 4, "Pod": 5, "Job": 6, "CronJob": 7}

// workload finds the workload that the service stands for, or nil.
func (p *placing) workload() (*Workload, error) {
	name, namespace := p.service.Name, p.given.Namespace
	if p.given.Workload != "" {
		name = p.given.Workload
		if ns, rest, ok := strings.Cut(name, "/"); ok {
			namespace, name = ns, rest
		}
	}
	var found []*Workload
	for i := range p.objects.Workloads {
		w := &p.objects.Workloads[i]
		if w.Name == name && (namespace == "" || w.Namespace == namespace) {
			found = append(found, w)
		}
	}
	sort.SliceStable(found, func(i, j int) bool {
		if a, b := found[i].Namespace == p.namespace(), found[j].Namespace == p.namespace(); a != b {
			return a
		}
		return rank[found[i].Kind] < rank[found[j].Kind]
	})
	if len(found) == 0 {
		if p.given.Workload != "" {
			return nil, &problem{p.target.Pos, fmt.Sprintf("kubernetes.services.%s: the manifests have no workload %q: correct the name, or leave it out to place the stand-in without one", p.service.Name, p.given.Workload)}
		}
		return nil, nil
	}
	if namespace == "" && found[0].Namespace != p.namespace() && found[0].Namespace != found[len(found)-1].Namespace {
		return nil, &problem{p.target.Pos, fmt.Sprintf("kubernetes.services.%s: workloads of that name stand in several namespaces (%s and %s): name one as \"namespace/name\"", p.service.Name, found[0].Namespace, found[len(found)-1].Namespace)}
	}
	return found[0], nil
}

func (p *placing) fromWorkload(out *StandIn, w *Workload) {
	out.Workload, out.Namespace, out.Pos = w.Title(), w.Namespace, w.Pos
	out.Labels = w.Template.Labels
	out.ServiceAccount = w.Template.Spec.ServiceAccountName
	out.HostNetwork = w.Template.Spec.HostNetwork
	for _, c := range w.Template.Spec.Containers {
		for _, port := range c.Ports {
			out.ContainerPorts = append(out.ContainerPorts, ContainerPort{port.Name, int(port.ContainerPort), protocolOf(port.Protocol)})
		}
	}
	if name, want, ok := p.tier(); ok && out.Labels[name] != want {
		has := "has no label " + name
		if have, ok := out.Labels[name]; ok {
			has = fmt.Sprintf("has the label %s=%s", name, have)
		}
		p.find("missing-tier-label", w.At("metadata", "labels", name),
			fmt.Sprintf("%s %s in its pod template, and the matrix says that %s is of tier %s: policies that select the tier do not apply to it", w.Title(), has, p.service.Name, p.service.Tier),
			fmt.Sprintf("set %s: %s in the pod template's labels (or kubernetes.tier-label and tiers in the suite)", name, want))
	}
	for _, key := range sortedKeys(p.given.Labels) {
		if have, ok := out.Labels[key]; !ok || have != p.given.Labels[key] {
			p.find("placement-label-unused", p.target.Pos,
				fmt.Sprintf("kubernetes.services.%s sets the label %s=%s, and %s does not have it: the stand-in has the workload's labels alone", p.service.Name, key, p.given.Labels[key], w.Title()),
				"set the label in the workload's pod template, or remove it from the suite")
		}
	}
}

// kubeService takes the Service of the manifests, or makes one up.
func (p *placing) kubeService(out *StandIn) {
	name := p.given.Service
	if name == "" {
		name = p.service.Name
	}
	for i := range p.objects.Services {
		if o := &p.objects.Services[i]; o.Name == name && o.Namespace == out.Namespace {
			p.fromService(out, o)
			return
		}
	}
	if len(p.service.Ports) == 0 {
		return
	}
	out.KubeService = name
	for _, port := range p.ports() {
		out.ServicePorts = append(out.ServicePorts, ServicePort{port.Name, port.Port, intstr.FromInt(port.Port), port.Protocol})
	}
}

func (p *placing) fromService(out *StandIn, o *Of[corev1.Service]) {
	spec := o.Value.Spec
	out.KubeService, out.Headless = o.Name, spec.ClusterIP == corev1.ClusterIPNone
	out.Selector = map[string]string{}
	for k, v := range spec.Selector {
		out.Selector[k] = v
	}
	for i, port := range spec.Ports {
		target := port.TargetPort
		if target == (intstr.IntOrString{}) {
			target = intstr.FromInt(int(port.Port))
		}
		sp := ServicePort{port.Name, int(port.Port), target, protocolOf(port.Protocol)}
		out.ServicePorts = append(out.ServicePorts, sp)
		if _, ok := out.NamedPort(target.StrVal, sp.Protocol); target.Type == intstr.String && !ok {
			p.find("target-port-undeclared", o.At("spec", "ports", i),
				fmt.Sprintf("%s sends port %d to the container port named %q, which no container of %s declares: the port answers nobody", o.Title(), sp.Port, target.StrVal, p.service.Name),
				fmt.Sprintf("name a container port %q, or write its number as targetPort", target.StrVal))
		}
	}
	if !subset(out.Selector, out.Labels) || len(out.Selector) == 0 {
		p.find("service-selects-nothing", o.At("spec", "selector"),
			fmt.Sprintf("%s selects %s, which the pods of %s are not: its name reaches nobody", o.Title(), labelText(out.Selector), p.service.Name),
			"make the selector match the pod template's labels")
	}
	for _, port := range p.ports() {
		if _, ok := out.ServicePort(port.Port, port.Protocol); !ok && !out.Headless {
			p.find("service-port-missing", o.At("spec", "ports"),
				fmt.Sprintf("%s has no port %d/%s, on which the matrix has %s listen: nobody reaches it there by its name", o.Title(), port.Port, port.Protocol, p.service.Name),
				fmt.Sprintf("add port %d to the Service", port.Port))
		}
	}
}

func (p *placing) find(rule string, pos matrix.Pos, message, mend string) {
	p.findings = append(p.findings, matrix.Finding{Rule: rule, Pos: pos, Message: message, Mend: mend})
}

func protocolOf(p corev1.Protocol) matrix.Protocol {
	if p == "" {
		return matrix.TCP
	}
	return matrix.Protocol(strings.ToLower(string(p)))
}

func subset(selector, labels map[string]string) bool {
	for k, v := range selector {
		if have, ok := labels[k]; !ok || have != v {
			return false
		}
	}
	return true
}

func labelText(labels map[string]string) string {
	if len(labels) == 0 {
		return "nothing"
	}
	var parts []string
	for _, k := range sortedKeys(labels) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, ",")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
