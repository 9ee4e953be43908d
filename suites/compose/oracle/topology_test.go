package oracle_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/compose/oracle"
)

// randomTopology is a small Compose project, biased to what decides
// connectivity. The same seed gives the same one.
type randomTopology struct {
	nets     []netSpec
	services []serviceSpec
}

type netSpec struct {
	key, name              string // name: "" for the project's own
	internal, noICC, noNAT bool
	external               bool // and not there, so that a plain bridge stands in
}

type serviceSpec struct {
	name, mode, container string
	nets                  []string
	aliases               map[string][]string // by network
	links                 []string
	port                  int
	udp                   bool
	publish               string // "", "all" or "loopback"
	from                  []string
}

func generate(seed uint64) randomTopology {
	r := rand.New(rand.NewPCG(seed, 0x6e6574))
	chance := func(percent int) bool { return r.IntN(100) < percent }
	var t randomTopology
	letters := r.Perm(20)
	for i := range 1 + r.IntN(4) {
		n := netSpec{key: fmt.Sprintf("%c-net", 'a'+letters[i]), internal: chance(35), noICC: chance(35), noNAT: chance(10)}
		if chance(15) {
			n.name = fmt.Sprintf("%c-%d-named", 'a'+r.IntN(26), i)
		}
		if chance(8) {
			n = netSpec{key: n.key, name: fmt.Sprintf("%c-%d-%d-absent", 'a'+r.IntN(26), seed, i), external: true}
		}
		t.nets = append(t.nets, n)
	}
	for i := range 2 + r.IntN(5) {
		s := serviceSpec{name: fmt.Sprintf("s%d", i), port: 21000 + int(seed%900)*10 + i, udp: chance(30), aliases: map[string][]string{}}
		switch dice := r.IntN(100); {
		case dice < 10 && i > 0:
			s.mode = "service:" + t.services[r.IntN(i)].name
		case dice < 16:
			s.mode = "host"
		case dice < 20:
			s.mode = "none"
		case dice < 26:
			s.mode = "bridge"
		case dice < 34: // the project's default network
		default:
			for _, at := range r.Perm(len(t.nets))[:1+r.IntN(min(3, len(t.nets)))] {
				s.nets = append(s.nets, t.nets[at].key)
			}
		}
		for _, key := range s.nets {
			if chance(10) {
				s.aliases[key] = append(s.aliases[key], fmt.Sprintf("s%d", r.IntN(6)))
			}
		}
		if s.mode == "" && chance(8) {
			s.container = fmt.Sprintf("box%d-%d", seed, i)
		}
		if s.mode == "" && i > 0 && chance(10) {
			s.links = append(s.links, fmt.Sprintf("s%d:s%d", r.IntN(i), r.IntN(6)))
		}
		if s.mode == "" || s.mode == "bridge" {
			switch dice := r.IntN(100); {
			case dice < 25:
				s.publish = "all"
			case dice < 40:
				s.publish = "loopback"
			}
		}
		t.services = append(t.services, s)
	}
	for i := range t.services {
		for _, other := range t.services {
			if other.name != t.services[i].name && chance(50) {
				t.services[i].from = append(t.services[i].from, other.name)
			}
		}
	}
	return t
}

func (s serviceSpec) protocol() string {
	if s.udp {
		return "/udp"
	}
	return ""
}

