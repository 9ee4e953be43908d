package kubernetes

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/netconform/netconform/probes"
)

// aPublicAddress stands for the outside world where blocks of addresses are
// compared (RFC 5737, TEST-NET-3). Nothing is ever sent to it.
var aPublicAddress = netip.MustParseAddr("203.0.113.1")

// unlike says why a node's address can't stand for the outside: a policy of the
// service has a block of addresses that holds one and not the other, such as
// 0.0.0.0/0 except 10.0.0.0/8.
func (d *deployment) unlike(s *standIn, ingress bool) string {
	for _, p := range d.layout.policies {
		if p.Namespace != s.Namespace || !selects(p.Spec.PodSelector, s.Labels) {
			continue
		}
		for _, block := range blocks(p, ingress) {
			for _, n := range d.nodes {
				node, err := netip.ParseAddr(internalAddress(n))
				if err != nil || node.Is6() || holds(block, node) == holds(block, aPublicAddress) {
					continue
				}
				return fmt.Sprintf("policy %s/%s tells node addresses such as %s from public ones (ipBlock %s except %v), so no node can stand for the outside", p.Namespace, p.Name, node, block.CIDR, block.Except)
			}
		}
	}
	return ""
}

func selects(s metav1.LabelSelector, of map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(&s)
	return err == nil && selector.Matches(labels.Set(of))
}

func blocks(p *networkingv1.NetworkPolicy, ingress bool) []*networkingv1.IPBlock {
	var peers []networkingv1.NetworkPolicyPeer
	for _, r := range p.Spec.Ingress {
		if ingress {
			peers = append(peers, r.From...)
		}
	}
	for _, r := range p.Spec.Egress {
		if !ingress {
			peers = append(peers, r.To...)
		}
	}
	var list []*networkingv1.IPBlock
	for _, peer := range peers {
		if peer.IPBlock != nil {
			list = append(list, peer.IPBlock)
		}
	}
	return list
}

func holds(b *networkingv1.IPBlock, a netip.Addr) bool {
	in := func(text string) bool {
		p, err := netip.ParsePrefix(text)
		return err == nil && p.Contains(a)
	}
	if !in(b.CIDR) {
		return false
	}
	for _, e := range b.Except {
		if in(e) {
			return false
		}
	}
	return true
}

func internalAddress(n corev1.Node) string {
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return a.Address
		}
	}
	return ""
}

func (d *deployment) nodeAddress(name string) string {
	for _, n := range d.nodes {
		if n.Name == name {
			return internalAddress(n)
		}
	}
	return ""
}

// proveOutside finds out whether the stand-ins of externals got their ports: a
// node may have them in use, and an agent without its ports ends.
func (d *deployment) proveOutside(ctx context.Context) error {
	for _, p := range d.role(roleInternet) {
		for try := 0; p.failed == ""; try++ {
			if d.listens(ctx, p) {
				break
			}
			list, err := d.cluster.client.CoreV1().Pods(p.namespace).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + p.name})
			switch {
			case err != nil:
				return fmt.Errorf("pod %s/%s: %w", p.namespace, p.name, err)
			case len(list.Items) == 0:
				p.failed = "its pod was deleted"
			case hopeless(&list.Items[0]) != "":
				p.failed = hopeless(&list.Items[0])
			case try > 20:
				p.failed = "its ports do not answer on its own node"
			}
			if err := sleep(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		}
		if p.failed != "" {
			d.note("%s has no stand-in: %s", p.identity, p.failed)
		}
	}
	return nil
}

func (d *deployment) listens(ctx context.Context, p *livePod) bool {
	b := probes.Batch{ID: d.id + "-outside", Key: d.key, WindowMS: 1000}
	for i, port := range p.ports {
		b.Probes = append(b.Probes, probes.Probe{ID: i, Protocol: string(port.Protocol), Host: p.addresses[0], Port: port.Number, Expect: p.identity})
	}
	results, err := d.probeOnce(ctx, p, b)
	for _, r := range results {
		if r.Outcome != probes.OutcomeOpen {
			return false
		}
	}
	return err == nil
}
