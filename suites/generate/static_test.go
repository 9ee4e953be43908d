package generate_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/oracle"
	"github.com/netconform/netconform/suites/compose/project"
	"github.com/netconform/netconform/suites/generate"
	"github.com/netconform/netconform/suites/kubernetes/policy"
)

// engines are one of each generation with rules of its own.
var engines = []oracle.Engine{
	{}, // a current one
	{Version: "20.10.24", UserlandProxy: true, BridgeNFCall: true, IPTables: true},
	{Version: "27.5.1", UserlandProxy: true, BridgeNFCall: true, IPTables: true},
	{Version: "28.5.0", UserlandProxy: true, BridgeNFCall: true, IPTables: true},
}

// What is generated conforms by the files' own account, but for what the suite accepts.
func TestLeastPrivilegeConforms(t *testing.T) {
	for _, name := range []string{"pmoves-least-privilege", "temporal-least-privilege"} {
		s, err := suites.Load(name)
		require.NoError(t, err)
		if s.Compose != nil {
			p, err := project.Load(context.Background(), s)
			require.NoError(t, err)
			for _, engine := range engines {
				t.Run(name+"/compose/"+engine.Version, func(t *testing.T) {
					conforms(t, s, suites.Target{Static: "static-compose", Oracle: oracle.New(p, s.Matrix, engine)})
				})
			}
		}
		t.Run(name+"/kubernetes", func(t *testing.T) {
			o, err := policy.Static(s)
			require.NoError(t, err)
			conforms(t, s, suites.Target{Static: "static-kubernetes", Oracle: o})
		})
	}
}

func conforms(t *testing.T, s *suites.Suite, target suites.Target) {
	t.Helper()
	run, err := suites.Verify(context.Background(), s, suites.Options{Targets: []suites.Target{target},
		Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }})
	require.NoError(t, err)
	require.Len(t, run.Cases, len(s.Matrix.Expand()))
	for _, r := range run.Cases {
		assert.Contains(t, []suites.Judgement{suites.Conforms, suites.Accepted}, r.Judgement, "%s: %s", r.Key(), r.Evidence)
	}
	for _, group := range run.Accepts {
		if group.Count == 0 && target.Static == "static-compose" {
			assert.Fail(t, "an accepted deviation does not occur", group.Where)
		}
	}
}

// The suite accepts what the generator says that networks can't do, and no more.
func TestAcceptedIsWhatNetworksCannotDo(t *testing.T) {
	s, err := suites.Load("pmoves-least-privilege")
	require.NoError(t, err)
	p, err := project.Load(context.Background(), s)
	require.NoError(t, err)
	run, err := suites.Verify(context.Background(), s, suites.Options{Targets: []suites.Target{{Static: "static-compose", Oracle: oracle.New(p, s.Matrix, oracle.Engine{})}}})
	require.NoError(t, err)
	pairs := map[string]bool{}
	for _, c := range s.Matrix.Expand() {
		if c.Expected == "allow" && c.Protocol != "dns" {
			pairs[c.To+">"+c.From] = true
		}
	}
	var accepted, impossible []string
	for _, r := range run.Cases {
		if r.Judgement == suites.Accepted && !pairs[r.From+">"+r.To] {
			accepted = append(accepted, r.Key())
		}
	}
	for _, c := range generate.Unenforceable(s.Matrix) {
		impossible = append(impossible, c.Key())
	}
	assert.ElementsMatch(t, impossible, accepted)
	assert.NotEmpty(t, accepted)
}
