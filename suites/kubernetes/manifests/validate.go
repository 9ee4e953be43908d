package manifests

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	policyv1alpha1 "sigs.k8s.io/network-policy-api/apis/v1alpha1"
	policyv1beta1 "sigs.k8s.io/network-policy-api/apis/v1beta1"
)

// validateLast checks the policy that was just added against the API server's
// own validation (pkg/apis/networking/validation in Kubernetes, and the CRDs of
// network-policy-api), since what a cluster refuses can't be predicted.
func (o *Objects) validateLast(obj Object) error {
	v := validator{obj}
	switch obj.Kind {
	case "NetworkPolicy":
		return v.networkPolicy(o.NetworkPolicies[len(o.NetworkPolicies)-1].Value.Spec)
	case "AdminNetworkPolicy":
		return v.adminPolicy(o.AdminPolicies[len(o.AdminPolicies)-1].Value.Spec)
	case "BaselineAdminNetworkPolicy":
		return v.baselinePolicy(o.BaselinePolicies[len(o.BaselinePolicies)-1].Value.Spec)
	case "ClusterNetworkPolicy":
		return v.clusterPolicy(o.ClusterPolicies[len(o.ClusterPolicies)-1].Value.Spec)
	}
	return nil
}

type validator struct{ Object }

func (v validator) errorf(path []any, format string, args ...any) error {
	return &problem{v.At(path...), fmt.Sprintf("%s: %s: %s", v.Title(), dotted(path), fmt.Sprintf(format, args...))}
}

// dotted writes a path as people do: spec.ingress[0].from[1].
func dotted(path []any) string {
	var b strings.Builder
	for _, step := range path {
		switch step := step.(type) {
		case int:
			b.WriteString("[" + strconv.Itoa(step) + "]")
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		}
	}
	return b.String()
}

func down(path []any, steps ...any) []any { return append(append([]any{}, path...), steps...) }

func (v validator) networkPolicy(spec networkingv1.NetworkPolicySpec) error {
	root := []any{"spec"}
	if err := v.selector(down(root, "podSelector"), &spec.PodSelector); err != nil {
		return err
	}
	for i, t := range spec.PolicyTypes {
		if t != networkingv1.PolicyTypeIngress && t != networkingv1.PolicyTypeEgress {
			return v.errorf(down(root, "policyTypes", i), "%q is no policy type: write Ingress or Egress", t)
		}
	}
	for i, rule := range spec.Ingress {
		if err := v.rule(down(root, "ingress", i), "from", rule.From, rule.Ports); err != nil {
			return err
		}
	}
	for i, rule := range spec.Egress {
		if err := v.rule(down(root, "egress", i), "to", rule.To, rule.Ports); err != nil {
			return err
		}
	}
	return nil
}

func (v validator) rule(path []any, peersField string, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) error {
	for i, peer := range peers {
		if err := v.peer(down(path, peersField, i), peer); err != nil {
			return err
		}
	}
	for i, port := range ports {
		if err := v.port(down(path, "ports", i), port); err != nil {
			return err
		}
	}
	return nil
}

func (v validator) peer(path []any, peer networkingv1.NetworkPolicyPeer) error {
	if peer.IPBlock == nil && peer.PodSelector == nil && peer.NamespaceSelector == nil {
		return v.errorf(path, "an empty peer: write podSelector, namespaceSelector or ipBlock (\"podSelector: {}\" is every pod of the namespace)")
	}
	if peer.IPBlock != nil {
		if peer.PodSelector != nil || peer.NamespaceSelector != nil {
			return v.errorf(path, "ipBlock can't stand with a selector in one peer: make them two list items")
		}
		return v.ipBlock(down(path, "ipBlock"), peer.IPBlock)
	}
	if err := v.selector(down(path, "podSelector"), peer.PodSelector); err != nil {
		return err
	}
	return v.selector(down(path, "namespaceSelector"), peer.NamespaceSelector)
}

func (v validator) ipBlock(path []any, block *networkingv1.IPBlock) error {
	cidr, err := netip.ParsePrefix(block.CIDR)
	if err != nil {
		return v.errorf(down(path, "cidr"), "%q is no CIDR: write an address and a length, such as 10.0.0.0/8", block.CIDR)
	}
	for i, text := range block.Except {
		except, err := netip.ParsePrefix(text)
		if err != nil {
			return v.errorf(down(path, "except", i), "%q is no CIDR", text)
		}
		if !cidr.Masked().Contains(except.Addr()) || except.Bits() <= cidr.Bits() {
			return v.errorf(down(path, "except", i), "%s is not a smaller block inside %s", text, block.CIDR)
		}
	}
	return nil
}

