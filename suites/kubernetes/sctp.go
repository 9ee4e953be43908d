package kubernetes

import (
	"context"
	"fmt"
	"slices"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

// dropSCTP finds out whether the nodes' kernels have SCTP, where the suite has
// ports of it. Where one has not, no stand-in can listen on them: its agent would
// end, so the ports are left out and their cases skipped.
func (d *deployment) dropSCTP(ctx context.Context, specs []podSpec) error {
	if !slices.ContainsFunc(specs, func(s podSpec) bool { return slices.ContainsFunc(s.ports, isSCTP) }) {
		return nil
	}
	var peers []string
	for _, p := range d.role(rolePeer) {
		peers = append(peers, p.vantage)
	}
	if err := d.awaitPods(ctx, peers); err != nil {
		return err
	}
	for _, p := range d.role(rolePeer) {
		results, err := d.Probe(ctx, p.vantage, probes.Batch{ID: d.id + "-sctp", Key: d.key, WindowMS: 500,
			Probes: []probes.Probe{{Protocol: probes.SCTP, Host: p.addresses[0], Port: canaryPort, Expect: p.identity}}})
		if err != nil {
			return fmt.Errorf("does the kernel of %s have SCTP? %w", p.node, err)
		}
		if results[0].Outcome == probes.OutcomeError {
			d.noSCTP = fmt.Sprintf("the kernel of node %s has no SCTP (%s)", p.node, firstOf(results[0].Errno, results[0].Detail))
		}
	}
	if d.noSCTP == "" {
		return nil
	}
	for i := range specs {
		specs[i].ports = slices.DeleteFunc(slices.Clone(specs[i].ports), isSCTP)
		d.pods[specs[i].vantage].podSpec = specs[i]
	}
	d.note("cases over SCTP are skipped: %s", d.noSCTP)
	return nil
}

func isSCTP(p matrix.Port) bool { return p.Protocol == matrix.SCTP }
