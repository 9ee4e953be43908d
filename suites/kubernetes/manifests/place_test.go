package manifests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

const workloads = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata:
      labels: {app: db, tier: cache}
    spec:
      serviceAccountName: dba
      containers:
        - name: c
          image: i
          ports: [{name: pg, containerPort: 5432}]
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec:
  selector: {app: database}
  ports:
    - {name: sql, port: 15432, targetPort: pg}
    - {name: web, port: 80, targetPort: http}
`

func TestPlace(t *testing.T) {
	s := suiteOf(map[string]string{"w.yaml": workloads}, "w.yaml")
	s.Kubernetes.Tiers = map[string]string{"app": "application"}
	s.Kubernetes.Services = map[string]suites.Placement{"api": {Namespace: "front", Labels: map[string]string{"x": "y"}, Service: "api-svc"}}
	s.Matrix.Services = []matrix.Service{
		{Name: "db", Tier: "data", Ports: []matrix.Port{{Number: 15432, End: 15432, Protocol: matrix.TCP}, {Number: 9000, End: 9000, Protocol: matrix.TCP}}},
		{Name: "api", Tier: "app", Ports: []matrix.Port{{Name: "http", Number: 80, End: 80, Protocol: matrix.TCP}, {Number: 8000, End: 8002, Protocol: matrix.UDP}}},
		{Name: "cron"},
	}
	o, err := Load(s)
	require.NoError(t, err)
	placed, findings, err := o.Place(s)
	require.NoError(t, err)
	require.Len(t, placed, 3)

	db, api, cron := placed[0], placed[1], placed[2]
	assert.Equal(t, "StatefulSet prod/db", db.Workload)
	assert.Equal(t, map[string]string{"app": "db", "tier": "cache"}, db.Labels, "what the workload really has")
	assert.Equal(t, "dba", db.ServiceAccount)
	assert.Equal(t, "db", db.KubeService)
	assert.Equal(t, map[string]string{"app": "database"}, db.Selector)
	port, ok := db.PodPort(15432, matrix.TCP)
	assert.True(t, ok)
	assert.Equal(t, 5432, port, "through the named target port")
	port, _ = db.PodPort(9000, matrix.TCP)
	assert.Equal(t, 9000, port, "the Service has no such port")
	_, ok = db.PodPort(80, matrix.TCP)
	assert.False(t, ok, "no container declares http")

	assert.Equal(t, map[string]string{"app": "api", "app.kubernetes.io/name": "api", "tier": "application", "x": "y"}, api.Labels)
	assert.Equal(t, "front", api.Namespace)
	assert.Equal(t, "api-svc", api.KubeService)
	assert.Nil(t, api.Selector)
	assert.Len(t, api.ServicePorts, 4, "a range is written out")
	port, ok = api.NamedPort("http", matrix.TCP)
	assert.True(t, ok)
	assert.Equal(t, 80, port)
	assert.Equal(t, "prod", cron.Namespace)
	assert.Empty(t, cron.KubeService)

	var rules []string
	for _, f := range findings {
		rules = append(rules, f.Rule+" "+f.Pos.String())
	}
	assert.Equal(t, []string{
		"missing-tier-label dir/w.yaml:9:25",
		"target-port-undeclared dir/w.yaml:24:7",
		"service-selects-nothing dir/w.yaml:21:3",
		"service-port-missing dir/w.yaml:22:3",
	}, rules)

	var names []string
	for _, ns := range o.Namespaces(s, placed) {
		names = append(names, ns.Name)
		assert.Equal(t, ns.Name, ns.Labels["kubernetes.io/metadata.name"])
	}
	assert.Equal(t, []string{"front", "prod"}, names)
}

func TestPlaceErrors(t *testing.T) {
	two := "apiVersion: v1\nkind: Pod\nmetadata: {name: db, namespace: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: db, namespace: b}\n"
	s := suiteOf(map[string]string{"w.yaml": two}, "w.yaml")
	s.Matrix.Services = []matrix.Service{{Name: "db"}}
	o, err := Load(s)
	require.NoError(t, err)
	_, _, err = o.Place(s)
	require.EqualError(t, err, `dir/suite.yaml:4:1: kubernetes.services.db: workloads of that name stand in several namespaces (a and b): name one as "namespace/name"`)

	s.Kubernetes.Services = map[string]suites.Placement{"db": {Workload: "b/db"}}
	placed, _, err := o.Place(s)
	require.NoError(t, err)
	assert.Equal(t, "b", placed[0].Namespace)

	s.Kubernetes.Services = map[string]suites.Placement{"db": {Workload: "b/dbx"}}
	_, _, err = o.Place(s)
	require.ErrorContains(t, err, `the manifests have no workload "b/dbx"`)

	s.Kubernetes.Services = map[string]suites.Placement{"dc": {}, "db": {Workload: "a/db"}}
	_, _, err = o.Place(s)
	require.ErrorContains(t, err, `places "dc", which is no service of the matrix`)
}
