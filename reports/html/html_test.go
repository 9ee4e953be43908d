package html

import (
	"bytes"
	"strings"
	"testing"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/fixture"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheSameRunGivesTheSamePage(t *testing.T) {
	var a, b bytes.Buffer
	require.NoError(t, Write(&a, fixture.Run()))
	require.NoError(t, Write(&b, fixture.Run()))
	assert.Equal(t, a.String(), b.String())
}

func TestThePageNamesNoOtherPlace(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Write(&b, fixture.Run()))
	page := strings.ReplaceAll(b.String(), "http://www.w3.org/2000/svg", "") // a name, not a place to go to
	for _, word := range []string{"http:", "https:", "//cdn", "@import", "url(http", "<link", " src="} {
		assert.NotContains(t, page, word)
	}
}

func TestLargeRunsFit(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Write(&b, fixture.Big(200, "compose", "kubernetes", "static-compose")))
	t.Logf("200 × 200 × 3: %.1f MB", float64(b.Len())/1e6)
	assert.Less(t, b.Len(), 15_000_000)
}

// statuses are those of the four controls.
func statuses(run *suites.Run) map[string]string {
	out := map[string]string{}
	for _, c := range compliance(view.New(run)) {
		out[c.ID] = c.Status
	}
	return out
}

func TestComplianceClaimsOnlyWhatWasProbed(t *testing.T) {
	const cis, nist, pci, soc = "CIS Kubernetes Benchmark 5.3.2", "NIST SP 800-190, 4.3.3 and 4.4.2", "PCI DSS v4.0.1, requirement 1.3", "SOC 2, CC6.6"
	only := func(keep func(*suites.Result) bool) *suites.Run {
		run := fixture.Run()
		var kept []suites.Result
		for i := range run.Cases {
			if keep(&run.Cases[i]) {
				kept = append(kept, run.Cases[i])
			}
		}
		run.Cases = kept
		return run
	}
	assert.Equal(t, map[string]string{cis: "against", nist: "against", pci: "against", soc: "part"}, statuses(fixture.Run()))
	assert.Equal(t, map[string]string{cis: "none", nist: "none", pci: "none", soc: "none"},
		statuses(only(func(r *suites.Result) bool { return view.Static(r.Platform) })), "a prediction is no evidence")
	assert.Equal(t, map[string]string{cis: "none", nist: "shown", pci: "shown", soc: "shown"},
		statuses(only(func(r *suites.Result) bool { return r.Platform == "compose" && r.Judgement == suites.Conforms })), "Compose is no cluster")
	assert.Equal(t, map[string]string{cis: "part", nist: "part", pci: "part", soc: "shown"},
		statuses(only(func(r *suites.Result) bool { return r.Platform == "kubernetes" && !r.Judgement.Violation() })), "an accepted or unknown case is not shown")
	assert.Equal(t, map[string]string{cis: "none", nist: "none", pci: "none", soc: "none"}, statuses(&suites.Run{}))
	for _, c := range compliance(view.New(fixture.Run())) {
		assert.NotEmpty(t, c.Shows, c.ID)
		assert.NotEmpty(t, c.Lacks, c.ID)
	}
}

func TestDaysLeft(t *testing.T) {
	run := fixture.Run()
	left := func(expires string) *int { return daysLeft(run, suites.AcceptedGroup{Expires: expires}) }
	assert.Equal(t, 32, *left("2027-01-01"))
	assert.Equal(t, 0, *left("2026-11-30"))
	assert.Equal(t, -1, *left("2026-11-29"))
	assert.Nil(t, left(""))
	assert.Nil(t, left("soon"))
}

func TestEveryResultHasAKind(t *testing.T) {
	for want, r := range map[string]suites.Result{
		"files":   {Judgement: suites.Conforms, Predicted: matrix.Allow, Observed: matrix.Deny},
		"blocked": {Judgement: suites.UnexpectedDeny}, "open": {Judgement: suites.UnexpectedAllow}, "unsure": {Judgement: "nonsense"},
		"accepted": {Judgement: suites.Accepted}, "skipped": {Judgement: suites.Skipped}, "denied": {Judgement: suites.Conforms},
		"allowed": {Judgement: suites.Conforms, Case: matrix.Case{Expected: matrix.Allow}},
	} {
		assert.Equal(t, want, kinds[kindOf(&r)].ID)
	}
}
