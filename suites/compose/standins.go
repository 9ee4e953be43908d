package compose

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/network"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites/compose/project"
)

const bridgeName = "com.docker.network.bridge.name"

// plan is the project to bring up in the place of the user's.
type plan struct {
	runID string
	exact bool
	// project has a stand-in for every service; nothing in it is the user's
	// but what decides connectivity.
	project *types.Project
	// service is the Compose service of each service of the matrix that is up.
	service map[string]string
	// skip says why a service of the matrix is not up.
	skip map[string]string
	// owner is the Compose service whose network namespace a service lives in:
	// itself, but for network_mode service:x.
	owner map[string]string
	// moved are the networks whose fixed subnets a live copy may have.
	moved []string
	// missing are external networks that nobody has made (exact only).
	missing []string
	notes   []string
	// remapped are the fixed things that a live copy may have, by kind.
	remapped map[string][]string
}

// standIns plans the project. existing are the networks on the engine that the
// project declares external, by name.
func standIns(p *project.Project, m *matrix.Matrix, runID string, exact bool, existing map[string]network.Inspect) *plan {
	pl := &plan{
		runID: runID, exact: exact,
		project: &types.Project{Name: projectName(runID), Services: types.Services{}, Networks: types.Networks{}},
		service: map[string]string{}, skip: map[string]string{}, owner: map[string]string{},
		remapped: map[string][]string{},
	}
	pl.choose(p, m)
	names := slices.Sorted(maps.Keys(pl.owner))
	for _, name := range names {
		pl.addService(p, name)
	}
	pl.addNetworks(p, existing)
	for _, kind := range slices.Sorted(maps.Keys(pl.remapped)) {
		slices.Sort(pl.remapped[kind])
		pl.note("%s remapped: %s", kind, strings.Join(pl.remapped[kind], ", "))
	}
	pl.noteAddresses(p, names)
	return pl
}

