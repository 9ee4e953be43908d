package manifests

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// suiteOf is a suite whose manifests are the given files.
func suiteOf(files map[string]string, manifests ...string) *suites.Suite {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys["suite/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return &suites.Suite{
		File: "dir/suite.yaml", FS: fsys, Dir: "suite",
		Matrix: &matrix.Matrix{},
		Kubernetes: &suites.KubernetesTarget{
			Manifests: manifests, Namespace: "prod", Pos: matrix.Pos{File: "dir/suite.yaml", Line: 4, Col: 1},
		},
	}
}

const policyText = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db
spec:
  podSelector:
    matchLabels: {app: db}
  ingress:
    - from:
        - podSelector: {}
      ports:
        - port: 5432
`

func TestLoadReadsEveryKindWithItsPlace(t *testing.T) {
	o, err := Load(suiteOf(map[string]string{
		"a/policy.yaml": "# a comment\n---\n" + policyText + `---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Namespace
    metadata: {name: prod, labels: {team: x}}
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: db, namespace: other}
    spec:
      selector: {matchLabels: {app: db}}
      template:
        metadata:
          labels: {app: db}
        spec: {containers: [{name: c, image: i}]}
`,
		"a/deeper/cilium.yml": "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c}\nspec: {anything: [1]}\n",
		"a/notes.txt":         "not: read",
		"b.yaml":              "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {x: y}\n",
	}, "a", "b.yaml"))
	require.NoError(t, err)

	require.Len(t, o.NetworkPolicies, 1)
	p := o.NetworkPolicies[0]
	assert.Equal(t, "NetworkPolicy prod/db", p.Title())
	assert.Equal(t, "dir/a/policy.yaml:3:1", p.Pos.String())
	assert.Equal(t, "dir/a/policy.yaml:11:7", p.At("spec", "ingress", 0).String())
	assert.Equal(t, "dir/a/policy.yaml:14:11", p.At("spec", "ingress", 0, "ports", 0).String())
	assert.Equal(t, "dir/a/policy.yaml:11:7", p.At("spec", "ingress", 0, "to", 3).String(), "the last part that there is")
	text, err := p.JSON()
	require.NoError(t, err)
	assert.Contains(t, string(text), `"namespace":"prod"`)

	require.Len(t, o.Workloads, 1)
	assert.Equal(t, "Deployment other/db", o.Workloads[0].Title())
	assert.Equal(t, 29, o.Workloads[0].At("metadata", "labels").Line)
	require.Len(t, o.NamespaceObjects, 1)
	require.Len(t, o.Unmodelled, 1)
	assert.Equal(t, "CiliumNetworkPolicy prod/c", o.Unmodelled[0].Title())
	require.Len(t, o.Ignored, 1)
	assert.Equal(t, "ConfigMap", o.Ignored[0].Kind)
}

func TestLoadErrors(t *testing.T) {
	np := func(spec string) string {
		return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n" + spec
	}
	for name, c := range map[string]struct{ text, want string }{
		"unknown field": {np("  podselector: {}\n"),
			`dir/p.yaml:5:3: spec has no field "podselector": write "podSelector", or remove it`},
		"misspelt deep": {np("  podSelector: {}\n  ingress:\n    - form: []\n"),
			`dir/p.yaml:7:7: spec.ingress[0] has no field "form": it has from, ports`},
		"duplicate key": {np("  podSelector: {}\n  podSelector: {}\n"),
			`dir/p.yaml:6:3: podSelector stands twice in spec, first in line 5: keep one of them`},
		"old apiVersion": {"apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nmetadata: {name: p}\n",
			`dir/p.yaml:1:13: NetworkPolicy has no apiVersion extensions/v1beta1: write networking.k8s.io/v1`},
		"no apiVersion": {"kind: NetworkPolicy\n", `dir/p.yaml:1:1: not a Kubernetes object: apiVersion is missing`},
		"no name": {"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec: {podSelector: {}}\n",
			`dir/p.yaml:1:1: NetworkPolicy has no metadata.name: give it one`},
		"number as label": {np("  podSelector: {matchLabels: {a: 1}}\n"),
			`dir/p.yaml:5:34: spec.podSelector.matchLabels.a must be a string, and 1 is not one in YAML: write it as "1"`},
		"yes as label": {np("  podSelector: {matchLabels: {a: yes}}\n"),
			`dir/p.yaml:5:34: spec.podSelector.matchLabels.a must be a string, and yes is not one in YAML: write it as "yes"`},
		"rule is no list": {np("  podSelector: {}\n  ingress: {from: []}\n"),
			`dir/p.yaml:6:12: spec.ingress must be a list: begin each item with "- "`},
		"empty peer": {np("  podSelector: {}\n  egress:\n    - to:\n        - {}\n"),
			`dir/p.yaml:8:11: NetworkPolicy prod/p: spec.egress[0].to[0]: an empty peer: write podSelector, namespaceSelector or ipBlock ("podSelector: {}" is every pod of the namespace)`},
		"block with selector": {np("  podSelector: {}\n  egress:\n    - to:\n        - ipBlock: {cidr: 10.0.0.0/8}\n          podSelector: {}\n"),
			`dir/p.yaml:8:11: NetworkPolicy prod/p: spec.egress[0].to[0]: ipBlock can't stand with a selector in one peer: make them two list items`},
		"bad cidr": {np("  podSelector: {}\n  egress:\n    - to:\n        - ipBlock: {cidr: 10.0.0.0}\n"),
			`dir/p.yaml:8:21: NetworkPolicy prod/p: spec.egress[0].to[0].ipBlock.cidr: "10.0.0.0" is no CIDR: write an address and a length, such as 10.0.0.0/8`},
		"except outside": {np("  podSelector: {}\n  egress:\n    - to:\n        - ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}\n"),
			`dir/p.yaml:8:48: NetworkPolicy prod/p: spec.egress[0].to[0].ipBlock.except[0]: 11.0.0.0/9 is not a smaller block inside 10.0.0.0/8`},
		"endPort below port": {np("  podSelector: {}\n  egress:\n    - ports: [{port: 90, endPort: 80}]\n"),
			`dir/p.yaml:7:26: NetworkPolicy prod/p: spec.egress[0].ports[0].endPort: 80 is less than port, 90`},
		"endPort of a name": {np("  podSelector: {}\n  egress:\n    - ports: [{port: web, endPort: 80}]\n"),
			`dir/p.yaml:7:27: NetworkPolicy prod/p: spec.egress[0].ports[0].endPort: endPort needs a number as port, not the name "web"`},
		"operator": {np("  podSelector: {matchExpressions: [{key: a, operator: Is}]}\n"),
			`dir/p.yaml:5:36: NetworkPolicy prod/p: spec.podSelector.matchExpressions[0]: "Is" is no operator: write In, NotIn, Exists or DoesNotExist`},
		"policy type": {np("  podSelector: {}\n  policyTypes: [ingress]\n"),
			`dir/p.yaml:6:17: NetworkPolicy prod/p: spec.policyTypes[0]: "ingress" is no policy type: write Ingress or Egress`},
		"protocol": {np("  podSelector: {}\n  ingress:\n    - ports: [{protocol: tcp}]\n"),
			`dir/p.yaml:7:16: NetworkPolicy prod/p: spec.ingress[0].ports[0].protocol: "tcp" is no protocol: write TCP, UDP or SCTP`},
		"syntax": {"a: [\n", `dir/p.yaml:1:1: not valid YAML: did not find expected node content; look at the indentation and quotes of this line and the one before`},
		"a list": {"- a\n", `dir/p.yaml:1:1: not a Kubernetes object: a document must be a mapping with apiVersion and kind`},
		"admin action": {"apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: p}\nspec:\n  priority: 1\n  subject: {namespaces: {}}\n  ingress:\n    - action: Accept\n      from: [{namespaces: {}}]\n",
			`dir/p.yaml:8:7: AdminNetworkPolicy p: spec.ingress[0].action: "Accept" is no action: write Allow, Deny, Pass`},
		"twice": {policyText + "---\n" + policyText,
			`dir/p.yaml:14:1: NetworkPolicy prod/db stands twice, first at dir/p.yaml:1:1: keep one, or name only one of the two files or folders in the suite`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(suiteOf(map[string]string{"p.yaml": c.text}, "p.yaml"))
			require.EqualError(t, err, c.want)
		})
	}
}

