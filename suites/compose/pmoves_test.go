package compose

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/suites"
)

// TestPMOVES verifies the whole design as written: every verdict must be the
// one that its files imply on this engine.
func TestPMOVES(t *testing.T) {
	s, err := suites.Load("pmoves")
	require.NoError(t, err)
	run, err := suites.Verify(t.Context(), s, suites.Options{Targets: []suites.Target{{Platform: live(t)}}, Notify: t.Logf})
	require.NoError(t, err)
	require.Empty(t, run.Errors)
	for _, p := range run.Platforms[0].Phases {
		t.Logf("%-14s %8.0f ms", p.Name, p.ElapsedMS)
	}
	t.Logf("%+v", run.Platforms[0].Summary)
	for _, r := range run.Cases {
		if r.Judgement == suites.Inconclusive || r.Judgement == suites.Skipped || r.Disagrees() {
			t.Logf("%-40s %-6s %-8s %-16s %s", r.Key(), r.Expected, r.Observed, r.Judgement, r.Evidence)
		}
	}
	for _, n := range run.Platforms[0].Notes {
		t.Log(n)
	}
	// On a machine that is busy with other networks some cases can't be told,
	// but none may be told wrongly.
	sum := run.Platforms[0].Summary
	require.Zero(t, sum.Disagreements)
	require.Greater(t, sum.Conforms+sum.Violations, sum.Inconclusive)
	require.Empty(t, left(t, run.ID))
}
