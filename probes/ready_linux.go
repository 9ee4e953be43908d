package probes

import (
	"bytes"
	"context"
	"fmt"
)

// Ready says which of the server's ports does not answer on the loopback
// interface, or nil. Without an identity any of this run may answer.
func (s *Server) Ready(ctx context.Context) error {
	b := Batch{ID: "ready", Key: s.Key, WindowMS: 500}
	for i, l := range s.Listeners {
		b.Probes = append(b.Probes, Probe{ID: i, Protocol: l.Protocol, Host: "127.0.0.1", Port: l.Port, Expect: s.Identity})
	}
	var out bytes.Buffer
	if err := RunBatch(ctx, b, &out); err != nil {
		return err
	}
	results, err := ReadResults(&out, b)
	if err != nil {
		return err
	}
	for i, r := range results {
		if r.Outcome == OutcomeOpen || s.Identity == "" && r.Outcome == OutcomeWrongPeer {
			continue
		}
		return fmt.Errorf("%s is not ready: %s %s", s.Listeners[i], r.Outcome, r.Detail)
	}
	return nil
}
