package kubernetes

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// Ways lists the paths of a case. Every instance of the source tries the
// destination's name, its Service address, and the address of each of its pods.
//
//   - The name is that which an application in the source's namespace uses:
//     "svc", or "svc.namespace" from another one.
//   - The name and the pods' addresses are required for an allow; the name is
//     not where the matrix says that the source must not resolve any. The Service's
//     address is what the name resolves to, so it is only reported beside it.
//   - A port that the destination's own Service lacks can't be reached by name;
//     such a case is decided by the pods' addresses.
func (d *deployment) Ways(c matrix.Case) suites.Ways {
	if c.Protocol == matrix.SCTP && d.noSCTP != "" {
		return suites.Ways{Skip: d.noSCTP}
	}
	if e, ok := d.external(c.To); ok {
		return d.waysOut(c, e)
	}
	to := d.layout.find(c.To)
	if to == nil {
		return suites.Ways{Skip: fmt.Sprintf("%s has no stand-in", c.To)}
	}
	if slices.Contains(d.layout.clients, c.From) || d.layout.find(c.From) == nil {
		return d.waysIn(c, to)
	}
	from := d.layout.find(c.From)
	if c.Protocol == matrix.DNS {
		return d.waysDNS(c, from, to)
	}
	port, known := to.PodPort(c.Port, c.Protocol)
	var w suites.Ways
	for _, source := range d.instances(c.From) {
		if _, ok := to.ServicePort(c.Port, c.Protocol); ok {
			w.Paths = append(w.Paths, suites.Path{Route: suites.ByName, From: source.vantage,
				Host: serviceName(from.Namespace, to), Port: c.Port, Protocol: c.Protocol, Required: d.layout.looksUp(c.From)})
			if !to.Headless {
				for _, address := range d.services[c.To].addresses {
					w.Paths = append(w.Paths, suites.Path{Route: suites.ByService, From: source.vantage,
						Host: address, Port: c.Port, Protocol: c.Protocol})
				}
			}
		}
		for _, target := range d.instances(c.To) {
			if known {
				w.Paths = append(w.Paths, addressPaths(source, target, port, c.Protocol)...)
			}
		}
	}
	w.Controls = d.controls(c, to, port, known)
	return w
}

// addressPaths are those to every address of a pod that the source has a family for.
func addressPaths(source, target *livePod, port int, protocol matrix.Protocol) []suites.Path {
	var paths []suites.Path
	for _, address := range target.addresses {
		if !speaks(source, address) {
			continue
		}
		paths = append(paths, suites.Path{Route: suites.ByAddress, From: source.vantage, To: target.vantage,
			Host: address, Port: port, Protocol: protocol, Via: between(source, target), Required: true})
	}
	return paths
}

// controls probe every instance of the destination from its own network
// namespace, on its own address: nothing under test is on that way. A name that
// does not resolve is measured against a lookup by a pod that no policy selects.
func (d *deployment) controls(c matrix.Case, to *standIn, port int, known bool) []suites.Path {
	var list []suites.Path
	if known {
		for _, target := range d.instances(c.To) {
			list = append(list, ownControl(target, port, c.Protocol))
		}
	}
	if to.KubeService != "" {
		list = append(list, d.lookupControls(c.To, to)...)
	}
	return list
}

func ownControl(target *livePod, port int, protocol matrix.Protocol) suites.Path {
	return suites.Path{Route: suites.ByAddress, From: target.vantage, To: target.vantage,
		Host: target.addresses[0], Port: port, Protocol: protocol, Via: "own network namespace"}
}

func (d *deployment) lookupControls(service string, to *standIn) []suites.Path {
	var list []suites.Path
	for _, peer := range d.role(rolePeer) {
		list = append(list, suites.Path{Route: suites.ByLookup, From: peer.vantage, To: service,
			Host: to.KubeService + "." + to.Namespace, Protocol: matrix.DNS, Via: "canary namespace"})
	}
	return list
}

func (d *deployment) waysDNS(c matrix.Case, from, to *standIn) suites.Ways {
	if to.KubeService == "" {
		return suites.Ways{Skip: fmt.Sprintf("%s has no Service, so it has no name", c.To)}
	}
	var w suites.Ways
	for _, source := range d.instances(c.From) {
		w.Paths = append(w.Paths, suites.Path{Route: suites.ByLookup, From: source.vantage, To: c.To,
			Host: serviceName(from.Namespace, to), Protocol: matrix.DNS, Via: "on " + source.node, Required: true})
	}
	w.Controls = d.lookupControls(c.To, to)
	return w
}

