package kubernetes

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// livePolicy is a policy as it was applied.
type livePolicy struct {
	namespace, name string
	uid             types.UID
	generation      int64
}

func (p livePolicy) String() string { return p.namespace + "/" + p.name }

// Baseline is true: nothing forbids anything before Enforce.
func (d *deployment) Baseline() bool { return true }

// Enforce applies the suite's policies as they are. That the cluster enforces
// any was proved in Deploy.
func (d *deployment) Enforce(ctx context.Context) (settles bool, err error) {
	d.policies = make([]livePolicy, len(d.layout.policies))
	return true, each(len(d.policies), func(i int) error {
		p := d.layout.policies[i].DeepCopy()
		p.Labels = merged(p.Labels, map[string]string{labelRun: d.id})
		made, err := d.cluster.client.NetworkingV1().NetworkPolicies(p.Namespace).Create(ctx, p, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("policy %s/%s: %w", p.Namespace, p.Name, err)
		}
		d.policies[i] = livePolicy{p.Namespace, p.Name, made.UID, made.Generation}
		return nil
	})
}
