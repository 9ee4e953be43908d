package generate_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/oracle"
	"github.com/netconform/netconform/suites/compose/project"
	"github.com/netconform/netconform/suites/generate"
	"github.com/netconform/netconform/suites/kubernetes/policy"
)

func shop(t *testing.T) *suites.Suite {
	t.Helper()
	s, err := suites.Load(filepath.Join("testdata", "shop", "suite.yaml"))
	require.NoError(t, err)
	return s
}

// Namespaces, UDP, ranges, a service that may not resolve, and one that may do nothing.
func TestNetworkPolicy(t *testing.T) {
	s := shop(t)
	files, err := generate.NetworkPolicy(s)
	require.NoError(t, err)
	golden(t, filepath.Join("testdata", "shop", "policies"), files)

	s.Kubernetes.Manifests = []string{"policies"}
	o, err := policy.Static(s)
	require.NoError(t, err)
	for _, c := range s.Matrix.Expand() {
		p := o.Predict(c)
		assert.Equal(t, c.Expected, p.Verdict, "%s: %s", c.Key(), p.Reason)
	}
}

func TestNetworkPolicyNeedsLabelsThatTell(t *testing.T) {
	s := shop(t)
	same := map[string]string{"app": "x", "app.kubernetes.io/name": "x"}
	s.Kubernetes.Services = map[string]suites.Placement{"web": {Labels: same}, "api": {Labels: same}}
	_, err := generate.NetworkPolicy(s)
	assert.ErrorContains(t, err, "no label tells the pods of web from those of another service in namespace shop")
}

func TestCompose(t *testing.T) {
	s := shop(t)
	override, err := generate.Compose(s)
	require.NoError(t, err)
	golden(t, filepath.Join("testdata", "shop"), map[string][]byte{"compose.override.yaml": override})

	s.Compose.Files = append(s.Compose.Files, "compose.override.yaml")
	p, err := project.Load(t.Context(), s)
	require.NoError(t, err)
	o := oracle.New(p, s.Matrix, oracle.Engine{})
	impossible := map[string]bool{}
	for _, c := range generate.Unenforceable(s.Matrix) {
		impossible[c.Key()] = true
	}
	talks := map[string]bool{}
	for _, c := range s.Matrix.Expand() {
		if c.Expected == "allow" && c.Port > 0 {
			talks[c.From+">"+c.To] = true
		}
	}
	for _, c := range s.Matrix.Expand() {
		if talks[c.To+">"+c.From] || impossible[c.Key()] {
			continue
		}
		got := o.Predict(c)
		assert.Equal(t, c.Expected, got.Verdict, "%s: %s", c.Key(), got.Reason)
	}
	assert.True(t, impossible["web->world:443/tcp"])
}

func TestComposeRefusesNetworkMode(t *testing.T) {
	s := shop(t)
	s.Compose.Files = []string{"hostmode.yaml"}
	_, err := generate.Compose(s)
	require.ErrorContains(t, err, "web has network_mode: host, which an override can't take away")
	assert.True(t, strings.Contains(err.Error(), "hostmode.yaml:2:"), err.Error())
}
