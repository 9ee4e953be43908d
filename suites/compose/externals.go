package compose

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/netconform/netconform/matrix"
)

// startExternals starts the stand-ins of the outside world: on no network of
// the engine's, until goOutside joins them to the host.
func (d *deployment) startExternals(ctx context.Context) error {
	d.externals = map[string]string{}
	var mu sync.Mutex
	var errs []error
	var wait sync.WaitGroup
	for _, e := range d.job.Suite.Matrix.Externals {
		wait.Go(func() {
			id, err := d.runExternal(ctx, e, "none")
			mu.Lock()
			defer mu.Unlock()
			d.externals[e.Name] = id
			if err != nil {
				errs = append(errs, fmt.Errorf("stand-in of %s: %w", e.Name, err))
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (d *deployment) runExternal(ctx context.Context, e matrix.External, mode string) (string, error) {
	created, err := d.cli.ContainerCreate(ctx, externalConfig(d.job, d.image, e, mode))
	if err != nil {
		return "", fmt.Errorf("create: %w", err)
	}
	if _, err := d.cli.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return "", fmt.Errorf("start: %w", err)
	}
	return created.ID, nil
}

// goOutside places the externals. Where nothing beyond the host can be made,
// one that talks does so from the host, and one that is talked to is skipped.
func (d *deployment) goOutside(ctx context.Context) error {
	for i, e := range d.job.Suite.Matrix.Externals {
		m := &member{name: e.Name, kind: outsider}
		if len(e.Ports) > 0 {
			m.kind = destination
		}
		err := d.place(ctx, e, i, m)
		if errors.Is(err, errNoOutside) {
			d.pl.note("%s: %v", e.Name, err)
			err = d.placeOnHost(ctx, e, m, err)
		}
		if err != nil {
			return fmt.Errorf("stand-in of %s: %w", e.Name, err)
		}
		d.topology.members[e.Name] = m
	}
	return nil
}

func (d *deployment) place(ctx context.Context, e matrix.External, index int, m *member) error {
	if err := canMakeOutside(d.gateways()); err != nil {
		return err
	}
	got, err := d.cli.ContainerInspect(ctx, d.externals[e.Name], client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	if got.Container.State == nil || !got.Container.State.Running {
		return errors.New("it does not run")
	}
	at, err := joinOutside(ctx, d.job.RunID, index, got.Container.State.Pid, m.kind == outsider)
	if err != nil {
		return err
	}
	m.node = &node{networks: []attachment{at}}
	d.standsAt(e.Name, got.Container)
	return nil
}

func (d *deployment) placeOnHost(ctx context.Context, e matrix.External, m *member, why error) error {
	if m.kind == destination {
		m.skip = why.Error()
		return nil
	}
	if _, err := d.cli.ContainerRemove(ctx, d.externals[e.Name], client.ContainerRemoveOptions{Force: true}); err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	id, err := d.runExternal(ctx, e, "host")
	if err != nil {
		return err
	}
	got, err := d.cli.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	m.kind = onHost
	m.node = &node{mode: "host"}
	d.standsAt(e.Name, got.Container)
	return nil
}

func (d *deployment) standsAt(name string, c container.InspectResponse) {
	s := stateOf(c)
	d.vantages[name] = &vantage{name: name, state: s, owner: s}
}
