package suites_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/bundled"
)

func TestLoadBundled(t *testing.T) {
	for _, name := range bundled.Names() {
		t.Run(name, func(t *testing.T) {
			s, err := suites.Load(name)
			require.NoError(t, err)
			assert.Equal(t, name, s.Name)
			assert.NotEmpty(t, s.Matrix.Expand())
		})
	}
}

const small = `matrix: small
services:
  db: {ports: [5432], from: [api]}
  api: {ports: [8080]}
`

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m.yaml"), []byte(small), 0o600))
	file := filepath.Join(dir, "suite.yaml")
	require.NoError(t, os.WriteFile(file, []byte("suite: s\nmatrix: m.yaml\ncompose: {files: [compose.yaml]}\n"), 0o600))
	for _, ref := range []string{file, dir} {
		s, err := suites.Load(ref)
		require.NoError(t, err)
		assert.Equal(t, file, s.File)
		assert.Equal(t, []string{"compose.yaml"}, s.Compose.Files)
		assert.Equal(t, filepath.Join(dir, "m.yaml"), s.Matrix.File)
	}
}

func TestLoadErrors(t *testing.T) {
	for name, test := range map[string]struct{ suite, want string }{
		"unknown field":   {"suite: s\nmatrix: m.yaml\ncompos: {files: [a]}\n", `suite.yaml:3:1: unknown field "compos"; did you mean "compose"?`},
		"no target":       {"suite: s\nmatrix: m.yaml\n", `suite.yaml:1:1: the suite has no target; add "compose" or "kubernetes"`},
		"no files":        {"suite: s\nmatrix: m.yaml\ncompose: {profiles: [a]}\n", `suite.yaml:3:10: no Compose files; list them under "files"`},
		"no matrix":       {"suite: s\nmatrix: n.yaml\ncompose: {files: [a]}\n", `suite.yaml:2:9: read matrix: open`},
		"matrix broken":   {"suite: s\nmatrix: broken.yaml\ncompose: {files: [a]}\n", `broken.yaml:3:30: `},
		"no reason":       {"suite: s\nmatrix: m.yaml\ncompose: {files: [a]}\naccept:\n- {from: [db], to: [api]}\n", `suite.yaml:5:3: an accepted deviation needs a reason`},
		"unknown pattern": {"suite: s\nmatrix: m.yaml\ncompose: {files: [a]}\naccept:\n- {pattern: reverse, reason: r}\n", `suite.yaml:5:3: unknown pattern "reverse"; the only pattern is "reverse-of-allow"`},
		"no date":         {"suite: s\nmatrix: m.yaml\ncompose: {files: [a]}\naccept:\n- {from: [db], to: [api], reason: r, expires: soon}\n", `suite.yaml:5:3: expires "soon" is no date; write YYYY-MM-DD`},
		"unknown peer":    {"suite: s\nmatrix: m.yaml\ncompose: {files: [a]}\naccept:\n- {from: [dbs], to: [api], reason: r}\n", `suite.yaml:5:3: unknown peer "dbs"`},
		"unknown service": {"suite: s\nmatrix: m.yaml\ncompose: {files: [a], services: {dbb: x}}\n", `suite.yaml:3:10: unknown service "dbb" in compose.services; did you mean "db"?`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "m.yaml"), []byte(small), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "broken.yaml"), []byte("matrix: b\nservices:\n  db: {ports: [5432], from: [nobody]}\n"), 0o600))
			file := filepath.Join(dir, "suite.yaml")
			require.NoError(t, os.WriteFile(file, []byte(test.suite), 0o600))
			_, err := suites.Load(file)
			require.ErrorIs(t, err, suites.ErrInput)
			assert.Contains(t, err.Error(), test.want)
			assert.Contains(t, err.Error(), dir, "the file as the user named it")
		})
	}
}

func TestLoadUnknownSuite(t *testing.T) {
	_, err := suites.Load("pmove")
	require.ErrorIs(t, err, suites.ErrInput)
	assert.Contains(t, err.Error(), `no suite file and no bundled suite "pmove"; did you mean "pmoves"?`)
}
