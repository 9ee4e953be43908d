package bundled_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/bundled"
	"github.com/netconform/netconform/suites/compose/oracle"
	"github.com/netconform/netconform/suites/compose/project"
	"github.com/netconform/netconform/suites/kubernetes/policy"
)

var update = flag.Bool("update", false, "write what is found over the golden files")

// targets are the oracles of a suite by the platform's name, Compose's for an
// engine whose behaviour was measured.
func targets(t *testing.T, s *suites.Suite) (names []string, oracles map[string]suites.Oracle) {
	t.Helper()
	oracles = map[string]suites.Oracle{}
	if s.Compose != nil {
		p, err := project.Load(context.Background(), s)
		require.NoError(t, err)
		names = append(names, "compose")
		oracles["compose"] = oracle.New(p, s.Matrix, oracle.Engine{Version: "20.10.24", UserlandProxy: true, BridgeNFCall: true, IPTables: true})
	}
	if s.Kubernetes != nil {
		o, err := policy.Static(s)
		require.NoError(t, err)
		names = append(names, "kubernetes")
		oracles["kubernetes"] = o
	}
	return names, oracles
}

// What is wrong with each bundled design by its files alone: findings, needed pairs
// that are cut, forbidden ones that are open.
func TestFindings(t *testing.T) {
	for _, name := range bundled.Names() {
		if strings.HasPrefix(name, "pmoves-phase-") {
			continue // TestMigration is about them
		}
		t.Run(name, func(t *testing.T) {
			s, err := suites.Load(name)
			require.NoError(t, err)
			var b strings.Builder
			names, oracles := targets(t, s)
			for _, platform := range names {
				account(&b, platform, s.Matrix, oracles[platform])
			}
			golden(t, filepath.Join("testdata", name+".golden"), b.String())
		})
	}
}

// The matrices' own contradictions.
func TestLint(t *testing.T) {
	for _, name := range matrix.BundledNames() {
		t.Run(name, func(t *testing.T) {
			m, err := matrix.Bundled(name)
			require.NoError(t, err)
			var b strings.Builder
			for _, f := range m.Lint() {
				fmt.Fprintf(&b, "%s %s: %s\n", f.Pos, f.Rule, f.Message)
			}
			golden(t, filepath.Join("testdata", name+".lint.golden"), b.String())
		})
	}
}

func account(b *strings.Builder, platform string, m *matrix.Matrix, o suites.Oracle) {
	fmt.Fprintf(b, "%s: findings\n", platform)
	for _, f := range o.Findings() {
		fmt.Fprintf(b, "  %s %s: %s\n", f.Pos, f.Rule, f.Message)
	}
	var cut, open, unknown []string
	total := 0
	for _, c := range m.Expand() {
		total++
		p := o.Predict(c)
		switch {
		case p.Verdict == c.Expected:
		case p.Verdict == matrix.Unknown:
			unknown = append(unknown, fmt.Sprintf("%s: %s", c.Key(), p.Reason))
		case c.Expected == matrix.Allow:
			cut = append(cut, fmt.Sprintf("%s (%s): %s", c.Key(), p.Verdict, p.Reason))
		default:
			open = append(open, fmt.Sprintf("%s (%s)", c.Key(), p.Verdict))
		}
	}
	for _, part := range []struct {
		title string
		lines []string
	}{{"needed and cut", cut}, {"forbidden and open", open}, {"not known", unknown}} {
		fmt.Fprintf(b, "%s: %s, %d of %d cases\n", platform, part.title, len(part.lines), total)
		for _, line := range part.lines {
			fmt.Fprintf(b, "  %s\n", line)
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "run go test ./suites/bundled -update where this is meant")
}
