package policy

import (
	"fmt"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/netconform/netconform/matrix"
)

// listening are the ports that a pod answers on: those that it declares, and
// those that the matrix gives the service.
func (f *finder) listening(i int) []portSpec {
	var all []portSpec
	seen := map[portSpec]bool{}
	add := func(n int, protocol matrix.Protocol) {
		if s := (portSpec{protocol: protocol, from: n, to: n}); !seen[s] {
			seen[s] = true
			all = append(all, s)
		}
	}
	for _, p := range f.world.endpoints[i].ports {
		add(p.Port, p.Protocol)
	}
	if i < len(f.placed) {
		if s := f.matrix.Service(f.placed[i].Service); s != nil {
			for _, p := range s.Ports {
				for n := p.Number; n <= max(p.Number, p.End); n++ {
					if to, ok := f.placed[i].PodPort(n, p.Protocol); ok {
						add(to, p.Protocol)
					}
				}
			}
		}
	}
	return all
}

// destinations are the pods that a rule's ports are about; false where it is
// about the outside too, whose ports nobody knows.
func (f *finder) destinations(p *policy, d direction, r *rule) (set, bool) {
	if d == ingress {
		return p.selects, true
	}
	outside := f.world.all.clone().without(f.world.pods)
	return r.sure.clone().and(f.world.pods), outside.and(r.sure.clone().or(r.unsure)).empty()
}

// ports finds ports that no pod behind the rule listens on.
func (f *finder) ports(p *policy, d direction, r *rule) {
	to, known := f.destinations(p, d, r)
	if !known || to.empty() {
		return
	}
	for j, s := range r.ports {
		if s.name == "" && s.from == 0 {
			continue
		}
		heard, service := false, ""
		to.each(func(i int) {
			for _, l := range f.listening(i) {
				heard = heard || s.match(&f.world.endpoints[i], l.from, l.protocol) == yes
			}
			if i < len(f.placed) && s.name == "" && s.from == s.to {
				if sp, ok := f.placed[i].ServicePort(s.from, s.protocol); ok && service == "" {
					service = fmt.Sprintf("; Service %s sends its port %d to %s, and a policy sees the pod's port", f.placed[i].KubeService, s.from, sp.Target.String())
				}
			}
		})
		if !heard {
			f.add(portNobodyHas, p.At("spec", d.String(), r.index, "ports", j),
				fmt.Sprintf("%s.ports[%d] of %s is %s, on which none of %s listens%s: it opens nothing", ruleName(d, r.index), j, p.Title(), portsText([]portSpec{s}), f.names(to), service),
				"correct the port, or remove it")
		}
	}
}

// otherSide finds rules that let a packet through which the policies of its
// other end stop: where the matrix needs it, and where the rule has no effect at all.
func (f *finder) otherSide(p *policy, d direction, r *rule, peers []networkingv1.NetworkPolicyPeer) {
	if len(peers) == 0 || broad(peers) {
		return
	}
	other := ingress
	if d == ingress {
		other = egress
	}
	passes, needed, any := false, []string{}, []string{}
	blockers := map[string]bool{}
	var blocking *policy
	p.selects.each(func(self int) {
		r.sure.each(func(peer int) {
			from, to := self, peer
			if d == ingress {
				from, to = peer, self
			}
			if from == to || f.world.endpoints[from].external || f.world.endpoints[to].external {
				return
			}
			for _, l := range f.listening(to) {
				pkt := packet{from, to, l.from, l.protocol}
				if f.engine.matches(r, d, pkt) != yes {
					continue
				}
				ruling := f.engine.decide(other, pkt)
				if ruling.state != no {
					passes = true
					continue
				}
				pair := fmt.Sprintf("%s to %s:%s", f.world.endpoints[from].name, f.world.endpoints[to].name, portText(l.from, l.protocol))
				any = append(any, pair)
				if f.needs(from, to, l) {
					needed = append(needed, pair)
				}
				if len(ruling.isolating) > 0 && !blockers[ruling.isolating[0].Title()] {
					blockers[ruling.isolating[0].Title()] = true
					if blocking == nil {
						blocking = ruling.isolating[0]
					}
				}
			}
		})
	})
	at := p.At("spec", d.String(), r.index)
	name := ruleName(d, r.index) + " of " + p.Title()
	side := ""
	if blocking != nil {
		side = fmt.Sprintf("%s (%s)", blocking.Title(), blocking.Pos)
	}
	switch {
	case len(needed) > 0:
		f.add(oneSidedAllow, at, fmt.Sprintf("%s allows %s, which the matrix needs, and the %s side does not: %s has no rule for it", name, few(needed), other, side),
			fmt.Sprintf("add the %s rules to the policies of the other end", other))
	case len(any) > 0 && !passes:
		f.add(ruleNoEffect, at, fmt.Sprintf("%s allows %s, and the %s side does not: the rule has no effect", name, few(any), other),
			fmt.Sprintf("remove the rule, or add the %s rules to the policies of the other end", other))
	}
}

