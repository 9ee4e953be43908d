package compose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// Clean removes what dead runs left on the engine and returns what it removed,
// sorted. What a live run owns stays. Runs that are named are removed whoever
// owns them.
func Clean(ctx context.Context, runIDs ...string) ([]string, error) {
	cli, err := connect()
	if err != nil {
		return nil, err
	}
	defer cli.Close()
	runs, err := leftRuns(ctx, cli)
	if err != nil {
		return nil, err
	}
	local := strings.HasPrefix(cli.DaemonHost(), "unix://")
	var removed []string
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(runs)) {
		o := runs[id]
		if o != nil && !o.dead(local) && !slices.Contains(runIDs, id) {
			continue
		}
		list, err := remove(ctx, cli, id)
		removed = append(removed, list...)
		errs = append(errs, err)
	}
	slices.Sort(removed)
	return removed, errors.Join(errs...)
}

// leftRuns lists the runs that have anything on the engine, with the owners of
// those that have a lease. The leases are listed last: a run makes its lease
// first, so that none is seen without it.
func leftRuns(ctx context.Context, cli client.APIClient) (map[string]*owner, error) {
	runs := map[string]*owner{}
	containers, err := cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", labelRun)})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	for _, c := range containers.Items {
		runs[c.Labels[labelRun]] = nil
	}
	networks, err := cli.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	for _, n := range networks.Items {
		if id := n.Labels[labelRun]; id != "" {
			runs[id] = nil
		} else if id, ok := strings.CutPrefix(n.Labels[labelProject], projectName("")); ok {
			runs[id] = nil
		}
	}
	volumes, err := cli.VolumeList(ctx, client.VolumeListOptions{Filters: make(client.Filters).Add("label", labelRun)})
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	for _, v := range volumes.Items {
		runs[v.Labels[labelRun]] = &owner{pid: v.Labels[labelPID], started: v.Labels[labelStarted],
			boot: v.Labels[labelBoot], pids: v.Labels[labelPIDs]}
	}
	return runs, nil
}

// remove takes down all of a run: the containers, each network once those on it
// are gone, then the lease. What is gone already is no error.
func remove(ctx context.Context, cli client.APIClient, runID string) ([]string, error) {
	var removed []string
	var errs []error
	var mu sync.Mutex
	done := func(what string, err error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			removed = append(removed, what)
		case !errdefs.IsNotFound(err) && !strings.Contains(err.Error(), "already in progress"):
			errs = append(errs, fmt.Errorf("remove %s: %w", what, err))
		}
	}
	containers, networks, err := thingsOf(ctx, cli, runID)
	if err != nil {
		return nil, err
	}
	inUse := map[string]*sync.WaitGroup{}
	for id := range networks {
		inUse[id] = &sync.WaitGroup{}
	}
	var all sync.WaitGroup
	for id, c := range containers {
		var on []*sync.WaitGroup
		if c.NetworkSettings != nil {
			for _, e := range c.NetworkSettings.Networks {
				if users := inUse[e.NetworkID]; users != nil {
					users.Add(1)
					on = append(on, users)
				}
			}
		}
		all.Go(func() {
			_, err := cli.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			done("container "+strings.TrimPrefix(slices.Min(append(c.Names, "/"+id)), "/"), err)
			for _, users := range on {
				users.Done()
			}
		})
	}
	for id, n := range networks {
		all.Go(func() {
			inUse[id].Wait()
			_, err := cli.NetworkRemove(ctx, id, client.NetworkRemoveOptions{})
			if err != nil && nobodyOn(ctx, cli, id) {
				err = errStuck
			}
			done("network "+n.Name, err)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil && !stuckOnly(err) {
		return removed, err
	}
	_, err = cli.VolumeRemove(ctx, projectName(runID), client.VolumeRemoveOptions{})
	done("volume "+projectName(runID), err)
	return removed, errors.Join(errs...)
}

// errStuck is a network that nobody is on and that can't be removed all the
// same: engines lose count of a network's endpoints where containers join it at
// the same moment (atomicIncDecEpCnt in libnetwork; once in some 40 runs on 20.10).
var errStuck = errors.New("the engine counts containers on it, and none is there; it can be removed once the engine was restarted")

func nobodyOn(ctx context.Context, cli client.APIClient, id string) bool {
	got, err := cli.NetworkInspect(ctx, id, client.NetworkInspectOptions{})
	return err == nil && len(got.Network.Containers) == 0
}

// stuckOnly reports whether networks that are stuck are all that is left.
func stuckOnly(err error) bool {
	joined, ok := err.(interface{ Unwrap() []error })
	return ok && !slices.ContainsFunc(joined.Unwrap(), func(e error) bool { return !errors.Is(e, errStuck) })
}

// thingsOf lists a run's containers and networks by ID. Compose labels what it
// makes with the project, this package with the run.
func thingsOf(ctx context.Context, cli client.APIClient, runID string) (map[string]container.Summary, map[string]network.Summary, error) {
	containers, networks := map[string]container.Summary{}, map[string]network.Summary{}
	for _, label := range []string{labelRun + "=" + runID, labelProject + "=" + projectName(runID)} {
		c, err := cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", label)})
		if err != nil {
			return nil, nil, fmt.Errorf("list containers: %w", err)
		}
		for _, item := range c.Items {
			containers[item.ID] = item
		}
		n, err := cli.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("label", label)})
		if err != nil {
			return nil, nil, fmt.Errorf("list networks: %w", err)
		}
		for _, item := range n.Items {
			networks[item.ID] = item
		}
	}
	return containers, networks, nil
}
