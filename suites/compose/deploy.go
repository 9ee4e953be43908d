package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/project"
)

// inputError marks an error in the user's files without changing its text.
type inputError struct{ error }

func (e inputError) Is(target error) bool { return target == suites.ErrInput }
func (e inputError) Unwrap() error        { return e.error }

// Deploy brings up a stand-in in every service's place and reads back what the
// engine made of it.
func (p *Platform) Deploy(ctx context.Context, job suites.Job) (_ suites.Deployment, err error) {
	files, err := project.Load(ctx, job.Suite)
	if err != nil {
		return nil, inputError{err}
	}
	cli, err := p.connect()
	if err != nil {
		return nil, err
	}
	if _, err := cli.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, errors.Join(fmt.Errorf("no Docker engine: %w", err), cli.Close())
	}
	d := &deployment{cli: cli, job: job, files: files}
	defer func() {
		if err != nil {
			clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
			defer cancel()
			err = errors.Join(err, d.Close(clean))
		}
	}()
	// The watchdog first, so that there is no moment at which a kill leaves anything.
	if d.dismiss, err = StartWatchdog(job.RunID); err != nil {
		return nil, err
	}
	if err := lease(ctx, cli, job.RunID); err != nil {
		return nil, err
	}
	if err := d.plan(ctx, p.options.Exact); err != nil {
		return nil, err
	}
	if err := d.start(ctx); err != nil {
		return nil, err
	}
	if err := d.readBack(ctx); err != nil {
		return nil, err
	}
	if err := d.watchKernel(ctx); err != nil {
		return nil, err
	}
	if err := d.goOutside(ctx); err != nil {
		return nil, err
	}
	if err := d.awaitListeners(ctx); err != nil {
		return nil, err
	}
	d.facts(ctx)
	if err := d.foresee(ctx); err != nil {
		return nil, err
	}
	watched, hush := context.WithCancel(context.WithoutCancel(ctx))
	d.hush = hush
	if err := d.calm.watch(watched, d.cli); err != nil {
		return nil, err
	}
	d.up = true
	return d, nil
}

// plan decides what to bring up, and makes what Compose expects to be there:
// the image and, with exact, external networks.
func (d *deployment) plan(ctx context.Context, exact bool) error {
	existing, err := d.externalNetworks(ctx)
	if err != nil {
		return err
	}
	d.pl = standIns(d.files, d.job.Suite.Matrix, d.job.RunID, exact, existing)
	if err := d.moveSubnets(ctx); err != nil {
		return err
	}
	if d.image, err = loadImage(ctx, d.cli); err != nil {
		return err
	}
	d.pl.dress(d.job, d.image)
	if exact {
		if err := d.refuseTakenNetworks(ctx); err != nil {
			return err
		}
	}
	for _, name := range d.pl.missing {
		_, err := d.cli.NetworkCreate(ctx, name, client.NetworkCreateOptions{Driver: "bridge", Labels: map[string]string{labelRun: d.job.RunID}})
		if err != nil {
			return fmt.Errorf("stand-in for the external network %s: %w", name, err)
		}
	}
	return nil
}

// externalNetworks looks up the networks that the project declares external.
func (d *deployment) externalNetworks(ctx context.Context) (map[string]network.Inspect, error) {
	found := map[string]network.Inspect{}
	for _, n := range d.files.Networks {
		if !n.External {
			continue
		}
		got, err := d.cli.NetworkInspect(ctx, n.Name, client.NetworkInspectOptions{})
		switch {
		case errdefs.IsNotFound(err):
		case err != nil:
			return nil, fmt.Errorf("external network %s: %w", n.Name, err)
		case got.Network.Name == n.Name: // the engine finds IDs by prefix too
			found[n.Name] = got.Network
		}
	}
	return found, nil
}

// refuseTakenNetworks keeps an exact run from joining networks of a live copy:
// Compose would take one of the same name for its own.
func (d *deployment) refuseTakenNetworks(ctx context.Context) error {
	for _, key := range slices.Sorted(maps.Keys(d.pl.project.Networks)) {
		n := d.pl.project.Networks[key]
		if n.External {
			continue
		}
		got, err := d.cli.NetworkInspect(ctx, n.Name, client.NetworkInspectOptions{})
		if err == nil && got.Network.Name == n.Name {
			return fmt.Errorf("the network %s exists already; take the live project down, or leave out --exact", n.Name)
		}
	}
	return nil
}

