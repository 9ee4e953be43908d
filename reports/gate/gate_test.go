package gate

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports"
	"github.com/netconform/netconform/reports/internal/fixture"
	"github.com/netconform/netconform/suites"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

// one is a run of one case, and another that always conforms, so that two runs
// have something in common.
func one(expected, seen matrix.Verdict, j suites.Judgement) *suites.Run {
	return &suites.Run{Schema: suites.Schema, Suite: "s", Matrix: "m.yaml", Digest: "d", Cases: []suites.Result{
		{Platform: "compose", Case: matrix.Case{From: "x", To: "y", Port: 1, Protocol: matrix.TCP, Expected: matrix.Deny}, Observed: matrix.Deny, Judgement: suites.Conforms},
		{Platform: "compose", Case: matrix.Case{From: "a", To: "b", Port: 80, Protocol: matrix.TCP, Expected: expected}, Observed: seen, Judgement: j},
	}}
}

func without(run *suites.Run) *suites.Run {
	run.Cases = run.Cases[:1]
	return run
}

const (
	allow, deny, unknown = matrix.Allow, matrix.Deny, matrix.Unknown
)

func TestClasses(t *testing.T) {
	okAllow := func() *suites.Run { return one(allow, allow, suites.Conforms) }
	okDeny := func() *suites.Run { return one(deny, deny, suites.Conforms) }
	blocked := func() *suites.Run { return one(allow, deny, suites.UnexpectedDeny) }
	open := func() *suites.Run { return one(deny, allow, suites.UnexpectedAllow) }
	accepted := func() *suites.Run { return one(deny, allow, suites.Accepted) }
	unsure := func() *suites.Run { return one(deny, unknown, suites.Inconclusive) }
	skip := func() *suites.Run { return one(deny, unknown, suites.Skipped) }
	unjudged := func() *suites.Run { return one(deny, deny, "") }
	for _, c := range []struct {
		before, after *suites.Run
		want          Class
		exit          int
	}{
		{okAllow(), okAllow(), Unchanged, 0},
		{okDeny(), okDeny(), Unchanged, 0},
		{okAllow(), blocked(), Broke, 1},
		{okDeny(), open(), Opened, 1},
		{blocked(), okAllow(), Fixed, 0},
		{open(), okDeny(), Closed, 0},
		{accepted(), okDeny(), Closed, 0},
		{open(), open(), StillWrong, 0},
		{blocked(), blocked(), StillWrong, 0},
		{accepted(), open(), StillWrong, 0},
		{accepted(), accepted(), Unchanged, 0},
		{open(), accepted(), Accepted, 0},
		{okDeny(), accepted(), Accepted, 0},
		{without(open()), open(), NewWrong, 1},
		{without(open()), okDeny(), New, 0},
		{without(open()), skip(), New, 0},
		{without(open()), accepted(), New, 0},
		{without(open()), unsure(), CantTell, 3},
		{okDeny(), without(open()), Gone, 0},
		{skip(), open(), UncoveredWrong, 1},
		{skip(), okDeny(), Uncovered, 0},
		{skip(), skip(), Unchanged, 0},
		{skip(), unsure(), CantTell, 3},
		{okDeny(), skip(), CantTell, 3},
		{open(), skip(), CantTell, 3},
		{okDeny(), unsure(), CantTell, 3},
		{okDeny(), unjudged(), CantTell, 3},
		{unsure(), open(), CantTell, 3},
		{unsure(), okDeny(), Uncovered, 0},
		{unsure(), unsure(), CantTell, 3},
		{unsure(), skip(), CantTell, 3},
		{okDeny(), blocked(), ChangedWrong, 1},
		{okAllow(), open(), ChangedWrong, 1},
		{open(), okAllow(), Changed, 0},
	} {
		// Once against the run itself, and once through the file.
		var file bytes.Buffer
		require.NoError(t, WriteBaseline(&file, c.before))
		read, err := ReadBaseline(&file)
		require.NoError(t, err)
		for name, baseline := range map[string]*Baseline{"run": Of(c.before), "file": read} {
			rep, err := Compare(baseline, c.after)
			require.NoError(t, err)
			rep.Counts[Unchanged]-- // the other case
			assert.Equal(t, 1, rep.Counts[c.want], "%s: %v to %v", name, c.before.Cases, c.after.Cases)
			assert.Equal(t, c.exit, rep.Exit(), "%s: %s", name, rep.Verdict())
		}
	}
}

