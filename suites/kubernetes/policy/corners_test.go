package policy

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

func addr(list ...string) []netip.Addr {
	var all []netip.Addr
	for _, a := range list {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

func TestCorners(t *testing.T) {
	pods := []string{"web ports=http:80,443 tier=front", "db ports=pg:5432,53/udp tier=back", "other ns=other ports=http:8080", "node host ports=9100"}
	toWeb := "  podSelector: {matchLabels: {app: web}}\n"
	for _, c := range []struct {
		name, policies, want string
		facts                Cluster
	}{
		{"types left out: ingress without a rule isolates", np("a", toWeb), "db web:80 deny\nweb db:5432 allow", Cluster{}},
		{"types left out: an egress rule isolates both ways", np("a", toWeb+"  egress: [{}]"), "db web:80 deny\nweb db:5432 allow", Cluster{}},
		{"types say egress alone: ingress rules do nothing", np("a", toWeb+"  policyTypes: [Egress]\n  ingress: [{from: [{podSelector: {matchLabels: {app: nobody}}}]}]"), "db web:80 allow\nweb db:5432 deny", Cluster{}},
		{"policies add up", np("a", toWeb+"  ingress: []") + np("b", toWeb+"  ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]"), "db web:80 allow\nother web:80 deny", Cluster{}},
		{"a policy of another namespace does not select", np("other/a", "  podSelector: {}\n  ingress: []"), "db web:80 allow\nweb other:8080 deny", Cluster{}},
		{"NotIn holds for who lacks the label", np("a", toWeb+"  ingress: [{from: [{namespaceSelector: {}, podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [back]}]}}]}]"), "other web:80 allow\ndb web:80 deny", Cluster{}},
		{"DoesNotExist", np("a", toWeb+"  ingress: [{from: [{namespaceSelector: {}, podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}]}]"), "other web:80 allow\ndb web:80 deny", Cluster{}},
		{"a named port is the destination's own", np("a", "  podSelector: {matchLabels: {app: db}}\n  policyTypes: [Egress]\n  egress: [{ports: [{port: http}]}, {ports: [{port: 53, protocol: UDP}]}]"), "db web:80 allow\ndb web:443 deny\ndb other:8080 allow\ndb internet:443 unknown", Cluster{}},
		{"a port without a number is every port of TCP", np("a", "  podSelector: {matchLabels: {app: db}}\n  ingress: [{ports: [{}]}]"), "web db:5432 allow\nweb db:53/udp deny", Cluster{}},
		{"a protocol without a port", np("a", "  podSelector: {matchLabels: {app: db}}\n  ingress: [{ports: [{protocol: UDP}]}]"), "web db:5432 deny\nweb db:53/udp allow", Cluster{}},
		{"every address includes pods", np("a", toWeb+"  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"), "db web:80 allow\nclients web:80 allow", Cluster{}},
		{"but not for Cilium", np("a", toWeb+"  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"), "db web:80 deny\nclients web:80 allow", Cluster{CNI: "cilium"}},
		{"a block that pods may be in", np("a", toWeb+"  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"), "db web:80 unknown\nclients web:80 unknown", Cluster{}},
		{"a block that the pods are in", np("a", toWeb+"  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"), "db web:80 allow\nclients web:80 deny",
			Cluster{PodCIDRs: []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16")}, Addresses: map[string][]netip.Addr{"clients": addr("192.0.2.7")}}},
		{"a block with pods left out", np("a", toWeb+"  policyTypes: [Egress]\n  egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]}}]}]"), "web internet:443 allow\nweb db:5432 deny", Cluster{}},
		{"two blocks make a whole", np("a", toWeb+"  policyTypes: [Egress]\n  egress: [{to: [{ipBlock: {cidr: 0.0.0.0/1}}]}, {to: [{ipBlock: {cidr: 128.0.0.0/1}}]}]"), "web internet:443 allow\nweb db:5432 allow", Cluster{}},
		{"part of the internet", np("a", toWeb+"  policyTypes: [Egress]\n  egress: [{to: [{ipBlock: {cidr: 1.1.1.0/24}}]}]"), "web internet:443 unknown\nweb db:5432 deny", Cluster{}},
		{"part of the internet, with a stand-in", np("a", toWeb+"  policyTypes: [Egress]\n  egress: [{to: [{ipBlock: {cidr: 1.1.1.0/24}}]}]"), "web internet:443 allow", Cluster{Addresses: map[string][]netip.Addr{"internet": addr("1.1.1.1")}}},
		{"an IPv6 block is nobody here", np("a", toWeb+"  ingress: [{from: [{ipBlock: {cidr: \"::/0\"}}]}]"), "db web:80 deny\nclients web:80 deny", Cluster{}},
		{"host network without policies", "", "node web:80 unknown\nweb node:9100 allow", Cluster{}},
		{"host network as source", np("a", toWeb+"  ingress: [{from: [{podSelector: {}}]}]"), "node web:80 unknown\ndb web:80 allow", Cluster{}},
		{"host network as destination", np("a", "  podSelector: {matchLabels: {app: node}}\n  ingress: []"), "web node:9100 unknown", Cluster{}},
		{"DNS blocked at the DNS pods", np("kube-system/a", "  podSelector: {matchLabels: {k8s-app: kube-dns}}\n  ingress: []"), "web db/dns deny\nweb db:5432 partial\nweb internet:443 allow", Cluster{}},
		{"DNS over TCP alone", np("a", toWeb+"  policyTypes: [Egress]\n  egress: [{ports: [{port: 53}, {port: 5432}]}]"), "web db/dns deny\nweb db:5432 partial", Cluster{}},
		{"DNS through a cache on the node", np("a", toWeb+"  policyTypes: [Egress]\n  egress: [{ports: [{port: 5432}]}]"), "web db/dns unknown\nweb db:5432 unknown", Cluster{DNS: &DNS{Namespace: "kube-system", Labels: map[string]string{"k8s-app": "node-local-dns"}, NodeLocal: true}}},
		{"a label that the cluster's own namespace has", np("a", toWeb+"  policyTypes: [Egress]\n  egress: [{to: [{namespaceSelector: {matchLabels: {name: kube-system}}}]}]"), "web db/dns allow",
			Cluster{NamespaceLabels: map[string]map[string]string{"kube-system": {"name": "kube-system"}}}},
		{"another project's policy", "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c, namespace: default}\n", "web db:5432 unknown\nother web:80 unknown", Cluster{}},
		{"another project's policy elsewhere", "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c, namespace: third}\n", "web db:5432 allow", Cluster{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdicts(t, setting{pods: pods, policies: c.policies, facts: c.facts}.oracle(t), c.want)
		})
	}
}

func TestClusterWidePolicies(t *testing.T) {
	admin := func(name, priority, action string) string {
		return "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: " + name + "}\nspec:\n  priority: " + priority +
			"\n  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: default}}}\n  ingress: [{action: " + action + ", from: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: other}}}], ports: [{portNumber: {protocol: TCP, port: 80}}]}]\n"
	}
	baseline := "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata: {name: default}\nspec:\n  subject: {namespaces: {}}\n  ingress: [{action: Deny, from: [{namespaces: {}}]}]\n"
	cnp := "---\napiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {name: c}\nspec:\n  tier: Baseline\n  priority: 1\n  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}\n  ingress: [{action: Accept, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 80}}}]}, {action: Deny, from: [{namespaces: {}}]}]\n"
	denyAll := np("deny", "  podSelector: {}\n  ingress: []")
	allowAll := np("allow", "  podSelector: {}\n  ingress: [{}]")
	for _, c := range []struct {
		name, policies, want string
		facts                Cluster
	}{
		{"deny goes before NetworkPolicy", admin("a", "5", "Deny") + allowAll, "other web:80 deny\nother web:443 allow\ndb web:80 allow", Cluster{}},
		{"allow goes before NetworkPolicy", admin("a", "5", "Allow") + denyAll, "other web:80 allow\nother web:443 deny\ndb web:80 deny", Cluster{}},
		{"pass leaves it to NetworkPolicy", admin("a", "5", "Pass") + admin("b", "6", "Deny") + allowAll, "other web:80 allow", Cluster{}},
		{"the lower number first", admin("a", "5", "Allow") + admin("b", "4", "Deny"), "other web:80 deny", Cluster{}},
		{"equal numbers", admin("a", "5", "Allow") + admin("b", "5", "Deny"), "other web:80 unknown\ndb web:80 allow", Cluster{}},
		{"equal numbers that agree", admin("a", "5", "Deny") + admin("b", "5", "Deny"), "other web:80 deny", Cluster{}},
		{"baseline without NetworkPolicy", baseline, "other web:80 deny\nclients web:80 allow", Cluster{}},
		{"NetworkPolicy goes before baseline, and baseline keeps DNS away", baseline + allowAll, "other web:80 partial\nclients web:80 allow", Cluster{}},
		{"pass goes to baseline", baseline + admin("a", "5", "Pass"), "other web:80 deny", Cluster{}},
		{"ClusterNetworkPolicy", cnp, "other web:80 allow\nother web:443 deny\nweb db:5432 allow", Cluster{}},
		{"not applied", admin("a", "5", "Deny") + baseline, "other web:80 allow", Cluster{NoClusterPolicies: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := setting{pods: []string{"web ports=80,443", "db ports=5432", "other ns=other ports=8080"}, policies: c.policies, facts: c.facts}.oracle(t)
			verdicts(t, o, c.want)
		})
	}
}

// TestServices: what the name leads to, and which port a policy sees.
func TestServices(t *testing.T) {
	web, db := pod(t, "web ports=80"), pod(t, "db ports=pg:5432")
	db.ServicePorts = []manifests.ServicePort{{Port: 15432, Target: intstr.FromString("pg"), Protocol: matrix.TCP}, {Port: 99, Target: intstr.FromString("no"), Protocol: matrix.TCP}}
	m := &matrix.Matrix{}
	oracle := func(policies string) *Oracle {
		return New(load(t, policies, nil), []manifests.StandIn{web, db}, m, Cluster{})
	}
	onPod := np("a", "  podSelector: {matchLabels: {app: db}}\n  ingress: [{ports: [{port: 5432}]}]")
	verdicts(t, oracle(onPod), "web db:15432 allow\nweb db:99 deny\nweb db:7777 deny\nweb db/dns allow")
	onService := np("a", "  podSelector: {matchLabels: {app: db}}\n  ingress: [{ports: [{port: 15432}]}]")
	verdicts(t, oracle(onService), "web db:15432 deny")
	verdicts(t, oracle(""), "web db:7777 allow")

	db.Selector = map[string]string{"app": "database"}
	verdicts(t, oracle(""), "web db:15432 partial")
	verdicts(t, oracle(onService), "web db:15432 deny")
	web.Labels["tier"], db.Labels["tier"] = "x", "x"
	db.Selector = map[string]string{"tier": "x"}
	verdicts(t, oracle(""), "web db:15432 unknown")
	verdicts(t, oracle(onService), "web db:15432 deny")
	db.Selector = map[string]string{"app": "db"}
	verdicts(t, oracle(""), "web db:15432 allow")
}

// TestExplanation pins what a person is told.
func TestExplanation(t *testing.T) {
	o := setting{pods: []string{"web ports=80 tier=front", "db ports=5432 tier=back"}, policies: np("db-in", "  podSelector: {matchLabels: {app: db}}\n  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5433}]}]")}.oracle(t)
	p := o.Predict(caseOf(t, "web db:5432"))
	require.Equal(t, matrix.Deny, p.Verdict)
	assert.Equal(t, "no ingress rule of NetworkPolicy default/db-in lets web in to db on 5432/tcp: spec.ingress[0] lets it on 5433/tcp only", p.Reason)
	assert.Equal(t, "p.yaml:7:13", p.Pos.String())
	assert.Equal(t, "add port 5432/tcp to spec.ingress[0] of NetworkPolicy default/db-in (p.yaml:7:13)", p.Mend)
	assert.Equal(t, []string{
		"web is in namespace default (kubernetes.io/metadata.name=default) with the labels app=web,tier=front.",
		"db is in namespace default (kubernetes.io/metadata.name=default) with the labels app=db,tier=back.",
		"egress of web: no policy isolates web for egress.",
		"NetworkPolicy default/db-in isolates db for ingress (p.yaml:2:1); it has 1 ingress rule.",
		"ingress of db: no ingress rule of NetworkPolicy default/db-in lets web in to db on 5432/tcp: spec.ingress[0] lets it on 5433/tcp only (p.yaml:7:13).",
		"To look names up, web must reach the cluster's DNS (pods k8s-app=kube-dns in namespace kube-system) on 53/udp.",
		"egress of web: no policy isolates web for egress.",
		"ingress of the cluster's DNS: no policy isolates the cluster's DNS for ingress.",
		"So the verdict is deny.",
	}, p.Steps)
}