// start runs Compose on the planned project; the stand-ins of the outside
// world start beside it.
func (d *deployment) start(ctx context.Context) error {
	var outside error
	var wait sync.WaitGroup
	wait.Go(func() { outside = d.startExternals(ctx) })
	err := d.composeUp(ctx)
	wait.Wait()
	return errors.Join(err, outside)
}

func (d *deployment) composeUp(ctx context.Context) error {
	if len(d.pl.project.Services) == 0 {
		return errors.New("no Compose service stands for any service of the matrix; map them under compose.services of the suite")
	}
	text, err := d.pl.project.MarshalYAML()
	if err != nil {
		return fmt.Errorf("write the stand-ins' project: %w", err)
	}
	dir, err := os.MkdirTemp("", "netconform-")
	if err != nil {
		return fmt.Errorf("write the stand-ins' project: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "compose.yaml")
	// Compose interpolates what it reads; in this file nothing is a variable.
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte("$"), []byte("$$")), 0o600); err != nil {
		return fmt.Errorf("write the stand-ins' project: %w", err)
	}
	return up(ctx, d.pl.project.Name, file)
}

// readBack inspects what the engine made, and holds it against the plan.
func (d *deployment) readBack(ctx context.Context) error {
	list, err := d.cli.ContainerList(ctx, client.ContainerListOptions{All: true,
		Filters: make(client.Filters).Add("label", labelProject+"="+d.pl.project.Name)})
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	containers := map[string]container.InspectResponse{}
	networks := map[string]network.Inspect{}
	var mu sync.Mutex
	var errs []error
	var wait sync.WaitGroup
	for _, c := range list.Items {
		wait.Go(func() {
			got, err := d.cli.ContainerInspect(ctx, c.ID, client.ContainerInspectOptions{})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			containers[c.Labels["com.docker.compose.service"]] = got.Container
		})
	}
	for _, n := range d.pl.project.Networks {
		wait.Go(func() {
			got, err := d.cli.NetworkInspect(ctx, n.Name, client.NetworkInspectOptions{})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			networks[n.Name] = got.Network
		})
	}
	wait.Wait()
	if len(errs) > 0 {
		return fmt.Errorf("read back: %w", errors.Join(errs...))
	}
	if err := compare(d.pl.project, networks, containers); err != nil {
		return err
	}
	d.take(containers)
	return nil
}

// take makes the topology of what was read back.
func (d *deployment) take(containers map[string]container.InspectResponse) {
	keys := map[string]string{}
	for key, n := range d.pl.project.Networks {
		keys[n.Name] = key
	}
	nodes := map[string]*node{}
	for _, owner := range d.pl.owner {
		if nodes[owner] == nil {
			nodes[owner] = nodeOf(owner, containers[owner], keys)
		}
	}
	d.topology.members = map[string]*member{}
	d.vantages = map[string]*vantage{}
	for _, s := range d.job.Suite.Matrix.Services {
		if why, skipped := d.pl.skip[s.Name]; skipped {
			d.topology.members[s.Name] = &member{name: s.Name, skip: why}
			continue
		}
		name := d.pl.service[s.Name]
		owner := d.pl.owner[name]
		d.topology.members[s.Name] = &member{name: s.Name, dns: name, node: nodes[owner]}
		d.vantages[s.Name] = &vantage{name: s.Name, state: stateOf(containers[name]), owner: stateOf(containers[owner])}
		if len(publishable(d.pl.project.Services[name])) > 0 && len(nodes[owner].ports) == 0 && owner == name {
			d.pl.note("%s: the engine publishes none of its ports, since it is on internal networks only", name)
		}
	}
	d.local = d.onThisMachine()
	if host, ok := hostAddress(); ok && d.local {
		d.topology.host = append(d.topology.host, host)
	}
}

func publishable(s types.ServiceConfig) []types.ServicePortConfig {
	if s.NetworkMode != "" {
		return nil
	}
	return s.Ports
}
