package policy

import (
	"fmt"
	"sort"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/netconform/netconform/matrix"
)

// The rules that Findings has, beside those of manifests.Place.
const (
	selectsNothing   = "selects-nothing"
	labelNobodyHas   = "label-nobody-has"
	splitPeer        = "split-peer"
	everybody        = "everybody"
	allNamespaces    = "all-namespaces"
	allAddresses     = "all-addresses"
	portNobodyHas    = "port-nobody-listens"
	oneSidedAllow    = "one-sided-allow"
	ruleNoEffect     = "rule-without-effect"
	ruleNotApplied   = "rule-without-policy-type"
	noDefaultDeny    = "no-default-deny"
	dnsCutOff        = "dns-cut-off"
	dnsWithoutTCP    = "dns-without-tcp"
	notModelled      = "not-modelled"
	hostNetworkOfPod = "host-network"
)

// Findings are what is wrong with the policies, sorted by place.
func (o *Oracle) Findings() []matrix.Finding {
	f := &finder{Oracle: o, cases: o.matrix.Expand()}
	for _, p := range o.engine.policies {
		f.policy(p)
	}
	f.defaultDeny()
	f.lookups()
	for i := range o.objects.Unmodelled {
		u := &o.objects.Unmodelled[i]
		f.add(notModelled, u.Pos, u.Title()+" ("+u.APIVersion+") is not modelled: what it may change is predicted as unknown", "run on a cluster that has it")
	}
	sort.SliceStable(f.list, func(i, j int) bool {
		a, b := f.list[i].Pos, f.list[j].Pos
		switch {
		case a.File != b.File:
			return a.File < b.File
		case a.Line != b.Line:
			return a.Line < b.Line
		case a.Col != b.Col:
			return a.Col < b.Col
		}
		return f.list[i].Rule < f.list[j].Rule
	})
	return f.list
}

type finder struct {
	*Oracle
	cases []matrix.Case
	list  []matrix.Finding
	// wanted are the packets that the matrix allows; made when first asked for.
	wanted map[wantKey]bool
}

func (f *finder) add(rule string, pos matrix.Pos, message, mend string) {
	f.list = append(f.list, matrix.Finding{Rule: rule, Pos: pos, Message: message, Mend: mend})
}

// policy looks at one policy, its rules and their peers.
func (f *finder) policy(p *policy) {
	spec := p.spec
	if p.selects.empty() {
		f.add(selectsNothing, p.At("spec", "podSelector"),
			fmt.Sprintf("%s selects %s, and no service of the matrix in namespace %s is such a pod: the policy does nothing", p.Title(), orAll(selectorText(&spec.PodSelector)), p.Namespace),
			"correct the selector or the namespace, or remove the policy")
	}
	for d, rules := range [...]int{ingress: len(spec.Ingress), egress: len(spec.Egress)} {
		d := direction(d)
		if rules > 0 && !p.isolates[d] {
			f.add(ruleNotApplied, p.At("spec", "policyTypes"),
				fmt.Sprintf("%s has %s rules, and its policyTypes leave %s out: the rules do nothing", p.Title(), d, title(d)),
				"add "+title(d)+" to policyTypes")
		}
	}
	p.selects.clone().and(f.world.hosts).each(func(i int) {
		f.add(hostNetworkOfPod, p.At("spec", "podSelector"),
			fmt.Sprintf("%s selects %s, which is on its node's own network: whether a NetworkPolicy applies to it is left to the implementation", p.Title(), f.world.endpoints[i].name),
			"do not count on the policy there, or take the pod off the host's network")
	})
	for _, d := range []direction{ingress, egress} {
		for i := range p.rules[d] {
			f.rule(p, d, &p.rules[d][i])
		}
	}
}

func title(d direction) string { return [...]string{"Ingress", "Egress"}[d] }

func orAll(selector string) string {
	if selector == "" {
		return "all pods"
	}
	return "pods " + selector
}

func (f *finder) rule(p *policy, d direction, r *rule) {
	peers := peersOf(p.spec, d, r.index)
	name := ruleName(d, r.index) + " of " + p.Title()
	at := p.At("spec", d.String(), r.index)
	if len(peers) == 0 && !onlyDNS(r.ports) {
		how := [...]string{ingress: "lets everybody in", egress: "lets the pods out to everybody"}[d]
		f.add(everybody, at,
			fmt.Sprintf("%s %s on %s: a rule without %q, or with an empty one, means every pod and every address outside of the cluster", name, how, portsText(r.ports), d.peersField()),
			fmt.Sprintf("name the peers in %q; what the rule is meant for may be less than everybody", d.peersField()))
	}
	split := f.split(p, d, r, peers)
	for j, peer := range peers {
		if !split[j] {
			f.peer(p, d, r, j, peer)
		}
	}
	f.ports(p, d, r)
	f.otherSide(p, d, r, peers)
}

// onlyDNS is what a rule for lookups usually says; lookups may go to anybody.
func onlyDNS(ports []portSpec) bool {
	for _, p := range ports {
		if p.from != 53 || p.to != 53 {
			return false
		}
	}
	return len(ports) > 0
}

