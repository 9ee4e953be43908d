package compose

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// calm counts the networks that anybody makes on the engine while probes run.
// For each, the engine takes its isolation of bridges out of the firewall and
// puts it back (EnsureJumpRule in libnetwork's setup_ip_tables.go): for 50 to
// 200 ms on 20.10, and seconds on a busy machine, all bridges reach each other.
// What was seen meanwhile says nothing about the project.
type calm struct{ made atomic.Int64 }

// calmTries bounds how often a batch is repeated until none is made meanwhile.
const calmTries = 6

var errNotCalm = errors.New("whenever probes ran, somebody made a network on this engine, which does not isolate bridges from each other meanwhile; run again when nobody does")

// watch counts until the context ends. Where the engine's events break off,
// so do all other calls.
func (c *calm) watch(ctx context.Context, cli client.APIClient) {
	filters := make(client.Filters).Add("type", string(events.NetworkEventType)).Add("event", string(events.ActionCreate))
	stream := cli.Events(ctx, client.EventsListOptions{Filters: filters})
	go func() {
		for {
			select {
			case <-stream.Messages:
				c.made.Add(1)
			case <-stream.Err:
				return
			}
		}
	}()
}

// undisturbed repeats a batch until no network was made while it ran. The
// engine tells of a network when it is done; on this machine, its bridge shows
// already before.
func undisturbed[T any](c *calm, batch func() (T, error)) (T, error) {
	for range calmTries {
		made, before := c.made.Load(), interfaces()
		result, err := batch()
		if err != nil || c.made.Load() == made && !appeared(before, interfaces()) {
			return result, err
		}
	}
	var none T
	return none, errNotCalm
}

// interfaces are the names of this machine's bridges of the engine's naming.
func interfaces() map[string]bool {
	names := map[string]bool{}
	list, _ := net.Interfaces()
	for _, i := range list {
		if strings.HasPrefix(i.Name, "br-") {
			names[i.Name] = true
		}
	}
	return names
}

func appeared(before, after map[string]bool) bool {
	for name := range after {
		if !before[name] {
			return true
		}
	}
	return false
}
