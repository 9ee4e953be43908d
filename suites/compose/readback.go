package compose

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// compare holds what the engine made against what was asked of it. A
// difference is an error of the deployment: no verdict about other networks
// than the user's could be right.
func compare(asked *types.Project, networks map[string]network.Inspect, containers map[string]container.InspectResponse) error {
	var errs []error
	used := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(asked.Services)) {
		s := asked.Services[name]
		for key := range s.Networks {
			used[key] = true
		}
		c, ok := containers[name]
		if !ok {
			errs = append(errs, fmt.Errorf("service %s: the engine has no container of it", name))
			continue
		}
		for _, what := range compareContainer(asked, s, c, containers) {
			errs = append(errs, fmt.Errorf("service %s: %s", name, what))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(used)) {
		n, ok := networks[asked.Networks[key].Name]
		if !ok {
			errs = append(errs, fmt.Errorf("network %s: the engine has no network %s", key, asked.Networks[key].Name))
			continue
		}
		if asked.Networks[key].External {
			continue
		}
		for _, what := range compareNetwork(asked.Networks[key], n) {
			errs = append(errs, fmt.Errorf("network %s: %s", key, what))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("the engine gave something else than was asked: %w", errors.Join(errs...))
	}
	return nil
}

func compareNetwork(asked types.NetworkConfig, got network.Inspect) (differences []string) {
	differ := func(what string, asked, got any) {
		if fmt.Sprint(asked) != fmt.Sprint(got) {
			differences = append(differences, fmt.Sprintf("%s is %v, asked was %v", what, got, asked))
		}
	}
	driver := asked.Driver
	if driver == "" || driver == "default" {
		driver = "bridge"
	}
	differ("driver", driver, got.Driver)
	differ("internal", asked.Internal, got.Internal)
	if asked.EnableIPv6 != nil {
		differ("enable_ipv6", *asked.EnableIPv6, got.EnableIPv6)
	}
	for _, option := range slices.Sorted(maps.Keys(asked.DriverOpts)) {
		value, given := got.Options[option]
		if !given {
			value = "missing"
		}
		differ("option "+option, asked.DriverOpts[option], value)
	}
	for _, pool := range asked.Ipam.Config {
		prefix, err := netip.ParsePrefix(pool.Subnet)
		if err == nil && !slices.ContainsFunc(got.IPAM.Config, func(c network.IPAMConfig) bool { return c.Subnet == prefix.Masked() || c.Subnet == prefix }) {
			differences = append(differences, "subnet "+pool.Subnet+" is missing")
		}
	}
	return differences
}

func compareContainer(asked *types.Project, s types.ServiceConfig, got container.InspectResponse, all map[string]container.InspectResponse) []string {
	if got.State == nil || !got.State.Running {
		status := "gone"
		if got.State != nil {
			status = fmt.Sprintf("%s, exit code %d", got.State.Status, got.State.ExitCode)
		}
		return []string{"the stand-in does not run: " + status}
	}
	mode := string(got.HostConfig.NetworkMode)
	if owner, ok := strings.CutPrefix(s.NetworkMode, "service:"); ok {
		if want := "container:" + all[owner].ID; mode != want {
			return []string{fmt.Sprintf("network mode is %s, asked was %s", mode, want)}
		}
		return nil
	}
	if s.NetworkMode != "" {
		if mode != s.NetworkMode && !(s.NetworkMode == "bridge" && mode == "default") {
			return []string{fmt.Sprintf("network mode is %s, asked was %s", mode, s.NetworkMode)}
		}
		return nil
	}
	var differences []string
	want := map[string]*types.ServiceNetworkConfig{}
	for key, config := range s.Networks {
		want[asked.Networks[key].Name] = config
	}
	for _, name := range slices.Sorted(maps.Keys(got.NetworkSettings.Networks)) {
		if _, ok := want[name]; !ok {
			differences = append(differences, "it is on the network "+name+", which was not asked")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		e, ok := got.NetworkSettings.Networks[name]
		if !ok || e == nil || e.EndpointID == "" {
			differences = append(differences, "it is not on the network "+name)
			continue
		}
		differences = append(differences, compareEndpoint(s.Name, name, want[name], e)...)
	}
	return differences
}

func compareEndpoint(service, name string, asked *types.ServiceNetworkConfig, got *network.EndpointSettings) []string {
	var differences []string
	aliases := []string{service}
	if asked != nil {
		aliases = append(aliases, asked.Aliases...)
		for _, fixed := range []struct {
			asked string
			got   netip.Addr
		}{{asked.Ipv4Address, got.IPAddress}, {asked.Ipv6Address, got.GlobalIPv6Address}} {
			if want, err := netip.ParseAddr(fixed.asked); err == nil && want != fixed.got {
				differences = append(differences, fmt.Sprintf("its address on %s is %v, asked was %s", name, fixed.got, want))
			}
		}
	}
	for _, alias := range aliases {
		if !slices.Contains(got.Aliases, alias) && !slices.Contains(got.DNSNames, alias) {
			differences = append(differences, fmt.Sprintf("its alias %s on %s is missing", alias, name))
		}
	}
	return differences
}