// choose picks the services to bring up: those of the matrix, and those whose
// network namespace they share.
func (pl *plan) choose(p *project.Project, m *matrix.Matrix) {
	for _, s := range m.Services {
		c, ok := p.Compose(s.Name)
		if !ok {
			pl.skip[s.Name] = fmt.Sprintf("no Compose service stands for %s", s.Name)
			continue
		}
		owner, err := netnsOwner(p.Project, c.Name)
		if err != nil {
			pl.skip[s.Name] = err.Error()
			continue
		}
		pl.service[s.Name] = c.Name
		pl.owner[c.Name] = owner
	}
	for _, owner := range slices.Sorted(maps.Values(pl.owner)) {
		pl.owner[owner] = owner
	}
	var left []string
	for name := range p.Services {
		if _, up := pl.owner[name]; !up {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		slices.Sort(left)
		pl.note("not in the matrix, so not started: %s", strings.Join(left, ", "))
	}
}

// netnsOwner follows network_mode to the service whose namespace it is.
func netnsOwner(p *types.Project, name string) (string, error) {
	for range len(p.Services) + 1 {
		mode := p.Services[name].NetworkMode
		next, ok := strings.CutPrefix(mode, "service:")
		if container, other := strings.CutPrefix(mode, "container:"); other {
			if next = containerNamed(p, container); next == "" {
				return "", fmt.Errorf("%s joins the container %q, which the project does not make", name, container)
			}
			ok = true
		}
		if !ok {
			return name, nil
		}
		if _, known := p.Services[next]; !known {
			return "", fmt.Errorf("%s joins the service %q, which the project does not have", name, next)
		}
		name = next
	}
	return "", fmt.Errorf("network_mode of %s leads in a circle", name)
}

func containerNamed(p *types.Project, container string) string {
	for name, s := range p.Services {
		if s.ContainerName == container {
			return name
		}
	}
	return ""
}

// addService takes over what decides connectivity, and nothing else.
func (pl *plan) addService(p *project.Project, name string) {
	theirs := p.Services[name]
	s := types.ServiceConfig{
		Name:        name,
		NetworkMode: theirs.NetworkMode,
		Hostname:    theirs.Hostname, DomainName: theirs.DomainName,
		DNS: theirs.DNS, DNSOpts: theirs.DNSOpts, DNSSearch: theirs.DNSSearch,
		ExtraHosts: theirs.ExtraHosts,
		MacAddress: theirs.MacAddress,
		Sysctls:    types.Mapping{},
	}
	if owner := pl.owner[name]; owner != name {
		s.NetworkMode = "service:" + owner
	}
	for key, value := range theirs.Sysctls {
		if strings.HasPrefix(key, "net.") {
			s.Sysctls[key] = value
		}
	}
	for _, link := range theirs.Links {
		target, _, _ := strings.Cut(link, ":")
		if _, up := pl.owner[target]; up {
			s.Links = append(s.Links, link)
		}
	}
	if len(theirs.ExternalLinks) > 0 {
		pl.note("%s: external_links left out: %s", name, strings.Join(theirs.ExternalLinks, ", "))
	}
	if n := theirs.GetScale(); n > 1 {
		pl.note("%s: one stand-in for %d replicas", name, n)
	}
	s.Networks = pl.attachments(theirs)
	s.Ports = pl.ports(theirs)
	if pl.exact {
		s.ContainerName = theirs.ContainerName
	} else if theirs.ContainerName != "" {
		pl.left("container names (kept as aliases)", theirs.ContainerName)
	}
	pl.project.Services[name] = s
}

func (pl *plan) attachments(theirs types.ServiceConfig) map[string]*types.ServiceNetworkConfig {
	if theirs.NetworkMode != "" {
		return nil
	}
	networks := map[string]*types.ServiceNetworkConfig{}
	for key, config := range theirs.Networks {
		mine := types.ServiceNetworkConfig{}
		if config != nil {
			mine = *config
			mine.Aliases = slices.Clone(config.Aliases)
		}
		if !pl.exact {
			if mine.Ipv4Address != "" || mine.Ipv6Address != "" {
				pl.left("fixed addresses", fmt.Sprintf("%s %s", theirs.Name, strings.TrimSpace(mine.Ipv4Address+" "+mine.Ipv6Address)))
				mine.Ipv4Address, mine.Ipv6Address = "", ""
			}
			if theirs.ContainerName != "" {
				// A container's name resolves on each of its networks.
				mine.Aliases = append(mine.Aliases, theirs.ContainerName)
			}
		}
		networks[key] = &mine
	}
	return networks
}

func (pl *plan) ports(theirs types.ServiceConfig) []types.ServicePortConfig {
	var ports []types.ServicePortConfig
	for _, port := range theirs.Ports {
		if !pl.exact && port.Published != "" && port.Published != "0" {
			pl.left("host ports", fmt.Sprintf("%s %s:%d/%s", theirs.Name, port.Published, port.Target, port.Protocol))
			port.Published = ""
		}
		ports = append(ports, port)
	}
	return ports
}

// addNetworks takes over the networks that the stand-ins use.
func (pl *plan) addNetworks(p *project.Project, existing map[string]network.Inspect) {
	used := map[string]bool{}
	for _, s := range pl.project.Services {
		for key := range s.Networks {
			used[key] = true
		}
	}
	for i, key := range slices.Sorted(maps.Keys(used)) {
		n := p.Networks[key]
		n.Labels, n.CustomLabels, n.Extensions = nil, nil, nil
		n.DriverOpts = maps.Clone(n.DriverOpts)
		switch {
		case pl.exact && bool(n.External):
			if _, found := existing[n.Name]; !found {
				pl.missing = append(pl.missing, n.Name)
				pl.note("network %s: %s is external and does not exist; a plain bridge stands in", key, n.Name)
			}
		case pl.exact:
			if n.Name == p.Name+"_"+key {
				n.Name = pl.networkName(n.Name)
			}
		default:
			pl.remap(p, key, i, &n, existing)
		}
		pl.project.Networks[key] = n
	}
}

// networkName puts the run before a network's own name: the engine's DNS asks a
// container's networks in the order of their names, which must stay as it is.
func (pl *plan) networkName(name string) string { return pl.project.Name + "_" + name }

// remap makes a network that can live beside its original.
func (pl *plan) remap(p *project.Project, key string, index int, n *types.NetworkConfig, existing map[string]network.Inspect) {
	if n.External {
		// Joining it would give the names of live services to stand-ins.
		if theirs, found := existing[n.Name]; found {
			pl.note("network %s: a copy stands in for the external network %s", key, n.Name)
			n.Driver, n.Internal, n.Attachable = theirs.Driver, theirs.Internal, theirs.Attachable
			n.DriverOpts = maps.Clone(theirs.Options)
			if theirs.EnableIPv6 {
				n.EnableIPv6 = &theirs.EnableIPv6
			}
		} else {
			pl.note("network %s: %s is external and does not exist; a plain bridge stands in", key, n.Name)
		}
		n.External = false
	} else if n.Name != p.Name+"_"+key {
		pl.left("network names", n.Name)
	}
	n.Name = pl.networkName(n.Name)
	if name, ok := n.DriverOpts[bridgeName]; ok {
		pl.left("bridge names", name)
		delete(n.DriverOpts, bridgeName)
	}
	var subnets []string
	for _, pool := range n.Ipam.Config {
		subnets = append(subnets, pool.Subnet)
	}
	if len(subnets) > 0 {
		pl.left("subnets", key+" "+strings.Join(subnets, " "))
		pl.moved = append(pl.moved, key)
	}
	n.Ipam.Config = nil
	if n.EnableIPv6 != nil && *n.EnableIPv6 {
		// Engines before 27.0 give no IPv6 subnet of their own accord.
		n.Ipam.Config = []*types.IPAMPool{{Subnet: fmt.Sprintf("fd%s:%s:%s:%x::/64", pl.runID[:2], pl.runID[2:6], pl.runID[6:8], index)}}
	}
}

// noteAddresses names addresses in extra_hosts and dns that lay in a subnet
// which is now another: they lead nowhere.
func (pl *plan) noteAddresses(p *project.Project, names []string) {
	if pl.exact {
		return
	}
	var gone []netip.Prefix
	for key := range pl.project.Networks {
		for _, pool := range p.Networks[key].Ipam.Config {
			if prefix, err := netip.ParsePrefix(pool.Subnet); err == nil {
				gone = append(gone, prefix)
			}
		}
	}
	for _, name := range names {
		s := pl.project.Services[name]
		addresses := slices.Clone([]string(s.DNS))
		for _, host := range slices.Sorted(maps.Keys(s.ExtraHosts)) {
			addresses = append(addresses, s.ExtraHosts[host]...)
		}
		for _, text := range addresses {
			address, err := netip.ParseAddr(text)
			if err == nil && slices.ContainsFunc(gone, func(p netip.Prefix) bool { return p.Contains(address) }) {
				pl.note("%s: its extra_hosts or dns name %s, in a subnet that was remapped; verify with --exact", name, text)
			}
		}
	}
}

// left notes something that a live copy may have, and that the engine chooses
// for the stand-ins.
func (pl *plan) left(kind, what string) {
	pl.remapped[kind] = append(pl.remapped[kind], what)
}

func (pl *plan) note(format string, args ...any) {
	pl.notes = append(pl.notes, fmt.Sprintf(format, args...))
}
