package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"
	"sigs.k8s.io/kind/pkg/log"

	"github.com/netconform/netconform/suites"
)

// kindReady is how long a new cluster's control plane may take.
const kindReady = 3 * time.Minute

// kindAvailable says why kind can't work here. Its library runs the docker
// command; kind itself need not be installed.
func kindAvailable() error {
	if _, err := exec.LookPath("docker"); err != nil {
		return fmt.Errorf("%w: kind needs the docker command: %w", suites.ErrInput, err)
	}
	return nil
}

func kindProvider() *kind.Provider {
	return kind.NewProvider(kind.ProviderWithDocker(), kind.ProviderWithLogger(log.NoopLogger{}))
}

func kindHas(name string) bool {
	if kindAvailable() != nil {
		return false
	}
	names, err := kindProvider().List()
	return err == nil && slices.Contains(names, name)
}

// kindName says whose the cluster is, because kind lets nobody label it.
func kindName(runID string, o owner) string {
	return fmt.Sprintf("netconform-%s-%d-%s-%s", runID, o.pid, firstOf(o.machine, "0"), firstOf(o.started, "0"))
}

// kindOwner reads a name that kindName made.
func kindOwner(name string) (runID string, o owner, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) != 5 || parts[0] != "netconform" || len(parts[1]) != 8 {
		return "", owner{}, false
	}
	pid, err := strconv.Atoi(parts[2])
	if err != nil {
		return "", owner{}, false
	}
	return parts[1], owner{pid: pid, machine: parts[3], started: parts[4]}, true
}

// createKind makes a cluster and connects to it. The user's own kubeconfig is not touched.
func createKind(ctx context.Context, o Options, runID string, notify func(string, ...any)) (*cluster, error) {
	if err := kindAvailable(); err != nil {
		return nil, err
	}
	name := kindName(runID, thisProcess())
	folder, err := os.MkdirTemp("", "netconform-kind-")
	if err != nil {
		return nil, fmt.Errorf("kind cluster: %w", err)
	}
	kubeconfig := filepath.Join(folder, "kubeconfig")
	remove := func() error {
		defer os.RemoveAll(folder)
		if err := kindProvider().Delete(name, kubeconfig); err != nil {
			return fmt.Errorf("delete kind cluster %s: %w", name, err)
		}
		return nil
	}
	options := []kind.CreateOption{kind.CreateWithKubeconfigPath(kubeconfig), kind.CreateWithWaitForReady(kindReady),
		kind.CreateWithDisplayUsage(false), kind.CreateWithDisplaySalutation(false)}
	if image := firstOf(o.KindImage, os.Getenv("KIND_NODE_IMAGE")); image != "" {
		options = append(options, kind.CreateWithNodeImage(image))
	}
	if file := firstOf(o.KindConfig, os.Getenv("KIND_CONFIG")); file != "" {
		options = append(options, kind.CreateWithConfigFile(file))
	}
	notify("kubernetes: creating kind cluster %s", name)
	created := make(chan error, 1)
	go func() { created <- kindProvider().Create(name, options...) }()
	select {
	case err = <-created:
	case <-ctx.Done():
		// Create takes no context. It ends once its containers are gone.
		err = errors.Join(ctx.Err(), remove())
		<-created
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("kind cluster %s: %w", name, err), remove())
	}
	c, err := connectKind(name, kubeconfig)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	c.close = remove
	if err := c.waitUsable(ctx); err != nil {
		return nil, errors.Join(err, remove())
	}
	return c, nil
}

func connectKind(name, kubeconfig string) (*cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of kind cluster %s: %w", name, err)
	}
	return newCluster(config, "kind-"+name)
}

// loadKind imports an image archive into every node of a kind cluster.
func loadKind(name string, archive []byte) error {
	nodes, err := kindProvider().ListInternalNodes(name)
	if err != nil {
		return fmt.Errorf("nodes of kind cluster %s: %w", name, err)
	}
	failures := make(chan error, len(nodes))
	for _, n := range nodes {
		go func() { failures <- nodeutils.LoadImageArchive(n, bytes.NewReader(archive)) }()
	}
	var all []error
	for range nodes {
		all = append(all, <-failures)
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("load the agent's image into kind cluster %s: %w", name, err)
	}
	return nil
}

// waitUsable waits until every node is ready and the cluster's DNS runs: kind
// itself waits for the control plane only.
func (c *cluster) waitUsable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, kindReady)
	defer cancel()
	for {
		why := c.notUsable(ctx)
		if why == "" {
			return nil
		}
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return fmt.Errorf("kind cluster %s: %s: %w", c.kind, why, err)
		}
	}
}

func (c *cluster) notUsable(ctx context.Context) string {
	nodes, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	for _, n := range nodes.Items {
		if !nodeReady(n) {
			return "node " + n.Name + " is not ready"
		}
		// Gone a moment after the node is ready; until then it takes no pods.
		for _, taint := range hardTaints(n) {
			if strings.HasPrefix(taint, "node.kubernetes.io/") {
				return "node " + n.Name + " has the taint " + taint
			}
		}
	}
	dns, err := c.client.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
	if err != nil {
		return err.Error()
	}
	for i := range dns.Items {
		if running(&dns.Items[i]) {
			return ""
		}
	}
	return "its DNS does not run yet"
}
