package generate

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/project"
)

// base is where the networks' subnets begin. They are small and named one by one,
// since Docker's own pools hold 31 networks at most; those are 172.17.0.0/16 to
// 172.31.0.0/16 and 192.168.0.0/16, so these lie beside them.
var base = netip.MustParseAddr("172.16.192.0")

const composeHeader = `# Made by "netconform generate compose" of %s; make it again rather than edit it.
# Use it as the last of the project's Compose files: it replaces every service's
# networks and published ports (!override needs Compose 2.24.4 or later).
#
# Services share a network only where the matrix lets each pair of its members talk,
# in one direction at least. What a bridge network can't do remains open: it has
# no direction and knows no ports, so whoever may be called can call back, and
# whoever may reach one port of a service reaches them all.
#
# A service that talks with the outside, in either direction, has a network that is
# not internal. That alone lets it out to everywhere, and to every port that the
# host publishes, through its gateway's address; a network can't do less.
`

// Compose makes an override file for the suite's Compose project, with networks
// that satisfy its matrix as far as bridge networks can:
//
//   - Internal networks for the services, each pair of whose members may talk.
//   - For a service that may talk with an external, in either direction, a network
//     of its own that is not internal; its ports are published where the matrix
//     lets an external in, and no others.
//
// What stays open beside the reverse of what is allowed is in Unenforceable.
func Compose(s *suites.Suite) ([]byte, error) {
	p, err := project.Load(context.Background(), s)
	if err != nil {
		return nil, err
	}
	cases := allowed(s.Matrix)
	c := &composition{matrix: s.Matrix, project: p, networks: map[string][]string{}, ports: map[string][]string{}}
	for _, members := range cover(s.Matrix, cases) {
		c.link(members, cases)
	}
	for _, service := range s.Matrix.Services {
		config, ok := p.Compose(service.Name)
		if !ok {
			continue
		}
		if config.NetworkMode != "" {
			return nil, fmt.Errorf("%s: %s has network_mode: %s, which an override can't take away: remove it to give the service networks",
				p.Pos("services", config.Name, "network_mode"), config.Name, config.NetworkMode)
		}
		c.outside(service.Name, cases)
	}
	return c.write(s), nil
}

// Unenforceable are the cases that these networks leave open though the matrix
// denies them, beside the reverse of what is allowed:
//
//   - Other ports of a pair that may talk on some: a network knows no ports.
//   - From a service with a network that is not internal: published ports, which
//     it reaches through the gateway's address, and every external.
func Unenforceable(m *matrix.Matrix) []matrix.Case {
	type pair struct{ from, to string }
	talks, outside, published := map[pair]bool{}, map[string]bool{}, map[string]bool{}
	for _, c := range allowed(m) {
		talks[pair{c.From, c.To}] = true
		if m.External(c.To) != nil {
			outside[c.From] = true
		}
		if m.External(c.From) != nil {
			outside[c.To] = true
			published[key(c)] = true
		}
	}
	return slices.DeleteFunc(m.Expand(), func(c matrix.Case) bool {
		if c.Expected != matrix.Deny || c.Protocol == matrix.DNS || m.External(c.From) != nil || talks[pair{c.To, c.From}] {
			return true
		}
		out := outside[c.From] && (published[key(c)] || m.External(c.To) != nil)
		return !out && !talks[pair{c.From, c.To}]
	})
}

// key names the destination's port.
func key(c matrix.Case) string { return fmt.Sprintf("%s:%d/%s", c.To, c.Port, c.Protocol) }

type network struct {
	name     string
	notes    []string
	members  int
	internal bool
}

type composition struct {
	matrix   *matrix.Matrix
	project  *project.Project
	all      []network
	networks map[string][]string // by service
	ports    map[string][]string // by service, as Compose writes them
}

func (c *composition) add(n network, members ...string) {
	n.members = len(members)
	c.all = append(c.all, n)
	for _, m := range members {
		c.networks[m] = append(c.networks[m], n.name)
	}
}

