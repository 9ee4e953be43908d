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
// since Docker's own pools are of at most 31 networks.
var base = netip.MustParseAddr("172.30.128.0")

const composeHeader = `# Made by "netconform generate compose" of %s; make it again rather than edit it.
# Use it as the last of the project's Compose files: it replaces every service's
# networks and published ports (!override needs Compose 2.24.4 or later).
#
# Services share a network only where the matrix lets each pair of its members talk,
# in one direction at least. What a bridge network can't do remains open: it has
# no direction and knows no ports, so whoever may be called can call back, and
# whoever may reach one port of a service reaches them all.
#
# A service that may be reached from outside publishes its ports from a network
# without masquerading: nobody outside answers it there, and up to Engine 28 it
# can't reach what other services publish. One that may itself reach the outside
# needs masquerading, and with it every published port of the host is open to it,
# through the gateway's address.
`

// Compose makes an override file for the suite's Compose project, with networks
// that satisfy its matrix as far as bridge networks can:
//
//   - Internal networks for the services, each pair of whose members may talk.
//   - For a service that may talk to an external, a network of its own with a way out.
//   - For a service that only an external may talk to, a network of its own that
//     publishes its ports and does not masquerade, so that it has no way out.
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
//   - Published ports, to a service with a way out: it reaches them through the
//     gateway of its own network.
//
// From Engine 29 on, published ports are open to every service that publishes too.
func Unenforceable(m *matrix.Matrix) []matrix.Case {
	type pair struct{ from, to string }
	talks, out, published := map[pair]bool{}, map[string]bool{}, map[string]bool{}
	for _, c := range allowed(m) {
		talks[pair{c.From, c.To}] = true
		if m.External(c.To) != nil {
			out[c.From] = true
		}
		if m.External(c.From) != nil {
			published[key(c)] = true
		}
	}
	return slices.DeleteFunc(m.Expand(), func(c matrix.Case) bool {
		if c.Expected != matrix.Deny || c.Protocol == matrix.DNS || talks[pair{c.To, c.From}] {
			return true
		}
		open := talks[pair{c.From, c.To}] || out[c.From] && published[key(c)]
		return m.Service(c.From) == nil || m.Service(c.To) == nil || !open
	})
}

// key names the destination's port.
func key(c matrix.Case) string { return fmt.Sprintf("%s:%d/%s", c.To, c.Port, c.Protocol) }

type network struct {
	name     string
	notes    []string
	members  int
	internal bool
	noWayOut bool // not internal, and yet nobody outside answers
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
	n := network{name: service + ".outside", noWayOut: true}
	for _, open := range cases {
		switch {
		case open.From == service && c.matrix.External(open.To) != nil:
			n.noWayOut = false
			n.notes = append(n.notes, fmt.Sprintf("%s -> %s:%d: %s", open.From, open.To, open.Port, source(open)))
		case open.To == service && c.matrix.External(open.From) != nil:
			c.publish(service, open)
			n.notes = append(n.notes, fmt.Sprintf("%s -> %s:%d: %s", open.From, open.To, open.Port, source(open)))
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
		if n.noWayOut {
			b.WriteString("    driver_opts: {com.docker.network.bridge.enable_ip_masquerade: \"false\"}\n")
		}
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
