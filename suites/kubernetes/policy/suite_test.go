package policy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/suites"
)

func TestShow(t *testing.T) {
	for _, name := range []string{"pmoves", "temporal", "pmoves-least-privilege", "temporal-least-privilege"} {
		s, err := suites.Load(name)
		require.NoError(t, err)
		o, err := Static(s)
		require.NoError(t, err)
		fmt.Println("=====", name)
		for _, f := range o.Findings() {
			fmt.Printf("%s %s: %s\n      -> %s\n", f.Pos, f.Rule, f.Message, f.Mend)
		}
		n := map[string]int{}
		shown := map[string]int{}
		for _, c := range s.Matrix.Expand() {
			p := o.Predict(c)
			k := string(c.Expected) + "/" + string(p.Verdict)
			n[k]++
			if shown[k]++; shown[k] < 4 {
				fmt.Printf("%s %s: %s | %s | mend: %s\n", c.Key(), k, p.Reason, p.Pos, p.Mend)
			}
		}
		fmt.Println(n, len(o.Mutants()), "mutants")
	}
}
