package compose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// calm knows whether anybody makes a network on the engine while probes run.
// For each, the engine takes its isolation of bridges out of the firewall and
// puts it back (EnsureJumpRule in libnetwork's setup_ip_tables.go): for 50 to
// 200 ms on 20.10, and seconds on a busy machine, all bridges reach each other.
// What was seen meanwhile says nothing about the project.
//
// The engine tells of a network when it is done. On its own machine the bridge
// shows from the beginning, so a bridge of a network that the engine has not
// told of is one in the making.
type calm struct {
	mu    sync.Mutex
	made  int             // networks, since the watch began
	known map[string]bool // bridges of finished networks, and those that are nobody's
}

const (
	// calmTries bounds how often a batch is repeated until none is made meanwhile.
	calmTries = 6
	// makingLimit is when a bridge in the making is taken for one that is not
	// this engine's: what a dead engine left, or another engine's.
	makingLimit = 10 * time.Second
)

var errNotCalm = errors.New("whenever probes ran, somebody made a network on this engine, which does not isolate bridges from each other meanwhile; run again when nobody does")

// watch counts until the context ends. Where the engine's events break off,
// so do all other calls.
func (c *calm) watch(ctx context.Context, cli client.APIClient) error {
	filters := make(client.Filters).Add("type", string(events.NetworkEventType)).Add("event", string(events.ActionCreate))
	stream := cli.Events(ctx, client.EventsListOptions{Filters: filters})
	networks, err := cli.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return fmt.Errorf("list networks: %w", err)
	}
	c.known = map[string]bool{}
	for _, n := range networks.Items {
		c.known[bridgeOf(n.ID)] = true
	}
	go func() {
		for {
			select {
			case m := <-stream.Messages:
				c.mu.Lock()
				c.made++
				c.known[bridgeOf(m.Actor.ID)] = true
				c.mu.Unlock()
			case <-stream.Err:
				return
			}
		}
	}()
	return nil
}

// state is how many networks were made, and the bridges in the making.
func (c *calm) state() (made int, making []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range bridges() {
		if !c.known[name] {
			making = append(making, name)
		}
	}
	return c.made, making
}

// settle waits until no network is in the making, and returns how many were made.
func (c *calm) settle() int {
	for started := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		made, making := c.state()
		if len(making) == 0 {
			return made
		}
		if time.Since(started) > makingLimit {
			c.mu.Lock()
			for _, name := range making {
				c.known[name] = true
			}
			c.mu.Unlock()
		}
	}
}

// undisturbed repeats a batch until no network was made while it ran.
func undisturbed[T any](c *calm, batch func() (T, error)) (T, error) {
	for range calmTries {
		before := c.settle()
		result, err := batch()
		if after, making := c.state(); err != nil || after == before && len(making) == 0 {
			return result, err
		}
	}
	var none T
	return none, errNotCalm
}

// bridgeOf is how the engine names a network's bridge, unless it is told another name.
func bridgeOf(networkID string) string { return "br-" + networkID[:min(len(networkID), 12)] }

// bridges are this machine's of such names; none where its network namespace
// does not show them.
func bridges() []string {
	var names []string
	list, _ := os.ReadDir("/sys/class/net")
	for _, entry := range list {
		if name := entry.Name(); strings.HasPrefix(name, "br-") && len(name) == len("br-")+12 {
			names = append(names, name)
		}
	}
	return names
}
