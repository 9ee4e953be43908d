package compose

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// fixed is a project that can be up only once: everything that must be unique
// on an engine is given in it. ID and IMAGE are replaced.
const fixed = `
services:
  web:
    image: IMAGE
    command: [serve, --identity, live, --listen, tcp/80]
    environment: {NETCONFORM_KEY: 00112233445566778899aabbccddeeff}
    container_name: nc-web-ID
    networks: {front: {ipv4_address: 10.213.7.10}, old: {}}
    ports: ["18731:80"]
  db:
    image: IMAGE
    command: [serve, --identity, live, --listen, tcp/5432]
    environment: {NETCONFORM_KEY: 00112233445566778899aabbccddeeff}
    networks: [old]
networks:
  front:
    name: nc-front-ID
    ipam: {config: [{subnet: 10.213.7.0/24}]}
    driver_opts: {com.docker.network.bridge.name: ncID}
  old: {external: true, name: nc-old-ID}
`

const fixedMatrix = `
matrix: fixed
services:
  web: {ports: [80]}
  db: {ports: [5432], from: [web]}
`

// TestBesideLiveCopy verifies a project while a copy of it is up. The copy must
// not notice, and none of its addresses, names and ports may be used.
func TestBesideLiveCopy(t *testing.T) {
	p := live(t)
	cli, err := connect()
	require.NoError(t, err)
	defer cli.Close()
	tag, err := loadImage(t.Context(), cli)
	require.NoError(t, err)
	id := fmt.Sprintf("%05d", os.Getpid()%100000)
	text := strings.NewReplacer("ID", id, "IMAGE", tag).Replace(fixed)
	s := suiteOf(t, fixedMatrix, text)

	// The copy: Compose itself brings it up, as the user would.
	name := "nclive" + id
	down := func() {
		ctx := context.Background()
		list, err := cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", labelProject+"="+name)})
		assert.NoError(t, err)
		for _, c := range list.Items {
			_, err := cli.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true})
			assert.NoError(t, err)
		}
		for _, n := range []string{"nc-front-" + id, "nc-old-" + id} {
			_, _ = cli.NetworkRemove(ctx, n, client.NetworkRemoveOptions{})
		}
	}
	t.Cleanup(down)
	_, err = cli.NetworkCreate(t.Context(), "nc-old-"+id, client.NetworkCreateOptions{Driver: "bridge", Internal: true})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "compose.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	require.NoError(t, up(t.Context(), name, file))
	before := snapshot(t, cli, name)
	require.Contains(t, before, "10.213.7.10")

	_, err = New(Options{Exact: true}).Deploy(t.Context(), jobOf(t, s))
	require.ErrorContains(t, err, "the network nc-front-"+id+" exists already")

	d := deploy(t, p, s)
	_, notes := d.Environment()
	for _, want := range []string{"10.213.7.0/24", "10.213.7.10", "nc" + id, "18731", "nc-web-" + id, "nc-old-" + id, "nc-front-" + id} {
		assert.Contains(t, strings.Join(notes, "\n"), want)
	}
	w := d.Ways(matrix.Case{From: "web", To: "db", Port: 5432, Protocol: matrix.TCP})
	for _, path := range w.Paths {
		assert.NotContains(t, path.Host, "10.213.7.")
	}
	old, err := cli.NetworkInspect(t.Context(), d.pl.project.Networks["old"].Name, client.NetworkInspectOptions{})
	require.NoError(t, err)
	assert.True(t, old.Network.Internal, "a copy of an external network is as the original")
	require.NoError(t, d.Close(context.Background()))

	results := verify(t, p, s)
	require.Equal(t, suites.Conforms, results["web->db:5432/tcp"].Judgement)
	require.Equal(t, before, snapshot(t, cli, name), "the live copy must stay as it was")

	// Alone on the engine, the same project is brought up exactly as written.
	down()
	_, err = cli.NetworkCreate(t.Context(), "nc-old-"+id, client.NetworkCreateOptions{Driver: "bridge", Internal: true})
	require.NoError(t, err)
	exact := deploy(t, New(Options{Exact: true}), s)
	web := exact.topology.members["web"].node
	assert.Equal(t, []string{"10.213.7.10"}, web.own()[:1])
	assert.Equal(t, 18731, web.published(80, matrix.TCP)[0].hostPort)
	require.NoError(t, exact.Close(context.Background()))
	kept, err := cli.NetworkInspect(t.Context(), "nc-old-"+id, client.NetworkInspectOptions{})
	require.NoError(t, err, "an external network that the run did not make is not removed")
	assert.Empty(t, kept.Network.Containers)
}

// snapshot is all of a live project that a run could disturb.
func snapshot(t *testing.T, cli client.APIClient, project string) string {
	t.Helper()
	list, err := cli.ContainerList(t.Context(), client.ContainerListOptions{Filters: make(client.Filters).Add("label", labelProject+"="+project)})
	require.NoError(t, err)
	var text bytes.Buffer
	for _, name := range []string{"db", "web"} {
		for _, c := range list.Items {
			if c.Labels["com.docker.compose.service"] == name {
				got, err := cli.ContainerInspect(t.Context(), c.ID, client.ContainerInspectOptions{})
				require.NoError(t, err)
				fmt.Fprintf(&text, "%s %+v\n", name, stateOf(got.Container))
			}
		}
	}
	return text.String()
}

// together is a platform whose runs begin to probe when all of them are up.
type together struct {
	*Platform
	up *sync.WaitGroup
}

func (p together) Deploy(ctx context.Context, job suites.Job) (suites.Deployment, error) {
	d, err := p.Platform.Deploy(ctx, job)
	p.up.Done()
	p.up.Wait()
	return d, err
}

// TestTwoRunsAtOnce runs the same suite twice at the same time.
func TestTwoRunsAtOnce(t *testing.T) {
	p := together{live(t), &sync.WaitGroup{}}
	p.up.Add(2)
	var wait sync.WaitGroup
	for range 2 {
		s := suiteOf(t, faultMatrix, faultCompose)
		wait.Go(func() {
			run, err := suites.Verify(t.Context(), s, suites.Options{Targets: []suites.Target{{Platform: p}}})
			assert.NoError(t, err)
			if assert.Empty(t, run.Errors) {
				assert.Empty(t, left(t, run.ID))
				for _, r := range run.Cases {
					want := suites.Conforms
					if r.Key() == "db->web:80/tcp" { // bridges have no direction
						want = suites.UnexpectedAllow
					}
					// On a machine that is too busy a case may not be told, but never wrongly.
					assert.Contains(t, []suites.Judgement{want, suites.Inconclusive}, r.Judgement, "%s of %s: %s %+v", r.Key(), run.ID, r.Evidence, r.Observations)
				}
			}
		})
	}
	wait.Wait()
}
