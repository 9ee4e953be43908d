package kubernetes

import (
	"context"
	"net/netip"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
	"github.com/netconform/netconform/suites/kubernetes/policy"
)

var _ suites.Predictor = (*deployment)(nil)

// Predict is what the manifests imply on this very cluster: with its CNI, its
// addresses, its DNS and the labels of its own namespaces.
func (d *deployment) Predict(c matrix.Case) suites.Prediction {
	d.oracleOnce.Do(func() {
		ctx, cancel := context.WithTimeout(d.life, factsLimit)
		defer cancel()
		d.oracle = policy.New(d.layout.objects, d.layout.placed, d.layout.matrix, d.clusterFacts(ctx))
	})
	return d.oracle.Predict(c)
}

func (d *deployment) clusterFacts(ctx context.Context) policy.Cluster {
	facts := policy.Cluster{Addresses: map[string][]netip.Addr{}, NoClusterPolicies: true}
	if name, _, _ := strings.Cut(d.cniName(ctx), " "); name != "unknown:" {
		facts.CNI = strings.ToLower(name)
	}
	for _, n := range d.all {
		for _, text := range n.Spec.PodCIDRs {
			if p, err := netip.ParsePrefix(text); err == nil {
				facts.PodCIDRs = append(facts.PodCIDRs, p)
			}
		}
	}
	for _, v := range d.order {
		p := d.pods[v]
		var names []string
		switch p.role {
		case roleStandIn, roleInternet:
			names = []string{p.identity}
		case roleHost:
			names = d.layout.clients
		}
		for _, text := range p.addresses {
			if a, err := netip.ParseAddr(text); err == nil {
				for _, name := range names {
					facts.Addresses[name] = append(facts.Addresses[name], a)
				}
			}
		}
	}
	if n, err := d.cluster.client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{}); err == nil {
		facts.NamespaceLabels = map[string]map[string]string{n.Name: n.Labels}
	}
	facts.DNS = d.dnsFacts(ctx)
	return facts
}

// dnsFacts describes the pods behind the cluster's DNS; nil where they can't be
// found by the label that kubeadm, kind and most distributions give them.
func (d *deployment) dnsFacts(ctx context.Context) *policy.DNS {
	pods, err := d.cluster.client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
	if err != nil || len(pods.Items) == 0 {
		return nil
	}
	first := pods.Items[0]
	dns := &policy.DNS{Namespace: first.Namespace, Labels: first.Labels}
	for _, c := range first.Spec.Containers {
		for _, p := range c.Ports {
			dns.Ports = append(dns.Ports, manifests.ContainerPort{Name: p.Name, Port: int(p.ContainerPort), Protocol: fromProtocol(p.Protocol)})
		}
	}
	for _, p := range pods.Items {
		for _, ip := range p.Status.PodIPs {
			if a, err := netip.ParseAddr(ip.IP); err == nil {
				dns.Addresses = append(dns.Addresses, a)
			}
		}
	}
	local, err := d.cluster.client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=node-local-dns", Limit: 1})
	dns.NodeLocal = err == nil && len(local.Items) > 0
	return dns
}
