package generate

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
)

// Whatever the matrix: every allowed pair has a network, and no network holds a
// pair that nothing allows.
func TestCoverHoldsEveryPairAndNoOther(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		m := &matrix.Matrix{}
		n := 2 + random.IntN(12)
		for i := range n {
			m.Services = append(m.Services, matrix.Service{Name: fmt.Sprintf("s%d", i), Ports: []matrix.Port{{Number: 1, End: 1, Protocol: matrix.TCP}}})
		}
		talks := map[[2]string]bool{}
		for i := range n {
			for j := range n {
				if i != j && random.IntN(3) == 0 {
					a, b := m.Services[i].Name, m.Services[j].Name
					m.Services[j].From = append(m.Services[j].From, matrix.Rule{Peer: a})
					talks[[2]string{a, b}], talks[[2]string{b, a}] = true, true
				}
			}
		}
		open := map[[2]string]bool{}
		for _, members := range cover(m, allowed(m)) {
			for _, a := range members {
				for _, b := range members {
					if a != b {
						open[[2]string{a, b}] = true
					}
				}
			}
		}
		require.Equal(t, talks, open, "seed %d", seed)
	}
}
