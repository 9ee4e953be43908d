package oracle_test

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/oracle"
	"github.com/netconform/netconform/suites/compose/project"
)

// engine20 is the engine on which the table was measured.
var engine20 = oracle.Engine{Version: "20.10.24", UserlandProxy: true, BridgeNFCall: true, IPTables: true, ForwardPolicy: "DROP"}

func newOracle(t *testing.T, compose, services string, e oracle.Engine) *oracle.Oracle {
	t.Helper()
	p, m := read(t, compose, services)
	return oracle.New(p, m, e)
}

func read(t *testing.T, compose, services string) (*project.Project, *matrix.Matrix) {
	t.Helper()
	m, err := matrix.Parse("m.yaml", []byte("matrix: m\n"+services))
	require.NoError(t, err)
	s := &suites.Suite{
		Name: "m", File: "suite.yaml", Dir: ".", Matrix: m,
		FS:      fstest.MapFS{"compose.yaml": {Data: []byte(compose)}},
		Compose: &suites.ComposeTarget{Files: []string{"compose.yaml"}},
	}
	p, err := project.Load(context.Background(), s)
	require.NoError(t, err)
	return p, m
}

const topology = `
services:
  a: {image: x, networks: [A]}
  a2: {image: x, networks: [A], ports: ["9000:80"]}
  b: {image: x, networks: [B], ports: ["9001:80", "9001:53/udp", "127.0.0.1:9002:81"]}
  i: {image: x, networks: [I], ports: ["9003:80"]}
  i2: {image: x, networks: [I]}
  j: {image: x, networks: [J]}
  n: {image: x, networks: [N]}
  n2: {image: x, networks: [N], ports: ["9004:80"]}
  m: {image: x, networks: [A, B, I]}
  na: {image: x, networks: [N, Z]}
  na2: {image: x, networks: [N, Z]}
  side: {image: x, network_mode: "service:a"}
  host: {image: x, network_mode: host}
  none: {image: x, network_mode: none}
  d: {image: x, network_mode: bridge}
  d2: {image: x, network_mode: bridge}
networks:
  A: {}
  B: {}
  I: {internal: true}
  J: {internal: true}
  N: {driver_opts: {com.docker.network.bridge.enable_icc: "false"}}
  Z: {internal: true}
`

const services = `
externals: {internet: {ports: [443]}, clients: {}}
services:
  a: {ports: [80]}
  a2: {ports: [80]}
  b: {ports: [80, 81, 53/udp]}
  i: {ports: [80]}
  i2: {ports: [80]}
  j: {ports: [80]}
  n: {ports: [80]}
  n2: {ports: [80]}
  m: {ports: [80]}
  na: {ports: [80]}
  na2: {ports: [80]}
  side: {ports: [8080]}
  host: {ports: [18999]}
  none: {ports: [80]}
  d: {ports: [80]}
  d2: {ports: [80]}
`

