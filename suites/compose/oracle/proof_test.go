package oracle_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose"
)

// TestProof holds the oracle against a real engine: random topologies are
// brought up and probed, and every verdict must be the predicted one. There is
// no tolerance: a difference is a fault of the oracle or of the platform.
//
// NETCONFORM_PROVE=N tries N topologies instead of 2, NETCONFORM_SEED=S starts
// at another one than the first.
func TestProof(t *testing.T) {
	platform := compose.New(compose.Options{})
	if err := platform.Available(t.Context()); err != nil {
		if strings.Contains(os.Getenv("NETCONFORM_REQUIRE"), "compose") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	n, first := number(t, "NETCONFORM_PROVE", 2), number(t, "NETCONFORM_SEED", 1)
	var total tally
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			topology := generate(uint64(seed))
			result := compare(t, platform, topology)
			total.add(result)
			if len(result.differences) > 0 {
				least, of := shrink(t, platform, topology, result)
				t.Errorf("seed %d: predicted and observed differ:\n%s\nand at the least:\n%s\n%s%s",
					seed, strings.Join(result.differences, "\n"), strings.Join(of.differences, "\n"), least.compose(), least.matrix())
			}
		})
	}
	t.Logf("%d topologies, %d cases: %d as predicted, %d predicted unknown, %d skipped, %d inconclusive",
		n, total.cases, total.equal, total.unknown, total.skipped, total.inconclusive)
	require.Positive(t, total.equal, "nothing was compared")
}

type tally struct {
	cases, equal, unknown, skipped, inconclusive int
	differences                                  []string
}

func (a *tally) add(b tally) {
	a.cases += b.cases
	a.equal += b.equal
	a.unknown += b.unknown
	a.skipped += b.skipped
	a.inconclusive += b.inconclusive
}

// compare brings one topology up and holds each case against its prediction.
func compare(t *testing.T, platform suites.Platform, topology randomTopology) tally {
	t.Helper()
	m, err := matrix.Parse("matrix.yaml", []byte(topology.matrix()))
	require.NoError(t, err)
	s := &suites.Suite{
		Name: "proof", File: "suite.yaml", Dir: ".", Matrix: m,
		FS:      fstest.MapFS{"compose.yaml": {Data: []byte(topology.compose())}},
		Compose: &suites.ComposeTarget{Files: []string{"compose.yaml"}},
	}
	run, err := suites.Verify(t.Context(), s, suites.Options{Targets: []suites.Target{{Platform: platform}}})
	require.NoError(t, err)
	require.Empty(t, run.Errors, topology.compose())

	var result tally
	for _, r := range run.Cases {
		result.cases++
		switch {
		case r.Judgement == suites.Skipped:
			result.skipped++
		case r.Observed == matrix.Unknown:
			result.inconclusive++
			t.Logf("inconclusive: %s: %s", r.Key(), r.Evidence)
		case r.Predicted == matrix.Unknown:
			result.unknown++
		case r.Predicted == r.Observed:
			result.equal++
		default:
			text := fmt.Sprintf("%s: predicted %s (%s), observed %s (%s)", r.Key(), r.Predicted, r.Explanation, r.Observed, r.Evidence)
			for _, seen := range r.Observations {
				text += fmt.Sprintf("\n    %s %s %s: %s %s", seen.Path.Route, seen.Path.Host, seen.Path.Via, seen.Result.Outcome, seen.Result.Detail)
			}
			result.differences = append(result.differences, text)
		}
	}
	return result
}

// shrink leaves out what the difference does not need, in a bounded number of tries.
func shrink(t *testing.T, platform suites.Platform, topology randomTopology, result tally) (randomTopology, tally) {
	for tries := 0; tries < 15; {
		found := false
		for _, candidate := range topology.smaller() {
			if tries++; tries > 15 {
				break
			}
			if less := compare(t, platform, candidate); len(less.differences) > 0 {
				topology, result, found = candidate, less, true
				break
			}
		}
		if !found {
			break
		}
	}
	return topology, result
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}
