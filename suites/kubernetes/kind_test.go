package kubernetes_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	kind "sigs.k8s.io/kind/pkg/cluster"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes"
)

// A genuine kind cluster is made for the run and deleted after it. The node
// image comes from KIND_NODE_IMAGE, so that no registry is asked by chance.
func TestKind(t *testing.T) {
	if os.Getenv("KIND_NODE_IMAGE") == "" {
		if strings.Contains(os.Getenv("NETCONFORM_REQUIRE"), "kind") {
			t.Fatal("NETCONFORM_REQUIRE asks for kind, and KIND_NODE_IMAGE names no node image")
		}
		t.Skip("KIND_NODE_IMAGE names no node image")
	}
	run := verify(t, load(t, "pair"), kubernetes.Options{Kind: true})
	assert.Empty(t, run.Errors)
	assert.NotEmpty(t, run.Cases)
	for _, c := range run.Cases {
		if c.Judgement != suites.Skipped {
			assert.Equal(t, suites.Conforms, c.Judgement, "%s: expected %s, observed %s: %s", c.Key(), c.Expected, c.Observed, c.Evidence)
		}
	}
	names, err := kind.NewProvider(kind.ProviderWithDocker()).List()
	require.NoError(t, err)
	for _, name := range names {
		assert.NotContains(t, name, "netconform-"+run.ID)
	}
}
