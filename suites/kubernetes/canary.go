package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
)

const (
	canaryPort   = 8080
	canaryWindow = 300 // milliseconds; the budget repeats it
	// openLimit is how long the canary's pods may take to reach each other
	// while no policy selects them.
	openLimit = time.Minute
)

// runCanary proves that the cluster enforces NetworkPolicy, on every node that
// has stand-ins: a subject and a peer reach each other; a policy then denies the
// subject's ingress and its egress, and both ways must close while the peers
// still reach each other. Without that proof no deny of the suite means anything.
func (d *deployment) runCanary(ctx context.Context) error {
	for _, role := range []string{roleSubject, rolePeer} {
		for _, p := range d.role(role) {
			select {
			case <-p.up:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	if err := d.canaryOpen(ctx); err != nil {
		return err
	}
	policies := []*networkingv1.NetworkPolicy{
		canaryPolicy("deny-ingress", networkingv1.PolicyTypeIngress), canaryPolicy("deny-egress", networkingv1.PolicyTypeEgress)}
	for _, p := range policies {
		p.Labels = map[string]string{labelRun: d.id}
		if _, err := d.cluster.client.NetworkingV1().NetworkPolicies(d.ownNamespace()).Create(ctx, p, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("canary policy %s: %w", p.Name, err)
		}
	}
	return d.canaryShut(ctx)
}

func canaryPolicy(name string, kind networkingv1.PolicyType) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{labelRole: roleSubject}},
			PolicyTypes: []networkingv1.PolicyType{kind},
		},
	}
}

// canaryLook asks every peer about every subject (ingress) and every other
// peer (the control), and every subject about every peer (egress). It
// describes the ways that are not as wanted.
func (d *deployment) canaryLook(ctx context.Context, shut bool) (wrong []string, err error) {
	subjects, peers := d.role(roleSubject), d.role(rolePeer)
	var questions []question
	for _, p := range peers {
		for _, s := range subjects {
			questions = append(questions,
				question{p, s, !shut, "ingress of a pod on " + s.node + " from " + p.node},
				question{s, p, !shut, "egress of a pod on " + s.node + " to " + p.node})
		}
		for _, q := range peers {
			questions = append(questions, question{p, q, true, "the unrestricted way from " + p.node + " to " + q.node})
		}
	}
	return d.answer(ctx, questions)
}

// canaryClosed describes the subjects that the peers can't reach.
func (d *deployment) canaryClosed(ctx context.Context) (closed []string, err error) {
	var questions []question
	for _, p := range d.role(rolePeer) {
		for _, s := range d.role(roleSubject) {
			questions = append(questions, question{p, s, true, "ingress of a pod on " + s.node + " from " + p.node})
		}
	}
	return d.answer(ctx, questions)
}

// question is a way between two pods of the canary, and whether it is to be open.
type question struct {
	from, to *livePod
	want     bool
	what     string
}

// answer asks all questions, a batch a pod, and describes those that are not as wanted.
func (d *deployment) answer(ctx context.Context, questions []question) (wrong []string, err error) {
	batches := map[string]*probes.Batch{}
	var vantages []*livePod
	for i, q := range questions {
		b := batches[q.from.vantage]
		if b == nil {
			b = &probes.Batch{ID: fmt.Sprintf("%s-canary-%s", d.id, q.from.vantage), Key: d.key, WindowMS: canaryWindow, Confirm: 1}
			batches[q.from.vantage] = b
			vantages = append(vantages, q.from)
		}
		b.Probes = append(b.Probes, probes.Probe{ID: i, Protocol: probes.TCP, Host: q.to.addresses[0], Port: canaryPort, Expect: q.to.identity})
	}
	open := make([]bool, len(questions))
	err = each(len(vantages), func(i int) error {
		results, err := d.Probe(ctx, vantages[i].vantage, *batches[vantages[i].vantage])
		for _, r := range results {
			// A tool's error is no answer: neither open nor shut.
			if r.Outcome == probes.OutcomeError {
				return fmt.Errorf("canary on %s: %s", vantages[i].node, r.Detail)
			}
			open[r.ID] = r.Outcome == probes.OutcomeOpen
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, q := range questions {
		if open[i] != q.want {
			state := "open"
			if !open[i] {
				state = "closed"
			}
			wrong = append(wrong, q.what+" is "+state)
		}
	}
	return wrong, nil
}

func (d *deployment) canaryOpen(ctx context.Context) error {
	for deadline := time.Now().Add(openLimit); ; {
		wrong, err := d.canaryLook(ctx, false)
		if err != nil {
			return fmt.Errorf("canary: %w", err)
		}
		if len(wrong) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("canary: without any policy, %s (%d ways): the pod network does not work, or a cluster-wide policy selects the canary", wrong[0], len(wrong))
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

func (d *deployment) canaryShut(ctx context.Context) error {
	started := time.Now()
	for {
		wrong, err := d.canaryLook(ctx, true)
		if err != nil {
			return fmt.Errorf("canary: %w", err)
		}
		if len(wrong) == 0 {
			d.setEnforced()
			return nil
		}
		if time.Since(started) > d.options.CanaryBudget {
			err := fmt.Errorf("%w: %v after a deny-all policy %s (%d ways); the CNI seems to be %s: no deny can hold here",
				suites.ErrNotEnforced, d.options.CanaryBudget, wrong[0], len(wrong), d.cniName(ctx))
			return err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (d *deployment) setEnforced() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.enforced = true
}

// awaitCanary returns the canary's verdict.
func (d *deployment) awaitCanary(ctx context.Context) error {
	select {
	case err := <-d.canary:
		if err != nil && !errors.Is(err, suites.ErrNotEnforced) {
			return fmt.Errorf("is NetworkPolicy enforced? %w", err)
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