func TestErrorsOfTheRunCantTell(t *testing.T) {
	before, after := one(allow, allow, suites.Conforms), one(allow, allow, suites.Conforms)
	after.Errors = []string{"kubernetes: no route to the API server"}
	rep, err := Compare(Of(before), after)
	require.NoError(t, err)
	assert.Equal(t, 3, rep.Exit())
	after.Errors, after.Accepts = nil, []suites.AcceptedGroup{{Problem: "expired"}}
	rep, err = Compare(Of(before), after)
	require.NoError(t, err)
	assert.Equal(t, 3, rep.Exit())
}

func TestRefused(t *testing.T) {
	before := one(allow, allow, suites.Conforms)
	matrixOf := one(allow, allow, suites.Conforms)
	matrixOf.Matrix, matrixOf.Digest = "dir/other.yaml", "e"
	platform := one(allow, allow, suites.Conforms)
	for i := range platform.Cases {
		platform.Cases[i].Platform = "kubernetes"
	}
	nothing := one(allow, allow, suites.Conforms)
	for i := range nothing.Cases {
		nothing.Cases[i].From += "2"
	}
	empty := one(allow, allow, suites.Conforms)
	empty.Cases = nil
	for want, after := range map[string]*suites.Run{
		"the baseline is of matrix m.yaml, and the run of dir/other.yaml; compare runs of one matrix, or make the baseline anew with --update-baseline":  matrixOf,
		"the baseline is of compose, and the run of kubernetes; run with --on for the same platforms, or make the baseline anew with --update-baseline":  platform,
		"the baseline is of compose, and the run of no platform; run with --on for the same platforms, or make the baseline anew with --update-baseline": empty,
		"baseline and run have not one case in common; is it the baseline of another matrix?":                                                            nothing,
	} {
		_, err := Compare(Of(before), after)
		assert.EqualError(t, err, want)
	}
	moved := one(allow, allow, suites.Conforms)
	moved.Matrix, moved.Digest = "elsewhere/m.yaml", "edited"
	rep, err := Compare(Of(before), moved)
	require.NoError(t, err, "the same file from another folder, edited since")
	assert.True(t, rep.MatrixChanged)
}

func TestReadRefuses(t *testing.T) {
	for in, want := range map[string]string{
		`{"schema":"netconform.baseline/v9","cases":[]}`: `read baseline: schema is "netconform.baseline/v9", but this netconform reads "netconform.baseline/v1" and "netconform.results/v1"; make the baseline anew with --update-baseline`,
		`{"schema":"netconform.baseline/v1","cases":[`:   "read baseline: byte 44: unexpected EOF",
		`{"schema":"netconform.baseline/v1","cases":[{"platform":"c","from":"a","to":"b","port":1,"protocol":"tcp"},{"platform":"c","from":"a","to":"b","port":1,"protocol":"tcp"}]}`: "read baseline: case a->b:1/tcp on c is there twice",
	} {
		_, err := ReadBaseline(strings.NewReader(in))
		assert.EqualError(t, err, want)
	}
	_, err := ReadRun(strings.NewReader(`{"schema":"netconform.baseline/v1","cases":[]}`))
	assert.EqualError(t, err, `read results: schema is "netconform.baseline/v1", but this netconform reads "netconform.results/v1"; use the version that wrote the file, or run verify again`)
}

func TestBaselineIsStable(t *testing.T) {
	var a, b bytes.Buffer
	require.NoError(t, WriteBaseline(&a, fixture.Run()))
	golden(t, "baseline.json", a.Bytes())
	later := fixture.Run()
	later.ID, later.ElapsedMS, later.Started = "ffffffff", 1, later.Started.AddDate(1, 0, 0)
	for i, j := 0, len(later.Cases)-1; i < j; i, j = i+1, j-1 {
		later.Cases[i], later.Cases[j] = later.Cases[j], later.Cases[i]
	}
	for i := range later.Cases {
		later.Cases[i].ElapsedMS, later.Cases[i].Observations = 99, nil
	}
	require.NoError(t, WriteBaseline(&b, later))
	assert.Equal(t, a.String(), b.String())
	assert.NotRegexp(t, `\d+\.\d+\.\d+\.\d+|2026|elapsed`, a.String())
	assert.True(t, json.Valid(a.Bytes()))
}

func TestAResultsFileIsABaseline(t *testing.T) {
	var results, baseline bytes.Buffer
	require.NoError(t, reports.JSON(&results, fixture.Run()))
	require.NoError(t, WriteBaseline(&baseline, fixture.Run()))
	after, err := ReadRun(bytes.NewReader(results.Bytes()))
	require.NoError(t, err)
	for _, file := range []*bytes.Buffer{&results, &baseline} {
		before, err := ReadBaseline(file)
		require.NoError(t, err)
		rep, err := Compare(before, after)
		require.NoError(t, err)
		assert.Equal(t, len(after.Cases)-1, rep.Counts[Unchanged]+rep.Counts[StillWrong])
		assert.Equal(t, 1, rep.Counts[CantTell], "the inconclusive case")
	}
}

