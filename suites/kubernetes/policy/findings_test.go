package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

func TestFindings(t *testing.T) {
	deny := np("deny", "  podSelector: {}\n  policyTypes: [Ingress, Egress]") + np("dns", "  podSelector: {}\n  policyTypes: [Egress]\n  egress: [{ports: [{port: 53, protocol: UDP}, {port: 53}]}]")
	web := "  podSelector: {matchLabels: {app: web}}\n"
	for name, c := range map[string]struct {
		policies string
		want     []string
	}{
		"a pod nobody is, after a namespace": {deny + np("a", web+"  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}, {podSelector: {matchLabels: {app: nobody}}}], ports: [{port: 80}]}]"), []string{"split-peer"}},
		"a pod nobody is":                    {deny + np("a", web+"  ingress: [{from: [{podSelector: {matchLabels: {app: nobody}}}]}]"), []string{"label-nobody-has"}},
		"nothing is wrong":                   {deny + np("a", web+"  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}], ports: [{port: 80}]}]"), nil},
		"selects nothing":                    {deny + np("a", "  podSelector: {matchLabels: {app: wbe}}"), []string{"selects-nothing"}},
		"name: kube-system":                  {deny + np("a", web+"  policyTypes: [Egress]\n  egress: [{to: [{namespaceSelector: {matchLabels: {name: kube-system}}}], ports: [{port: 53, protocol: UDP}]}]"), []string{"label-nobody-has"}},
		"two items":                          {deny + np("a", web+"  policyTypes: [Egress]\n  egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}, {podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}]"), []string{"split-peer"}},
		"everybody":                          {deny + np("a", web+"  ingress: [{}]"), []string{"everybody"}},
		"from nobody":                        {deny + np("a", web+"  ingress: [{from: [], ports: [{port: 80}]}]"), []string{"everybody"}},
		"all namespaces":                     {deny + np("a", web+"  ingress: [{from: [{namespaceSelector: {}}]}]"), []string{"all-namespaces"}},
		"all addresses":                      {deny + np("a", web+"  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"), []string{"all-addresses"}},
		"port nobody has":                    {deny + np("a", web+"  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}], ports: [{port: 8080}]}]"), []string{"port-nobody-listens"}},
		"one side, needed":                   {deny + np("a", web+"  policyTypes: [Egress]\n  egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]"), []string{"one-sided-allow"}},
		"one side, unneeded":                 {deny + np("a", "  podSelector: {matchLabels: {app: db}}\n  policyTypes: [Egress]\n  egress: [{to: [{podSelector: {matchLabels: {app: web}}}]}]"), []string{"rule-without-effect"}},
		"rules without type":                 {deny + np("a", web+"  policyTypes: [Ingress]\n  egress: [{to: [{podSelector: {}}]}]"), []string{"rule-without-policy-type"}},
		"no default deny":                    {np("a", web+"  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]}]"), []string{"no-default-deny"}},
		"DNS cut off":                        {np("deny", "  podSelector: {}\n  policyTypes: [Ingress, Egress]"), []string{"dns-cut-off"}},
		"DNS without TCP":                    {np("deny", "  podSelector: {}\n  policyTypes: [Ingress, Egress]\n  egress: [{ports: [{port: 53, protocol: UDP}]}]"), []string{"dns-without-tcp"}},
		"not modelled":                       {"---\napiVersion: crd.projectcalico.org/v1\nkind: GlobalNetworkPolicy\nmetadata: {name: g}\n", []string{"not-modelled"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &matrix.Matrix{Services: []matrix.Service{
				{Name: "web", Ports: []matrix.Port{{Number: 80, End: 80, Protocol: matrix.TCP}}},
				{Name: "db", Ports: []matrix.Port{{Number: 5432, End: 5432, Protocol: matrix.TCP}}, From: []matrix.Rule{{Peer: "web"}}},
				{Name: "other", Ports: []matrix.Port{{Number: 80, End: 80, Protocol: matrix.TCP}}}}}
			o := New(load(t, c.policies, nil), []manifests.StandIn{pod(t, "web ports=80"), pod(t, "db ports=5432"), pod(t, "other ns=other ports=80")}, m, Cluster{})
			var rules []string
			for _, f := range o.Findings() {
				rules = append(rules, f.Rule)
				assert.Equal(t, "p.yaml", f.Pos.File)
				assert.NotZero(t, f.Pos.Line)
				assert.NotEmpty(t, f.Message)
				assert.NotEmpty(t, f.Mend)
			}
			require.Equal(t, c.want, rules)
		})
	}
}

func TestMutants(t *testing.T) {
	o := setting{pods: []string{"web ports=80", "db ports=5432", "job ports=1"}, policies: np("a", "  podSelector: {matchLabels: {app: db}}\n  policyTypes: [Ingress, Egress]\n  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]\n  egress: [{to: [{podSelector: {}}]}]")}.oracle(t)
	type verdict struct{ name, webDB, jobDB, webOther, dbJob string }
	var got []verdict
	for _, m := range o.Mutants() {
		v := func(c string) string { return string(m.Predict(caseOf(t, c)).Verdict) }
		got = append(got, verdict{m.Name, v("web db:5432"), v("job db:5432"), v("web db:9999"), v("db internet:443")})
		assert.NotZero(t, m.Pos.Line)
	}
	const of = " of NetworkPolicy default/a"
	assert.Equal(t, []verdict{
		{"drop NetworkPolicy default/a", "allow", "allow", "allow", "allow"},
		{"no isolation for ingress" + of, "allow", "allow", "allow", "deny"},
		{"no isolation for egress" + of, "allow", "deny", "deny", "allow"},
		{"drop spec.ingress[0]" + of, "deny", "deny", "deny", "deny"},
		{"from everybody in spec.ingress[0]" + of, "allow", "allow", "deny", "deny"},
		{"every port in spec.ingress[0]" + of, "allow", "deny", "allow", "deny"},
		{"widen spec.ingress[0].from[0]" + of, "allow", "allow", "deny", "deny"},
		{"drop spec.egress[0]" + of, "allow", "deny", "deny", "deny"},
		{"to everybody in spec.egress[0]" + of, "allow", "deny", "deny", "allow"},
	}, got)
	assert.Equal(t, matrix.Deny, o.Predict(caseOf(t, "job db:5432")).Verdict, "the mutants leave the original alone")
}
