package policy

import (
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// Cluster is what is known of the cluster besides the manifests. The zero
// value is a cluster that nobody asked; what is then assumed instead is said
// by Oracle.Assumptions.
type Cluster struct {
	// CNI is the implementation of NetworkPolicy in lower case: "calico", "cilium"; empty: not known.
	CNI string
	// PodCIDRs are the ranges of the pods' addresses; empty: some RFC 1918 address.
	PodCIDRs []netip.Prefix
	// Addresses are those of single services' pods and of the externals' stand-ins, by name.
	Addresses map[string][]netip.Addr
	// NamespaceLabels are the labels of namespaces that the manifests do not
	// make, and go before what the suite says about them.
	NamespaceLabels map[string]map[string]string
	// DNS is the cluster's DNS; nil: pods k8s-app=kube-dns in kube-system, port 53.
	DNS *DNS
	// NoClusterPolicies says that AdminNetworkPolicy and its kin are not
	// applied there, so that they decide nothing.
	NoClusterPolicies bool
}

// DNS is the pods that answer the cluster's lookups.
type DNS struct {
	Namespace string
	Labels    map[string]string
	Ports     []manifests.ContainerPort
	Addresses []netip.Addr
	// NodeLocal says that pods ask a cache on their own node (NodeLocal DNSCache),
	// which every implementation of NetworkPolicy treats in its own way.
	NodeLocal bool
}

// defaultDNS is kubeadm's CoreDNS (cmd/kubeadm/app/phases/addons/dns/manifests.go in Kubernetes).
var defaultDNS = DNS{
	Namespace: "kube-system",
	Labels:    map[string]string{"k8s-app": "kube-dns"},
	Ports: []manifests.ContainerPort{
		{Name: "dns", Port: 53, Protocol: matrix.UDP},
		{Name: "dns-tcp", Port: 53, Protocol: matrix.TCP},
		{Name: "metrics", Port: 9153, Protocol: matrix.TCP},
	},
}

func (c Cluster) dns() DNS {
	if c.DNS == nil {
		return defaultDNS
	}
	return *c.DNS
}

// Assumptions are the facts that the predictions rest on: the cluster's where
// it was asked, and otherwise what is assumed of it.
func (o *Oracle) Assumptions() []suites.Fact {
	facts := []suites.Fact{
		{Name: "network policy", Value: "enforced for every pod, and for established connections by the state of the connection"},
		{Name: "pod addresses", Value: "IPv4, in a private range (RFC 1918)"},
		{Name: "ipBlock and pods", Value: "an ipBlock matches pods' addresses too, after translation of Service addresses (Cilium does not match pods)"},
	}
	if len(o.facts.PodCIDRs) > 0 {
		var all []string
		for _, p := range o.facts.PodCIDRs {
			all = append(all, p.String())
		}
		facts[1].Value = strings.Join(all, ", ")
	}
	if o.facts.CNI != "" {
		facts[0].Value = "enforced by " + o.facts.CNI
		facts[2].Value = "an ipBlock matches pods' addresses too"
		if o.facts.CNI == "cilium" {
			facts[2].Value = "an ipBlock does not match pods (Cilium)"
		}
	}
	dns := o.facts.dns()
	value := "pods " + labelText(dns.Labels) + " in namespace " + dns.Namespace + ", port 53"
	if dns.NodeLocal {
		value += ", behind a cache on each node"
	}
	facts = append(facts, suites.Fact{Name: "cluster DNS", Value: value},
		suites.Fact{Name: "labels of namespace " + dns.Namespace, Value: labelText(o.world.namespaces[dns.Namespace])})
	if n := len(o.objects.AdminPolicies) + len(o.objects.BaselinePolicies) + len(o.objects.ClusterPolicies); n > 0 {
		value := "the cluster has an implementation of sigs.k8s.io/network-policy-api"
		if o.facts.NoClusterPolicies {
			value = "not applied"
		}
		facts = append(facts, suites.Fact{Name: "cluster-wide policies", Value: value})
	}
	return facts
}

// namespaces are the labels of every namespace by name.
func (c Cluster) namespaces(objects *manifests.Objects, placed []manifests.StandIn) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, ns := range objects.Namespaces(objects.Suite, placed) {
		all[ns.Name] = ns.Labels
	}
	for name, labels := range c.NamespaceLabels {
		all[name] = labels
	}
	if dns := c.dns(); all[dns.Namespace] == nil {
		all[dns.Namespace] = map[string]string{corev1.LabelMetadataName: dns.Namespace}
	}
	return all
}
