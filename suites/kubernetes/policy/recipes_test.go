package policy

import "testing"

// TestRecipes is the public NetworkPolicy recipes and the examples of the
// Kubernetes documentation, written as cases.
// https://github.com/ahmetb/kubernetes-network-policy-recipes
// https://kubernetes.io/docs/concepts/services-networking/network-policies/
func TestRecipes(t *testing.T) {
	pods := []string{
		"web app=web ports=80", "api app=bookstore,role=api ports=80", "search app=bookstore,role=search ports=80",
		"foo ns=foo app=foo ports=80", "prod ns=prod app=prod ports=80", "mon ns=prod type=monitoring ports=80",
	}
	namespaces := map[string]map[string]string{"prod": {"purpose": "production"}, "foo": {"purpose": "testing"}}
	for _, c := range []struct{ name, policies, want string }{
		{"00 no policy at all", "", `
			foo web:80 allow
			web foo:80 allow
			web internet:443 allow
			clients web:80 allow
			foo web/dns allow`},
		{"01 deny all traffic to an application", np("web-deny-all", "  podSelector: {matchLabels: {app: web}}\n  ingress: []"), `
			foo web:80 deny
			api web:80 deny
			clients web:80 deny
			web api:80 allow
			foo api:80 allow
			foo web/dns allow`},
		{"02 limit traffic to an application", np("api-allow", "  podSelector: {matchLabels: {app: bookstore, role: api}}\n  ingress:\n  - from:\n    - podSelector: {matchLabels: {app: bookstore}}"), `
			search api:80 allow
			web api:80 deny
			foo api:80 deny
			web search:80 allow`},
		{"02a allow all traffic to an application", np("deny", "  podSelector: {}\n  ingress: []") + np("web-allow-all", "  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - {}"), `
			foo web:80 allow
			clients web:80 allow
			foo api:80 deny`},
		{"03 deny all non-whitelisted traffic in the namespace", np("default-deny-all", "  podSelector: {}\n  ingress: []"), `
			foo web:80 deny
			web api:80 deny
			web foo:80 allow
			api web:80 deny`},
		{"04 deny all traffic from other namespaces", np("deny-from-other-namespaces", "  podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {}"), `
			foo web:80 deny
			api web:80 allow
			clients web:80 deny
			web foo:80 allow`},
		{"05 allow traffic from all namespaces", np("web-allow-all-namespaces", "  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - from:\n    - namespaceSelector: {}"), `
			foo web:80 allow
			api web:80 allow
			prod web:80 allow
			clients web:80 deny`},
		{"06 allow traffic from a namespace", np("web-allow-prod", "  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - from:\n    - namespaceSelector: {matchLabels: {purpose: production}}"), `
			prod web:80 allow
			foo web:80 deny
			api web:80 deny`},
		{"07 allow traffic from some pods of another namespace", np("web-allow-all-ns-monitoring", "  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - from:\n    - namespaceSelector: {matchLabels: {purpose: production}}\n      podSelector: {matchLabels: {type: monitoring}}"), `
			mon web:80 allow
			prod web:80 deny
			foo web:80 deny`},
		{"07a the same selectors as two list items", np("or", "  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - from:\n    - namespaceSelector: {matchLabels: {purpose: production}}\n    - podSelector: {matchLabels: {role: search}}"), `
			mon web:80 allow
			prod web:80 allow
			search web:80 allow
			api web:80 deny`},
		{"08 allow external traffic", np("deny", "  podSelector: {}\n  ingress: []") + np("web-allow-external", "  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - from: []"), `
			clients web:80 allow
			foo web:80 allow
			clients api:80 deny`},
		{"08a allow external traffic on one port", np("web-allow-external", "  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - ports:\n    - port: 80"), `
			clients web:80 allow
			clients web:81 deny`},
		{"09 allow traffic only to a port", np("api-allow-5000", "  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - ports:\n    - port: 5000\n    from:\n    - podSelector: {matchLabels: {role: api}}"), `
			api web:80 deny
			search web:80 deny`},
		{"10 allow traffic with multiple selectors", np("redis-allow-services", "  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - from:\n    - podSelector: {matchLabels: {app: bookstore, role: search}}\n    - podSelector: {matchLabels: {app: bookstore, role: api}}\n    - podSelector: {matchLabels: {app: inventory}}"), `
			search web:80 allow
			api web:80 allow
			foo web:80 deny`},
		{"11 deny egress traffic from an application", np("foo/foo-deny-egress", "  podSelector: {matchLabels: {app: foo}}\n  policyTypes: [Egress]\n  egress: []"), `
			foo web:80 deny
			foo internet:443 deny
			foo web/dns deny
			web foo:80 allow`},
		{"11a with an exception for DNS", np("foo/foo-deny-egress", "  podSelector: {matchLabels: {app: foo}}\n  policyTypes: [Egress]\n  egress:\n  - ports:\n    - {port: 53, protocol: UDP}\n    - {port: 53, protocol: TCP}"), `
			foo web:80 deny
			foo web/dns allow`},
		{"12 deny all egress of a namespace", np("default-deny-all-egress", "  podSelector: {}\n  policyTypes: [Egress]\n  egress: []"), `
			web api:80 deny
			web foo:80 deny
			foo web:80 allow
			web foo/dns deny`},
		{"14 deny external egress", np("foo/foo-deny-external-egress", "  podSelector: {matchLabels: {app: foo}}\n  policyTypes: [Egress]\n  egress:\n  - ports:\n    - {port: 53, protocol: UDP}\n    - {port: 53, protocol: TCP}\n  - to:\n    - namespaceSelector: {}"), `
			foo web:80 allow
			foo internet:443 deny
			foo web/dns allow`},
		{"docs: default allow ingress", np("deny", "  podSelector: {}\n  policyTypes: [Ingress]") + np("allow-all-ingress", "  podSelector: {}\n  ingress:\n  - {}\n  policyTypes: [Ingress]"), `
			foo web:80 allow
			clients web:80 allow
			web internet:443 allow`},
		{"docs: default deny ingress", np("default-deny-ingress", "  podSelector: {}\n  policyTypes: [Ingress]"), `
			foo web:80 deny
			web foo:80 allow`},
		{"docs: default deny egress", np("default-deny-egress", "  podSelector: {}\n  policyTypes: [Egress]"), `
			web foo:80 deny
			foo web:80 allow`},
		{"docs: default allow egress", np("deny", "  podSelector: {}\n  policyTypes: [Egress]") + np("allow-all-egress", "  podSelector: {}\n  egress:\n  - {}\n  policyTypes: [Egress]"), `
			web foo:80 allow
			web internet:443 allow
			web foo/dns allow`},
		{"docs: default deny all", np("default-deny-all", "  podSelector: {}\n  policyTypes: [Ingress, Egress]"), `
			web api:80 deny
			web foo:80 deny
			foo web:80 deny
			web foo/dns deny`},
		{"docs: the NetworkPolicy resource", np("test-network-policy", `  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - ipBlock: {cidr: 172.17.0.0/16, except: [172.17.1.0/24]}
        - namespaceSelector: {matchLabels: {purpose: production}}
        - podSelector: {matchLabels: {role: api}}
      ports: [{protocol: TCP, port: 80}]
  egress:
    - to: [{ipBlock: {cidr: 10.0.0.0/24}}]
      ports: [{protocol: TCP, port: 5978}]`), `
			api web:80 allow
			prod web:80 allow
			clients web:80 unknown
			web internet:443 deny
			web foo:80 deny
			web foo/dns deny`},
		{"docs: targeting a range of ports", np("multi-port-egress", `  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
    - to: [{ipBlock: {cidr: 0.0.0.0/0}}]
      ports: [{protocol: TCP, port: 32000, endPort: 32768}]`), `
			web internet:31999 deny
			web internet:32000 allow
			web internet:32500 allow
			web internet:32768 allow
			web internet:32769 deny
			web internet:32000/udp deny`},
		{"docs: targeting multiple namespaces by label", np("egress-namespaces", `  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
    - to:
        - namespaceSelector: {matchExpressions: [{key: purpose, operator: In, values: [production, testing]}]}
    - ports: [{port: 53, protocol: UDP}]`), `
			web foo:80 allow
			web prod:80 allow
			web api:80 deny`},
		{"docs: targeting a namespace by its name", np("by-name", `  podSelector: {matchLabels: {app: web}}
  ingress:
    - from:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: foo}}`), `
			foo web:80 allow
			prod web:80 deny
			api web:80 deny`},
		{"a label that no namespace has", np("dns", `  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
    - to: [{podSelector: {}}]
    - to: [{namespaceSelector: {matchLabels: {name: kube-system}}}]
      ports: [{port: 53, protocol: UDP}]`), `
			web api/dns deny
			web api:80 partial
			web foo:80 deny`},
		{"DNS as it should be", np("dns", `  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
    - to: [{podSelector: {}}]
    - to:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
          podSelector: {matchLabels: {k8s-app: kube-dns}}
      ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]`), `
			web api/dns allow
			web api:80 allow`},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdicts(t, setting{pods: pods, namespaces: namespaces, policies: c.policies}.oracle(t), c.want)
		})
	}
}
