package policy

import (
	"fmt"
	"sort"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// Relation is who can reach whom by address, for every pair of pods at once.
// Pods with equal namespace, labels and ports are one to a policy, so the cost
// grows with the number of kinds of pods and not with that of pairs. It is not
// changed after NewRelation, and then safe for concurrent use.
type Relation struct {
	ports []RelationPort
	group []int32 // of each pod
	pods  []int   // in each group
	alone set     // groups of one pod
	// open are, by port and group, the groups that it reaches.
	open [][]set
}

// RelationPort is a port that a relation is about.
type RelationPort struct {
	Number   int
	Protocol matrix.Protocol
}

// NewRelation works out the relation of the pods on the ports. Names are not
// part of it, nor other projects' policies.
func NewRelation(objects *manifests.Objects, pods []manifests.StandIn, facts Cluster, ports []RelationPort) *Relation {
	r := &Relation{ports: ports, group: make([]int32, len(pods))}
	numbers := map[string]int32{}
	var endpoints []endpoint
	var key strings.Builder
	for i, p := range pods {
		writeKind(&key, p, facts)
		n, ok := numbers[key.String()]
		if !ok {
			n = int32(len(endpoints))
			numbers[key.String()] = n
			endpoints = append(endpoints, facts.podEndpoint(p))
			r.pods = append(r.pods, 0)
		}
		r.group[i] = n
		r.pods[n]++
	}
	w := newWorld(endpoints, facts.namespaces(objects, pods), facts.CNI == "cilium")
	r.fill(newOracleEngine(w, objects, facts))
	return r
}

// writeKind writes all that a policy can tell pods apart by.
func writeKind(b *strings.Builder, p manifests.StandIn, facts Cluster) {
	b.Reset()
	b.WriteString(p.Namespace)
	keys := make([]string, 0, len(p.Labels))
	for k := range p.Labels {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		b.WriteByte(0)
		b.WriteString(k)
		b.WriteByte(0)
		b.WriteString(p.Labels[k])
	}
	for _, c := range p.ContainerPorts {
		if c.Name != "" {
			fmt.Fprintf(b, "\x01%s\x00%d/%s", c.Name, c.Port, c.Protocol)
		}
	}
	if p.HostNetwork {
		b.WriteByte(2)
	}
	for _, a := range facts.Addresses[p.Service] {
		b.WriteByte(3)
		b.WriteString(a.String())
	}
}

func (r *Relation) fill(e *engine) {
	n := len(e.endpoints)
	r.alone = newSet(n)
	for i, pods := range r.pods {
		if pods == 1 {
			r.alone.add(i)
		}
	}
	r.open = make([][]set, len(r.ports))
	in := make([]set, n)
	for k, port := range r.ports {
		for i := range n {
			in[i] = e.peers(ingress, i, port)
		}
		r.open[k] = transpose(in)
		for i := range n {
			r.open[k][i].and(e.peers(egress, i, port))
		}
	}
}

// peers are the endpoints that the policies of one endpoint let through in one direction.
func (e *engine) peers(d direction, subject int, port RelationPort) set {
	ask := func(out set, among set) set {
		among.each(func(peer int) {
			p := packet{subject, peer, port.Number, port.Protocol}
			if d == ingress {
				p.from, p.to = peer, subject
			}
			if e.decide(d, p).state == yes {
				out.add(peer)
			}
		})
		return out
	}
	policies := e.selecting[d][subject]
	switch {
	case len(e.admin)+len(e.baseline) > 0 || e.endpoints[subject].host:
		return ask(newSet(len(e.endpoints)), e.all)
	case len(policies) == 0:
		return e.all
	}
	out, single := newSet(len(e.endpoints)), e.hosts.clone()
	for _, p := range policies {
		for i := range p.rules[d] {
			rule := &p.rules[d][i]
			single.or(rule.unsure)
			if d == egress && rule.hasNames() {
				single.or(rule.sure) // a name is another number at each destination
				continue
			}
			if rule.portMatch(&e.endpoints[subject], port.Number, port.Protocol) == yes {
				out.or(rule.sure)
			}
		}
	}
	return ask(out, single.without(out))
}

func (r *rule) hasNames() bool {
	for _, p := range r.ports {
		if p.name != "" {
			return true
		}
	}
	return false
}

// Allows reports whether pod from reaches pod to, by their numbers, on the
// port of that number in the list. What can't be known is not allowed. A pod
// always reaches itself.
func (r *Relation) Allows(from, to, port int) bool {
	if from == to {
		return true
	}
	return r.open[port][r.group[from]].has(int(r.group[to]))
}

// Count is how many pairs of different pods are allowed on the port.
func (r *Relation) Count(port int) int {
	total := 0
	for f, to := range r.open[port] {
		pairs := to.clone().and(r.alone).count()
		to.clone().without(r.alone).each(func(t int) { pairs += r.pods[t] })
		if to.has(f) {
			pairs-- // itself
		}
		total += pairs * r.pods[f]
	}
	return total
}
