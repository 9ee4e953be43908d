package kubernetes

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netconform/netconform/matrix"
)

type portKey struct {
	port     int
	protocol matrix.Protocol
}

// liveNames is what the cluster gave a service's Kubernetes Service.
type liveNames struct {
	addresses []string
	nodePorts map[portKey]int
}

// makeServices makes the Services and keeps what they were given.
func (d *deployment) makeServices(ctx context.Context) error {
	wanted := d.layout.services
	if d.noSCTP != "" {
		// kube-proxy's rules for such a port can fail on that kernel, and all others with them.
		wanted = withoutSCTP(wanted)
	}
	made := make([]*corev1.Service, len(wanted))
	err := each(len(made), func(i int) (err error) {
		s := wanted[i].DeepCopy()
		s.Labels = merged(s.Labels, map[string]string{labelRun: d.id})
		made[i], err = d.cluster.client.CoreV1().Services(s.Namespace).Create(ctx, s, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("service %s/%s: %w", s.Namespace, s.Name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range d.layout.standIns {
		names := &liveNames{nodePorts: map[portKey]int{}}
		for _, m := range made {
			if m.Namespace != s.Namespace || m.Name != s.KubeService {
				continue
			}
			for _, a := range m.Spec.ClusterIPs {
				if a != corev1.ClusterIPNone {
					names.addresses = append(names.addresses, a)
				}
			}
			for _, p := range m.Spec.Ports {
				if p.NodePort != 0 {
					names.nodePorts[portKey{int(p.Port), fromProtocol(p.Protocol)}] = int(p.NodePort)
				}
			}
		}
		d.services[s.Service] = names
	}
	return nil
}

func withoutSCTP(services []*corev1.Service) []*corev1.Service {
	var list []*corev1.Service
	for _, s := range services {
		s = s.DeepCopy()
		s.Spec.Ports = slices.DeleteFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Protocol == corev1.ProtocolSCTP })
		if len(s.Spec.Ports) > 0 || s.Spec.ClusterIP == corev1.ClusterIPNone {
			list = append(list, s)
		}
	}
	return list
}
