package matrix

import "slices"

// Service returns the service of that name, or nil.
func (m *Matrix) Service(name string) *Service {
	for i := range m.Services {
		if m.Services[i].Name == name {
			return &m.Services[i]
		}
	}
	return nil
}

// External returns the external of that name, or nil.
func (m *Matrix) External(name string) *External {
	for i := range m.Externals {
		if m.Externals[i].Name == name {
			return &m.Externals[i]
		}
	}
	return nil
}

// Tiers returns the services' tiers in the order of the file.
func (m *Matrix) Tiers() []string {
	var tiers []string
	for _, s := range m.Services {
		if s.Tier != "" && !slices.Contains(tiers, s.Tier) {
			tiers = append(tiers, s.Tier)
		}
	}
	return tiers
}

// Members returns the services and externals that a peer stands for, in the
// order of the file and services first: those of a service's, external's,
// tier's or group's name, or all for "*". A mentioned peer stands for none.
func (m *Matrix) Members(peer string) []string {
	in := map[string]bool{}
	m.collect(peer, in, map[string]bool{})
	var names []string
	for _, s := range m.Services {
		if in[s.Name] {
			names = append(names, s.Name)
		}
	}
	for _, e := range m.Externals {
		if in[e.Name] {
			names = append(names, e.Name)
		}
	}
	return names
}

func (m *Matrix) collect(peer string, in, seen map[string]bool) {
	if seen[peer] {
		return // a cycle of groups; Parse refuses it
	}
	seen[peer] = true
	for _, s := range m.Services {
		if peer == Everyone || s.Name == peer || s.Tier == peer && peer != "" {
			in[s.Name] = true
		}
	}
	for _, e := range m.Externals {
		if peer == Everyone || e.Name == peer {
			in[e.Name] = true
		}
	}
	for _, g := range m.Groups {
		if g.Name == peer {
			for _, member := range g.Members {
				m.collect(member.Name, in, seen)
			}
		}
	}
}

// memo is Members, each peer resolved once.
func (m *Matrix) memo() func(peer string) []string {
	known := map[string][]string{}
	return func(peer string) []string {
		names, ok := known[peer]
		if !ok {
			names = m.Members(peer)
			known[peer] = names
		}
		return names
	}
}

// portsByName returns the ports of every service and external.
func (m *Matrix) portsByName() map[string][]Port {
	ports := map[string][]Port{}
	for _, s := range m.Services {
		ports[s.Name] = s.Ports
	}
	for _, e := range m.Externals {
		ports[e.Name] = e.Ports
	}
	return ports
}
