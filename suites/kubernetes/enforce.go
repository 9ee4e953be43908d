package kubernetes

import (
	"context"
	"fmt"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/netconform/netconform/suites"
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

// Pace is what two processors bear that also run a cluster: its kubelets alone
// take 40 % of them for the statistics of 57 pods.
func (d *deployment) Pace() int { return 5000 }

// Enforce applies the suite's policies as they are. That the cluster enforces
// any was proved in Deploy.
func (d *deployment) Enforce(ctx context.Context) (settles bool, err error) {
	d.policies = make([]livePolicy, len(d.layout.policies))
	err = each(len(d.policies), func(i int) error {
		p := d.layout.policies[i].DeepCopy()
		p.Labels = merged(p.Labels, map[string]string{labelRun: d.id})
		made, err := d.cluster.client.NetworkingV1().NetworkPolicies(p.Namespace).Create(ctx, p, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("policy %s/%s: %w", p.Namespace, p.Name, err)
		}
		d.policies[i] = livePolicy{p.Namespace, p.Name, made.UID, made.Generation}
		return nil
	})
	if err != nil {
		return false, err
	}
	return true, d.followedBy(ctx)
}

// followedBy waits until a policy that was applied after the suite's has taken
// hold on every node: one that lets the peers in to the canary's subjects again.
// A plug-in that is behind, such as on a cluster that has just started, would
// else be taken for one that does not enforce the suite; one that is stuck is no
// base for any verdict. What still moves after that is waited for by the runner.
func (d *deployment) followedBy(ctx context.Context) error {
	p := canaryPolicy("allow-ingress", networkingv1.PolicyTypeIngress)
	p.Labels = map[string]string{labelRun: d.id}
	p.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
	if _, err := d.cluster.client.NetworkingV1().NetworkPolicies(d.ownNamespace()).Create(ctx, p, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("canary policy %s: %w", p.Name, err)
	}
	for started := time.Now(); ; {
		closed, err := d.canaryClosed(ctx)
		if err != nil {
			return fmt.Errorf("canary: %w", err)
		}
		if len(closed) == 0 {
			return nil
		}
		if time.Since(started) > d.options.CanaryBudget {
			return fmt.Errorf("%w any more: %v after the suite's policies a canary's policy that followed them has not taken hold: %s (%d ways); the CNI seems to be %s, look at its agents",
				suites.ErrNotEnforced, d.options.CanaryBudget, closed[0], len(closed), d.cniName(ctx))
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}
