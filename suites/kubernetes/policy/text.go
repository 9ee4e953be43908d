package policy

import (
	"fmt"
	"sort"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netconform/netconform/matrix"
)

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
		return "none"
	}
	var parts []string
	for k, v := range labels {
		parts = append(parts, k+"="+v)
	}
	sort.Strings(parts)
	return strings.Join(parts, ",")
}

// selectorText is a selector as people say it; "every pod" is the caller's.
func selectorText(s *metav1.LabelSelector) string {
	var parts []string
	if len(s.MatchLabels) > 0 {
		parts = append(parts, labelText(s.MatchLabels))
	}
	for _, e := range s.MatchExpressions {
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			parts = append(parts, fmt.Sprintf("%s in (%s)", e.Key, strings.Join(e.Values, ",")))
		case metav1.LabelSelectorOpNotIn:
			parts = append(parts, fmt.Sprintf("%s not in (%s)", e.Key, strings.Join(e.Values, ",")))
		case metav1.LabelSelectorOpExists:
			parts = append(parts, "with "+e.Key)
		default:
			parts = append(parts, "without "+e.Key)
		}
	}
	return strings.Join(parts, ",")
}

func isEmpty(s *metav1.LabelSelector) bool {
	return len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0
}

func peerText(namespace string, p networkingv1.NetworkPolicyPeer) string {
	if p.IPBlock != nil {
		if len(p.IPBlock.Except) > 0 {
			return p.IPBlock.CIDR + " except " + strings.Join(p.IPBlock.Except, ", ")
		}
		return p.IPBlock.CIDR
	}
	pods := "all pods"
	if p.PodSelector != nil && !isEmpty(p.PodSelector) {
		pods = "pods " + selectorText(p.PodSelector)
	}
	switch {
	case p.NamespaceSelector == nil:
		return pods + " of namespace " + namespace
	case isEmpty(p.NamespaceSelector):
		return pods + " of all namespaces"
	}
	return pods + " of namespaces " + selectorText(p.NamespaceSelector)
}

func peersText(namespace string, peers []networkingv1.NetworkPolicyPeer) string {
	if len(peers) == 0 {
		return "everybody"
	}
	var parts []string
	for _, p := range peers {
		parts = append(parts, peerText(namespace, p))
	}
	return strings.Join(parts, " or ")
}

func portsText(ports []portSpec) string {
	if len(ports) == 0 {
		return "every port"
	}
	var parts []string
	for _, p := range ports {
		protocol := p.protocol
		if protocol == "" {
			protocol = "any protocol"
		}
		switch {
		case p.name != "":
			parts = append(parts, fmt.Sprintf("%q/%s", p.name, protocol))
		case p.from == 0:
			parts = append(parts, fmt.Sprintf("every port/%s", protocol))
		case p.from == p.to:
			parts = append(parts, fmt.Sprintf("%d/%s", p.from, protocol))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d/%s", p.from, p.to, protocol))
		}
	}
	if len(parts) > 8 {
		return strings.Join(parts[:7], ", ") + fmt.Sprintf(" and %d more", len(parts)-7)
	}
	return strings.Join(parts, ", ")
}

func portText(port int, protocol matrix.Protocol) string { return fmt.Sprintf("%d/%s", port, protocol) }

func titles(policies []*policy) string {
	var names []string
	for _, p := range policies {
		names = append(names, p.Title())
	}
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + fmt.Sprintf(" and %d more", len(names)-3)
	}
	return strings.Join(names, ", ")
}
