package oracle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/oracle"
)

func engine(version string, change ...func(*oracle.Engine)) oracle.Engine {
	e := oracle.Engine{Version: version, UserlandProxy: true, BridgeNFCall: true, IPTables: true, ForwardPolicy: "DROP"}
	for _, c := range change {
		c(&e)
	}
	return e
}

func noProxy(e *oracle.Engine)    { e.UserlandProxy = false }
func noNFCall(e *oracle.Engine)   { e.BridgeNFCall = false }
func noIPTables(e *oracle.Engine) { e.IPTables = false }
func forwards(e *oracle.Engine)   { e.ForwardPolicy = "ACCEPT" }

// TestVersions pins what differs by the engine's version and settings, from
// moby's release notes and its iptabler package.
func TestVersions(t *testing.T) {
	const compose = `
services:
  a: {image: x, networks: [A]}
  b: {image: x, networks: [B], ports: ["9000:80", "127.0.0.1:9001:81"]}
  n: {image: x, networks: [N]}
  n2: {image: x, networks: [N], ports: ["9002:80"]}
  r: {image: x, networks: [R], ports: ["9003:80"]}
  r2: {image: x, networks: [B, R], ports: ["9006:80"]}
  u: {image: x, networks: [U]}
  i: {image: x, networks: [I]}
  i2: {image: x, networks: [I]}
  x: {image: x, networks: [X]}
  v: {image: x, networks: [V]}
  h: {image: x, network_mode: host}
  only: {image: x, networks: [G]}
networks:
  A: {}
  B: {}
  N: {driver_opts: {com.docker.network.bridge.enable_icc: "false"}}
  R: {driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: routed}}
  U: {driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: nat-unprotected}}
  I: {internal: true}
  X: {external: true}
  V: {driver: macvlan}
  G: {internal: true, driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated}}
`
	const services = `
externals: {internet: {ports: [443]}, clients: {}}
services:
  a: {ports: [80]}
  b: {ports: [80, 81, 82]}
  n: {ports: [80]}
  n2: {ports: [80]}
  r: {ports: [80, 81]}
  r2: {ports: [80]}
  u: {ports: [80]}
  i: {ports: [80]}
  i2: {ports: [80]}
  x: {ports: [80]}
  v: {ports: [80]}
  h: {ports: [90]}
  only: {ports: [80]}
`
	p, m := read(t, compose, services)
	const allow, deny, partial, unknown = matrix.Allow, matrix.Deny, matrix.Partial, matrix.Unknown
	for _, c := range []struct {
		name     string
		engine   oracle.Engine
		from, to string
		port     int
		want     matrix.Verdict
	}{
		{"published, proxy on", engine("20.10.24"), "a", "b", 80, partial},
		{"published, proxy off", engine("20.10.24", noProxy), "a", "b", 80, deny},
		{"published, proxy off", engine("28.5.1", noProxy), "a", "b", 80, deny},
		{"published, proxy off, since 29", engine("29.0.0", noProxy), "a", "b", 80, partial},
		{"hairpin against icc, proxy on", engine("29.1.0"), "n", "n2", 80, partial},
		{"hairpin against icc, proxy off", engine("29.1.0", noProxy), "n", "n2", 80, deny},
		{"icc without br_netfilter", engine("20.10.24", noNFCall), "n2", "n", 80, allow},
		{"icc without iptables", engine("29.0.0", noIPTables), "n2", "n", 80, allow},
		{"isolation without iptables", engine("29.0.0", noIPTables), "a", "b", 82, unknown},
		{"routed is not known", engine("20.10.24"), "a", "r", 80, partial}, // published as ever
		{"routed, not from other bridges", engine("27.5.0"), "a", "r", 80, deny},
		{"routed, from other bridges", engine("28.0.0"), "a", "r", 80, partial},
		{"routed, what ports does not list", engine("28.0.0"), "a", "r", 81, deny},
		{"routed, not the gateway network", engine("28.3.0"), "n", "r2", 80, partial}, // published by B
		{"unprotected, not from other bridges", engine("28.0.0"), "a", "u", 80, deny},
		{"unprotected, from other bridges", engine("29.0.0"), "a", "u", 80, partial},
		{"internal", engine("25.0.5"), "i", "i2", 80, allow},
		{"internal, when it was broken", engine("25.0.2"), "i", "i2", 80, unknown},
		{"to an external network", engine("29.0.0"), "a", "x", 80, unknown},
		{"from an external network", engine("29.0.0"), "x", "a", 80, deny},
		{"to a driver that is not modelled", engine("29.0.0"), "a", "v", 80, unknown},
		{"host by an internal network", engine("29.0.0"), "i", "h", 90, partial},
		{"host by a network without its address", engine("28.0.0"), "only", "h", 90, deny},
		{"host by a mode that is not known", engine("20.10.24"), "only", "h", 90, partial},
		{"loopback-published, from a neighbour", engine("27.5.1"), "clients", "b", 81, allow},
		{"loopback-published, since 28", engine("28.0.0"), "clients", "b", 81, deny},
		{"unpublished, forwarded", engine("27.5.1", forwards), "clients", "b", 82, allow},
		{"unpublished, forwarded, since 28", engine("28.0.0", forwards), "clients", "b", 82, deny},
		{"to the outside by an external network", engine("29.0.0"), "x", "internet", 443, unknown},
		{"routed to the outside", engine("29.0.0"), "r", "internet", 443, unknown},
	} {
		got := oracle.New(p, m, c.engine).Predict(matrix.Case{From: c.from, To: c.to, Port: c.port, Protocol: matrix.TCP})
		assert.Equal(t, c.want, got.Verdict, "%s on %s: %s -> %s:%d: %s", c.name, c.engine.Version, c.from, c.to, c.port, got.Reason)
		assert.NotEmpty(t, got.Reason, c.name)
	}
}