func (v validator) port(path []any, port networkingv1.NetworkPolicyPort) error {
	if p := port.Protocol; p != nil {
		if err := v.protocol(down(path, "protocol"), *p); err != nil {
			return err
		}
	}
	if port.Port == nil {
		if port.EndPort != nil {
			return v.errorf(down(path, "endPort"), "endPort needs port, the first of the range")
		}
		return nil
	}
	if port.Port.Type == intstr.String {
		if port.EndPort != nil {
			return v.errorf(down(path, "endPort"), "endPort needs a number as port, not the name %q", port.Port.StrVal)
		}
		if errs := validation.IsValidPortName(port.Port.StrVal); len(errs) > 0 {
			return v.errorf(down(path, "port"), "%q is no port's name: %s", port.Port.StrVal, errs[0])
		}
		return nil
	}
	if err := v.number(down(path, "port"), port.Port.IntVal); err != nil {
		return err
	}
	if port.EndPort == nil {
		return nil
	}
	if *port.EndPort < port.Port.IntVal {
		return v.errorf(down(path, "endPort"), "%d is less than port, %d", *port.EndPort, port.Port.IntVal)
	}
	return v.number(down(path, "endPort"), *port.EndPort)
}

func (v validator) number(path []any, n int32) error {
	if n < 1 || n > 65535 {
		return v.errorf(path, "%d is no port: write 1 to 65535", n)
	}
	return nil
}

func (v validator) protocol(path []any, p corev1.Protocol) error {
	if p != corev1.ProtocolTCP && p != corev1.ProtocolUDP && p != corev1.ProtocolSCTP {
		return v.errorf(path, "%q is no protocol: write TCP, UDP or SCTP", p)
	}
	return nil
}

// selector checks what labels.Selector needs; nil and empty are both right.
func (v validator) selector(path []any, s *metav1.LabelSelector) error {
	if s == nil {
		return nil
	}
	for _, key := range sortedKeys(s.MatchLabels) {
		value := s.MatchLabels[key]
		at := down(path, "matchLabels", key)
		if errs := validation.IsQualifiedName(key); len(errs) > 0 {
			return v.errorf(at, "%q is no label's name: %s", key, errs[0])
		}
		if errs := validation.IsValidLabelValue(value); len(errs) > 0 {
			return v.errorf(at, "%q is no label's value: %s", value, errs[0])
		}
	}
	for i, e := range s.MatchExpressions {
		at := down(path, "matchExpressions", i)
		if errs := validation.IsQualifiedName(e.Key); len(errs) > 0 {
			return v.errorf(at, "%q is no label's name: %s", e.Key, errs[0])
		}
		switch e.Operator {
		case metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn:
			if len(e.Values) == 0 {
				return v.errorf(at, "%s needs values", e.Operator)
			}
		case metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist:
			if len(e.Values) > 0 {
				return v.errorf(at, "%s takes no values", e.Operator)
			}
		default:
			return v.errorf(at, "%q is no operator: write In, NotIn, Exists or DoesNotExist", e.Operator)
		}
		for _, value := range e.Values {
			if errs := validation.IsValidLabelValue(value); len(errs) > 0 {
				return v.errorf(at, "%q is no label's value: %s", value, errs[0])
			}
		}
	}
	return nil
}

