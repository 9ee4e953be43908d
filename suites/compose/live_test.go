package compose

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
)

// live is a platform on the real engine. Without one the test is skipped, or
// fails where NETCONFORM_REQUIRE names compose.
func live(t *testing.T) *Platform {
	t.Helper()
	p := New(Options{})
	if err := p.Available(t.Context()); err != nil {
		if strings.Contains(os.Getenv("NETCONFORM_REQUIRE"), "compose") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return p
}

// suiteOf is a suite of one matrix and one Compose file.
func suiteOf(t *testing.T, matrixText, composeText string) *suites.Suite {
	t.Helper()
	m, err := matrix.Parse("matrix.yaml", []byte(matrixText))
	require.NoError(t, err)
	return &suites.Suite{
		Name: "test", File: "suite.yaml", Dir: ".", Matrix: m,
		FS:      fstest.MapFS{"compose.yaml": {Data: []byte(composeText)}},
		Compose: &suites.ComposeTarget{Files: []string{"compose.yaml"}},
	}
}

func jobOf(t *testing.T, s *suites.Suite) suites.Job {
	t.Helper()
	var random [36]byte
	_, err := rand.Read(random[:])
	require.NoError(t, err)
	return suites.Job{RunID: hex.EncodeToString(random[:4]), Key: random[4:], Suite: s, Cases: s.Matrix.Expand(), Notify: t.Logf}
}

// deploy brings a suite up and takes it down again with the test.
func deploy(t *testing.T, p *Platform, s *suites.Suite) *deployment {
	t.Helper()
	got, err := p.Deploy(t.Context(), jobOf(t, s))
	require.NoError(t, err)
	d := got.(*deployment)
	t.Cleanup(func() {
		require.NoError(t, d.Close(context.Background()))
	})
	return d
}

// left lists what a run has on the engine.
func left(t *testing.T, runID string) []string {
	t.Helper()
	cli, err := connect()
	require.NoError(t, err)
	defer cli.Close()
	var names []string
	for _, label := range []string{labelRun + "=" + runID, labelProject + "=" + projectName(runID)} {
		filters := make(client.Filters).Add("label", label)
		containers, err := cli.ContainerList(context.Background(), client.ContainerListOptions{All: true, Filters: filters})
		require.NoError(t, err)
		for _, c := range containers.Items {
			names = append(names, "container "+c.ID)
		}
		networks, err := cli.NetworkList(context.Background(), client.NetworkListOptions{Filters: filters})
		require.NoError(t, err)
		for _, n := range networks.Items {
			names = append(names, "network "+n.Name)
		}
		volumes, err := cli.VolumeList(context.Background(), client.VolumeListOptions{Filters: filters})
		require.NoError(t, err)
		for _, v := range volumes.Items {
			names = append(names, "volume "+v.Name)
		}
	}
	return names
}

// verify runs the whole of it and returns the results by case.
func verify(t *testing.T, p suites.Platform, s *suites.Suite) map[string]suites.Result {
	t.Helper()
	run, err := suites.Verify(t.Context(), s, suites.Options{Targets: []suites.Target{{Platform: p}}, Notify: t.Logf})
	require.NoError(t, err)
	require.Empty(t, run.Errors)
	byKey := map[string]suites.Result{}
	for _, r := range run.Cases {
		byKey[r.Key()] = r
		t.Logf("%-40s %-6s %-8s %-16s %s", r.Key(), r.Expected, r.Observed, r.Judgement, r.Evidence)
	}
	require.Empty(t, left(t, run.ID))
	return byKey
}

func TestNoEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+t.TempDir()+"/docker.sock")
	p := New(Options{})
	require.ErrorContains(t, p.Available(t.Context()), "no Docker engine")
	_, err := p.Deploy(t.Context(), jobOf(t, suiteOf(t, pair, pairCompose)))
	require.Error(t, err)
}

const pair = `
matrix: pair
services:
  web: {ports: [80]}
  db: {ports: [5432, 53/udp], from: [web]}
`

const pairCompose = `
services:
  web: {image: nginx, networks: [front, back], ports: ["8080:80"]}
  db: {image: postgres, networks: [back], volumes: ["data:/var/lib/postgresql/data"], healthcheck: {test: ["CMD", "true"]}}
networks:
  front: {}
  back: {internal: true}
volumes: {data: {}}
`

func TestDeployProbeRemove(t *testing.T) {
	p := live(t)
	started := time.Now()
	job := jobOf(t, suiteOf(t, pair, pairCompose))
	deployed, err := p.Deploy(t.Context(), job)
	require.NoError(t, err)
	d := deployed.(*deployment)
	defer d.Close(context.Background())
	t.Log("deployed in", time.Since(started))

	require.Empty(t, d.Check(t.Context()))
	w := d.Ways(matrix.Case{From: "web", To: "db", Port: 5432, Protocol: matrix.TCP})
	b := probes.Batch{ID: "1", Key: job.Key, Confirm: 1}
	for i, path := range w.Paths {
		require.Equal(t, "web", path.From)
		b.Probes = append(b.Probes, probes.Probe{ID: i, Protocol: string(path.Protocol), Host: path.Host, Port: path.Port, Expect: "db"})
	}
	results, err := d.Probe(t.Context(), "web", b)
	require.NoError(t, err)
	for i, r := range results {
		require.Equal(t, probes.OutcomeOpen, r.Outcome, "%+v: %+v", w.Paths[i], r)
	}
	facts, notes := d.Environment()
	t.Log(facts, notes)

	started = time.Now()
	require.NoError(t, d.Close(context.Background()))
	t.Log("removed in", time.Since(started))
	require.Empty(t, left(t, job.RunID))
}

func TestVerifyPair(t *testing.T) {
	results := verify(t, live(t), suiteOf(t, pair, pairCompose))
	require.Equal(t, suites.Conforms, results["web->db:5432/tcp"].Judgement)
	require.Equal(t, suites.Conforms, results["web->db:53/udp"].Judgement)
	require.Equal(t, suites.Conforms, results["web->db/dns"].Judgement)
	require.Equal(t, suites.UnexpectedAllow, results["db->web:80/tcp"].Judgement)
}