func TestExternalNetworkThatWasInspected(t *testing.T) {
	const compose = "services:\n  a: {image: x, networks: [X]}\n  b: {image: x, networks: [X]}\nnetworks: {X: {external: true}}\n"
	const services = "services: {a: {ports: [80]}, b: {ports: [80]}}"
	c := matrix.Case{From: "a", To: "b", Port: 80, Protocol: matrix.TCP}

	assert.Equal(t, matrix.Unknown, newOracle(t, compose, services, engine("29.0.0")).Predict(c).Verdict)
	e := engine("29.0.0")
	e.Networks = map[string]oracle.Network{"X": {Driver: "bridge"}}
	assert.Equal(t, matrix.Allow, newOracle(t, compose, services, e).Predict(c).Verdict)
	e.Networks = map[string]oracle.Network{"X": {Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"}}}
	assert.Equal(t, matrix.Deny, newOracle(t, compose, services, e).Predict(c).Verdict)
}

func TestAssumptionsSayWhatNobodyAsked(t *testing.T) {
	const compose = "services:\n  a: {image: x, networks: [X]}\nnetworks: {X: {external: true}, unused: {external: true}}\n"
	const services = "services: {a: {ports: [80]}}"
	assert.Equal(t, []suites.Fact{
		{Name: "engine", Value: "29.0 (assumed)"},
		{Name: "userland proxy", Value: "on (assumed)"},
		{Name: "engine writes iptables", Value: "on (assumed)"},
		{Name: "bridge-nf-call-iptables", Value: "on (assumed)"},
		{Name: "FORWARD policy", Value: "DROP (assumed)"},
		{Name: "DOCKER-USER", Value: "no rules of one's own (assumed)"},
		{Name: "network X", Value: "network X is external, and its driver, internal and options are not in the files, so what depends on its options is unknown"},
	}, newOracle(t, compose, services, oracle.Engine{}).Assumptions())
}

func TestEngineOfWhatARunRecorded(t *testing.T) {
	assert.Equal(t, oracle.Engine{Version: "20.10.24+dfsg1", UserlandProxy: true, BridgeNFCall: false, IPTables: true, ForwardPolicy: "DROP"},
		oracle.EngineOf([]suites.Fact{
			{Name: "engine", Value: "20.10.24+dfsg1"}, {Name: "userland proxy", Value: "unknown"},
			{Name: "bridge-nf-call-iptables", Value: "0"}, {Name: "FORWARD policy", Value: "DROP"}, {Name: "kernel", Value: "6.1"},
		}))
	e := engine("28.1.0", noProxy, noIPTables, forwards)
	assert.Equal(t, e, oracle.EngineOf(e.Facts()), "facts are read back as they were")
}
