package reports

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/fixture"
	"github.com/netconform/netconform/suites"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parsed is a JUnit file as a reader that shares no code with the writer sees it.
type parsed struct {
	XMLName xml.Name `xml:"testsuites"`
	sums
	Suites []struct {
		Name string `xml:"name,attr"`
		sums
		Cases []struct {
			Classname string `xml:"classname,attr"`
			Name      string `xml:"name,attr"`
			Failure   []struct {
				Type    string `xml:"type,attr"`
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
			Error   []struct{} `xml:"error"`
			Skipped []struct {
				Message string `xml:"message,attr"`
			} `xml:"skipped"`
			Out string `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type sums struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

// parse reads the file and checks what every consumer relies on: unique names,
// sums that add up, at most one result a case.
func parse(t *testing.T, run *suites.Run) parsed {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, JUnit(&b, run))
	for i, c := range b.String() {
		require.False(t, c < 0x20 && c != '\n' && c != '\t', "control character at %d", i)
	}
	var p parsed
	require.NoError(t, xml.Unmarshal(b.Bytes(), &p))
	var all sums
	seen := map[string]bool{}
	for _, s := range p.Suites {
		var own sums
		for _, c := range s.Cases {
			key := c.Classname + "\x00" + c.Name
			assert.False(t, seen[key], "%q is there twice", key)
			seen[key] = true
			assert.LessOrEqual(t, len(c.Failure)+len(c.Error)+len(c.Skipped), 1)
			own.Tests++
			own.Failures += len(c.Failure)
			own.Errors += len(c.Error)
			own.Skipped += len(c.Skipped)
		}
		assert.Equal(t, own, s.sums, s.Name)
		all.Tests += own.Tests
		all.Failures += own.Failures
		all.Errors += own.Errors
		all.Skipped += own.Skipped
	}
	assert.Equal(t, all, p.sums)
	return p
}

func TestJUnitCounts(t *testing.T) {
	run := fixture.Run()
	p := parse(t, run)
	assert.Equal(t, run.Summary.Cases+1, p.Tests, "a case each, and the platform that was not run")
	assert.Equal(t, run.Summary.Violations, p.Failures)
	assert.Equal(t, run.Summary.Inconclusive, p.Errors)
	assert.Equal(t, run.Summary.Skipped+1, p.Skipped)
}

func TestJUnitRunErrorsFail(t *testing.T) {
	run := fixture.Run()
	run.Cases, run.Platforms = nil, nil
	run.Errors = []string{"compose: the engine does not answer"}
	run.Accepts = []suites.AcceptedGroup{{Where: "a -> b", Problem: "suite.yaml:9:5: accepted deviation a -> b no longer occurs; remove it"}}
	p := parse(t, run)
	assert.Equal(t, sums{Tests: 2, Failures: 2}, p.sums)
	assert.Equal(t, "compose: the engine does not answer", p.Suites[0].Cases[0].Failure[0].Message)
}

func TestJUnitUnjudgedIsAnError(t *testing.T) {
	run := &suites.Run{Suite: "s", Cases: []suites.Result{{Platform: "compose", Case: matrix.Case{From: "a", To: "b", Port: 1, Protocol: matrix.TCP}}}}
	assert.Equal(t, sums{Tests: 1, Errors: 1}, parse(t, run).sums)
}

func TestJUnitHostileNames(t *testing.T) {
	run := hostile()
	p := parse(t, run)
	assert.Equal(t, len(run.Cases), p.Tests)
	assert.Equal(t, len(run.Cases), p.Failures)
}

// hostile is a run whose every text tries to break out of its report.
func hostile() *suites.Run {
	names := []string{"</script><script>alert(1)</script>", "]]>\x00\x1b[31mred", "a|b`c", "a\x1b[0m", "a", "bad\xff\xfeutf8",
		"\u202egnp.exe", "\"'><img src=x onerror=alert(1)>", strings.Repeat("long", 5000), strings.Repeat("long", 5000) + "2", "::error::x\n::set-output name=a::b"}
	run := &suites.Run{Schema: suites.Schema, Suite: names[0], Matrix: names[1], Platforms: []suites.PlatformRun{{Name: "compose\x07", Notes: names}}}
	for i, from := range names {
		run.Services = append(run.Services, suites.Service{Name: from, Tier: names[len(names)-1-i]})
		run.Cases = append(run.Cases, suites.Result{Platform: "compose\x07", Predicted: matrix.Allow, Observed: matrix.Allow, Judgement: suites.UnexpectedAllow,
			Case:     matrix.Case{From: from, To: names[(i+1)%len(names)], Port: 80, Protocol: matrix.TCP, Expected: matrix.Deny},
			Evidence: from, Explanation: from, Reason: from, Why: from, Mend: from, Decides: from})
	}
	fixture.Count(run)
	return run
}

func TestJUnitFoldsLargeRuns(t *testing.T) {
	run := fixture.Big(120, "compose", "kubernetes")
	require.Greater(t, len(run.Cases), maxTestcases)
	p := parse(t, run)
	assert.LessOrEqual(t, p.Tests, maxTestcases)
	assert.Positive(t, p.Failures)
	listed := 0
	for _, s := range p.Suites {
		for _, c := range s.Cases {
			for _, f := range c.Failure {
				assert.Contains(t, []string{"unexpected-allow", "unexpected-deny"}, f.Type)
				listed += strings.Count(f.Text, "\n")
			}
		}
	}
	assert.Equal(t, run.Summary.Violations+run.Summary.Inconclusive, listed, "every case that differs is listed")
}

func TestJUnitNamesAreStable(t *testing.T) {
	names := func(run *suites.Run) (out []string) {
		for _, s := range parse(t, run).Suites {
			for _, c := range s.Cases {
				out = append(out, fmt.Sprintf("%s %s", c.Classname, c.Name))
			}
		}
		return out
	}
	later := fixture.Run()
	later.ID, later.Started = "ffffffff", later.Started.AddDate(0, 1, 0)
	for i := range later.Cases {
		for j := range later.Cases[i].Observations {
			later.Cases[i].Observations[j].Result.Address = "10.99.99.99"
		}
	}
	assert.Equal(t, names(fixture.Run()), names(later))
}
