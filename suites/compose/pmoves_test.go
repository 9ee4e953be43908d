package compose

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/suites"
)

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
	require.Zero(t, run.Platforms[0].Summary.Inconclusive)
	require.Empty(t, left(t, run.ID))
}
