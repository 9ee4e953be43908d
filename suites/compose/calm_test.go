package compose

import (
	"context"
	"fmt"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

// TestNetworksMadeMeanwhile: while anybody makes a network, the engine isolates
// no bridges, and a pair that the project keeps apart may answer. The batch
// must be called off, not believed.
func TestNetworksMadeMeanwhile(t *testing.T) {
	p := live(t)
	d := deploy(t, p, suiteOf(t, `
matrix: apart
services:
  a: {ports: [80]}
  b: {ports: [80/udp]}
`, `
services:
  a: {image: any, networks: [one]}
  b: {image: any, networks: [two]}
networks: {one: {}, two: {}}
`))
	w := d.Ways(matrix.Case{From: "a", To: "b", Port: 80, Protocol: matrix.UDP})
	b := probes.Batch{ID: "1", Key: d.job.Key, Confirm: 1}
	for i, path := range w.Paths {
		b.Probes = append(b.Probes, probes.Probe{ID: i, Protocol: probes.UDP, Host: path.Host, Port: path.Port, Expect: "b"})
	}

	ctx, stop := context.WithCancel(context.Background())
	made := make(chan error)
	go func() {
		defer close(made)
		for i := 0; ctx.Err() == nil; i++ {
			n, err := d.cli.NetworkCreate(context.Background(), fmt.Sprintf("%s_calm%d", d.pl.project.Name, i),
				client.NetworkCreateOptions{Driver: "bridge", Labels: map[string]string{labelRun: d.job.RunID}})
			if err == nil {
				_, err = d.cli.NetworkRemove(context.Background(), n.ID, client.NetworkRemoveOptions{})
			}
			if err != nil {
				made <- err
				return
			}
		}
	}()
	results, err := d.Probe(t.Context(), "a", b)
	stop()
	require.NoError(t, <-made)
	if err != nil {
		assert.ErrorIs(t, err, errNotCalm)
	}
	for i, r := range results {
		assert.NotEqual(t, probes.OutcomeOpen, r.Outcome, "%+v", w.Paths[i])
	}
}

func TestUndisturbedRepeats(t *testing.T) {
	c := calm{known: map[string]bool{}}
	for _, name := range bridges() {
		c.known[name] = true
	}
	runs := 0
	got, err := undisturbed(&c, func() (int, error) {
		if runs++; runs < 3 {
			c.made++
		}
		return runs, nil
	})
	require.NoError(t, err)
	assert.Equal(t, 3, got, "the first result that nothing disturbed")
	_, err = undisturbed(&c, func() (int, error) {
		c.made++
		return 0, nil
	})
	assert.ErrorIs(t, err, errNotCalm)
}
