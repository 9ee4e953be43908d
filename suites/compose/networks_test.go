package compose

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
)

const kinds = `
matrix: kinds
externals:
  internet: {ports: [443]}
  clients: {}
services:
  web: {ports: [80, 53/udp]}
  side: {ports: [9000]}
  db: {ports: [5432]}
  multi: {ports: [7000]}
  lock1: {ports: [7100]}
  lock2: {ports: [7200, 7201]}
  inner: {ports: [7300]}
  quiet: {ports: [7400]}
`

const kindsCompose = `
services:
  web: {image: a, networks: [front], ports: ["80", "81", "127.0.0.1:82:82"]}
  side: {image: a, network_mode: "service:web"}
  db: {image: a, networks: {back: {aliases: [postgres]}}}
  multi: {image: a, networks: {front: {priority: 10}, back: {}}}
  lock1: {image: a, networks: [locked]}
  lock2: {image: a, networks: [locked], ports: ["7200"]}
  inner: {image: a, networks: [back], ports: ["7300"]}
  quiet: {image: a, network_mode: none}
networks:
  front: {}
  back: {internal: true}
  locked: {driver_opts: {com.docker.network.bridge.enable_icc: "false"}}
`

// TestKindsOfNetworks pins what the verdicts rest on: how this engine treats
// each kind of network. Where another engine differs, its rows say so.
func TestKindsOfNetworks(t *testing.T) {
	p := live(t)
	var hollow []probes.Result
	f := &faulty{Platform: p, strike: func(d *deployment) { hollow = hollowAccept(t, d) }}
	results := verify(t, f, suiteOf(t, kinds, kindsCompose))

	for key, want := range map[string]matrix.Verdict{
		"web->multi:7000/tcp":   matrix.Allow,
		"db->multi:7000/tcp":    matrix.Allow,
		"multi->db:5432/tcp":    matrix.Allow,
		"multi->web:80/tcp":     matrix.Allow,
		"multi->web:53/udp":     matrix.Allow,
		"web->db:5432/tcp":      matrix.Deny, // no network in common
		"db->web:80/tcp":        matrix.Deny, // internal: not even through what is published
		"db->web:53/udp":        matrix.Deny,
		"lock1->lock2:7201/tcp": matrix.Deny,    // enable_icc: "false"
		"lock1->lock2:7200/tcp": matrix.Partial, // ... which the userland proxy goes round
		"web->lock2:7200/tcp":   matrix.Partial, // what is published is open to every network
		"web->lock2:7201/tcp":   matrix.Deny,
		"db->lock2:7200/tcp":    matrix.Deny,
		"web->inner:7300/tcp":   matrix.Deny,    // nothing is published from an internal network
		"web->side:9000/tcp":    matrix.Partial, // one namespace, but no name
		"side->web:80/tcp":      matrix.Allow,
		"multi->side:9000/tcp":  matrix.Partial,
		"db->side:9000/tcp":     matrix.Deny,
		"quiet->web:80/tcp":     matrix.Deny,
		"web->quiet:7400/tcp":   matrix.Unknown,
	} {
		assert.Equal(t, want, results[key].Observed, "%s: %s", key, results[key].Evidence)
	}
	require.Equal(t, suites.Skipped, results["web->quiet:7400/tcp"].Judgement)
	for _, r := range hollow {
		assert.NotEqual(t, probes.OutcomeOpen, r.Outcome, "%+v", r)
	}
	assert.Equal(t, probes.OutcomeOpenUnverified, hollow[0].Outcome, "the userland proxy accepts for nobody: %+v", hollow[0])

	if os.Geteuid() != 0 {
		t.Log("the outside of the host needs root")
		return
	}
	for key, want := range map[string]matrix.Verdict{
		"web->internet:443/tcp":   matrix.Allow,
		"multi->internet:443/tcp": matrix.Allow,
		"side->internet:443/tcp":  matrix.Allow,
		"db->internet:443/tcp":    matrix.Deny, // internal
		"inner->internet:443/tcp": matrix.Deny,
		"quiet->internet:443/tcp": matrix.Deny,
		"clients->web:80/tcp":     matrix.Allow,
		"clients->lock2:7200/tcp": matrix.Allow,
		"clients->lock2:7201/tcp": matrix.Deny, // not published
		"clients->web:53/udp":     matrix.Deny,
		"clients->db:5432/tcp":    matrix.Deny,
		"clients->inner:7300/tcp": matrix.Deny,
	} {
		assert.Equal(t, want, results[key].Observed, "%s: %s", key, results[key].Evidence)
	}
}

// hollowAccept probes a published port behind which nothing listens, through
// the gateway of another network.
func hollowAccept(t *testing.T, d *deployment) []probes.Result {
	var port int
	for _, pub := range d.topology.members["web"].node.published(81, matrix.TCP) {
		if pub.hostIP.Is4() { // the engine may give IPv6 another port
			port = pub.hostPort
		}
	}
	require.NotZero(t, port)
	gateway := d.topology.members["lock1"].node.networks[0].gateways[0]
	results, err := d.Probe(t.Context(), "lock1", probes.Batch{ID: "hollow", Key: d.job.Key, Probes: []probes.Probe{
		{ID: 1, Protocol: probes.TCP, Host: gateway.String(), Port: port, Expect: "web"},
		{ID: 2, Protocol: probes.TCP, Host: d.topology.host[0].String(), Port: port, Expect: "web"},
	}})
	require.NoError(t, err)
	return results
}
