package project_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/project"
)

// onDisk writes files and returns a suite of the named ones.
func onDisk(t *testing.T, files map[string]string, use ...string) *suites.Suite {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	return &suites.Suite{
		Name: "shop", File: "shop/suite.yaml", FS: os.DirFS(root), Dir: ".", Root: root,
		Compose: &suites.ComposeTarget{Files: use},
	}
}

func load(t *testing.T, text string) (*project.Project, error) {
	t.Helper()
	return project.Load(context.Background(), onDisk(t, map[string]string{"compose.yaml": text}, "compose.yaml"))
}

func TestLoadFromFS(t *testing.T) {
	s := &suites.Suite{
		Name: "shop", File: "shop/suite.yaml", Dir: "shop",
		FS:      fstest.MapFS{"shop/compose.yaml": {Data: []byte("services:\n  a: {image: x}\n")}},
		Compose: &suites.ComposeTarget{Files: []string{"compose.yaml"}},
	}
	p, err := project.Load(context.Background(), s)
	require.NoError(t, err)
	assert.Equal(t, "shop", p.Name)
	assert.Equal(t, []string{"a"}, p.ServiceNames())
	assert.Equal(t, matrix.Pos{File: "shop/compose.yaml", Line: 2, Col: 3}, p.Pos("services", "a"))
	assert.Equal(t, "shop_default", p.Networks["default"].Name, "a service without networks is on the default one")
}

func TestNamesOfTheMatrix(t *testing.T) {
	s := onDisk(t, map[string]string{"compose.yaml": "services:\n  db: {image: x}\n  web: {image: x}\n  extra: {image: x}\n"}, "compose.yaml")
	s.Matrix = &matrix.Matrix{Services: []matrix.Service{{Name: "postgres"}, {Name: "web"}, {Name: "db"}}}
	s.Compose.Services = map[string]string{"postgres": "db"}
	p, err := project.Load(context.Background(), s)
	require.NoError(t, err)

	found, ok := p.Compose("postgres")
	assert.True(t, ok)
	assert.Equal(t, "db", found.Name)
	found, ok = p.Compose("web")
	assert.True(t, ok)
	assert.Equal(t, "web", found.Name)
	_, ok = p.Compose("db")
	assert.False(t, ok, "Compose's db is postgres; the matrix's own db has no service")

	name, ok := p.Matrix("db")
	assert.True(t, ok)
	assert.Equal(t, "postgres", name)
	_, ok = p.Matrix("extra")
	assert.False(t, ok, "the matrix does not know it")
}

func TestPos(t *testing.T) {
	s := onDisk(t, map[string]string{
		"compose.yaml": `include: [parts/db.yaml]
x-common: &common
  networks: [shared]
services:
  web:
    image: x
    networks:
      front: {}
      back: {aliases: [w]}
    ports:
      - 8080-8081:80-81
      - {target: 53, published: "5300", protocol: udp}
  merged:
    <<: *common
    image: x
  child:
    extends: web
networks:
  front: {}
  back: {internal: true}
  shared: {}
`,
		"over.yaml":     "services:\n  web:\n    networks: [over]\nnetworks: {over: {}}\n",
		"parts/db.yaml": "services:\n  db: {image: x, networks: [back]}\nnetworks:\n  back: {internal: true}\n",
	}, "compose.yaml", "over.yaml")
	p, err := project.Load(context.Background(), s)
	require.NoError(t, err)

	for _, c := range []struct {
		want string
		path []string
	}{
		{"shop/over.yaml:2:3", []string{"services", "web"}}, // merged last, decides
		{"shop/compose.yaml:8:7", []string{"services", "web", "networks", "front"}},
		{"shop/compose.yaml:9:14", []string{"services", "web", "networks", "back", "aliases"}},
		{"shop/over.yaml:3:16", []string{"services", "web", "networks", "over"}},
		{"shop/compose.yaml:3:14", []string{"services", "merged", "networks", "shared"}},
		{"shop/compose.yaml:10:5", []string{"services", "child", "ports"}},
		{"shop/parts/db.yaml:2:3", []string{"services", "db"}},
		{"shop/compose.yaml:20:10", []string{"networks", "back", "internal"}},
		{"shop/compose.yaml:19:3", []string{"networks", "front", "internal"}}, // not said: the nearest
		{"", []string{"volumes", "none"}},
	} {
		assert.Equal(t, c.want, p.Pos(c.path...).String(), "%v", c.path)
	}

	web := p.Services["web"]
	require.Len(t, web.Ports, 3)
	lines := map[string]string{}
	for _, port := range web.Ports {
		lines[port.Published+"/"+port.Protocol] = p.PortPos("web", port).String()
	}
	assert.Equal(t, map[string]string{
		"8080/tcp": "shop/compose.yaml:11:9", "8081/tcp": "shop/compose.yaml:11:9", "5300/udp": "shop/compose.yaml:12:9",
	}, lines)
	assert.Equal(t, "shop/compose.yaml:11:9", p.PortPos("child", web.Ports[0]).String())
}

func TestErrorsHavePlaces(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"syntax": {
			"services:\n  a:\n    image: x\n   bad: y\n",
			`shop/compose.yaml:4:4: not valid YAML, while parsing a block mapping: did not find expected key; mend it`,
		},
		"undefined network": {
			"services:\n  a:\n    image: x\n    networks: [front, bakc]\nnetworks: {front: {}}\n",
			`shop/compose.yaml:4:23: service "a" refers to undefined network bakc; declare it under the top-level networks, or leave it out here`,
		},
		"network_mode beside networks": {
			"services:\n  a:\n    image: x\n    network_mode: host\n    networks: [front]\nnetworks: {front: {}}\n",
			"shop/compose.yaml:4:5: service a declares mutually exclusive `network_mode` and `networks`; keep one of the two",
		},
		"unknown key": {
			"services:\n  a: {image: x}\n  b.c:\n    image: x\n    netwroks: [x]\n",
			`shop/compose.yaml:5:5: services.b.c additional properties 'netwroks' not allowed; mend the spelling of the key, or remove it`,
		},
		"port": {
			"services:\n  a:\n    image: x\n    ports: ['99999:80']\n",
			`shop/compose.yaml:4:13: invalid hostPort: 99999; `,
		},
		"variable": {
			"services:\n  a:\n    image: ${NETCONFORM_UNSET:?say which}\n",
			`shop/compose.yaml:3:5: error while interpolating services.a.image: required variable NETCONFORM_UNSET is missing a value: say which; set it in the suite's compose.env`,
		},
		"extends cycle": {
			"services:\n  a: {extends: b}\n  b: {extends: a}\n  c: {extends: b}\n",
			`shop/compose.yaml:2:7: Circular reference: a in shop/compose.yaml extends b in shop/compose.yaml extends a in shop/compose.yaml; remove one of the extends`,
		},
		"merge cycle": {
			"services:\n  a: &a {<<: *a, image: x, networks: [none]}\n",
			`shop/compose.yaml:2:14: the alias *a stands inside what it names; remove it`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.text)
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}

func TestMissingFile(t *testing.T) {
	s := onDisk(t, nil, "none.yaml")
	s.Compose.Pos = matrix.Pos{File: "shop/suite.yaml", Line: 3, Col: 3}
	_, err := project.Load(context.Background(), s)
	assert.ErrorContains(t, err, `shop/suite.yaml:3:3: the Compose file "none.yaml" can't be read`)
	assert.ErrorIs(t, err, os.ErrNotExist)
}