// waysIn are those of clients: from a host's own network, as traffic through a
// NodePort or a load balancer arrives (externalTrafficPolicy Cluster puts a
// node's address in the place of the client's). A pod's own node may always
// reach it, because the kubelet must, so the client is on another node.
func (d *deployment) waysIn(c matrix.Case, to *standIn) suites.Ways {
	if c.Protocol == matrix.DNS {
		return suites.Ways{Skip: "an external does not use the cluster's DNS"}
	}
	port, known := to.PodPort(c.Port, c.Protocol)
	if !known {
		return suites.Ways{Skip: fmt.Sprintf("the Service of %s names a container port that is not there", c.To)}
	}
	if why := d.unlike(to, true); why != "" {
		return suites.Ways{Skip: why}
	}
	var w suites.Ways
	for _, target := range d.instances(c.To) {
		for _, host := range d.role(roleHost) {
			if host.node == target.node || host.failed != "" {
				continue
			}
			w.Paths = append(w.Paths, addressPaths(host, target, port, c.Protocol)...)
			if node := d.services[c.To].nodePorts[portKey{c.Port, c.Protocol}]; node != 0 {
				w.Paths = append(w.Paths, suites.Path{Route: suites.ByPublished, From: host.vantage, Host: d.nodeAddress(target.node),
					Port: node, Protocol: c.Protocol, Via: "NodePort of " + target.node, Required: true})
			}
		}
		w.Controls = append(w.Controls, ownControl(target, port, c.Protocol))
	}
	if len(w.Paths) == 0 {
		return suites.Ways{Skip: "clients come in through another node than the pod's own, which may always reach it, and the cluster has no second node"}
	}
	return w
}

// waysOut are those to the outside: a stand-in on a host's own network, whose
// address is in no range of pods or Services.
func (d *deployment) waysOut(c matrix.Case, e matrix.External) suites.Ways {
	from := d.layout.find(c.From)
	if from == nil {
		return suites.Ways{Skip: fmt.Sprintf("%s and %s are both outside of the cluster", c.From, c.To)}
	}
	target := d.pods[d.internetVantage(c.To)]
	if target == nil || target.failed != "" {
		why := "it was not made"
		if target != nil {
			why = target.failed
		}
		return suites.Ways{Skip: fmt.Sprintf("there is no stand-in for %s: %s", c.To, why)}
	}
	if why := d.unlike(from, false); why != "" {
		return suites.Ways{Skip: why}
	}
	var w suites.Ways
	for _, source := range d.instances(c.From) {
		if source.node == target.node && len(d.nodes) > 1 {
			continue // a node is not outside for its own pods
		}
		w.Paths = append(w.Paths, addressPaths(source, target, c.Port, c.Protocol)...)
	}
	w.Controls = []suites.Path{ownControl(target, c.Port, c.Protocol)}
	return w
}

func (d *deployment) external(name string) (matrix.External, bool) {
	for _, e := range d.layout.outside {
		if e.Name == name {
			return e, true
		}
	}
	return matrix.External{}, false
}

// instances are the pods of a service, in the order of the nodes.
func (d *deployment) instances(service string) []*livePod {
	var list []*livePod
	for _, v := range d.order {
		if p := d.pods[v]; p.role == roleStandIn && p.identity == service {
			list = append(list, p)
		}
	}
	return list
}

func (d *deployment) role(role string) []*livePod {
	var list []*livePod
	for _, v := range d.order {
		if p := d.pods[v]; p.role == role {
			list = append(list, p)
		}
	}
	return list
}

// serviceName is how a pod of that namespace names the destination.
func serviceName(fromNamespace string, to *standIn) string {
	if fromNamespace == to.Namespace {
		return to.KubeService
	}
	return to.KubeService + "." + to.Namespace
}

func between(a, b *livePod) string {
	if a.node == b.node {
		return "same node"
	}
	return "other node"
}

// speaks reports whether the pod has an address of the family.
func speaks(p *livePod, address string) bool {
	want, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(p.addresses, func(own string) bool {
		have, err := netip.ParseAddr(own)
		return err == nil && have.Is4() == want.Is4()
	})
}
