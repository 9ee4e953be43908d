package generate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// privateRanges are what is not the world outside: pods, Services, nodes and their
// neighbours have addresses in RFC 1918 and RFC 6598, and clouds tell secrets on
// link-local ones (RFC 3927). What may go out to the world may not go there.
//
// Peers that come in have no such exception, since a node or a load balancer
// often puts its own address in the place of theirs. The system's own pods
// are kept off by their egress rules.
const privateRanges = "10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16"

// NetworkPolicy makes least-privilege policies of the suite's matrix: a default
// deny for each namespace, DNS, and one policy a service for both directions. The
// keys are file names; kustomization.yaml lists the others.
//
// Services stand where the suite's Kubernetes target and its workloads put them;
// the target's own policies are not looked at. An external that comes in is every
// IPv4 address; one that is gone to is every public one.
func NetworkPolicy(s *suites.Suite) (map[string][]byte, error) {
	objects, err := manifests.Load(s)
	if err != nil {
		return nil, err
	}
	placed, _, err := objects.Place(s)
	if err != nil {
		return nil, err
	}
	p := policies{suite: s, standIns: map[string]manifests.StandIn{}, selectors: map[string]string{}}
	for _, standIn := range placed {
		p.standIns[standIn.Service] = standIn
		if !slices.Contains(p.namespaces, standIn.Namespace) {
			p.namespaces = append(p.namespaces, standIn.Namespace)
		}
	}
	for _, standIn := range placed {
		if p.selectors[standIn.Service], err = selector(standIn, placed); err != nil {
			return nil, err
		}
	}

	files := map[string][]byte{"default-deny.yaml": p.defaultDeny(), "dns.yaml": p.dns()}
	order := []string{"default-deny.yaml", "dns.yaml"}
	cases := allowed(s.Matrix)
	for _, service := range s.Matrix.Services {
		name := service.Name + ".yaml"
		if files[name] != nil {
			name = service.Name + "-service.yaml"
		}
		files[name] = p.service(service.Name, cases)
		order = append(order, name)
	}
	files["kustomization.yaml"] = []byte(fmt.Sprintf("%sapiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n\nresources:\n  - %s\n",
		p.header("Least privilege for the matrix %s.", s.Matrix.Name), strings.Join(order, "\n  - ")))
	return files, nil
}

type policies struct {
	suite      *suites.Suite
	standIns   map[string]manifests.StandIn
	selectors  map[string]string // service → the label that selects its pods, as YAML
	namespaces []string
}

func (p *policies) header(format string, args ...any) string {
	return fmt.Sprintf("# Made by \"netconform generate networkpolicy\" of %s; make it again rather than edit it.\n# ", p.suite.Matrix.Name) +
		fmt.Sprintf(format, args...) + "\n"
}

// selector is a label that the service's pods have and no other service's in
// their namespace.
func selector(s manifests.StandIn, all []manifests.StandIn) (string, error) {
	for _, key := range []string{"app", "app.kubernetes.io/name", "app.kubernetes.io/instance", "k8s-app"} {
		value, ok := s.Labels[key]
		if ok && !slices.ContainsFunc(all, func(o manifests.StandIn) bool {
			return o.Service != s.Service && o.Namespace == s.Namespace && o.Labels[key] == value
		}) {
			return fmt.Sprintf("%s: %s", text(key), text(value)), nil
		}
	}
	return "", fmt.Errorf("%s: no label tells the pods of %s from those of another service in namespace %s: give them a label app of their own", s.Pos, s.Service, s.Namespace)
}

func (p *policies) defaultDeny() []byte {
	var b strings.Builder
	b.WriteString(p.header("What no other policy opens is closed, both ways."))
	for i, namespace := range p.namespaces {
		if i > 0 {
			b.WriteString("---\n")
		}
		fmt.Fprintf(&b, "%s  podSelector: {}\n  policyTypes: [Ingress, Egress]\n", head("default-deny", namespace))
	}
	return []byte(b.String())
}

func head(name, namespace string) string {
	return fmt.Sprintf("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: %s\n  namespace: %s\nspec:\n", text(name), text(namespace))
}

// dns opens the cluster's DNS to everybody but the services that the matrix
// expects to resolve nothing.
func (p *policies) dns() []byte {
	var b strings.Builder
	b.WriteString(p.header("Names resolve: the cluster's DNS, and no other server."))
	for i, namespace := range p.namespaces {
		if i > 0 {
			b.WriteString("---\n")
		}
		b.WriteString(head("allow-dns", namespace))
		b.WriteString(p.resolvers(namespace))
		b.WriteString(`  policyTypes: [Egress]
  egress:
    - to:
        - namespaceSelector:
            matchLabels: {kubernetes.io/metadata.name: kube-system}
          podSelector:
            matchLabels: {k8s-app: kube-dns}
      ports:
        - {protocol: UDP, port: 53}
        - {protocol: TCP, port: 53}
`)
	}
	return []byte(b.String())
}

