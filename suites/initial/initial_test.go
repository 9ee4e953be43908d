package initial_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/initial"
)

var update = flag.Bool("update", false, "write what is made over the golden files")

func golden(t *testing.T, name string, got []byte) *matrix.Matrix {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
	m, err := matrix.Parse(name, got)
	require.NoError(t, err)
	return m
}

// expects gives the verdict that a matrix expects.
func expects(t *testing.T, m *matrix.Matrix, key string) matrix.Verdict {
	t.Helper()
	for _, c := range m.Expand() {
		if c.Key() == key {
			return c.Expected
		}
	}
	require.Fail(t, "no such case", key)
	return ""
}

func TestFromMarkdown(t *testing.T) {
	data, err := os.ReadFile("testdata/shop.md")
	require.NoError(t, err)
	text, err := initial.FromMarkdown("shop.md", data)
	require.NoError(t, err)
	m := golden(t, "shop.golden.yaml", text)
	assert.Equal(t, matrix.Allow, expects(t, m, "clients->orders:8080/tcp"))
	assert.Equal(t, matrix.Allow, expects(t, m, "orders->internet:443/tcp"))
	assert.Equal(t, matrix.Allow, expects(t, m, "orders->resolver:53/udp"))
	assert.Equal(t, matrix.Deny, expects(t, m, "catalogue->orders-db:5432/tcp"))
}

func TestFromMarkdownSaysWhatIsWrong(t *testing.T) {
	data, err := os.ReadFile("testdata/invalid.md")
	require.NoError(t, err)
	_, err = initial.FromMarkdown("invalid.md", data)
	assert.EqualError(t, err, `invalid.md:1: "Incoming from" belongs to no service: write **name** (Port 5432) above it
invalid.md:5: "Orders DB" is no name of a service: use small letters, digits and hyphens
invalid.md:6: orders is in the list twice: remove one
invalid.md:6: "the night job" is no name of a peer: use small letters, digits and hyphens, and put words into parentheses
invalid.md:8: orders-db has "Outgoing to" twice: join the two lines
invalid.md:10: "many" is no port of search: write (Port 5432) or (Ports 7474, 7687)
invalid.md:10: search has no line "- **Incoming from:**" or "- **Outgoing to:**": write both, with None where there is nobody
invalid.md:13: search is described already, on line 10: remove one
invalid.md:16: "many" is no port of search: write HTTP (8080) or DNS (UDP 53)`)

	_, err = initial.FromMarkdown("empty.md", []byte("# Nothing\n"))
	assert.EqualError(t, err, `empty.md:1: no service is described: write **name** (Port 5432), and below it "- **Incoming from:**" and "- **Outgoing to:**"`)
}

func TestFromCompose(t *testing.T) {
	text, err := initial.FromCompose(context.Background(), []string{"testdata/compose/compose.yaml"})
	require.NoError(t, err)
	m := golden(t, "compose.golden.yaml", text)
	assert.Equal(t, matrix.Allow, expects(t, m, "clients->web:8080/tcp"))
	assert.Equal(t, matrix.Allow, expects(t, m, "web->api:53/udp"))
	assert.Equal(t, matrix.Deny, expects(t, m, "web->main-db:5432/tcp"))
	assert.Equal(t, matrix.Deny, expects(t, m, "worker->internet:443/tcp"))

	text, err = initial.FromCompose(context.Background(), []string{"testdata/compose/flat.yaml"})
	require.NoError(t, err)
	golden(t, "flat.golden.yaml", text)

	_, err = initial.FromCompose(context.Background(), []string{"testdata/none.yaml"})
	assert.ErrorContains(t, err, "none.yaml")
}

func TestFromManifests(t *testing.T) {
	text, err := initial.FromManifests([]string{"testdata/manifests"})
	require.NoError(t, err)
	m := golden(t, "manifests.golden.yaml", text)
	assert.Equal(t, matrix.Allow, expects(t, m, "web-deployment->db:5432/tcp"))
	assert.Equal(t, matrix.Deny, expects(t, m, "debug->db:5432/tcp"))

	_, err = initial.FromManifests([]string{"../bundled/pmoves/policies"})
	assert.ErrorContains(t, err, "there is no workload")
}

func TestFromRun(t *testing.T) {
	result := func(from, to string, port int, seen matrix.Verdict, outcome probes.Outcome) suites.Result {
		return suites.Result{Platform: "compose", Case: matrix.Case{From: from, To: to, Port: port, Protocol: matrix.TCP, Expected: matrix.Deny}, Observed: seen, Outcome: outcome}
	}
	run := &suites.Run{Suite: "shop", ID: "0badcafe",
		Services:  []suites.Service{{Name: "web", Tier: "front"}, {Name: "db", Tier: "data"}, {Name: "clients", External: true}},
		Platforms: []suites.PlatformRun{{Name: "compose"}, {Name: "static-kubernetes"}},
		Cases: []suites.Result{
			result("db", "web", 80, matrix.Deny, probes.OutcomeDropped),
			result("clients", "web", 80, matrix.Allow, probes.OutcomeOpen),
			result("web", "db", 5432, matrix.Partial, probes.OutcomeOpen),
			result("clients", "db", 5432, matrix.Unknown, probes.OutcomeError),
			{Platform: "static-kubernetes", Case: matrix.Case{From: "db", To: "web", Port: 80, Protocol: matrix.TCP}, Observed: matrix.Unknown, Outcome: probes.OutcomeNotProbed},
		}}
	text, err := initial.FromRun(run, "")
	require.NoError(t, err)
	m := golden(t, "run.golden.yaml", text)
	assert.Equal(t, matrix.Allow, expects(t, m, "web->db:5432/tcp"))
	assert.Equal(t, matrix.Deny, expects(t, m, "db->web:80/tcp"))

	_, err = initial.FromRun(run, "kubernetes")
	assert.EqualError(t, err, `run 0badcafe has no probes on "kubernetes": it has them on [compose]`)
	run.Cases = run.Cases[4:]
	_, err = initial.FromRun(run, "")
	assert.EqualError(t, err, "run 0badcafe of shop probed nothing: verify the suite on compose or kubernetes first")
}
