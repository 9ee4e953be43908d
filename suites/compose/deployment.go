package compose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/oracle"
	"github.com/netconform/netconform/suites/compose/project"
)

// deployment is a project that is up.
type deployment struct {
	cli      client.APIClient
	job      suites.Job
	files    *project.Project
	pl       *plan
	image    string
	up       bool   // all requests of Deploy are answered
	dismiss  func() // the watchdog
	topology topology
	vantages map[string]*vantage
	// externals are the stand-ins of the outside world: container IDs by name.
	externals   map[string]string
	environment []suites.Fact
	local       bool                          // the engine's networks are on this machine
	losses      func() (probes.Losses, error) // of the engine's kernel
	gauge       *gauge                        // tells them, where the engine is on another machine
	blind       error                         // why silence proves nothing, where nobody tells them
	lossy       sync.Once                     // the user was told of losses
	oracle      *oracle.Oracle
	calm        calm
	hush        context.CancelFunc // ends calm's watch
}

// vantage is a stand-in as it was when it came up.
type vantage struct {
	name  string
	state state
	// owner is the container whose network namespace it lives in, often itself.
	owner state
	line  *line
}

// state is what must not change while verdicts are taken.
type state struct {
	id, started string
	pid         int
	networks    string
}

func stateOf(c container.InspectResponse) state {
	s := state{id: c.ID}
	if c.State != nil {
		s.started, s.pid = c.State.StartedAt, c.State.Pid
	}
	if c.NetworkSettings != nil {
		var list []string
		for name, e := range c.NetworkSettings.Networks {
			list = append(list, fmt.Sprintf("%s %s %s %s", name, e.EndpointID, e.IPAddress, e.GlobalIPv6Address))
		}
		slices.Sort(list)
		s.networks = strings.Join(list, "; ")
	}
	return s
}

// Environment is what the verdicts depend on, and what was remapped.
func (d *deployment) Environment() ([]suites.Fact, []string) {
	return slices.Clone(d.environment), slices.Clone(d.pl.notes)
}

// Ways lists how the case's source can try its destination.
func (d *deployment) Ways(c matrix.Case) suites.Ways { return d.topology.ways(c) }

// Enforce does nothing: the networks are there from the start.
func (*deployment) Enforce(context.Context) (bool, error) { return false, nil }

// Check holds every stand-in against what it was when it came up: the same
// container, the same process, the same places on the same networks.
func (d *deployment) Check(ctx context.Context) map[string]error {
	broken := map[string]error{}
	if d.blind != nil {
		broken[""] = d.blind
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	now := map[string]func() (state, error){}
	for _, v := range d.vantages {
		for _, s := range []state{v.state, v.owner} {
			if now[s.id] == nil {
				now[s.id] = sync.OnceValues(func() (state, error) { return d.look(ctx, s.id) })
			}
		}
	}
	for name, v := range d.vantages {
		wait.Go(func() {
			for _, was := range []state{v.state, v.owner} {
				is, err := now[was.id]()
				if err == nil {
					err = was.differs(is)
				}
				if err != nil {
					mu.Lock()
					broken[name] = fmt.Errorf("the stand-in of %s: %w", name, err)
					mu.Unlock()
					return
				}
			}
		})
	}
	wait.Wait()
	if len(broken) == 0 {
		return nil
	}
	return broken
}

func (d *deployment) look(ctx context.Context, id string) (state, error) {
	got, err := d.cli.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return state{}, fmt.Errorf("inspect: %w", err)
	}
	if c := got.Container.State; c == nil || !c.Running || c.Paused {
		status := "gone"
		if c != nil {
			status = string(c.Status)
		}
		return state{}, fmt.Errorf("it does not run any more: %s", status)
	}
	return stateOf(got.Container), nil
}

func (was state) differs(is state) error {
	switch {
	case was.pid != is.pid || was.started != is.started:
		return errors.New("it was restarted")
	case was.networks != is.networks:
		return fmt.Errorf("its networks changed from %q to %q", was.networks, is.networks)
	}
	return nil
}

// Close removes everything that was made. It may be called twice.
func (d *deployment) Close(ctx context.Context) error {
	if d.hush != nil {
		d.hush()
	}
	if d.gauge != nil {
		d.gauge.line.close()
	}
	for _, v := range d.vantages {
		if v.line != nil {
			v.line.end(d.job.Key)
		}
	}
	switch err := d.removeAll(ctx); {
	case stuckOnly(err):
		d.job.Notify("compose: %v", err) // no verdict depends on it, and nobody can mend it now
	case err != nil:
		return err // the watchdog goes on trying when this process ends
	}
	if d.dismiss != nil {
		d.dismiss()
		d.dismiss = nil
		return d.cli.Close()
	}
	return nil
}

func (d *deployment) removeAll(ctx context.Context) error {
	if !d.up {
		return sweep(ctx, d.cli, d.job.RunID)
	}
	// The engine may still be taking a network apart; a second try finds it done.
	var err error
	for range 5 {
		if _, err = remove(ctx, d.cli, d.job.RunID); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
	return err
}

// onThisMachine reports whether the engine's networks are on this machine.
func (d *deployment) onThisMachine() bool {
	if !strings.HasPrefix(d.cli.DaemonHost(), "unix://") {
		return false
	}
	for _, g := range d.gateways() {
		if !hostHas(g) {
			return false
		}
	}
	return true
}

func (d *deployment) gateways() []netip.Addr {
	var list []netip.Addr
	for _, name := range slices.Sorted(maps.Keys(d.topology.members)) {
		if n := d.topology.members[name].node; n != nil {
			for _, a := range n.networks {
				list = append(list, a.gateways...)
			}
		}
	}
	return list
}