// resolvers selects the pods of a namespace that may look names up.
func (p *policies) resolvers(namespace string) string {
	without := map[string][]string{}
	var keys []string
	for _, service := range p.suite.Matrix.Services {
		if service.DNS == matrix.Deny && p.standIns[service.Name].Namespace == namespace {
			key, value, _ := strings.Cut(p.selectors[service.Name], ": ")
			if without[key] == nil {
				keys = append(keys, key)
			}
			without[key] = append(without[key], value)
		}
	}
	if len(keys) == 0 {
		return "  podSelector: {}\n"
	}
	out := "  podSelector:\n    matchExpressions:\n"
	for _, key := range keys {
		out += fmt.Sprintf("      - {key: %s, operator: NotIn, values: [%s]}\n", key, strings.Join(without[key], ", "))
	}
	return out
}

func (p *policies) service(name string, cases []matrix.Case) []byte {
	own := p.standIns[name]
	var in, out []matrix.Case
	for _, c := range cases {
		if c.To == name {
			in = append(in, c)
		}
		if c.From == name {
			out = append(out, c)
		}
	}
	var b strings.Builder
	b.WriteString(p.header("%s: who reaches it, and whom it reaches.", name))
	fmt.Fprintf(&b, "%s  podSelector:\n    matchLabels: {%s}\n  policyTypes: [Ingress, Egress]\n", head(name, own.Namespace), p.selectors[name])
	p.direction(&b, "ingress", "from", own.Namespace, in, func(c matrix.Case) string { return c.From })
	p.direction(&b, "egress", "to", own.Namespace, out, func(c matrix.Case) string { return c.To })
	return []byte(b.String())
}

// direction writes one rule for each set of ports, with its peers in it.
func (p *policies) direction(b *strings.Builder, title, side, namespace string, cases []matrix.Case, peerOf func(matrix.Case) string) {
	var peers []string
	ports := map[string][]access{}
	first := map[string]matrix.Case{}
	for _, c := range cases {
		peer := peerOf(c)
		if _, ok := first[peer]; !ok {
			peers, first[peer] = append(peers, peer), c
		}
		ports[peer] = append(ports[peer], access{c.Protocol, p.podPort(c)})
	}
	var rules []string // the ports of a rule, as YAML
	members := map[string][]string{}
	for _, peer := range peers {
		rule := portList(spans(ports[peer]))
		if members[rule] == nil {
			rules = append(rules, rule)
		}
		members[rule] = append(members[rule], peer)
	}
	if len(rules) == 0 {
		return
	}
	fmt.Fprintf(b, "  %s:\n", title)
	for _, rule := range rules {
		fmt.Fprintf(b, "    - %s:\n", side)
		for _, peer := range members[rule] {
			fmt.Fprintf(b, "        # %s: %s\n%s", peer, source(first[peer]), p.peer(peer, side, namespace))
		}
		fmt.Fprintf(b, "      ports:\n%s", rule)
	}
}

// podPort is what a policy has to name: Services translate before policies apply.
func (p *policies) podPort(c matrix.Case) int {
	if standIn, ok := p.standIns[c.To]; ok {
		if port, ok := standIn.PodPort(c.Port, c.Protocol); ok {
			return port
		}
	}
	return c.Port
}

func (p *policies) peer(name, side, namespace string) string {
	standIn, ok := p.standIns[name]
	switch {
	case !ok && side == "from":
		return "        - ipBlock: {cidr: 0.0.0.0/0}\n"
	case !ok:
		return fmt.Sprintf("        - ipBlock:\n            cidr: 0.0.0.0/0\n            except: [%s]\n", privateRanges)
	}
	pods := fmt.Sprintf("podSelector:\n            matchLabels: {%s}\n", p.selectors[name])
	if standIn.Namespace == namespace {
		return "        - " + pods
	}
	return fmt.Sprintf("        - namespaceSelector:\n            matchLabels: {kubernetes.io/metadata.name: %s}\n          %s", text(standIn.Namespace), pods)
}

func portList(list []span) string {
	var b strings.Builder
	for _, s := range list {
		protocol := strings.ToUpper(string(s.protocol))
		if s.first == s.end {
			fmt.Fprintf(&b, "        - {protocol: %s, port: %d}\n", protocol, s.first)
		} else {
			fmt.Fprintf(&b, "        - {protocol: %s, port: %d, endPort: %d}\n", protocol, s.first, s.end)
		}
	}
	return b.String()
}
