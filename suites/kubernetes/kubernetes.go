// Package kubernetes runs a suite on a Kubernetes cluster. Every service of the
// matrix gets stand-in pods with its namespace, labels, service account and
// Service names; the user's NetworkPolicies are then applied as they are.
//
// What a run makes, and where:
//
//	the suite's namespaces   made by the run, never taken over; stand-ins, Services, policies
//	netconform-RUN           the canary pods, which also prove that DNS works
//	netconform-RUN-host      pods on the hosts' own network: clients, and a stand-in for the internet
//	netconform-RUN-PID-…     the kind cluster of a run with Options.Kind
//
// All of it carries the label netconform.dev/run, or has the name of a kind
// cluster as above, so that Clean and the watchdog find it after a kill at any
// moment. No other object of the cluster is changed.
package kubernetes

import (
	"context"
	"time"

	"github.com/netconform/netconform/suites"
)

// Options say which cluster to use and how. The zero value takes the cluster of
// the user's kubeconfig and applies namespaces under their own names.
type Options struct {
	// Kubeconfig is a file; empty: $KUBECONFIG, then ~/.kube/config, then the
	// service account of the pod that netconform runs in.
	Kubeconfig string
	// Context is one of the kubeconfig; empty: its current one.
	Context string

	// Kind makes a kind cluster for the run, and deletes it on Close.
	Kind bool
	// KindImage is its node image; empty: $KIND_NODE_IMAGE, then kind's own.
	KindImage string
	// KindConfig is its configuration file; empty: $KIND_CONFIG, then kind's defaults.
	KindConfig string

	// Image is the agent's image in a registry that the nodes can pull from.
	Image string
	// LoadImageCommand brings the agent's image onto the nodes. It is run by sh;
	// "{}" in it is replaced by the path of an archive as `docker save` writes
	// it, which is on its standard input as well.
	LoadImageCommand string

	// NamespacePrefix is put before the name of every namespace of the suite,
	// and in the namespace selectors of its policies.
	NamespacePrefix string
	// CanaryBudget is how long the cluster may take to enforce the canary's
	// policies; 0 means 30 s.
	CanaryBudget time.Duration
	// WaitDeleted is how long Close waits until the namespaces are gone; 0
	// means that it only begins their deletion.
	WaitDeleted time.Duration
}

// Platform is a cluster to run suites on.
type Platform struct{ options Options }

// New returns the platform. It does not touch the cluster.
func New(o Options) *Platform {
	if o.CanaryBudget == 0 {
		o.CanaryBudget = 30 * time.Second
	}
	return &Platform{options: o}
}

// Name is "kubernetes".
func (p *Platform) Name() string { return "kubernetes" }

// Available says why there is no cluster to use, or nil.
func (p *Platform) Available(ctx context.Context) error {
	if p.options.Kind {
		return kindAvailable()
	}
	c, err := connect(p.options)
	if err != nil {
		return err
	}
	_, err = c.serverVersion(ctx)
	return err
}

var _ suites.Platform = (*Platform)(nil)
