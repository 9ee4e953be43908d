package matrix

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func mustBundled(t testing.TB, name string) *Matrix {
	t.Helper()
	m, err := Bundled(name)
	require.NoError(t, err)
	return m
}

func TestBundled(t *testing.T) {
	assert.Equal(t, []string{"pmoves", "temporal"}, BundledNames())
	for _, name := range BundledNames() {
		t.Run(name, func(t *testing.T) {
			m := mustBundled(t, name)
			assert.Equal(t, name, m.Name)
			var lint, text, markdown strings.Builder
			for _, f := range m.Lint() {
				lint.WriteString(f.Pos.String() + ": " + f.Rule + ": " + f.Message + "; " + f.Mend + "\n")
			}
			golden(t, name+"-lint.txt", lint.String())
			require.NoError(t, Plan(m).Text(&text))
			golden(t, name+"-plan.txt", text.String())
			require.NoError(t, Plan(m).Markdown(&markdown))
			golden(t, name+"-plan.md", markdown.String())
		})
	}
}

func TestBundledUnknown(t *testing.T) {
	_, err := Bundled("../matrix")
	assert.EqualError(t, err, `no bundled matrix "../matrix"; there are pmoves, temporal`)
}
