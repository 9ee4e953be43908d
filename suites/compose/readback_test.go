package compose

import (
	"net/netip"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// given is an asked project and an engine that gave just that.
func given() (*types.Project, map[string]network.Inspect, map[string]container.InspectResponse) {
	asked := &types.Project{
		Services: types.Services{
			"web":  {Name: "web", Networks: map[string]*types.ServiceNetworkConfig{"front": {Aliases: []string{"www"}, Ipv4Address: "10.1.0.9"}}},
			"side": {Name: "side", NetworkMode: "service:web"},
		},
		Networks: types.Networks{"front": {Name: "run_front", Internal: true, DriverOpts: types.Options{"icc": "false"},
			Ipam: types.IPAMConfig{Config: []*types.IPAMPool{{Subnet: "10.1.0.0/24"}}}}},
	}
	networks := map[string]network.Inspect{"run_front": {Network: network.Network{Name: "run_front", Driver: "bridge", Internal: true,
		Options: map[string]string{"icc": "false", "more": "of the engine's own"},
		IPAM:    network.IPAM{Config: []network.IPAMConfig{{Subnet: netip.MustParsePrefix("10.1.0.0/24")}}}}}}
	containers := map[string]container.InspectResponse{
		"web": {ID: "1", State: &container.State{Running: true}, HostConfig: &container.HostConfig{NetworkMode: "run_front"},
			NetworkSettings: &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{
				"run_front": {EndpointID: "e", IPAddress: netip.MustParseAddr("10.1.0.9"), Aliases: []string{"web", "www", "0123"}}}}},
		"side": {ID: "2", State: &container.State{Running: true}, HostConfig: &container.HostConfig{NetworkMode: "container:1"}},
	}
	return asked, networks, containers
}

func TestCompareAcceptsWhatWasAsked(t *testing.T) {
	require.NoError(t, compare(given()))
}

func TestCompareFindsEachDifference(t *testing.T) {
	for want, change := range map[string]func(map[string]network.Inspect, map[string]container.InspectResponse){
		"network front: driver is macvlan, asked was bridge": editNetwork(func(n *network.Inspect) { n.Driver = "macvlan" }),
		"network front: internal is false, asked was true":   editNetwork(func(n *network.Inspect) { n.Internal = false }),
		"network front: option icc is true, asked was false": editNetwork(func(n *network.Inspect) { n.Options = map[string]string{"icc": "true"} }),
		"network front: option icc is missing":               editNetwork(func(n *network.Inspect) { n.Options = nil }),
		"network front: subnet 10.1.0.0/24 is missing":       editNetwork(func(n *network.Inspect) { n.IPAM.Config = nil }),
		"network front: the engine has no network run_front": func(n map[string]network.Inspect, _ map[string]container.InspectResponse) { clear(n) },
		"service web: its alias www on run_front is missing": editEndpoint(func(e *network.EndpointSettings) { e.Aliases = []string{"web"} }),
		"service web: its address on run_front is 10.1.0.8":  editEndpoint(func(e *network.EndpointSettings) { e.IPAddress = netip.MustParseAddr("10.1.0.8") }),
		"service web: it is not on the network run_front":    editEndpoint(func(e *network.EndpointSettings) { e.EndpointID = "" }),
		"service web: it is on the network bridge, which was": func(_ map[string]network.Inspect, c map[string]container.InspectResponse) {
			c["web"].NetworkSettings.Networks["bridge"] = &network.EndpointSettings{}
		},
		"service web: the stand-in does not run: exited, exit code 1": func(_ map[string]network.Inspect, c map[string]container.InspectResponse) {
			*c["web"].State = container.State{Status: "exited", ExitCode: 1}
		},
		"service web: the engine has no container of it": func(_ map[string]network.Inspect, c map[string]container.InspectResponse) { delete(c, "web") },
		"service side: network mode is container:9, asked was container:1": func(_ map[string]network.Inspect, c map[string]container.InspectResponse) {
			c["side"].HostConfig.NetworkMode = "container:9"
		},
	} {
		asked, networks, containers := given()
		change(networks, containers)
		assert.ErrorContains(t, compare(asked, networks, containers), want)
	}
}

func editNetwork(f func(*network.Inspect)) func(map[string]network.Inspect, map[string]container.InspectResponse) {
	return func(networks map[string]network.Inspect, _ map[string]container.InspectResponse) {
		n := networks["run_front"]
		f(&n)
		networks["run_front"] = n
	}
}

func editEndpoint(f func(*network.EndpointSettings)) func(map[string]network.Inspect, map[string]container.InspectResponse) {
	return func(_ map[string]network.Inspect, containers map[string]container.InspectResponse) {
		f(containers["web"].NetworkSettings.Networks["run_front"])
	}
}
