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

// remove takes down all of a run: containers first, then networks, then the
// lease. What is gone already is no error.
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
	// Compose labels what it makes with the project, this package with the run.
	var wait sync.WaitGroup
	seen := map[string]bool{}
	for _, label := range []string{labelRun + "=" + runID, labelProject + "=" + projectName(runID)} {
		list, err := cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", label)})
		if err != nil {
			return nil, fmt.Errorf("list containers: %w", err)
		}
		for _, c := range list.Items {
			if seen[c.ID] {
				continue
			}
			seen[c.ID] = true
			wait.Go(func() {
				_, err := cli.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
				done("container "+strings.TrimPrefix(slices.Min(append(c.Names, "/"+c.ID)), "/"), err)
			})
		}
	}
	wait.Wait()
	for _, label := range []string{labelRun + "=" + runID, labelProject + "=" + projectName(runID)} {
		list, err := cli.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("label", label)})
		if err != nil {
			return removed, fmt.Errorf("list networks: %w", err)
		}
		for _, n := range list.Items {
			wait.Go(func() {
				_, err := cli.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
				done("network "+n.Name, err)
			})
		}
	}
	wait.Wait()
	if len(errs) > 0 {
		return removed, errors.Join(errs...)
	}
	_, err := cli.VolumeRemove(ctx, projectName(runID), client.VolumeRemoveOptions{})
	done("volume "+projectName(runID), err)
	return removed, errors.Join(errs...)
}