// broad peers are not meant for single services, so what they do not open says nothing.
func broad(peers []networkingv1.NetworkPolicyPeer) bool {
	for _, p := range peers {
		if p.IPBlock != nil || p.NamespaceSelector != nil && isEmpty(p.NamespaceSelector) {
			return true
		}
	}
	return false
}

// needs says whether the matrix allows the packet.
func (f *finder) needs(from, to int, l portSpec) bool {
	if from >= len(f.placed) || to >= len(f.placed) {
		return false
	}
	if f.wanted == nil {
		f.wanted = map[wantKey]bool{}
		for _, c := range f.cases {
			if n, ok := f.number[c.To]; ok && c.Expected == matrix.Allow && c.Protocol != matrix.DNS && n < len(f.placed) {
				if port, ok := f.placed[n].PodPort(c.Port, c.Protocol); ok {
					f.wanted[wantKey{f.number[c.From], n, port, c.Protocol}] = true
				}
			}
		}
	}
	return f.wanted[wantKey{from, to, l.from, l.protocol}]
}

type wantKey packet

// lookups finds services that the policies keep from the cluster's DNS, or
// from asking again over TCP (RFC 7766, section 5: a client must be able to).
func (f *finder) lookups() {
	type group struct {
		p     *policy
		names []string
	}
	var cut, noTCP []*group
	put := func(list *[]*group, l link, name string) {
		d := egress
		if l.rulings[egress].state != no {
			d = ingress
		}
		if len(l.rulings[d].isolating) == 0 {
			return
		}
		p := l.rulings[d].isolating[0]
		for _, g := range *list {
			if g.p == p {
				g.names = append(g.names, name)
				return
			}
		}
		*list = append(*list, &group{p, []string{name}})
	}
	for i, s := range f.placed {
		service := f.matrix.Service(s.Service)
		if service != nil && service.DNS == matrix.Deny {
			continue
		}
		udp := f.engine.link(packet{i, f.dns, 53, matrix.UDP})
		tcp := f.engine.link(packet{i, f.dns, 53, matrix.TCP})
		switch {
		case udp.state() == no:
			put(&cut, udp, s.Service)
		case udp.state() == yes && tcp.state() == no:
			put(&noTCP, tcp, s.Service)
		}
	}
	dns := f.facts.dns()
	peer := fmt.Sprintf("namespaceSelector kubernetes.io/metadata.name: %s with podSelector %s in the same list item", dns.Namespace, strings.ReplaceAll(labelText(dns.Labels), "=", ": "))
	for _, g := range cut {
		f.add(dnsCutOff, g.p.Pos, fmt.Sprintf("%s isolates %s for egress, and no rule lets them reach the cluster's DNS on 53/udp: no name resolves there", g.p.Title(), few(g.names)),
			"add an egress rule on ports 53/UDP and 53/TCP to "+peer)
	}
	for _, g := range noTCP {
		f.add(dnsWithoutTCP, g.p.Pos, fmt.Sprintf("%s lets %s ask the cluster's DNS over UDP and not over TCP: an answer that is too long for UDP can't be asked for again", g.p.Title(), few(g.names)),
			"add port 53/TCP beside 53/UDP")
	}
}
