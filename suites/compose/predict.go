package compose

import (
	"context"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/oracle"
)

// foresee makes the oracle of this very engine: what published ports and
// internal networks do depends on its version and settings. External networks
// are as they are, or the plain bridges that stand in for them.
func (d *deployment) foresee(ctx context.Context) error {
	existing, err := d.externalNetworks(ctx)
	if err != nil {
		return err
	}
	engine := oracle.EngineOf(d.environment)
	engine.Networks = map[string]oracle.Network{}
	for key, n := range d.files.Networks {
		if n.External {
			theirs := existing[n.Name]
			engine.Networks[key] = oracle.Network{Driver: theirs.Driver, Internal: theirs.Internal,
				IPv6: theirs.EnableIPv6, Options: theirs.Options}
		}
	}
	d.oracle = oracle.New(d.files, d.job.Suite.Matrix, engine)
	return nil
}

// Predict tells what the files imply on this engine.
func (d *deployment) Predict(c matrix.Case) suites.Prediction { return d.oracle.Predict(c) }

var _ suites.Predictor = (*deployment)(nil)
