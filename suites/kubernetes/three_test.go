package kubernetes_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes"
)

// verify runs a suite and returns what came of it.
func verify(t *testing.T, s *suites.Suite, o kubernetes.Options) *suites.Run {
	t.Helper()
	run, err := suites.Verify(t.Context(), s, suites.Options{
		Targets: []suites.Target{{Platform: kubernetes.New(o)}},
		Notify:  t.Logf,
	})
	require.NoError(t, err)
	require.Len(t, run.Platforms, 1)
	for _, p := range run.Platforms[0].Phases {
		t.Logf("%s: %.0f ms", p.Name, p.ElapsedMS)
	}
	for _, f := range run.Platforms[0].Environment {
		t.Logf("%s: %s", f.Name, f.Value)
	}
	for _, n := range run.Platforms[0].Notes {
		t.Logf("note: %s", n)
	}
	return run
}

// Restricted namespaces, named and translated ports, ranges, UDP, a NodePort,
// clients and the internet: all as the matrix says.
func TestThreeNamespaces(t *testing.T) {
	needCluster(t)
	o := options()
	o.NamespacePrefix = prefix(t)
	run := verify(t, load(t, "three"), o)
	assert.Empty(t, run.Errors)
	assert.NotEmpty(t, run.Cases)
	for _, c := range run.Cases {
		if c.Judgement == suites.Skipped {
			assert.Equal(t, matrix.SCTP, c.Protocol, "%s", c.Evidence)
			assert.Contains(t, c.Evidence, "has no SCTP")
			continue
		}
		assert.Equal(t, suites.Conforms, c.Judgement, "%s: expected %s, observed %s: %s", c.Key(), c.Expected, c.Observed, c.Evidence)
	}
}