func TestLoadNamesWhatIsMissing(t *testing.T) {
	_, err := Load(suiteOf(nil, "policies"))
	require.EqualError(t, err, "dir/suite.yaml:4:1: manifests: policies can't be read (file does not exist): paths are relative to the suite file")
	_, err = Load(suiteOf(nil, "../../x"))
	require.ErrorContains(t, err, "is outside of")
}

func TestKustomization(t *testing.T) {
	files := map[string]string{
		"base/kustomization.yaml":    "resources: [policy.yaml]\n",
		"base/policy.yaml":           "# first\n" + policyText,
		"overlay/kustomization.yaml": "namespace: live\nnamePrefix: x-\nresources: [../base]\npatches:\n  - path: patch.yaml\n",
		"overlay/patch.yaml":         "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: db}\nspec: {policyTypes: [Ingress, Egress]}\n",
	}
	for _, entry := range []string{"overlay", "overlay/kustomization.yaml"} {
		o, err := Load(suiteOf(files, entry))
		require.NoError(t, err)
		require.Len(t, o.NetworkPolicies, 1)
		p := o.NetworkPolicies[0]
		assert.Equal(t, "NetworkPolicy live/x-db", p.Title())
		assert.Len(t, p.Value.Spec.PolicyTypes, 2, "the patch holds")
		assert.Equal(t, "dir/base/policy.yaml:2:1", p.Pos.String())
		assert.Equal(t, "dir/base/policy.yaml:10:7", p.At("spec", "ingress", 0).String())
	}

	files["overlay/kustomization.yaml"] = "resources: [https://example.com/x.yaml]\n"
	_, err := Load(suiteOf(files, "overlay"))
	require.ErrorContains(t, err, "dir/overlay/kustomization.yaml:1:1: ")
	require.ErrorContains(t, err, "https://example.com/x.yaml is remote, and is not fetched")

	files["overlay/kustomization.yaml"] = "resources: [../base]\n"
	files["base/policy.yaml"] = "# first\n" + policyText + "  ingres: []\n"
	_, err = Load(suiteOf(files, "overlay"))
	require.ErrorContains(t, err, `dir/base/policy.yaml:2:1: in NetworkPolicy db, as dir/overlay/kustomization.yaml builds it: spec has no field "ingres": write "ingress", or remove it`)
}
