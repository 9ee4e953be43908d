package matrix

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix/strict"
)

// FuzzParse: whatever the file, Parse returns; an error says where and what to
// do; a matrix can be used.
func FuzzParse(f *testing.F) {
	bundledFiles, err := filepath.Glob("bundled/*.yaml")
	require.NoError(f, err)
	for _, path := range append(files(f, "*.yaml"), bundledFiles...) {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse("m.yaml", data)
		if err == nil {
			seen := map[string]bool{}
			for _, c := range m.Expand() {
				require.False(t, seen[c.Key()], c.Key())
				seen[c.Key()] = true
			}
			m.Lint()
			m.Digest()
			return
		}
		var problems strict.Problems
		require.ErrorAs(t, err, &problems)
		require.NotEmpty(t, problems)
		for _, p := range problems {
			require.Positive(t, p.Pos.Line, p)
			require.Positive(t, p.Pos.Col, p)
			require.NotEmpty(t, p.Message)
		}
	})
}
