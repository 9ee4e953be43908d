package policy

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

func TestTranspose(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for _, n := range []int{1, 63, 64, 65, 200} {
		rows := make([]set, n)
		for i := range rows {
			rows[i] = newSet(n)
			for j := range n {
				if random.IntN(3) == 0 {
					rows[i].add(j)
				}
			}
		}
		columns := transpose(rows)
		for i := range n {
			for j := range n {
				require.Equal(t, rows[i].has(j), columns[j].has(i), "%d,%d of %d", i, j, n)
			}
		}
	}
}

// TestRelationIsTheEngine holds the relation of all pairs at once against the
// ruling on each pair, with several pods of each kind and some on the host's network.
func TestRelationIsTheEngine(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	ports := []RelationPort{{80, matrix.TCP}, {81, matrix.TCP}, {80, matrix.UDP}}
	for range 300 {
		s := randomScenario(random, 9)
		pods := append(append([]manifests.StandIn{}, s.pods...), s.pods[:4]...)
		pods[random.IntN(9)].HostNetwork = random.IntN(3) == 0
		objects := &manifests.Objects{NetworkPolicies: s.policies, Suite: &suites.Suite{Kubernetes: &suites.KubernetesTarget{Namespaces: s.namespaces}}}
		r := NewRelation(objects, pods, Cluster{}, ports)
		s.pods = pods
		w := newWorld(s.endpoints(), s.namespaces, false)
		e := newEngine(w, w.compileAll(s.policies), nil, nil)
		for k, port := range ports {
			count := 0
			for i := range pods {
				for j := range pods {
					p := packet{i, j, port.Number, port.Protocol}
					want := i == j || e.decide(egress, p).state == yes && e.decide(ingress, p).state == yes
					require.Equal(t, want, r.Allows(i, j, k), "%v", p)
					if want && i != j {
						count++
					}
				}
			}
			require.Equal(t, count, r.Count(k))
		}
	}
}
