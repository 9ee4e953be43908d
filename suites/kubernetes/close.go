package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Close deletes the run's namespaces, with all that is in them, or its kind
// cluster. Deletion goes on in the background after Close returns, unless
// Options.WaitDeleted says to wait for it. Where it fails, the watchdog goes on
// trying once this process has ended.
func (d *deployment) Close(ctx context.Context) error {
	d.end()
	for _, h := range d.holds {
		h.end()
	}
	if d.options.Kind {
		err := d.cluster.close()
		if err == nil {
			d.dismiss()
		}
		return err
	}
	names, err := d.cluster.deleteRun(ctx, d.id)
	if err != nil {
		return err
	}
	d.dismiss()
	if d.options.WaitDeleted == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.options.WaitDeleted)
	defer cancel()
	return d.cluster.awaitGone(ctx, names)
}

// deleteRun begins the deletion of a run's namespaces and returns their names.
// Pods have no grace period, so they go at once.
func (c *cluster) deleteRun(ctx context.Context, runID string) ([]string, error) {
	list, err := c.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: labelRun + "=" + runID})
	if err != nil {
		return nil, fmt.Errorf("namespaces of run %s: %w", runID, err)
	}
	names := make([]string, len(list.Items))
	background := metav1.DeletePropagationBackground
	err = each(len(names), func(i int) error {
		n := list.Items[i]
		names[i] = n.Name
		err := c.client.CoreV1().Namespaces().Delete(ctx, n.Name, metav1.DeleteOptions{
			PropagationPolicy: &background, Preconditions: &metav1.Preconditions{UID: &n.UID}})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("delete namespace %s: %w", n.Name, err)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// awaitGone waits until none of the namespaces is there.
func (c *cluster) awaitGone(ctx context.Context, names []string) error {
	for _, name := range names {
		for {
			_, err := c.client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				break
			}
			if e := sleep(ctx, 300*time.Millisecond); e != nil {
				return errors.Join(fmt.Errorf("namespace %s is still being deleted: %w", name, e), err)
			}
		}
	}
	return nil
}
