package reports

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

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

func TestGolden(t *testing.T) {
	for name, write := range map[string]func(io.Writer, *suites.Run) error{
		"junit.xml":    JUnit,
		"report.md":    Markdown,
		"results.json": JSON,
		"terminal.txt": func(w io.Writer, run *suites.Run) error {
			return Terminal(w, run, TerminalOptions{More: "report.md", Limit: 3})
		},
		"terminal-colour.txt": func(w io.Writer, run *suites.Run) error {
			run.Errors = []string{"kubernetes: the canary still answers: Calico does not enforce"}
			return Terminal(w, run, TerminalOptions{Colour: true, Limit: 1})
		},
		"terminal-green.txt": func(w io.Writer, run *suites.Run) error {
			return Terminal(w, conforming(run), TerminalOptions{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, write(&b, fixture.Run()))
			golden(t, name, b.Bytes())
		})
	}
}

// conforming keeps what conforms or is accepted on Compose.
func conforming(run *suites.Run) *suites.Run {
	var kept []suites.Result
	for _, r := range run.Cases {
		if r.Platform == "compose" && (r.Judgement == suites.Conforms || r.Judgement == suites.Accepted) {
			kept = append(kept, r)
		}
	}
	run.Cases, run.Platforms, run.Accepts = kept, run.Platforms[:1], run.Accepts[:1]
	fixture.Count(run)
	return run
}