func (f *finder) peer(p *policy, d direction, r *rule, j int, peer networkingv1.NetworkPolicyPeer) {
	at := p.At("spec", d.String(), r.index, d.peersField(), j)
	name := fmt.Sprintf("%s.%s[%d] of %s", ruleName(d, r.index), d.peersField(), j, p.Title())
	if b := peer.IPBlock; b != nil {
		if meets(everywhere, blockSpans(b)) == yes && !f.world.noPodBlock {
			f.add(allAddresses, at, name+" is every address, and so the cluster's own pods as well as the outside",
				"add the ranges of the cluster's pods and Services to \"except\"")
		}
		return
	}
	if peer.NamespaceSelector != nil && isEmpty(peer.NamespaceSelector) && (peer.PodSelector == nil || isEmpty(peer.PodSelector)) {
		message := name + " is every pod of every namespace"
		if d == egress {
			message += ", and no address outside of the cluster: it does not open the way to the internet"
		}
		f.add(allNamespaces, at, message, "name the namespaces, or an ipBlock where the outside is meant")
	}
	if !f.world.selectPods(p.Namespace, peer.PodSelector, peer.NamespaceSelector).empty() {
		return
	}
	if peer.NamespaceSelector != nil && !f.anyNamespace(peer) {
		mend := "correct the label, or set it on the namespace (and in the suite's kubernetes.namespaces)"
		if n, ok := peer.NamespaceSelector.MatchLabels["name"]; ok {
			mend = fmt.Sprintf("write kubernetes.io/metadata.name: %s, which every cluster sets by itself", n)
		}
		f.add(labelNobodyHas, at, fmt.Sprintf("%s selects namespaces %s, and no namespace known here has such labels: it means nobody", name, selectorText(peer.NamespaceSelector)), mend)
		return
	}
	f.add(labelNobodyHas, at, fmt.Sprintf("%s is %s, and there are none: it means nobody", name, peerText(p.Namespace, peer)),
		"correct the labels, or remove the peer")
}

// anyNamespace says whether the namespace selector matches any known namespace, with pods or without.
func (f *finder) anyNamespace(peer networkingv1.NetworkPolicyPeer) bool {
	for name, labels := range f.world.namespaces {
		w := newWorld([]endpoint{{namespace: name}}, map[string]map[string]string{name: labels}, false)
		if !w.choose(w.byNsName, peer.NamespaceSelector).empty() {
			return true
		}
	}
	return false
}

// split finds two list items that were probably meant as one: a namespace
// selector beside a pod selector that matches nobody in the policy's own
// namespace. It returns the numbers of those pod selectors.
func (f *finder) split(p *policy, d direction, r *rule, peers []networkingv1.NetworkPolicyPeer) map[int]bool {
	found := map[int]bool{}
	for j := 0; j+1 < len(peers); j++ {
		a, b, second := peers[j], peers[j+1], j+1
		if a.NamespaceSelector == nil {
			a, b, second = b, a, j
		}
		if a.NamespaceSelector == nil || a.PodSelector != nil || b.PodSelector == nil || b.NamespaceSelector != nil {
			continue
		}
		if isEmpty(b.PodSelector) || !f.world.selectPods(p.Namespace, b.PodSelector, nil).empty() {
			continue
		}
		f.add(splitPeer, p.At("spec", d.String(), r.index, d.peersField(), j),
			fmt.Sprintf("%s of %s has %s and %s as two list items, which means either: the second matches nobody, so the first alone counts, with all its pods",
				ruleName(d, r.index), p.Title(), peerText(p.Namespace, a), peerText(p.Namespace, b)),
			"write both selectors in one list item: no \"-\" before the second")
		found[second] = true
	}
	return found
}

// defaultDeny finds namespaces with policies where a pod that none selects is open.
func (f *finder) defaultDeny() {
	type state struct {
		first *policy
		uses  [2]bool // some policy isolates
		all   [2]bool // a policy isolates every pod
	}
	states := map[string]*state{}
	var order []string
	for _, p := range f.engine.policies {
		s := states[p.Namespace]
		if s == nil {
			s = &state{first: p}
			states[p.Namespace] = s
			order = append(order, p.Namespace)
		}
		for d := range s.uses {
			s.uses[d] = s.uses[d] || p.isolates[d]
			s.all[d] = s.all[d] || p.isolates[d] && isEmpty(&p.spec.PodSelector)
		}
	}
	for _, ns := range order {
		s := states[ns]
		var lacks []string
		open := newSet(len(f.world.endpoints))
		for _, d := range []direction{ingress, egress} {
			if !s.uses[d] || s.all[d] {
				continue
			}
			lacks = append(lacks, d.String())
			f.world.inNamespace(ns).each(func(i int) {
				if len(f.engine.selecting[d][i]) == 0 && i != f.dns {
					open.add(i)
				}
			})
		}
		if len(lacks) == 0 {
			continue
		}
		now := "a pod that is added later may be"
		if !open.empty() {
			now = f.names(open) + " " + isAre(open.count())
		}
		f.add(noDefaultDeny, s.first.Pos,
			fmt.Sprintf("namespace %s has policies, and none that isolates all its pods for %s: %s open to everybody there", ns, strings.Join(lacks, " and "), now),
			fmt.Sprintf("add a NetworkPolicy with \"podSelector: {}\" and policyTypes for %s to namespace %s", strings.Join(lacks, " and "), ns))
	}
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// names lists endpoints for people.
func (f *finder) names(s set) string {
	var names []string
	s.each(func(i int) { names = append(names, f.world.endpoints[i].name) })
	return few(names)
}

// few joins the first of many.
func few(names []string) string {
	if len(names) > 6 {
		return strings.Join(names[:5], ", ") + fmt.Sprintf(" and %d more", len(names)-5)
	}
	return strings.Join(names, ", ")
}
