package generate_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/generate"
)

var update = flag.Bool("update", false, "write what is generated over the golden files")

// The bundled least-privilege suites are what the generator makes of the designs.
func TestBundledSuitesAreGenerated(t *testing.T) {
	for _, name := range []string{"pmoves", "temporal"} {
		t.Run(name, func(t *testing.T) {
			s, err := suites.Load(name)
			require.NoError(t, err)
			dir := filepath.Join("..", "bundled", name+"-least-privilege")
			policies, err := generate.NetworkPolicy(s)
			require.NoError(t, err)
			golden(t, filepath.Join(dir, "policies"), policies)
			if s.Compose != nil {
				override, err := generate.Compose(s)
				require.NoError(t, err)
				golden(t, dir, map[string][]byte{"compose.override.yaml": override})
			}
		})
	}
}

// golden holds files to those in a folder; the folder has no others of their kind.
func golden(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if *update {
			require.NoError(t, os.WriteFile(path, content, 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(content), "%s is not what is generated: run go test ./suites/generate -update", path)
	}
	if filepath.Base(dir) == "policies" {
		found, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, f := range found {
			assert.Contains(t, files, f.Name(), "in %s lies a file that is not generated", dir)
		}
	}
}
