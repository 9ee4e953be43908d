package reports

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/fixture"
	"github.com/netconform/netconform/suites"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWriteAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, WriteAll(dir, fixture.Run()))
	require.NoError(t, WriteAll(dir, fixture.Run()), "a second time over the first")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o644), info.Mode().Perm(), e.Name())
		names = append(names, e.Name())
	}
	var want []string
	for _, f := range files {
		want = append(want, f.name)
	}
	assert.ElementsMatch(t, want, names, "and nothing is left beside them")
}

func TestAFileThatFailsLeavesTheOldOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.md")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	err := writeAll(filepath.Dir(path), []file{{"report.md", func(w io.Writer, _ *suites.Run) error {
		_, _ = io.WriteString(w, "half")
		return io.ErrShortWrite
	}}}, nil)
	require.ErrorIs(t, err, io.ErrShortWrite)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(got))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestJSONRoundTrip(t *testing.T) {
	want := fixture.Run()
	var b bytes.Buffer
	require.NoError(t, JSON(&b, want))
	got, err := ReadJSON(&b)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestJSONWithoutCases(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, JSON(&b, &suites.Run{Schema: suites.Schema}))
	run, err := ReadJSON(&b)
	require.NoError(t, err)
	assert.Empty(t, run.Cases)
}

func TestReadJSONRefuses(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, JSON(&b, fixture.Run()))
	whole := b.String()
	twice := fixture.Run()
	twice.Cases = append(twice.Cases, twice.Cases[0])
	b.Reset()
	require.NoError(t, JSON(&b, twice))
	for name, c := range map[string]struct{ in, want string }{
		"empty":   {"", "read results: EOF"},
		"html":    {"<html>", "read results: invalid character '<' looking for beginning of value"},
		"cut":     {whole[:len(whole)/2], "read results: unexpected EOF"},
		"more":    {whole + "{}", "read results: something follows after the end of the run"},
		"twice":   {b.String(), "read results: case qdrant->postgres:5432/tcp on compose is there twice"},
		"version": {strings.Replace(whole, "results/v1", "results/v2", 1), `read results: schema is "netconform.results/v2", but this netconform reads "netconform.results/v1"; use the version that wrote the file, or run verify again`},
		"other":   {`{"a":1}`, `read results: schema is "", but this netconform reads "netconform.results/v1"; use the version that wrote the file, or run verify again`},
	} {
		_, err := ReadJSON(strings.NewReader(c.in))
		assert.EqualError(t, err, c.want, name)
	}
}

func TestMarkdownStaysUnderItsBudget(t *testing.T) {
	run := fixture.Big(150, "compose", "kubernetes")
	for i := range run.Cases {
		if i%2 == 0 {
			run.Cases[i].Expected, run.Cases[i].Judgement = matrix.Deny, suites.UnexpectedAllow
			run.Cases[i].Predicted, run.Cases[i].Observed = matrix.Allow, matrix.Allow
		}
	}
	fixture.Count(run)
	run.Errors = []string{strings.Repeat("e", 1<<20)}
	var b bytes.Buffer
	require.NoError(t, Markdown(&b, run))
	out := b.String()
	assert.Less(t, len(out), 1<<20)
	assert.Greater(t, len(out), 100<<10)
	assert.Contains(t, out, "more lines, cut to keep this report small")
	assert.Contains(t, out, "### Environment", "the last section has its share")
	assert.Equal(t, strings.Count(out, "<details>"), strings.Count(out, "</details>"))
}

func TestMarkdownHeadings(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Markdown(&b, fixture.Run()))
	for _, line := range strings.Split(b.String(), "\n") {
		if strings.HasPrefix(line, "#") {
			assert.True(t, strings.HasPrefix(line, "### "), line)
		}
	}
}

// tables checks that every row has as many cells as its head.
func TestMarkdownTablesHold(t *testing.T) {
	pipe := regexp.MustCompile(`(^|[^\\])\|`)
	for name, run := range map[string]*suites.Run{"fixture": fixture.Run(), "hostile": hostile()} {
		var b bytes.Buffer
		require.NoError(t, Markdown(&b, run))
		columns := 0
		for _, line := range strings.Split(b.String(), "\n") {
			if !strings.HasPrefix(line, "|") {
				columns = 0
				continue
			}
			n := len(pipe.FindAllString(strings.ReplaceAll(line, "||", "| |"), -1))
			if columns == 0 {
				columns = n
			}
			assert.Equal(t, columns, n, "%s: %s", name, line)
		}
	}
}

