package oracle_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/compose/oracle"
)

func TestFindings(t *testing.T) {
	o := newOracle(t, `services:
  web: {image: x, networks: [front, zone], links: ["cache:c"]}
  api: {image: x, networks: [front, zone, hidden], ports: ["8080:80"]}
  db: {image: x, networks: [hidden], ports: ["5432:5432"]}
  cache: {image: x, networks: [far]}
  lone: {image: x, networks: {far: {aliases: [cache]}, out: {}}}
  spy: {image: x, network_mode: "service:web", ports: ["1:1"]}
  box: {image: x, network_mode: host, ports: ["2:2"]}
networks:
  front:
    driver_opts:
      com.docker.network.bridge.enable_icc: "false"
  zone: {internal: true}
  hidden: {internal: true}
  far: {}
  out: {external: true}
  v6: {enable_ipv6: true}
  unused: {external: true}
`, `
services:
  web: {ports: [80]}
  api: {ports: [80], from: [web]}
  db: {ports: [5432], from: [web, api]}
  cache: {ports: [6379]}
  lone: {ports: [81]}
  spy: {ports: [82]}
  box: {ports: [83]}
  ghost: {ports: [84]}
`, engine20)
	var got []string
	for _, f := range o.Findings() {
		got = append(got, fmt.Sprintf("%s: %s: %s; %s", f.Pos, f.Rule, f.Message, f.Mend))
	}
	assert.Equal(t, []string{
		`compose.yaml:2:30: name-on-wrong-network: web may talk to api by the matrix (m.yaml:5:29), and they share front and zone; but the engine's DNS answers on front, the first of web's networks that knows the name, and enable_icc is false there; take web or api off front, so that the name resolves on zone`,
		`compose.yaml:2:52: link-opens-nothing: web links to cache, with which it shares no network; links open nothing on networks of one's own; put both on a common network`,
		`compose.yaml:3:60: published-undoes-isolation: port 80 of api is published on the host, and by the host's addresses cache and lone reach it too, which the matrix forbids and the networks would block; publish it on 127.0.0.1, or put a reverse proxy in front, if only the host needs it`,
		`compose.yaml:4:18: no-common-network: web may talk to db by the matrix (m.yaml:6:30), but they share no network: web is on front, zone; db is on hidden; put web on hidden`,
		`compose.yaml:4:46: ports-on-internal: all networks of db are internal, so the engine publishes nothing and says nothing; put db on a network that is not internal, or remove the ports`,
		`compose.yaml:6:47: alias-takes-name: lone has the alias cache on far, the name of another service there: lookups give either; choose another alias`,
		`compose.yaml:7:56: ports-without-namespace: spy shares the network namespace of web, and the engine refuses ports on it; publish them on web`,
		`compose.yaml:8:47: ports-without-effect: box has network_mode host, so ports publishes nothing; remove them`,
		`compose.yaml:16:3: network-options-unknown: network out is external, and its driver, internal and options are not in the files, so what its members reach can't be derived; declare the network in these files, or verify live, where the engine is asked`,
		`m.yaml:11:3: service-missing: no Compose service stands for ghost, so nothing about it can be verified; add the service, or name the Compose service under compose.services of the suite`,
	}, got)
}

func TestFindingIPv6AndICC(t *testing.T) {
	const compose = `services:
  a: {image: x, networks: [n]}
  b: {image: x, networks: [n]}
networks:
  n:
    enable_ipv6: true
    driver_opts: {com.docker.network.bridge.enable_icc: "false"}
`
	const services = "services: {a: {ports: [80], from: [b]}, b: {ports: [80], from: [a]}}"
	rules := func(e oracle.Engine) (list []string) {
		for _, f := range newOracle(t, compose, services, e).Findings() {
			list = append(list, fmt.Sprintf("%s %s", f.Pos, f.Rule))
		}
		return list
	}
	assert.Equal(t, []string{"compose.yaml:6:5 ipv6-unfiltered"}, rules(engine20), "IPv6 may be open, so nothing is said of the pair")
	assert.Equal(t, []string{"compose.yaml:7:19 icc-breaks-pair"}, rules(engine("29.0.0")))
}

