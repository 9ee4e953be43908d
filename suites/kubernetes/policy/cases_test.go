package policy

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

// pod is a stand-in written short: "web ns=front app=web,tier=api ports=80,dns:53/udp".
func pod(t testing.TB, text string) manifests.StandIn {
	t.Helper()
	words := strings.Fields(text)
	s := manifests.StandIn{Service: words[0], KubeService: words[0], Namespace: "default", Labels: map[string]string{"app": words[0]}}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch {
		case w == "host":
			s.HostNetwork = true
		case key == "ns":
			s.Namespace = value
		case key == "ports":
			for _, p := range strings.Split(value, ",") {
				name, number, ok := strings.Cut(p, ":")
				if !ok {
					name, number = "", p
				}
				number, protocol, _ := strings.Cut(number, "/")
				n, err := strconv.Atoi(number)
				require.NoError(t, err)
				port := manifests.ContainerPort{Name: name, Port: n, Protocol: matrix.TCP}
				if protocol != "" {
					port.Protocol = matrix.Protocol(protocol)
				}
				s.ContainerPorts = append(s.ContainerPorts, port)
			}
		default:
			for _, l := range strings.Split(w, ",") {
				k, v, ok := strings.Cut(l, "=")
				require.True(t, ok, "label %q", l)
				s.Labels[k] = v
			}
		}
	}
	for _, p := range s.ContainerPorts {
		s.ServicePorts = append(s.ServicePorts, manifests.ServicePort{Name: p.Name, Port: p.Port, Target: intstr.FromInt(p.Port), Protocol: p.Protocol})
	}
	return s
}

// setting is a test's cluster.
type setting struct {
	pods       []string
	namespaces map[string]map[string]string
	policies   string
	facts      Cluster
}

// load reads the policies as a suite's would be.
func load(t testing.TB, policies string, namespaces map[string]map[string]string) *manifests.Objects {
	t.Helper()
	suite := &suites.Suite{
		File: "suite.yaml", FS: fstest.MapFS{"p.yaml": &fstest.MapFile{Data: []byte(policies)}}, Dir: ".", Matrix: &matrix.Matrix{},
		Kubernetes: &suites.KubernetesTarget{Manifests: []string{"p.yaml"}, Namespaces: namespaces},
	}
	objects, err := manifests.Load(suite)
	require.NoError(t, err)
	return objects
}

func (s setting) oracle(t testing.TB) *Oracle {
	t.Helper()
	m := &matrix.Matrix{Externals: []matrix.External{
		{Name: "internet", Ports: []matrix.Port{{Number: 443, End: 443, Protocol: matrix.TCP}}}, {Name: "clients"}}}
	var placed []manifests.StandIn
	for _, text := range s.pods {
		p := pod(t, text)
		placed = append(placed, p)
		service := matrix.Service{Name: p.Service}
		for _, c := range p.ContainerPorts {
			service.Ports = append(service.Ports, matrix.Port{Name: c.Name, Number: c.Port, End: c.Port, Protocol: c.Protocol})
		}
		m.Services = append(m.Services, service)
	}
	return New(load(t, s.policies, s.namespaces), placed, m, s.facts)
}

// caseOf reads "web db:5432", "web db:53/udp" or "web db/dns".
func caseOf(t testing.TB, text string) matrix.Case {
	t.Helper()
	from, to, ok := strings.Cut(text, " ")
	require.True(t, ok)
	if name, ok := strings.CutSuffix(to, "/dns"); ok {
		return matrix.Case{From: from, To: name, Protocol: matrix.DNS}
	}
	to, port, ok := strings.Cut(to, ":")
	require.True(t, ok)
	port, protocol, ok := strings.Cut(port, "/")
	if !ok {
		protocol = "tcp"
	}
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	return matrix.Case{From: from, To: to, Port: n, Protocol: matrix.Protocol(protocol)}
}

// verdicts checks "web db:80 allow" lines.
func verdicts(t *testing.T, o *Oracle, lines string) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		line = strings.TrimSpace(line)
		i := strings.LastIndex(line, " ")
		c := caseOf(t, strings.TrimSpace(line[:i]))
		p := o.Predict(c)
		require.Equal(t, line[i+1:], string(p.Verdict), "%s: %s\n%s", c.Key(), p.Reason, strings.Join(p.Steps, "\n"))
		require.NotEmpty(t, p.Reason, c.Key())
	}
}

// np writes a NetworkPolicy short.
func np(name, spec string) string {
	ns := "default"
	if n, rest, ok := strings.Cut(name, "/"); ok {
		ns, name = n, rest
	}
	return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: %s, namespace: %s}\nspec:\n%s\n", name, ns, spec)
}