func (t randomTopology) compose() string {
	var b strings.Builder
	b.WriteString("services:\n")
	for _, s := range t.services {
		fmt.Fprintf(&b, "  %s:\n    image: any\n", s.name)
		if s.mode != "" {
			fmt.Fprintf(&b, "    network_mode: %q\n", s.mode)
		}
		if s.container != "" {
			fmt.Fprintf(&b, "    container_name: %s\n", s.container)
		}
		for i, key := range s.nets {
			if i == 0 {
				b.WriteString("    networks:\n")
			}
			fmt.Fprintf(&b, "      %s: {aliases: [%s]}\n", key, strings.Join(s.aliases[key], ", "))
		}
		if len(s.links) > 0 {
			fmt.Fprintf(&b, "    links: [%q]\n", strings.Join(s.links, `", "`))
		}
		switch s.publish {
		case "all":
			fmt.Fprintf(&b, "    ports: [\"%d%s\"]\n", s.port, s.protocol())
		case "loopback":
			fmt.Fprintf(&b, "    ports: [\"127.0.0.1::%d%s\"]\n", s.port, s.protocol())
		}
	}
	b.WriteString("networks:\n")
	for _, n := range t.nets {
		if n.external {
			fmt.Fprintf(&b, "  %s: {external: true, name: %s}\n", n.key, n.name)
			continue
		}
		fmt.Fprintf(&b, "  %s:\n    internal: %t\n    driver_opts:\n      com.docker.network.bridge.enable_icc: \"%t\"\n", n.key, n.internal, !n.noICC)
		if n.noNAT {
			b.WriteString("      com.docker.network.bridge.enable_ip_masquerade: \"false\"\n")
		}
		if n.name != "" {
			fmt.Fprintf(&b, "    name: %s\n", n.name)
		}
	}
	return b.String()
}

func (t randomTopology) matrix() string {
	var b strings.Builder
	b.WriteString("matrix: random\nexternals: {internet: {ports: [443]}, clients: {}}\nservices:\n")
	for _, s := range t.services {
		fmt.Fprintf(&b, "  %s: {ports: [%d%s], from: [%s]}\n", s.name, s.port, s.protocol(), strings.Join(s.from, ", "))
	}
	return b.String()
}

// smaller are the topologies with one thing left out, the largest things first.
func (t randomTopology) smaller() []randomTopology {
	var list []randomTopology
	for i := range t.services {
		if len(t.services) > 2 {
			list = append(list, t.without(i))
		}
	}
	change := func(i int, f func(*serviceSpec)) {
		c := t
		c.services = slices.Clone(t.services)
		f(&c.services[i])
		list = append(list, c)
	}
	for i, s := range t.services {
		if s.publish != "" {
			change(i, func(s *serviceSpec) { s.publish = "" })
		}
		if len(s.aliases) > 0 {
			change(i, func(s *serviceSpec) { s.aliases = nil })
		}
		if len(s.links) > 0 {
			change(i, func(s *serviceSpec) { s.links = nil })
		}
		if s.container != "" {
			change(i, func(s *serviceSpec) { s.container = "" })
		}
		for at := range s.nets {
			if len(s.nets) > 1 {
				change(i, func(s *serviceSpec) { s.nets = slices.Delete(slices.Clone(s.nets), at, at+1) })
			}
		}
	}
	for i, n := range t.nets {
		if n.internal || n.noICC || n.noNAT || n.name != "" {
			c := t
			c.nets = slices.Clone(t.nets)
			c.nets[i] = netSpec{key: n.key}
			list = append(list, c)
		}
	}
	return list
}

// without leaves a service out, and whatever needs it.
func (t randomTopology) without(i int) randomTopology {
	gone := t.services[i].name
	c := randomTopology{nets: t.nets}
	for _, s := range t.services {
		if s.name == gone || s.mode == "service:"+gone {
			continue
		}
		s.from = slices.DeleteFunc(slices.Clone(s.from), func(name string) bool { return name == gone })
		s.links = slices.DeleteFunc(slices.Clone(s.links), func(link string) bool { return strings.HasPrefix(link, gone+":") })
		c.services = append(c.services, s)
	}
	return c
}

// TestTopologies keeps the generator honest: deterministic, loadable, and rich
// in every verdict.
func TestTopologies(t *testing.T) {
	seen := map[matrix.Verdict]int{}
	for seed := uint64(1); seed <= 25; seed++ {
		topology := generate(seed)
		require.Equal(t, topology, generate(seed))
		p, m := read(t, topology.compose(), strings.TrimPrefix(topology.matrix(), "matrix: random\n"))
		o := oracle.New(p, m, engine20)
		for _, c := range m.Expand() {
			seen[o.Predict(c).Verdict]++
		}
		for _, smaller := range topology.smaller() {
			require.NotEqual(t, topology, smaller)
		}
	}
	for _, v := range []matrix.Verdict{matrix.Allow, matrix.Deny, matrix.Partial} {
		assert.Greater(t, seen[v], 30, "too few cases of %s: %v", v, seen)
	}
	t.Log(seen)
}
