// Package policy is the static oracle of Kubernetes manifests: what their
// NetworkPolicies, and the cluster-wide policies of network-policy-api, imply
// for every case of a matrix, and why.
//
// Verdicts have the runner's meaning:
//
//	allow    every required way is open: the service's name, and the pod's address
//	deny     no way is open
//	partial  some way is open, and a required one is not
//	unknown  the specification or the files leave it open; the reason says what
//
// A name is open where the source reaches the cluster's DNS over UDP, the
// Kubernetes Service has the port, and the pods behind it are the service's own.
//
// The rules come from the API's own comments (k8s.io/api/networking/v1,
// network-policy-api) and https://kubernetes.io/docs/concepts/services-networking/network-policies/.
package policy

import (
	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// Oracle predicts. It is safe for concurrent use.
type Oracle struct {
	objects *manifests.Objects
	placed  []manifests.StandIn
	matrix  *matrix.Matrix
	facts   Cluster

	world  *world
	engine *engine
	number map[string]int // of an endpoint, by the name of its service or external
	dns    int            // number of the cluster's DNS
}

var _ suites.Oracle = (*Oracle)(nil)

// New makes the oracle of manifests whose services stand as placed. A zero
// facts is a cluster that nobody asked.
func New(objects *manifests.Objects, placed []manifests.StandIn, m *matrix.Matrix, facts Cluster) *Oracle {
	o := &Oracle{objects: objects, placed: placed, matrix: m, facts: facts, number: map[string]int{}}
	var endpoints []endpoint
	for i, p := range placed {
		o.number[p.Service] = i
		endpoints = append(endpoints, facts.podEndpoint(p))
	}
	for _, x := range m.Externals {
		o.number[x.Name] = len(endpoints)
		endpoints = append(endpoints, endpoint{name: x.Name, external: true, addresses: facts.externalAddresses(x)})
	}
	dns := facts.dns()
	o.dns = len(endpoints)
	standIn := manifests.StandIn{Service: "the cluster's DNS"}
	endpoints = append(endpoints, endpoint{
		name: standIn.Service, namespace: dns.Namespace, labels: dns.Labels, ports: dns.Ports,
		nodeLocal: dns.NodeLocal, addresses: addressSpans(dns.Addresses),
	})
	if len(dns.Addresses) == 0 {
		endpoints[o.dns].addresses = facts.podAddresses(standIn)
	}
	o.world = newWorld(endpoints, facts.namespaces(objects, placed), facts.CNI == "cilium")
	o.engine = newOracleEngine(o.world, objects, facts)
	return o
}

// Static is the oracle of a suite whose cluster nobody asked.
func Static(s *suites.Suite) (*Oracle, error) {
	objects, err := manifests.Load(s)
	if err != nil {
		return nil, err
	}
	placed, _, err := objects.Place(s)
	if err != nil {
		return nil, err
	}
	return New(objects, placed, s.Matrix, Cluster{}), nil
}

func newOracleEngine(w *world, objects *manifests.Objects, facts Cluster) *engine {
	var admin, baseline []*tiered
	if !facts.NoClusterPolicies {
		admin, baseline = w.compileTiers(objects)
	}
	return newEngine(w, w.compileAll(objects.NetworkPolicies), admin, baseline)
}

func (c Cluster) podEndpoint(p manifests.StandIn) endpoint {
	return endpoint{
		name: p.Service, namespace: p.Namespace, labels: p.Labels, ports: p.ContainerPorts,
		host: p.HostNetwork, addresses: c.podAddresses(p),
	}
}

// podAddresses are the addresses that a pod may have.
func (c Cluster) podAddresses(p manifests.StandIn) []span {
	if known := addressSpans(c.Addresses[p.Service]); len(known) > 0 {
		return known
	}
	if p.HostNetwork {
		return unicast
	}
	var ranges []span
	for _, prefix := range c.PodCIDRs {
		if s, ok := prefixSpan(prefix); ok {
			ranges = append(ranges, s)
		}
	}
	if len(ranges) > 0 {
		return union(ranges)
	}
	return private
}

// externalAddresses are those that an external may have: as a destination, any
// address of the internet; as a source, any outside of the pods' ranges, since
// a node or a load balancer may put its own address in the place of the client's.
func (c Cluster) externalAddresses(x matrix.External) []span {
	if known := addressSpans(c.Addresses[x.Name]); len(known) > 0 {
		return known
	}
	if len(x.Ports) > 0 {
		return public
	}
	var pods []span
	for _, prefix := range c.PodCIDRs {
		if s, ok := prefixSpan(prefix); ok {
			pods = append(pods, s)
		}
	}
	return minus(unicast, union(pods))
}

// Predict says what the manifests imply for a case.
func (o *Oracle) Predict(c matrix.Case) suites.Prediction {
	from, okFrom := o.number[c.From]
	to, okTo := o.number[c.To]
	if !okFrom || !okTo {
		return suites.Prediction{Verdict: matrix.Unknown, Reason: "the suite places no stand-in for " + missing(c, okFrom)}
	}
	if u := o.unmodelled(from, to); u != nil {
		return suites.Prediction{
			Verdict: matrix.Unknown, Pos: u.Pos,
			Reason: u.Title() + " (" + u.APIVersion + ") is not modelled, and may change who can talk here",
		}
	}
	w := o.walk(c, from, to)
	return suites.Prediction{Verdict: w.verdict(), Reason: w.reason(), Pos: w.pos(), Steps: w.steps(), Mend: w.mend()}
}

func missing(c matrix.Case, okFrom bool) string {
	if !okFrom {
		return c.From
	}
	return c.To
}

// unmodelled is another project's policy that may reach one of the two ends:
// a cluster-wide one, or one in the namespace of either.
func (o *Oracle) unmodelled(from, to int) *manifests.Object {
	for i := range o.objects.Unmodelled {
		u := &o.objects.Unmodelled[i]
		for _, end := range []int{from, to} {
			e := &o.world.endpoints[end]
			if !e.external && (u.Namespace == "" || u.Namespace == e.namespace) {
				return u
			}
		}
	}
	return nil
}
