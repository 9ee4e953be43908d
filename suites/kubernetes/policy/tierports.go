package policy

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	policyv1alpha1 "sigs.k8s.io/network-policy-api/apis/v1alpha1"
	policyv1beta1 "sigs.k8s.io/network-policy-api/apis/v1beta1"

	"github.com/netconform/netconform/matrix"
)

// podPeer is the NamespacedPod of every version.
type podPeer struct {
	NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`
	PodSelector       metav1.LabelSelector `json:"podSelector"`
}

func betaPods(p *policyv1beta1.NamespacedPod) *podPeer { return (*podPeer)(p) }

func texts[S ~string](list []S) []string {
	var all []string
	for _, s := range list {
		all = append(all, string(s))
	}
	return all
}

// alphaPorts are the ports of v1alpha1; none means all.
func alphaPorts(ports *[]policyv1alpha1.AdminNetworkPolicyPort) []portSpec {
	if ports == nil {
		return nil
	}
	var all []portSpec
	for _, p := range *ports {
		switch {
		case p.PortNumber != nil:
			all = append(all, portSpec{protocol: orTCP(matrix.Protocol(protocolOf(p.PortNumber.Protocol))), from: int(p.PortNumber.Port), to: int(p.PortNumber.Port)})
		case p.PortRange != nil:
			all = append(all, portSpec{protocol: orTCP(matrix.Protocol(protocolOf(p.PortRange.Protocol))), from: int(p.PortRange.Start), to: int(p.PortRange.End)})
		case p.NamedPort != nil:
			all = append(all, portSpec{name: *p.NamedPort})
		}
	}
	return all
}

func orTCP(p matrix.Protocol) matrix.Protocol {
	if p == "" {
		return matrix.TCP
	}
	return p
}

// betaPorts are the protocols of ClusterNetworkPolicy; none means all.
func betaPorts(protocols []policyv1beta1.ClusterNetworkPolicyProtocol) []portSpec {
	var all []portSpec
	for _, p := range protocols {
		s := portSpec{name: p.DestinationNamedPort}
		var port *policyv1beta1.Port
		switch {
		case p.TCP != nil:
			s.protocol, port = matrix.TCP, p.TCP.DestinationPort
		case p.UDP != nil:
			s.protocol, port = matrix.UDP, p.UDP.DestinationPort
		case p.SCTP != nil:
			s.protocol, port = matrix.SCTP, p.SCTP.DestinationPort
		}
		if port != nil {
			s.from, s.to = int(port.Number), int(port.Number)
			if port.Range != nil {
				s.from, s.to = int(port.Range.Start), int(port.Range.End)
			}
		}
		all = append(all, s)
	}
	return all
}
