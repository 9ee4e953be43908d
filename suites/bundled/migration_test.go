package bundled_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// seen is what a state of the migration comes to by its files: the needed cases that
// are not open, and the forbidden ones that are not closed.
func seen(t *testing.T, name string) (cut, open []string) {
	t.Helper()
	s, err := suites.Load(name)
	require.NoError(t, err)
	_, oracles := targets(t, s)
	for _, c := range s.Matrix.Expand() {
		switch v := oracles["compose"].Predict(c).Verdict; {
		case c.Expected == matrix.Allow && v != matrix.Allow:
			cut = append(cut, c.Key())
		case c.Expected == matrix.Deny && v != matrix.Deny:
			open = append(open, c.Key())
		}
	}
	return cut, open
}

// No phase breaks a needed pair or opens one that the phase before had closed.
func TestMigrationOnlyCloses(t *testing.T) {
	cut, before := seen(t, "pmoves-phase-0")
	assert.Empty(t, cut)
	for _, name := range []string{"pmoves-phase-1", "pmoves-phase-2", "pmoves-phase-3", "pmoves-phase-4", "pmoves-phase-5"} {
		cut, open := seen(t, name)
		assert.Empty(t, cut, "%s breaks needed pairs", name)
		var opened []string
		for _, key := range open {
			if !slices.Contains(before, key) {
				opened = append(opened, key)
			}
		}
		assert.Empty(t, opened, "%s opens forbidden pairs", name)
		t.Logf("%s: %d forbidden cases open, %d before", name, len(open), len(before))
		before = open
	}
	_, flat := seen(t, "pmoves-phase-0")
	assert.Less(t, len(before), len(flat))
}

// The service that was forgotten takes all that need it along.
func TestForgottenServiceBreaksPairs(t *testing.T) {
	cut, _ := seen(t, "pmoves-phase-forgotten")
	require.NotEmpty(t, cut)
	for _, key := range []string{"postgrest->postgres:5432/tcp", "archon->postgrest:3010/tcp", "supaserch->postgrest:3010/tcp", "extract-worker->postgrest:3010/tcp"} {
		assert.True(t, slices.Contains(cut, key), key)
	}
	for _, key := range cut {
		assert.Contains(t, key, "postgrest")
	}
}
