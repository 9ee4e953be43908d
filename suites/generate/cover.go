package generate

import (
	"slices"

	"github.com/netconform/netconform/matrix"
)

// A bridge network opens every pair of its members, in both directions and on all
// ports. So only services may share one that may all talk to each other, in one
// direction at least: a clique of the graph of allowed pairs. cover finds
// cliques that hold every allowed pair; few of them, since Docker's own address
// pools end at 31 networks, though the fewest is hard to find.
//
// Members are in the order of the matrix, networks in that of their first members.
func cover(m *matrix.Matrix, cases []matrix.Case) [][]string {
	g := newGraph(m, cases)
	var networks [][]int
	for a := range g.names {
		for b := a + 1; b < len(g.names); b++ {
			if g.edge[a][b] && !g.covered[a][b] {
				networks = append(networks, g.grow(a, b))
			}
		}
	}
	var named [][]string
	for _, members := range networks {
		var names []string
		for _, i := range members {
			names = append(names, g.names[i])
		}
		named = append(named, names)
	}
	return named
}

type graph struct {
	names         []string
	edge, covered [][]bool
}

func newGraph(m *matrix.Matrix, cases []matrix.Case) *graph {
	g := &graph{}
	index := map[string]int{}
	for i, s := range m.Services {
		g.names = append(g.names, s.Name)
		index[s.Name] = i
	}
	for range g.names {
		g.edge = append(g.edge, make([]bool, len(g.names)))
		g.covered = append(g.covered, make([]bool, len(g.names)))
	}
	for _, c := range cases {
		a, isService := index[c.From]
		b, alsoService := index[c.To]
		if isService && alsoService {
			g.edge[a][b], g.edge[b][a] = true, true
		}
	}
	return g
}

// grow makes the clique of an uncovered pair larger as long as another service
// brings pairs that no network holds yet; the one that brings most comes first.
func (g *graph) grow(a, b int) []int {
	members := []int{a, b}
	for {
		best, most := -1, 0
		for i := range g.names {
			if gain := g.gain(i, members); gain > most {
				best, most = i, gain
			}
		}
		if best < 0 {
			break
		}
		members = append(members, best)
	}
	slices.Sort(members)
	for _, i := range members {
		for _, j := range members {
			g.covered[i][j] = true
		}
	}
	return members
}

// gain is how many uncovered pairs a service brings to a clique; 0 where it
// would open a pair that nothing allows.
func (g *graph) gain(i int, members []int) int {
	gain := 0
	for _, j := range members {
		if i == j || !g.edge[i][j] {
			return 0
		}
		if !g.covered[i][j] {
			gain++
		}
	}
	return gain
}
