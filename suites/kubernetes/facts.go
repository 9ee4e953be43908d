package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netconform/netconform/suites"
)

// factsLimit bounds the questions about the cluster: they decide no verdict.
const factsLimit = 10 * time.Second

// Environment is what the verdicts depend on: version, CNI, kube-proxy, nodes.
func (d *deployment) Environment() ([]suites.Fact, []string) {
	ctx, cancel := context.WithTimeout(d.life, factsLimit)
	defer cancel()
	d.factsOnce.Do(func() { d.facts = d.gather(ctx) })
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.facts), slices.Clone(d.notes)
}

func (d *deployment) gather(ctx context.Context) []suites.Fact {
	names := make([]string, len(d.nodes))
	for i, n := range d.nodes {
		names[i] = n.Name
	}
	info := d.nodes[0].Status.NodeInfo
	d.mu.Lock()
	enforced := map[bool]string{true: "yes, proved by a canary on " + strings.Join(names, " and "), false: "not proved"}[d.enforced]
	d.mu.Unlock()
	facts := []suites.Fact{
		{Name: "Kubernetes", Value: d.version.GitVersion},
		{Name: "context", Value: firstOf(d.cluster.context, "in the cluster")},
		{Name: "CNI", Value: d.cniName(ctx)},
		{Name: "NetworkPolicy enforced", Value: enforced},
		{Name: "kube-proxy", Value: d.proxyMode(ctx)},
		{Name: "nodes", Value: fmt.Sprintf("%d ready, stand-ins on %s", len(d.all), strings.Join(names, ", "))},
		{Name: "kernel", Value: info.KernelVersion},
		{Name: "container runtime", Value: info.ContainerRuntimeVersion},
		{Name: "node", Value: fmt.Sprintf("%s, %s/%s", info.OSImage, info.OperatingSystem, info.Architecture)},
		{Name: "address families", Value: d.families()},
	}
	if d.options.NamespacePrefix != "" {
		facts = append(facts, suites.Fact{Name: "namespace prefix", Value: d.options.NamespacePrefix})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.established != "" {
		facts = append(facts, suites.Fact{Name: "established connections survive a new policy", Value: d.established})
	}
	return facts
}

func (d *deployment) families() string {
	four, six := false, false
	for _, p := range d.pods {
		for _, a := range p.addresses {
			if strings.Contains(a, ":") {
				six = true
			} else {
				four = true
			}
		}
	}
	switch {
	case four && six:
		return "IPv4 and IPv6"
	case six:
		return "IPv6"
	}
	return "IPv4"
}

// agents are what the node agents of known network plug-ins are called.
var agents = []struct{ daemonSet, cni string }{
	{"cilium", "Cilium"}, {"calico-node", "Calico"}, {"canal", "Canal"}, {"kindnet", "kindnet"}, {"antrea-agent", "Antrea"},
	{"ovnkube-node", "OVN-Kubernetes"}, {"kube-router", "kube-router"}, {"weave-net", "Weave Net"}, {"aws-node", "Amazon VPC CNI"},
	{"azure-cns", "Azure CNI"}, {"anetd", "GKE Dataplane V2"}, {"kube-flannel-ds", "Flannel (has no NetworkPolicy of its own)"},
	{"kube-flannel", "Flannel (has no NetworkPolicy of its own)"},
}

// groups are API groups that known network plug-ins install.
var groups = []struct{ group, cni string }{
	{"cilium.io", "Cilium"}, {"crd.projectcalico.org", "Calico"}, {"crd.antrea.io", "Antrea"}, {"k8s.ovn.org", "OVN-Kubernetes"},
}

// cniName is what the cluster shows of its network plug-in: a node agent, or an
// API group where the agents run outside of pods.
func (d *deployment) cniName(ctx context.Context) string {
	var seen []string
	sets, err := d.cluster.client.AppsV1().DaemonSets("").List(ctx, metav1.ListOptions{})
	if err == nil {
		for _, a := range agents {
			for _, s := range sets.Items {
				if s.Name != a.daemonSet || len(s.Spec.Template.Spec.Containers) == 0 {
					continue
				}
				seen = append(seen, fmt.Sprintf("%s (%s)", a.cni, lastPart(s.Spec.Template.Spec.Containers[0].Image)))
			}
		}
	}
	if len(seen) > 0 {
		return strings.Join(seen, ", ")
	}
	if list, err := d.cluster.client.Discovery().ServerGroups(); err == nil {
		for _, g := range groups {
			for _, served := range list.Groups {
				if served.Name == g.group {
					seen = append(seen, g.cni+" (by its API group)")
				}
			}
		}
	}
	if len(seen) > 0 {
		return strings.Join(seen, ", ")
	}
	if err != nil {
		return "unknown: " + err.Error()
	}
	return "unknown: no DaemonSet or API group of a known plug-in"
}

func lastPart(image string) string {
	image, _, _ = strings.Cut(image, "@")
	return image[strings.LastIndex(image, "/")+1:]
}

// proxyMode is what kubeadm's configuration of kube-proxy says. The default of
// an empty mode is iptables on Linux.
func (d *deployment) proxyMode(ctx context.Context) string {
	m, err := d.cluster.client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kube-proxy", metav1.GetOptions{})
	if err != nil {
		return "unknown (no ConfigMap kube-system/kube-proxy to read)"
	}
	for line := range strings.SplitSeq(m.Data["config.conf"], "\n") {
		if mode, ok := strings.CutPrefix(line, "mode:"); ok {
			return firstOf(strings.Trim(strings.TrimSpace(mode), `"`), "iptables (default)")
		}
	}
	return "iptables (default)"
}