// TestMends carries out what the predictions advise, and looks whether the
// verdict turns.
func TestMends(t *testing.T) {
	const services = "services: {a: {ports: [80]}, b: {ports: [80]}}"
	toB := matrix.Case{From: "a", To: "b", Port: 80, Protocol: matrix.TCP}
	for _, c := range []struct {
		before, mend, after string
		expected            matrix.Verdict
	}{
		{
			"services:\n  a: {image: x, networks: [p]}\n  b: {image: x, networks: [q]}\nnetworks: {p: {}, q: {}}\n",
			"put a on q",
			"services:\n  a: {image: x, networks: [p, q]}\n  b: {image: x, networks: [q]}\nnetworks: {p: {}, q: {}}\n", matrix.Allow,
		},
		{
			"services:\n  a: {image: x, networks: [p]}\n  b: {image: x, networks: [p]}\nnetworks: {p: {}}\n",
			"take a or b off p",
			"services:\n  a: {image: x, networks: [p]}\n  b: {image: x, networks: [q]}\nnetworks: {p: {}, q: {}}\n", matrix.Deny,
		},
		{
			"services:\n  a: {image: x, networks: [p, z]}\n  b: {image: x, networks: [p, z]}\nnetworks: {p: {driver_opts: {com.docker.network.bridge.enable_icc: \"false\"}}, z: {}}\n",
			"take a or b off p, so that the name resolves on z",
			"services:\n  a: {image: x, networks: [z]}\n  b: {image: x, networks: [p, z]}\nnetworks: {p: {driver_opts: {com.docker.network.bridge.enable_icc: \"false\"}}, z: {}}\n", matrix.Allow,
		},
		{
			"services:\n  a: {image: x, networks: [p]}\n  b: {image: x, networks: [q], ports: [\"80\"]}\nnetworks: {p: {}, q: {}}\n",
			"publish port 80 of b on 127.0.0.1 only, or not at all",
			"services:\n  a: {image: x, networks: [p]}\n  b: {image: x, networks: [q], ports: [\"127.0.0.1::80\"]}\nnetworks: {p: {}, q: {}}\n", matrix.Deny,
		},
		{
			"services:\n  a: {image: x, networks: [p]}\n  b: {image: x, network_mode: host}\nnetworks: {p: {}}\n",
			"put a and b on a common network instead of network_mode",
			"services:\n  a: {image: x, networks: [p]}\n  b: {image: x, networks: [p]}\nnetworks: {p: {}}\n", matrix.Allow,
		},
		{
			"services:\n  a: {image: x, network_mode: \"service:b\"}\n  b: {image: x, networks: [p]}\nnetworks: {p: {}}\n",
			"give a and b network namespaces of their own",
			"services:\n  a: {image: x, networks: [q]}\n  b: {image: x, networks: [p]}\nnetworks: {p: {}, q: {}}\n", matrix.Deny,
		},
	} {
		asked := toB
		asked.Expected = c.expected
		asked.Port = 80
		before := newOracle(t, c.before, strings.Replace(services, "a: {ports: [80]}", "a: {ports: [81]}", 1), engine20).Predict(asked)
		require.NotEqual(t, c.expected, before.Verdict, c.before)
		assert.Equal(t, c.mend, before.Mend, c.before)
		after := newOracle(t, c.after, services, engine20).Predict(asked)
		assert.Equal(t, c.expected, after.Verdict, c.after)
	}
}

func TestMutants(t *testing.T) {
	o := newOracle(t, `services:
  web: {image: x, networks: [front, back]}
  db: {image: x, networks: [back]}
  other: {image: x, networks: [front]}
networks:
  front: {driver_opts: {com.docker.network.bridge.enable_icc: "false"}}
  back: {internal: true}
`, `
externals: {internet: {ports: [443], from: [web, other]}}
services:
  web: {ports: [80], from: [db]}
  db: {ports: [5432], from: [web]}
  other: {ports: [81]}
`, engine20)
	var names []string
	changed := map[string][]string{}
	for _, mutant := range o.Mutants() {
		names = append(names, mutant.Name)
		assert.Positive(t, mutant.Pos.Line, mutant.Name)
		for _, c := range []matrix.Case{
			{From: "web", To: "db", Port: 5432, Protocol: matrix.TCP},
			{From: "other", To: "db", Port: 5432, Protocol: matrix.TCP},
			{From: "other", To: "web", Port: 80, Protocol: matrix.TCP},
			{From: "db", To: "internet", Port: 443, Protocol: matrix.TCP},
			{From: "web", To: "db", Protocol: matrix.DNS},
		} {
			if was, is := o.Predict(c).Verdict, mutant.Predict(c).Verdict; was != is {
				changed[mutant.Name] = append(changed[mutant.Name], fmt.Sprintf("%s: %s to %s", c.Key(), was, is))
			}
		}
	}
	assert.Equal(t, []string{
		"drop network back", "network back not internal", "all services on network back", "db off network back", "web off network back",
		"drop network front", "network front with enable_icc", "all services on network front", "other off network front", "web off network front",
	}, names)
	assert.Equal(t, map[string][]string{
		"drop network back":             {"web->db:5432/tcp: allow to deny", "web->db/dns: allow to deny"},
		"network back not internal":     {"db->internet:443/tcp: deny to allow"},
		"all services on network back":  {"other->db:5432/tcp: deny to allow", "other->web:80/tcp: deny to partial"},
		"db off network back":           {"web->db:5432/tcp: allow to deny", "web->db/dns: allow to deny"},
		"web off network back":          {"web->db:5432/tcp: allow to deny", "web->db/dns: allow to deny"},
		"network front with enable_icc": {"other->web:80/tcp: deny to allow"},
		"all services on network front": {"web->db:5432/tcp: allow to partial", "db->internet:443/tcp: deny to allow"},
	}, changed)
}

func TestExplanation(t *testing.T) {
	o := newOracle(t, topology, services, engine20)
	got := o.Predict(matrix.Case{From: "na", To: "na2", Port: 80, Protocol: matrix.TCP, Expected: matrix.Allow})
	assert.Equal(t, []string{
		"na is on N, Z",
		"na2 is on N, Z",
		"they share N and Z",
		"by name: shut, since the name na2 resolves to its address on N; both are on N, where enable_icc is false",
		"by the address on N: shut, since both are on N, where enable_icc is false",
		"by the address on Z: open, since both are on Z",
		"so it is open in part: a service is reached, but not by its name",
	}, got.Steps)
	assert.Equal(t, "take na or na2 off N, so that the name resolves on Z", got.Mend)
	assert.Equal(t, "compose.yaml:13:33", got.Pos.String())
}
