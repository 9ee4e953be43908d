package kubernetes

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Abandoned is how old a run must be that a process of another machine owns,
// before Clean takes it for dead.
const Abandoned = 24 * time.Hour

// CleanOptions say what to clean.
type CleanOptions struct {
	Options
	// Runs are removed whoever owns them.
	Runs []string
	// Abandoned is the age from which on a run counts as dead whose owner can't
	// be asked, because it is of another machine, boot or container; 0 means Abandoned.
	Abandoned time.Duration

	only bool // the runs that are named, and no other
}

// Clean removes what dead runs left: namespaces on the cluster, and kind
// clusters on the Docker engine. It returns what it removed, sorted. Deletion
// of namespaces goes on in the background. What a live run owns stays.
func Clean(ctx context.Context, o CleanOptions) ([]string, error) {
	if o.Abandoned == 0 {
		o.Abandoned = Abandoned
	}
	removed, err := cleanKind(o)
	if c, e := connect(o.Options); e == nil {
		names, e := cleanCluster(ctx, c, o)
		removed, err = append(removed, names...), errors.Join(err, e)
	}
	slices.Sort(removed)
	return removed, err
}

// removeRun removes one run from where its options say that it was.
func removeRun(ctx context.Context, o Options, runID string) ([]string, error) {
	clean := CleanOptions{Options: o, Runs: []string{runID}, only: true}
	if o.Kind {
		return cleanKind(clean)
	}
	c, err := connect(o)
	if err != nil {
		return nil, err
	}
	return cleanCluster(ctx, c, clean)
}

func cleanCluster(ctx context.Context, c *cluster, o CleanOptions) ([]string, error) {
	list, err := c.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: labelRun})
	if err != nil {
		return nil, err
	}
	var removed []string
	var errs []error
	done := map[string]bool{}
	for _, n := range list.Items {
		id := n.Labels[labelRun]
		if done[id] || n.DeletionTimestamp != nil || !o.dead(id, n) {
			continue
		}
		done[id] = true
		names, err := c.deleteRun(ctx, id)
		for _, name := range names {
			removed = append(removed, "namespace "+name)
		}
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

func (o CleanOptions) dead(id string, n corev1.Namespace) bool {
	if o.only || slices.Contains(o.Runs, id) {
		return slices.Contains(o.Runs, id)
	}
	runs, known := ownerFrom(n.Annotations).alive()
	if !known {
		return time.Since(n.CreationTimestamp.Time) >= o.Abandoned
	}
	return !runs
}

// cleanKind deletes kind clusters of dead runs. Those whose owner can't be
// asked go only by name: their age is not known here.
func cleanKind(o CleanOptions) ([]string, error) {
	if kindAvailable() != nil {
		return nil, nil
	}
	names, err := kindProvider().List()
	if err != nil {
		return nil, nil // an engine that does not answer has nothing to clean
	}
	var removed []string
	var errs []error
	for _, name := range names {
		id, owner, ok := kindOwner(name)
		if !ok {
			continue
		}
		runs, known := owner.alive()
		if !slices.Contains(o.Runs, id) && (o.only || !known || runs) {
			continue
		}
		err := deleteKind(name)
		if err == nil {
			removed = append(removed, "kind cluster "+name)
		}
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

// deleteKind leaves the user's kubeconfig alone: a run's cluster is not in it.
func deleteKind(name string) error {
	folder, err := os.MkdirTemp("", "netconform-kind-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	return kindProvider().Delete(name, filepath.Join(folder, "kubeconfig"))
}