func (v validator) adminPolicy(spec policyv1alpha1.AdminNetworkPolicySpec) error {
	if spec.Priority < 0 || spec.Priority > 1000 {
		return v.errorf([]any{"spec", "priority"}, "%d is no priority: write 0 (first) to 1000 (last)", spec.Priority)
	}
	if err := v.oneOf([]any{"spec", "subject"}, spec.Subject.Namespaces != nil, spec.Subject.Pods != nil); err != nil {
		return err
	}
	for i, r := range spec.Ingress {
		at := []any{"spec", "ingress", i}
		if err := v.action(at, string(r.Action), "Allow", "Deny", "Pass"); err != nil {
			return err
		}
		for j, p := range r.From {
			if err := v.oneOf(down(at, "from", j), p.Namespaces != nil, p.Pods != nil); err != nil {
				return err
			}
		}
	}
	for i, r := range spec.Egress {
		at := []any{"spec", "egress", i}
		if err := v.action(at, string(r.Action), "Allow", "Deny", "Pass"); err != nil {
			return err
		}
		for j, p := range r.To {
			if err := v.oneOf(down(at, "to", j), p.Namespaces != nil, p.Pods != nil, p.Nodes != nil, len(p.Networks) > 0, len(p.DomainNames) > 0); err != nil {
				return err
			}
			for k, c := range p.Networks {
				if err := v.cidr(down(at, "to", j, "networks", k), string(c)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (v validator) baselinePolicy(spec policyv1alpha1.BaselineAdminNetworkPolicySpec) error {
	if v.Name != "default" {
		return v.errorf([]any{"metadata", "name"}, "a cluster has one BaselineAdminNetworkPolicy, and its name is default")
	}
	if err := v.oneOf([]any{"spec", "subject"}, spec.Subject.Namespaces != nil, spec.Subject.Pods != nil); err != nil {
		return err
	}
	for i, r := range spec.Ingress {
		at := []any{"spec", "ingress", i}
		if err := v.action(at, string(r.Action), "Allow", "Deny"); err != nil {
			return err
		}
		for j, p := range r.From {
			if err := v.oneOf(down(at, "from", j), p.Namespaces != nil, p.Pods != nil); err != nil {
				return err
			}
		}
	}
	for i, r := range spec.Egress {
		at := []any{"spec", "egress", i}
		if err := v.action(at, string(r.Action), "Allow", "Deny"); err != nil {
			return err
		}
		for j, p := range r.To {
			if err := v.oneOf(down(at, "to", j), p.Namespaces != nil, p.Pods != nil, p.Nodes != nil, len(p.Networks) > 0); err != nil {
				return err
			}
			for k, c := range p.Networks {
				if err := v.cidr(down(at, "to", j, "networks", k), string(c)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (v validator) clusterPolicy(spec policyv1beta1.ClusterNetworkPolicySpec) error {
	if spec.Tier != policyv1beta1.AdminTier && spec.Tier != policyv1beta1.BaselineTier {
		return v.errorf([]any{"spec", "tier"}, "%q is no tier: write Admin or Baseline", spec.Tier)
	}
	if spec.Priority < 0 || spec.Priority > 1000 {
		return v.errorf([]any{"spec", "priority"}, "%d is no priority: write 0 (first) to 1000 (last)", spec.Priority)
	}
	if err := v.oneOf([]any{"spec", "subject"}, spec.Subject.Namespaces != nil, spec.Subject.Pods != nil); err != nil {
		return err
	}
	for i, r := range spec.Ingress {
		at := []any{"spec", "ingress", i}
		if err := v.action(at, string(r.Action), "Accept", "Deny", "Pass"); err != nil {
			return err
		}
		for j, p := range r.From {
			if err := v.oneOf(down(at, "from", j), p.Namespaces != nil, p.Pods != nil); err != nil {
				return err
			}
		}
	}
	for i, r := range spec.Egress {
		at := []any{"spec", "egress", i}
		if err := v.action(at, string(r.Action), "Accept", "Deny", "Pass"); err != nil {
			return err
		}
		for j, p := range r.To {
			if err := v.oneOf(down(at, "to", j), p.Namespaces != nil, p.Pods != nil, p.Nodes != nil, len(p.Networks) > 0, len(p.DomainNames) > 0); err != nil {
				return err
			}
			for k, c := range p.Networks {
				if err := v.cidr(down(at, "to", j, "networks", k), string(c)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (v validator) action(path []any, action string, valid ...string) error {
	if !contains(valid, action) {
		return v.errorf(down(path, "action"), "%q is no action: write %s", action, strings.Join(valid, ", "))
	}
	return nil
}

func (v validator) oneOf(path []any, set ...bool) error {
	n := 0
	for _, s := range set {
		if s {
			n++
		}
	}
	if n != 1 {
		return v.errorf(path, "exactly one kind of selection must stand here, not %d", n)
	}
	return nil
}

func (v validator) cidr(path []any, text string) error {
	if p, err := netip.ParsePrefix(text); err != nil || p != p.Masked() {
		return v.errorf(path, "%q is no CIDR: write the first address of the block and its length", text)
	}
	return nil
}