// TestTruthTable holds the oracle against what was measured on 20.10.24.
func TestTruthTable(t *testing.T) {
	o := newOracle(t, topology, services, engine20)
	for _, c := range []struct {
		from, to string
		port     int
		want     matrix.Verdict
		why      string
	}{
		{"a", "a2", 80, matrix.Allow, "one network"},
		{"a", "b", 81, matrix.Deny, "bridge to bridge, and published on loopback only"},
		{"a", "b", 80, matrix.Partial, "docker-proxy takes it through the host"},
		{"i", "i2", 80, matrix.Allow, "internal networks are open inside"},
		{"i", "b", 80, matrix.Deny, "from an internal network, a published port is dropped"},
		{"i", "j", 80, matrix.Deny, "internal to internal"},
		{"a", "i", 80, matrix.Deny, "nothing is published from an internal network"},
		{"n", "n2", 80, matrix.Partial, "docker-proxy goes around enable_icc"},
		{"n2", "n", 80, matrix.Deny, "enable_icc is false"},
		{"n", "b", 80, matrix.Partial, "docker-proxy"},
		{"m", "a", 80, matrix.Allow, "on A too"},
		{"m", "i", 80, matrix.Allow, "on I too"},
		{"a", "m", 80, matrix.Allow, "by the address on A"},
		{"j", "m", 80, matrix.Deny, "being on three networks opens none to a fourth"},
		{"na", "na2", 80, matrix.Partial, "the name leads to N, since Z is internal"},
		{"a2", "side", 8080, matrix.Partial, "its name is not known, a's address answers"},
		{"a", "side", 8080, matrix.Partial, "one namespace, and no such name"},
		{"side", "a", 80, matrix.Allow, "a's own name, in a's namespace"},
		{"side", "a2", 80, matrix.Allow, "by a's networks"},
		{"i", "host", 18999, matrix.Partial, "INPUT is open, the name is not known"},
		{"host", "i", 80, matrix.Allow, "the host reaches every address; no names there"},
		{"host", "n", 80, matrix.Allow, "the host reaches every address"},
		{"none", "a", 80, matrix.Deny, "no network"},
		{"a", "none", 80, matrix.Deny, "no address"},
		{"d", "d2", 80, matrix.Allow, "by address, as there are no names"},
		{"d", "a", 80, matrix.Deny, "bridge to bridge"},
		{"d", "b", 80, matrix.Partial, "through the host only"},
		{"clients", "b", 80, matrix.Allow, "published"},
		{"clients", "b", 81, matrix.Allow, "moby#45610: loopback-published, routed by a neighbour"},
		{"clients", "i", 80, matrix.Deny, "not published, though ports says so"},
		{"clients", "a", 80, matrix.Deny, "not published"},
		{"clients", "host", 18999, matrix.Allow, "on the host"},
		{"a", "internet", 443, matrix.Allow, "masqueraded"},
		{"i", "internet", 443, matrix.Deny, "internal"},
		{"m", "internet", 443, matrix.Allow, "by A"},
		{"none", "internet", 443, matrix.Deny, "no network"},
		{"host", "internet", 443, matrix.Allow, "the host"},
	} {
		got := o.Predict(matrix.Case{From: c.from, To: c.to, Port: c.port, Protocol: matrix.TCP})
		assert.Equal(t, c.want, got.Verdict, "%s -> %s:%d: %s; got: %s", c.from, c.to, c.port, c.why, got.Reason)
		assert.NotEmpty(t, got.Reason)
		assert.NotEmpty(t, got.Steps)
	}
}

func TestLookups(t *testing.T) {
	o := newOracle(t, topology, services, engine20)
	for _, c := range []struct {
		from, to string
		want     matrix.Verdict
	}{
		{"a", "a2", matrix.Allow},
		{"n", "n2", matrix.Allow}, // names do not care for enable_icc
		{"a", "b", matrix.Deny},
		{"a2", "side", matrix.Deny}, // a namespace has one name
		{"side", "a2", matrix.Allow},
		{"a", "host", matrix.Deny},
		{"d", "d2", matrix.Deny}, // the default bridge has no DNS
		{"host", "a", matrix.Deny},
	} {
		got := o.Predict(matrix.Case{From: c.from, To: c.to, Protocol: matrix.DNS})
		assert.Equal(t, c.want, got.Verdict, "%s -> %s: %s", c.from, c.to, got.Reason)
	}
}

// TestSharedNames: two containers of one name, or another one's.
func TestSharedNames(t *testing.T) {
	o := newOracle(t, `
services:
  a: {image: x, networks: [n]}
  b: {image: x, networks: [n]}
  c: {image: x, networks: {n: {aliases: [b, d]}}}
  d: {image: x, networks: [far]}
  e: {image: x, networks: [n], links: ["c:d"], extra_hosts: {"b": "10.0.0.1"}}
  f: {image: x, networks: [near, n]}
  unknown: {image: x, networks: {near: {aliases: [a]}}}
networks: {n: {}, far: {}, near: {internal: true}}
`, `
services:
  a: {ports: [80]}
  b: {ports: [80]}
  c: {ports: [80]}
  d: {ports: [80]}
  e: {ports: [80]}
  f: {ports: [80]}
`, engine20)
	for _, c := range []struct {
		from, to string
		want     matrix.Verdict
		reason   string
	}{
		{"a", "b", matrix.Unknown, "several services answer to the name b on n: b and c"},
		{"a", "d", matrix.Deny, "they share no network: a is on n; d is on far"},
		{"e", "b", matrix.Unknown, "extra_hosts of e gives b an address of its own"},
		{"e", "c", matrix.Allow, "the name c resolves to its address on n; both are on n"},
		{"f", "a", matrix.Allow, "the name a resolves to its address on n; both are on n"},
	} {
		got := o.Predict(matrix.Case{From: c.from, To: c.to, Port: 80, Protocol: matrix.TCP})
		assert.Equal(t, c.want, got.Verdict, "%s -> %s", c.from, c.to)
		assert.Equal(t, c.reason, got.Reason, "%s -> %s", c.from, c.to)
	}
}
