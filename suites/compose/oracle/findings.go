package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/netconform/netconform/matrix"
)

// Findings are what is wrong with the Compose files, for what the matrix needs
// or in themselves, sorted by place.
func (o *Oracle) Findings() []matrix.Finding {
	f := &finder{o: o}
	f.missing()
	f.pairs()
	f.ports()
	f.networks()
	f.names()
	slices.SortStableFunc(f.list, func(a, b matrix.Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return f.list
}

type finder struct {
	o    *Oracle
	list []matrix.Finding
}

func (f *finder) add(rule string, pos matrix.Pos, mend, format string, args ...any) {
	f.list = append(f.list, matrix.Finding{Rule: rule, Pos: pos, Message: fmt.Sprintf(format, args...), Mend: mend})
}

func (f *finder) missing() {
	for _, s := range f.o.matrix.Services {
		if _, ok := f.o.project.Compose(s.Name); !ok {
			f.add("service-missing", s.Pos, "add the service, or name the Compose service under compose.services of the suite",
				"no Compose service stands for %s, so nothing about it can be verified", s.Name)
		}
	}
}

// pairs looks at what the matrix allows, pair by pair.
func (f *finder) pairs() {
	type pair struct{ from, to string }
	seen := map[pair]bool{}
	broken := map[*network][]string{}
	for _, c := range f.o.matrix.Expand() {
		if c.Expected != matrix.Allow || c.Protocol == matrix.DNS || seen[pair{c.From, c.To}] {
			continue
		}
		t, ways, unknown := f.o.ask(c)
		if unknown != "" || t.from == nil || t.to == nil || t.from.kind != bridged || t.to.kind != bridged || t.from == t.to {
			continue
		}
		v, _ := decide(ways)
		if v != matrix.Deny && v != matrix.Partial {
			continue
		}
		seen[pair{c.From, c.To}] = true
		shared := t.shared()
		first := ways[0].via // where the name leads, if anywhere
		switch {
		case len(shared) == 0:
			f.add("no-common-network", f.o.project.Pos("services", t.toService, "networks"), f.o.open(c, t),
				"%s may talk to %s by the matrix (%s), but they share no network: %s; %s",
				c.From, c.To, c.Pos, f.o.where(c.From, t.from), f.o.where(c.To, t.to))
		case first != nil && !first.icc && slices.ContainsFunc(shared, func(n *network) bool { return n.icc }):
			f.add("name-on-wrong-network", f.o.membership(t.from.owner, first), f.o.open(c, t),
				"%s may talk to %s by the matrix (%s), and they share %s; but the engine's DNS answers on %s, the first of %s's networks that knows the name, and enable_icc is false there",
				c.From, c.To, c.Pos, join(keysOf(shared)), first.key, t.fromService)
		case first != nil && !first.icc:
			broken[first] = append(broken[first], c.From+" -> "+c.To)
		}
	}
	for _, key := range f.o.model.keys() {
		net := f.o.model.networks[key]
		if pairs := broken[net]; len(pairs) > 0 {
			f.add("icc-breaks-pair", f.o.project.Pos("networks", key, "driver_opts", optICC),
				"give these pairs a network of their own, or remove enable_icc: \"false\"",
				"%s has enable_icc false, so its containers can't talk to each other; the matrix needs %d pairs that share nothing else: %s",
				key, len(pairs), strings.Join(pairs, ", "))
		}
	}
}

func keysOf(nets []*network) []string {
	var keys []string
	for _, n := range nets {
		keys = append(keys, n.key)
	}
	return keys
}

// ports looks at what is published.
func (f *finder) ports() {
	for _, service := range f.o.project.ServiceNames() {
		s := f.o.project.Services[service]
		n := f.o.model.nodes[service]
		if n == nil || n.kind == foreign {
			continue
		}
		for _, p := range s.Ports {
			pos := f.o.project.PortPos(service, p)
			switch {
			case n.owner != service:
				f.add("ports-without-namespace", pos, "publish them on "+n.owner,
					"%s shares the network namespace of %s, and the engine refuses ports on it", service, n.owner)
			case n.kind == onHost || n.kind == isolated:
				f.add("ports-without-effect", pos, "remove them", "%s, so ports publishes nothing", f.o.where(service, n))
			case n.gateway() == nil:
				f.add("ports-on-internal", pos, "put "+service+" on a network that is not internal, or remove the ports",
					"all networks of %s are internal, so the engine publishes nothing and says nothing", service)
			default:
				f.published(service, n, p, pos)
			}
		}
	}
}

// published names the services that the matrix keeps from a port and that
// reach it through the host, whatever the networks.
func (f *finder) published(service string, n *node, p types.ServicePortConfig, pos matrix.Pos) {
	name, ok := f.o.project.Matrix(service)
	if !ok || f.o.matrix.Service(name) == nil {
		return
	}
	if addr := bound(p, n.gateway()); addr.IsLoopback() {
		return
	}
	var open []string
	for _, c := range f.o.matrix.Expand() {
		if c.To != name || c.Port != int(p.Target) || !strings.EqualFold(string(c.Protocol), p.Protocol) || c.Expected != matrix.Deny {
			continue
		}
		t, ways, unknown := f.o.ask(c)
		if unknown != "" || t.from == nil {
			continue
		}
		if onlyPublished(ways) {
			open = append(open, c.From)
		}
	}
	if len(open) > 0 {
		f.add("published-undoes-isolation", pos, "publish it on 127.0.0.1, or put a reverse proxy in front, if only the host needs it",
			"port %d of %s is published on the host, and by the host's addresses %s reach it too, which the matrix forbids and the networks would block",
			p.Target, service, join(open))
	}
}

func onlyPublished(ways []way) bool {
	published := false
	for _, w := range ways {
		if w.state == open {
			if published = w.route == "published"; !published {
				return false
			}
		}
	}
	return published
}

func (f *finder) networks() {
	m := f.o.model
	for _, key := range m.keys() {
		n := m.networks[key]
		c := f.o.project.Networks[key]
		if !n.used {
			continue
		}
		if n.unknown != "" {
			f.add("network-options-unknown", n.pos, "declare the network in these files, or verify live, where the engine is asked",
				"%s, so what its members reach can't be derived", n.unknown)
		}
		if c.EnableIPv6 != nil && *c.EnableIPv6 && !m.engine.since(27, 0, 0) {
			f.add("ipv6-unfiltered", f.o.project.Pos("networks", key, "enable_ipv6"), "turn ip6tables on in the engine, or use 27.0 or later",
				"%s has IPv6, which engines before 27.0 do not filter by default: its containers are open to whoever has a route", key)
		}
	}
}

// names looks at what opens nothing, and at names that two services answer to.
func (f *finder) names() {
	for _, service := range f.o.project.ServiceNames() {
		s := f.o.project.Services[service]
		n := f.o.model.nodes[service]
		for _, link := range s.Links {
			target, _, _ := strings.Cut(link, ":")
			other := f.o.model.nodes[target]
			if n == nil || other == nil || n == other || n.kind != bridged || len(trip{from: n, to: other}.shared()) > 0 {
				continue
			}
			f.add("link-opens-nothing", f.o.project.Pos("services", service, "links", link), "put both on a common network",
				"%s links to %s, with which it shares no network; links open nothing on networks of one's own", service, target)
		}
		for _, key := range keysOfConfig(s.Networks) {
			config := s.Networks[key]
			if config == nil {
				continue
			}
			for _, alias := range config.Aliases {
				for _, other := range f.o.model.names[f.o.model.networks[key]][alias] {
					if other == alias && other != service {
						f.add("alias-takes-name", f.o.project.Pos("services", service, "networks", key, "aliases", alias), "choose another alias",
							"%s has the alias %s on %s, the name of another service there: lookups give either", service, alias, key)
					}
				}
			}
		}
	}
}

func keysOfConfig(networks map[string]*types.ServiceNetworkConfig) []string {
	var keys []string
	for key := range networks {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
