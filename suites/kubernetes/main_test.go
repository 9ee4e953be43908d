package kubernetes_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/e2e-framework/pkg/env"
	"sigs.k8s.io/e2e-framework/pkg/envconf"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes"
)

// cluster is the environment of the tests that need one. KUBECONFIG names the
// cluster, NETCONFORM_LOAD_IMAGE the command that brings an image onto its nodes
// (not needed on a kind cluster).
var cluster env.Environment

func TestMain(m *testing.M) {
	kubeconfig := os.Getenv("KUBECONFIG")
	if kubeconfig == "" {
		os.Exit(m.Run())
	}
	cluster = env.NewWithKubeConfig(kubeconfig)
	cluster.Setup(func(ctx context.Context, c *envconf.Config) (context.Context, error) {
		return ctx, kubernetes.New(options()).Available(ctx)
	})
	cluster.Finish(func(ctx context.Context, c *envconf.Config) (context.Context, error) {
		left, err := kubernetes.Clean(ctx, kubernetes.CleanOptions{Options: options()})
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("the tests left %s", strings.Join(left, ", "))
		}
		return ctx, err
	})
	os.Exit(cluster.Run(m))
}

func options() kubernetes.Options {
	return kubernetes.Options{LoadImageCommand: os.Getenv("NETCONFORM_LOAD_IMAGE")}
}

// needCluster skips a test where there is no cluster, unless it is required.
func needCluster(t *testing.T) {
	t.Helper()
	if cluster != nil {
		return
	}
	if strings.Contains(os.Getenv("NETCONFORM_REQUIRE"), "kubernetes") {
		t.Fatal("NETCONFORM_REQUIRE asks for a cluster, and KUBECONFIG names none")
	}
	t.Skip("KUBECONFIG names no cluster")
}

// prefix moves a test's namespaces aside, so that tests and runs don't meet.
func prefix(t *testing.T) string {
	return fmt.Sprintf("%s-%d-", strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())), os.Getpid())
}

func load(t *testing.T, name string) *suites.Suite {
	t.Helper()
	s, err := suites.Load("testdata/" + name)
	require.NoError(t, err)
	return s
}