// phases is the fixture's run before and after a step that went wrong.
func phases() (before, after *suites.Run) {
	before, after = fixture.Run(), fixture.Run()
	after.Digest = "sha256:changed"
	for i := range after.Cases {
		r := &after.Cases[i]
		switch r.Platform + " " + r.Key() {
		case "compose postgrest->postgres:5432/tcp":
			r.Observed, r.Judgement, r.Evidence = deny, suites.UnexpectedDeny, "unresolved from postgrest by name postgres:5432, DNS nxdomain"
			r.Explanation = "postgrest and postgres share no network"
		case "compose nats->qdrant:6333/tcp":
			r.Observed, r.Judgement, r.Evidence = allow, suites.UnexpectedAllow, "open from nats by name qdrant:6333 (bus-tier)"
		case "compose archon->postgres:5432/tcp":
			r.Observed, r.Judgement, r.Evidence = allow, suites.Conforms, "open from archon by name postgres:5432 (data-tier)"
		case "compose qdrant->postgres:5432/tcp":
			r.Observed, r.Judgement, r.Evidence = deny, suites.Conforms, "dropped from qdrant by name postgres:5432 (data-tier)"
		case "kubernetes archon->nats:4222/tcp":
			r.Observed, r.Judgement, r.Evidence = unknown, suites.Inconclusive, "error from archon: exec cut"
		case "kubernetes clients->archon:8091/tcp":
			r.To = "archon-v2"
		}
	}
	fixture.Count(after)
	return before, after
}

func TestGolden(t *testing.T) {
	before, after := phases()
	rep, err := Compare(Of(before), after)
	require.NoError(t, err)
	for name, write := range map[string]func(io.Writer) error{
		"gate.txt":  func(w io.Writer) error { return rep.Terminal(w, false, 2) },
		"gate.md":   rep.Markdown,
		"gate.xml":  rep.JUnit,
		"gate.json": rep.JSON,
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			golden(t, name, b.Bytes())
			switch filepath.Ext(name) {
			case ".json":
				assert.True(t, json.Valid(b.Bytes()))
			case ".xml":
				var sums struct {
					Failures int `xml:"failures,attr"`
					Errors   int `xml:"errors,attr"`
				}
				require.NoError(t, xml.Unmarshal(b.Bytes(), &sums))
				assert.Equal(t, 2, sums.Failures)
				assert.Equal(t, 2, sums.Errors)
			}
		})
	}
}

// TestRollback: the state after the rollback equals the baseline before.
func TestRollback(t *testing.T) {
	before, after := phases()
	rep, err := Compare(Of(before), after)
	require.NoError(t, err)
	assert.Equal(t, 1, rep.Exit())
	var a, b bytes.Buffer
	require.NoError(t, WriteBaseline(&a, before))
	require.NoError(t, WriteBaseline(&b, fixture.Run()))
	assert.Equal(t, a.String(), b.String())
}

func TestCompareFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, write func(io.Writer, *suites.Run) error, run *suites.Run) string {
		var b bytes.Buffer
		require.NoError(t, write(&b, run))
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
		return path
	}
	before, after := phases()
	a, b := file("before.json", WriteBaseline, before), file("after.json", reports.JSON, after)
	rep, err := CompareFiles(a, b)
	require.NoError(t, err)
	want, err := Compare(Of(before), after)
	require.NoError(t, err)
	assert.Equal(t, want.Verdict(), rep.Verdict())
	_, err = CompareFiles(a, a)
	assert.ErrorContains(t, err, a+": read results: schema is")
	_, err = CompareFiles(filepath.Join(dir, "none"), b)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// BenchmarkGate reads and compares two runs of 100,000 cases, as the files are.
func BenchmarkGate(b *testing.B) {
	var file bytes.Buffer
	require.NoError(b, reports.JSON(&file, fixture.Big(317, "compose")))
	path := filepath.Join(b.TempDir(), "results.json")
	require.NoError(b, os.WriteFile(path, file.Bytes(), 0o600))
	b.SetBytes(int64(2 * file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		rep, err := CompareFiles(path, path)
		require.NoError(b, err)
		require.Greater(b, rep.Counts[Unchanged], 90_000)
	}
}
