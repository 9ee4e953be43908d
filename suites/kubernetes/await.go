package kubernetes

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// upLimit is how long the stand-ins may take to run.
	upLimit = 5 * time.Minute
	// tellEvery is how often the wait says how far it is.
	tellEvery = 5 * time.Second
)

// awaitPods waits until the pods of the vantages run, with one watch for all.
// There is no readiness probe: 50 of them would cost more than the run, and
// the controls prove each listener before anything is judged.
func (d *deployment) awaitPods(ctx context.Context, vantages []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, upLimit, fmt.Errorf("not all pods run after %v", upLimit))
	defer cancel()
	byName := map[string]*livePod{}
	for _, v := range vantages {
		p := d.pods[v]
		select {
		case <-p.up:
		default:
			byName[p.namespace+"/"+p.name] = p
		}
	}
	tell := time.Now().Add(tellEvery)
	for len(byName) > 0 {
		list, err := d.cluster.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: labelRun + "=" + d.id})
		if err != nil {
			return fmt.Errorf("pods of the run: %w", context.Cause(ctx))
		}
		for i := range list.Items {
			if err := d.settle(byName, &list.Items[i]); err != nil {
				return err
			}
		}
		if len(byName) == 0 {
			return nil
		}
		w, err := d.cluster.client.CoreV1().Pods("").Watch(ctx, metav1.ListOptions{LabelSelector: labelRun + "=" + d.id, ResourceVersion: list.ResourceVersion})
		if err == nil {
			err = d.follow(ctx, w, byName, &tell)
			w.Stop()
			if err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: still waiting for %s", context.Cause(ctx), waiting(byName))
		}
	}
	return nil
}

// follow reads events until all is settled, or the watch ends.
func (d *deployment) follow(ctx context.Context, w watch.Interface, byName map[string]*livePod, tell *time.Time) error {
	for len(byName) > 0 {
		select {
		case e, open := <-w.ResultChan():
			pod, isPod := e.Object.(*corev1.Pod)
			if !open || !isPod {
				return nil
			}
			if e.Type == watch.Deleted {
				pod.Status.Phase = corev1.PodFailed
				pod.Status.Reason = "Deleted"
			}
			if err := d.settle(byName, pod); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
		if time.Now().After(*tell) && len(byName) > 0 {
			*tell = time.Now().Add(tellEvery)
			d.notify("kubernetes: %d pods are not up yet", len(byName))
		}
	}
	return nil
}

// settle takes a pod off the list once it runs, or once it never will.
func (d *deployment) settle(byName map[string]*livePod, pod *corev1.Pod) error {
	p := byName[pod.Namespace+"/"+pod.Name]
	if p == nil {
		return nil
	}
	if why := hopeless(pod); why != "" {
		if !p.optional {
			return fmt.Errorf("pod %s/%s on %s: %s", pod.Namespace, pod.Name, pod.Spec.NodeName, why)
		}
		p.failed = why
		close(p.up)
		delete(byName, pod.Namespace+"/"+pod.Name)
		return nil
	}
	if !running(pod) {
		return nil
	}
	p.uid, p.labels, p.container = pod.UID, pod.Labels, pod.Status.ContainerStatuses[0].ContainerID
	for _, ip := range pod.Status.PodIPs {
		p.addresses = append(p.addresses, ip.IP)
	}
	close(p.up)
	delete(byName, pod.Namespace+"/"+pod.Name)
	return nil
}

func running(pod *corev1.Pod) bool {
	if pod.Status.Phase != corev1.PodRunning || len(pod.Status.PodIPs) == 0 || len(pod.Status.ContainerStatuses) != 1 {
		return false
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// hopeless says why the pod will not run; empty while it may.
func hopeless(pod *corev1.Pod) string {
	if pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		text := strings.TrimSpace(pod.Status.Reason + " " + pod.Status.Message)
		for _, c := range pod.Status.ContainerStatuses {
			if t := c.State.Terminated; t != nil {
				text = strings.TrimSpace(fmt.Sprintf("%s exit code %d %s", text, t.ExitCode, t.Message))
			}
		}
		return "it ended: " + text
	}
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil {
			switch w.Reason {
			case "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "ImagePullBackOff":
				return w.Reason + ": " + w.Message
			}
		}
	}
	return ""
}

func waiting(byName map[string]*livePod) string {
	var names []string
	for n := range byName {
		names = append(names, n)
	}
	sort.Strings(names)
	if len(names) > 5 {
		names = append(names[:5], fmt.Sprintf("%d more", len(names)-5))
	}
	return strings.Join(names, ", ")
}
