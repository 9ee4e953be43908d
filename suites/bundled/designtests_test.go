package bundled_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// The PMOVES design tests itself with "curl -f && echo FAIL || echo PASS" in the
// containers. What its networks and policies really do there, and what
// its checks make of it: most pass or fail for another reason than the one they name.
func TestTheDesignsOwnTests(t *testing.T) {
	s, err := suites.Load("pmoves")
	require.NoError(t, err)
	_, oracles := targets(t, s)
	for _, test := range []struct {
		platform, from, to string
		port               int
		expected, real     matrix.Verdict
		check              string // what the design's check says, and why
	}{
		{"compose", "extract-worker", "postgres", 5432, matrix.Deny, matrix.Allow,
			"passes although the port is open: both are on data-tier, and curl fails on whatever does not speak HTTP"},
		{"compose", "hi-rag-gateway-v2", "qdrant", 6333, matrix.Allow, matrix.Allow,
			"passes, where the image has curl"},
		{"compose", "agent-zero", "hi-rag-gateway-v2", 8086, matrix.Allow, matrix.Partial,
			"fails: the name leads to api-tier, where enable_icc is false, though app-tier would do"},
		{"compose", "extract-worker", "qdrant", 6333, matrix.Allow, matrix.Allow,
			"passes, where the image has curl"},
		{"compose", "archon", "nats", 4222, matrix.Allow, matrix.Allow,
			"fails although the port is open: NATS does not speak HTTP"},
		{"compose", "postgres", "agent-zero", 8080, matrix.Deny, matrix.Deny,
			"passes in any case: the image of postgres has no curl"},
		{"compose", "nats", "qdrant", 6333, matrix.Deny, matrix.Deny,
			"passes in any case: the image of nats has no wget"},
		{"kubernetes", "extract-worker", "postgres", 5432, matrix.Deny, matrix.Partial,
			"expects success for the whole application tier, which the matrix forbids; by name it fails, because DNS is cut off"},
		{"kubernetes", "postgres", "agent-zero", 8080, matrix.Deny, matrix.Deny,
			"passes in any case: the name does not resolve in the data tier"},
		{"kubernetes", "prometheus", "postgres", 5432, matrix.Allow, matrix.Partial,
			"would find targets down: the policies let Prometheus in, and cut it off from DNS"},
	} {
		t.Run(test.platform+"/"+test.from+"/"+test.to, func(t *testing.T) {
			for _, c := range s.Matrix.Expand() {
				if c.From == test.from && c.To == test.to && c.Port == test.port && c.Protocol == matrix.TCP {
					assert.Equal(t, test.expected, c.Expected, "what the matrix says")
					p := oracles[test.platform].Predict(c)
					assert.Equal(t, test.real, p.Verdict, "%s; the design's check %s", p.Reason, test.check)
					return
				}
			}
			require.Fail(t, "no such case")
		})
	}
}

// What the designs are known for must be found, whatever the words.
func TestKnownFaultsAreFound(t *testing.T) {
	for _, test := range []struct{ suite, platform, rule, file string }{
		{"pmoves", "compose", "no-common-network", "pmoves/compose.yaml"},
		{"pmoves", "compose", "icc-breaks-pair", "pmoves/compose.yaml"},
		{"pmoves", "compose", "name-on-wrong-network", "pmoves/compose.yaml"},
		{"pmoves", "compose", "published-undoes-isolation", "pmoves/compose.yaml"},
		{"pmoves", "kubernetes", "dns-cut-off", "pmoves/policies/data-tier-policy.yaml"},
		{"pmoves", "kubernetes", "split-peer", "pmoves/policies/data-tier-policy.yaml"},
		{"pmoves", "kubernetes", "label-nobody-has", "pmoves/policies/bus-tier-policy.yaml"},
		{"pmoves", "kubernetes", "everybody", "pmoves/policies/api-tier-policy.yaml"},
		{"pmoves", "kubernetes", "all-namespaces", "pmoves/policies/api-tier-policy.yaml"},
		{"pmoves", "kubernetes", "one-sided-allow", "pmoves/policies/bus-tier-policy.yaml"},
		{"temporal", "kubernetes", "everybody", "temporal/policies/temporal-frontend.yaml"},
		{"temporal", "kubernetes", "split-peer", "temporal/policies/temporal-history.yaml"},
		{"temporal", "kubernetes", "no-default-deny", "temporal/policies/elasticsearch.yaml"},
		{"temporal", "kubernetes", "dns-cut-off", "temporal/policies/ingress-controller.yaml"},
		{"temporal", "kubernetes", "one-sided-allow", "temporal/policies/prometheus.yaml"},
		{"temporal-prod", "kubernetes", "dns-cut-off", "temporal-prod/policies/prod-environment.yaml"},
	} {
		t.Run(test.suite+"/"+test.rule, func(t *testing.T) {
			s, err := suites.Load(test.suite)
			require.NoError(t, err)
			_, oracles := targets(t, s)
			for _, f := range oracles[test.platform].Findings() {
				if f.Rule == test.rule && f.Pos.File == test.file && f.Pos.Line > 0 {
					return
				}
			}
			assert.Fail(t, "not found", "%s in %s", test.rule, test.file)
		})
	}
}