// link gives services a network of theirs, and says why.
func (c *composition) link(members []string, cases []matrix.Case) {
	n := network{name: strings.Join(members, "."), internal: true}
	seen := map[string]bool{}
	for _, open := range cases {
		note := fmt.Sprintf("%s -> %s: %s", open.From, open.To, line(open))
		if slices.Contains(members, open.From) && slices.Contains(members, open.To) && !seen[note] {
			seen[note] = true
			n.notes = append(n.notes, note)
		}
	}
	c.add(n, members...)
}

// outside gives a service the network that its traffic with externals needs.
func (c *composition) outside(service string, cases []matrix.Case) {
	n := network{name: service + ".outside"}
	for _, open := range cases {
		from, to := c.matrix.External(open.From) != nil, c.matrix.External(open.To) != nil
		if open.To == service && from {
			c.publish(service, open)
		}
		if open.To == service && from || open.From == service && to {
			n.notes = append(n.notes, fmt.Sprintf("%s -> %s:%d: %s", open.From, open.To, open.Port, line(open)))
		}
	}
	switch {
	case len(n.notes) > 0:
		c.add(n, service)
	case len(c.networks[service]) == 0:
		c.add(network{name: service + ".alone", internal: true, notes: []string{"nobody may talk with " + service}}, service)
	}
}

// publish keeps the host port that the project publishes the port on, if it does.
func (c *composition) publish(service string, open matrix.Case) {
	config, _ := c.project.Compose(service)
	host := fmt.Sprint(open.Port)
	i := slices.IndexFunc(config.Ports, func(p types.ServicePortConfig) bool {
		return int(p.Target) == open.Port && p.Protocol == string(open.Protocol) && p.Published != ""
	})
	if i >= 0 {
		host = config.Ports[i].Published
	}
	port := fmt.Sprintf("%s:%d", host, open.Port)
	if open.Protocol != matrix.TCP {
		port += "/" + string(open.Protocol)
	}
	if !slices.Contains(c.ports[service], port) {
		c.ports[service] = append(c.ports[service], port)
	}
}

func (c *composition) write(s *suites.Suite) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, composeHeader, s.Matrix.Name)
	b.WriteString("services:\n")
	for _, service := range s.Matrix.Services {
		config, ok := c.project.Compose(service.Name)
		if !ok {
			continue
		}
		fmt.Fprintf(&b, "  %s:\n", text(config.Name))
		if len(config.Ports) > 0 || len(c.ports[service.Name]) > 0 {
			fmt.Fprintf(&b, "    ports: !override [%s]\n", quoted(c.ports[service.Name]))
		}
		fmt.Fprintf(&b, "    networks: !override [%s]\n", strings.Join(c.networks[service.Name], ", "))
	}
	b.WriteString("\nnetworks:\n")
	next := base
	for _, n := range c.all {
		subnet := subnetFrom(next, n.members)
		next = after(subnet)
		for _, note := range n.notes {
			fmt.Fprintf(&b, "  # %s\n", note)
		}
		fmt.Fprintf(&b, "  %s:\n    driver: bridge\n", n.name)
		if n.internal {
			b.WriteString("    internal: true\n")
		}
		b.WriteString("    ipam:\n      config:\n")
		fmt.Fprintf(&b, "        - subnet: %s\n", subnet)
	}
	return []byte(b.String())
}

func quoted(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return strings.Join(out, ", ")
}

// subnetFrom is the next subnet, /28 at least, with room for the members, a
// gateway, the network's and the broadcast address, and one to spare.
func subnetFrom(next netip.Addr, members int) netip.Prefix {
	bits := 28
	for 1<<(32-bits) < members+4 {
		bits--
	}
	p := netip.PrefixFrom(next, bits).Masked()
	if p.Addr() != next {
		p = netip.PrefixFrom(after(p), bits)
	}
	return p
}

// after is the first address behind the subnet.
func after(p netip.Prefix) netip.Addr {
	v4 := p.Addr().As4()
	binary.BigEndian.PutUint32(v4[:], binary.BigEndian.Uint32(v4[:])+1<<(32-p.Bits()))
	return netip.AddrFrom4(v4)
}
