package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/netconform/netconform/suites"
)

// cluster is a connection to an API server.
type cluster struct {
	config  *rest.Config
	client  clientset.Interface
	context string // of the kubeconfig; empty in a pod
	// kind is the name of the kind cluster that this is; empty where it is none.
	kind string
	// close removes what connecting made.
	close func() error
}

// connect reads the user's kubeconfig, or the pod's service account.
func connect(o Options) (*cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.Context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("%w: no cluster: %w; give --kubeconfig, --context or --kind", suites.ErrInput, err)
	}
	name := o.Context
	if raw, err := loader.RawConfig(); err == nil && name == "" {
		name = raw.CurrentContext
	}
	return newCluster(config, name)
}

// quiet keeps client-go from writing to the terminal whatever fails on a
// connection: it comes back as an error as well, and is reported as one.
var quiet = sync.OnceFunc(func() {
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
})

func newCluster(config *rest.Config, contextName string) (*cluster, error) {
	quiet()
	// client-go's 5 requests a second would take longer than the whole run.
	config.QPS, config.Burst = 200, 400
	config.WarningHandler = rest.NoWarnings{}
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("%w: cluster %s: %w", suites.ErrInput, contextName, err)
	}
	c := &cluster{config: config, client: client, context: contextName, close: func() error { return nil }}
	if name, ok := strings.CutPrefix(contextName, "kind-"); ok && kindHas(name) {
		c.kind = name
	}
	return c, nil
}

// serverVersion is asked with the context's deadline, which the discovery client's own method ignores.
func (c *cluster) serverVersion(ctx context.Context) (*version.Info, error) {
	body, err := c.client.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Raw()
	if err != nil {
		return nil, fmt.Errorf("cluster %s at %s: %w", c.context, c.config.Host, err)
	}
	var v version.Info
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, fmt.Errorf("version of the cluster: %w", err)
	}
	return &v, nil
}

// nodesForStandIns are at most two nodes, so that there is a path on one node
// and one between nodes. Workers come first; a control-plane node takes part
// where there are no two workers. The second result is every ready node.
func (c *cluster) nodesForStandIns(ctx context.Context) (chosen, all []corev1.Node, err error) {
	list, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("nodes: %w", err)
	}
	var workers, controlPlane []corev1.Node
	for _, n := range list.Items {
		if !nodeReady(n) || n.Spec.Unschedulable || n.Labels[corev1.LabelOSStable] != "linux" && n.Labels[corev1.LabelOSStable] != "" {
			continue
		}
		all = append(all, n)
		switch taints := hardTaints(n); {
		case len(taints) == 0:
			workers = append(workers, n)
		case slices.Equal(taints, []string{"node-role.kubernetes.io/control-plane"}):
			controlPlane = append(controlPlane, n)
		}
	}
	chosen = append(workers, controlPlane...)
	if len(chosen) == 0 {
		return nil, nil, fmt.Errorf("%w: the cluster has no ready node that takes pods", suites.ErrInput)
	}
	return chosen[:min(2, len(chosen))], all, nil
}

func nodeReady(n corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func hardTaints(n corev1.Node) []string {
	var keys []string
	for _, t := range n.Spec.Taints {
		if t.Effect != corev1.TaintEffectPreferNoSchedule {
			keys = append(keys, t.Key)
		}
	}
	return keys
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
