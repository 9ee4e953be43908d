package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// TestBundledSuites: the least-privilege policies imply their matrix, case by
// case; those of the two designs do not, and no verdict is without a place.
func TestBundledSuites(t *testing.T) {
	for name, conforms := range map[string]bool{"pmoves": false, "pmoves-least-privilege": true, "temporal": false, "temporal-least-privilege": true} {
		t.Run(name, func(t *testing.T) {
			s, err := suites.Load(name)
			require.NoError(t, err)
			o, err := Static(s)
			require.NoError(t, err)
			wrong := 0
			for _, c := range s.Matrix.Expand() {
				p := o.Predict(c)
				require.NotEqual(t, matrix.Unknown, p.Verdict, "%s: %s", c.Key(), p.Reason)
				if conforms {
					require.Equal(t, c.Expected, p.Verdict, "%s: %s", c.Key(), p.Reason)
				} else if p.Verdict != c.Expected {
					wrong++
					assert.NotEmpty(t, p.Pos.File, c.Key())
					assert.NotEmpty(t, p.Mend, c.Key())
				}
			}
			assert.Equal(t, !conforms, wrong > 0)
			assert.NotEmpty(t, o.Mutants())
		})
	}
}
