package kubernetes

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// prefixer moves the suite's namespaces aside. Without a prefix it changes nothing.
type prefixer struct {
	prefix string
	names  map[string]bool // the suite's namespaces, without the prefix
}

func (m prefixer) name(namespace string) string {
	if m.names[namespace] {
		return m.prefix + namespace
	}
	return namespace
}

// policy is a copy whose namespace selectors mean the moved namespaces. Only
// kubernetes.io/metadata.name follows a namespace's name; other labels move with it.
func (m prefixer) policy(p *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicy {
	q := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Labels: p.Labels, Annotations: p.Annotations},
		Spec:       *p.Spec.DeepCopy(),
	}
	if m.prefix == "" {
		return q
	}
	for _, rule := range q.Spec.Ingress {
		m.peers(rule.From)
	}
	for _, rule := range q.Spec.Egress {
		m.peers(rule.To)
	}
	return q
}

func (m prefixer) peers(peers []networkingv1.NetworkPolicyPeer) {
	for _, p := range peers {
		if p.NamespaceSelector != nil {
			m.selector(p.NamespaceSelector)
		}
	}
}

func (m prefixer) selector(s *metav1.LabelSelector) {
	if name, ok := s.MatchLabels[corev1.LabelMetadataName]; ok && m.names[name] {
		delete(s.MatchLabels, corev1.LabelMetadataName)
		s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: m.values([]string{name})})
		return
	}
	for i, e := range s.MatchExpressions {
		if e.Key == corev1.LabelMetadataName {
			s.MatchExpressions[i].Values = m.values(e.Values)
		}
	}
}

// values are the moved names. A system namespace keeps its own name as well:
// the suite may stand in it, and the cluster's DNS still does.
func (m prefixer) values(names []string) []string {
	var all []string
	for _, n := range names {
		all = append(all, m.name(n))
		if m.names[n] && isSystem(n) {
			all = append(all, n)
		}
	}
	return all
}
