package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// everything is the vantage of an error that touches all verdicts.
const everything = ""

// Check compares the cluster with what was deployed: the same pods with the
// same addresses and labels, none restarted, the same policies and no others,
// the same labels of namespaces.
func (d *deployment) Check(ctx context.Context) map[string]error {
	broken := map[string]error{}
	selector := metav1.ListOptions{LabelSelector: labelRun + "=" + d.id}
	pods, err := d.cluster.client.CoreV1().Pods("").List(ctx, selector)
	if err != nil {
		broken[everything] = fmt.Errorf("the stand-ins can't be checked: %w", err)
		return broken
	}
	byName := map[string]*corev1.Pod{}
	for i, p := range pods.Items {
		byName[p.Namespace+"/"+p.Name] = &pods.Items[i]
	}
	var holds sync.WaitGroup
	holds.Go(func() { d.finishHolds(ctx) })
	defer holds.Wait()
	maps.Copy(broken, d.askQuietly(ctx))
	for _, v := range d.order {
		p := d.pods[v]
		if p.failed != "" {
			continue
		}
		if why := p.changed(byName[p.namespace+"/"+p.name]); why != "" {
			broken[v] = fmt.Errorf("pod %s/%s %s during the run", p.namespace, p.name, why)
		}
	}
	if err := d.checkNamespaces(ctx); err != nil {
		broken[everything] = err
	}
	return broken
}

// changed says what is different about the pod; empty where nothing is.
func (p *livePod) changed(now *corev1.Pod) string {
	if now == nil {
		return "was deleted"
	}
	var addresses []string
	for _, ip := range now.Status.PodIPs {
		addresses = append(addresses, ip.IP)
	}
	switch {
	case now.UID != p.uid:
		return "was replaced by another one"
	case now.DeletionTimestamp != nil:
		return "was deleted"
	case !running(now):
		return "stopped running: " + firstOf(hopeless(now), "it is not ready")
	case now.Status.ContainerStatuses[0].ContainerID != p.container || now.Status.ContainerStatuses[0].RestartCount != 0:
		return "restarted"
	case !slices.Equal(addresses, p.addresses):
		return "got another address"
	case !maps.Equal(now.Labels, p.labels):
		return "got other labels"
	}
	return ""
}

// checkNamespaces compares namespaces and policies.
func (d *deployment) checkNamespaces(ctx context.Context) error {
	applied := map[string]livePolicy{}
	for _, p := range d.policies {
		applied[p.String()] = p
	}
	for _, n := range d.layout.namespaces {
		live, err := d.cluster.client.CoreV1().Namespaces().Get(ctx, n.Name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("namespace %s can't be checked: %w", n.Name, err)
		}
		if live.Labels[labelRun] != d.id || live.DeletionTimestamp != nil {
			return fmt.Errorf("namespace %s was replaced or deleted during the run", n.Name)
		}
		for key, value := range n.Labels {
			if live.Labels[key] != value {
				return fmt.Errorf("namespace %s lost its label %s=%s during the run", n.Name, key, value)
			}
		}
		policies, err := d.cluster.client.NetworkingV1().NetworkPolicies(n.Name).List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("policies of namespace %s can't be checked: %w", n.Name, err)
		}
		for _, p := range policies.Items {
			if err := sameAsApplied(applied, p); err != nil {
				return err
			}
		}
	}
	for _, p := range d.policies {
		if _, missing := applied[p.String()]; missing {
			return fmt.Errorf("policy %s was deleted during the run", p)
		}
	}
	return nil
}

// sameAsApplied takes the policy off the list where it is the one that was applied.
func sameAsApplied(applied map[string]livePolicy, p networkingv1.NetworkPolicy) error {
	name := p.Namespace + "/" + p.Name
	was, ok := applied[name]
	switch {
	case !ok:
		return fmt.Errorf("policy %s was added by somebody else during the run", name)
	case was.uid != p.UID || p.DeletionTimestamp != nil:
		return fmt.Errorf("policy %s was deleted or replaced during the run", name)
	case was.generation != p.Generation:
		return fmt.Errorf("policy %s was changed during the run", name)
	}
	delete(applied, name)
	return nil
}