func TestHostileTextsAreTamed(t *testing.T) {
	run := hostile()
	var m, term bytes.Buffer
	require.NoError(t, Markdown(&m, run))
	require.NoError(t, Terminal(&term, run, TerminalOptions{}))
	for name, out := range map[string]string{"markdown": m.String(), "terminal": term.String()} {
		assert.True(t, utf8.ValidString(out), name)
		assert.NotContains(t, out, "\x1b", name)
		assert.NotContains(t, out, "\u202e", name)
		assert.NotContains(t, out, "\n::", "%s: a name must not become a command of the CI", name)
		for _, r := range out {
			assert.False(t, r < 0x20 && r != '\n', "%s: %U", name, r)
		}
	}
	prose := regexp.MustCompile("`[^`]*`").ReplaceAllString(strings.ReplaceAll(m.String(), "\\`", ""), "")
	assert.NotContains(t, prose, "<script>")
	assert.NotContains(t, prose, "<img")
}

func TestTerminalColourAndLimit(t *testing.T) {
	var plain, colour bytes.Buffer
	run := fixture.Big(60, "compose")
	require.NoError(t, Terminal(&plain, run, TerminalOptions{Limit: 1, More: "x/report.md"}))
	require.NoError(t, Terminal(&colour, run, TerminalOptions{Limit: 1, More: "x/report.md", Colour: true}))
	assert.NotContains(t, plain.String(), "\x1b")
	assert.Equal(t, plain.String(), regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(colour.String(), ""))
	assert.Contains(t, plain.String(), fmt.Sprintf("… and %d more, see x/report.md", run.Summary.Violations-1))
}

func TestTerminalShowsThePatternFirst(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Terminal(&b, fixture.Big(150, "compose"), TerminalOptions{}))
	pattern := strings.Index(b.String(), " → tier-")
	single := strings.Index(b.String(), "service-0")
	assert.Positive(t, pattern)
	assert.Less(t, pattern, single)
}

func TestColourFor(t *testing.T) {
	env := func(vars ...string) func(string) string {
		return func(name string) string {
			for _, v := range vars {
				if k, value, _ := strings.Cut(v, "="); k == name {
					return value
				}
			}
			return ""
		}
	}
	assert.False(t, ColourFor(&bytes.Buffer{}, env()))
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer device.Close()
	assert.True(t, ColourFor(device, env("TERM=xterm")), "a character device")
	assert.False(t, ColourFor(device, env("NO_COLOR=1")))
	assert.False(t, ColourFor(device, env("TERM=dumb")))
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer file.Close()
	assert.False(t, ColourFor(file, env()))
}

func TestARunThatJudgedNothingIsNoPass(t *testing.T) {
	run := fixture.Run()
	run.Cases = nil
	for name, write := range map[string]func(io.Writer, *suites.Run) error{"markdown": Markdown,
		"terminal": func(w io.Writer, r *suites.Run) error { return Terminal(w, r, TerminalOptions{}) }} {
		var b bytes.Buffer
		require.NoError(t, write(&b, run))
		assert.Contains(t, b.String(), "nothing was verified", name)
		assert.NotContains(t, b.String(), "✅", name)
		assert.NotContains(t, b.String(), "✓ pmoves", name)
	}
}

func TestAPredictionIsNoPass(t *testing.T) {
	run := fixture.Run()
	var kept []suites.Result
	for _, r := range run.Cases {
		if r.Platform == "static-compose" && !r.Judgement.Violation() {
			kept = append(kept, r)
		}
	}
	run.Cases = kept
	var b bytes.Buffer
	require.NoError(t, Terminal(&b, run, TerminalOptions{}))
	assert.Contains(t, b.String(), "pmoves conforms by its files: 60 cases predicted, nothing was probed")
	assert.NotContains(t, b.String(), "verified")
}
