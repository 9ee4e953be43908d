package kubernetes

import (
	"maps"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// podSpec says what a pod of the run is for.
type podSpec struct {
	vantage string // "postgres@node1"
	// identity is what the agent's answers are signed with: the service's name.
	identity       string
	role           string // stand-in, canary, peer, host, internet
	namespace      string
	name           string
	node           string
	image          string
	labels         map[string]string
	serviceAccount string
	hostNetwork    bool
	ports          []matrix.Port             // that the agent listens on
	declared       []manifests.ContainerPort // that the pod declares
	// optional pods may die: what needs them is skipped with the reason.
	optional bool
}

// pod builds the object. It passes PodSecurity "restricted", but for pods on
// the host's network, which only "privileged" admits.
//
// The node is given by name instead of through the scheduler: the point of a
// second stand-in is that it is on another node. A stand-in that dies stays
// dead, so that it can't come back with another address unnoticed.
func (s podSpec) pod(r *run) *corev1.Pod {
	labels := map[string]string{labelRun: r.id, labelRole: s.role}
	if s.role == roleStandIn {
		labels[labelStandIn] = labelValue(s.identity)
	}
	maps.Copy(labels, s.labels)

	no, yes, user := false, true, int64(65532)
	security := &corev1.PodSecurityContext{
		RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user,
	}
	capabilities := &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	dns := corev1.DNSClusterFirst
	if low := lowPorts(s.ports); low && !s.hostNetwork {
		// A "safe" sysctl since Kubernetes 1.22, allowed by "restricted".
		security.Sysctls = []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}}
	} else if low {
		root := int64(0)
		security.RunAsNonRoot, security.RunAsUser, security.RunAsGroup = &no, &root, &root
		capabilities.Add = []corev1.Capability{"NET_BIND_SERVICE"}
	}
	if s.hostNetwork {
		dns = corev1.DNSClusterFirstWithHostNet
	}
	grace := int64(0)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: s.name, Namespace: s.namespace, Labels: labels, Annotations: r.owner.annotations()},
		Spec: corev1.PodSpec{
			NodeName:                      s.node,
			HostNetwork:                   s.hostNetwork,
			DNSPolicy:                     dns,
			ServiceAccountName:            s.serviceAccount,
			AutomountServiceAccountToken:  &no,
			EnableServiceLinks:            &no,
			RestartPolicy:                 corev1.RestartPolicyNever,
			TerminationGracePeriodSeconds: &grace,
			SecurityContext:               security,
			Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}},
			Containers: []corev1.Container{{
				Name:            containerName,
				Image:           s.image,
				ImagePullPolicy: r.image.pull,
				Args:            serveArguments(s),
				Env:             agentEnvironment(r.key),
				Stdin:           true, // for batches
				Ports:           containerPorts(s.declared),
				// Why an agent ended is on its standard error.
				TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
					corev1.ResourceCPU: resource.MustParse("1m"), corev1.ResourceMemory: resource.MustParse("8Mi")}},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: capabilities,
					// Of the container and not of the pod, whose sandbox would pay for it too.
					SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			}},
		},
	}
}

func lowPorts(ports []matrix.Port) bool {
	for _, p := range ports {
		if p.Number < 1024 {
			return true
		}
	}
	return false
}

// containerPorts are those that named ports of policies and Services refer to.
func containerPorts(ports []manifests.ContainerPort) []corev1.ContainerPort {
	var list []corev1.ContainerPort
	for _, p := range ports {
		list = append(list, corev1.ContainerPort{Name: p.Name, ContainerPort: int32(p.Port), Protocol: protocol(p.Protocol)})
	}
	return list
}

func protocol(p matrix.Protocol) corev1.Protocol {
	return corev1.Protocol(strings.ToUpper(string(p)))
}

func fromProtocol(p corev1.Protocol) matrix.Protocol {
	return matrix.Protocol(strings.ToLower(string(p)))
}

// labelValue makes a name of the matrix fit for a label.
func labelValue(name string) string {
	clean := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
			return c
		}
		return '-'
	}, name)
	return strings.Trim(clean[:min(len(clean), 63)], "-_.")
}

// podSpecs are the pods of the run, the canary's first.
func (d *deployment) podSpecs() []podSpec {
	var specs []podSpec
	add := func(s podSpec, node corev1.Node) {
		s.node, s.image = node.Name, d.image.on(node)
		s.name = podName(s.name, len(specs))
		specs = append(specs, s)
	}
	for _, n := range d.nodes {
		for _, role := range []string{roleSubject, rolePeer} {
			add(podSpec{vantage: role + ":" + n.Name, identity: role, role: role, namespace: d.ownNamespace(), name: role,
				ports: []matrix.Port{{Number: canaryPort, End: canaryPort, Protocol: matrix.TCP}}}, n)
		}
	}
	for _, s := range d.layout.standIns {
		for _, n := range d.nodes {
			add(podSpec{vantage: s.Service + "@" + n.Name, identity: s.Service, role: roleStandIn, namespace: s.Namespace, name: s.Service,
				labels: s.Labels, serviceAccount: s.ServiceAccount, hostNetwork: s.HostNetwork, ports: s.ports, declared: s.ContainerPorts}, n)
		}
	}
	if len(d.layout.clients) > 0 {
		for _, n := range d.nodes {
			add(podSpec{vantage: "host:" + n.Name, identity: "host", role: roleHost, namespace: d.hostNamespace(), name: "host", hostNetwork: true}, n)
		}
	}
	for _, e := range d.layout.outside {
		n := d.nodes[len(d.nodes)-1]
		add(podSpec{vantage: d.internetVantage(e.Name), identity: e.Name, role: roleInternet, namespace: d.hostNamespace(), name: e.Name,
			hostNetwork: true, ports: single(e.Ports), optional: true}, n)
	}
	return specs
}

func (d *deployment) internetVantage(external string) string {
	return external + "@" + d.nodes[len(d.nodes)-1].Name
}

// podName is unique in the run and fit for DNS.
func podName(name string, number int) string {
	clean := strings.Trim(strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(name)), "-")
	return strings.Trim(clean[:min(len(clean), 40)], "-") + "-" + strconv.Itoa(number)
}

// single writes ranges out.
func single(ports []matrix.Port) []matrix.Port {
	var list []matrix.Port
	for _, p := range ports {
		for n := p.Number; n <= max(p.Number, p.End); n++ {
			list = append(list, matrix.Port{Number: n, End: n, Protocol: p.Protocol})
		}
	}
	return list
}
