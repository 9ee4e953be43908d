package matrix

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix/strict"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares text with testdata/name.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test -update")
	assert.Equal(t, string(want), text)
}

// files returns the test files that match pattern; there must be some.
func files(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

func TestInvalidFiles(t *testing.T) {
	for _, path := range files(t, "invalid-*.yaml") {
		name := filepath.Base(path)
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			m, err := Parse(name, data)
			assert.Nil(t, m)
			var problems strict.Problems
			require.ErrorAs(t, err, &problems)
			for _, p := range problems {
				assert.Positive(t, p.Pos.Line, p)
				assert.Positive(t, p.Pos.Col, p)
				assert.Contains(t, p.Message, "; ", "what to do is missing")
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

func TestValidFiles(t *testing.T) {
	for _, path := range files(t, "valid-*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			m, err := Load(os.DirFS("testdata"), filepath.Base(path), path)
			require.NoError(t, err)
			assert.Equal(t, "shop", m.Name)
			assert.NotNil(t, m.Service("web"))
		})
	}
}

// The package comment's example is a matrix that Parse takes.
func TestPackageComment(t *testing.T) {
	source, err := os.ReadFile("matrix.go")
	require.NoError(t, err)
	comment, _, _ := strings.Cut(string(source), "\npackage matrix")
	var example strings.Builder
	for line := range strings.Lines(comment) {
		if code, is := strings.CutPrefix(line, "//\t"); is {
			example.WriteString(code)
		}
	}
	m := mustParse(t, example.String())
	assert.Equal(t, []string{"web", "checkout"}, m.Members("*")[:2])
}
