package bundled_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/bundled"
	"github.com/netconform/netconform/suites/compose/project"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
)

func TestNames(t *testing.T) {
	assert.Equal(t, []string{
		"pmoves", "pmoves-least-privilege",
		"pmoves-phase-0", "pmoves-phase-1", "pmoves-phase-2", "pmoves-phase-3", "pmoves-phase-4", "pmoves-phase-5",
		"pmoves-phase-forgotten",
		"temporal", "temporal-dev", "temporal-least-privilege", "temporal-prod",
	}, bundled.Names())
}

// Every suite loads under its folder's name, and every service has its place.
func TestSuitesLoad(t *testing.T) {
	for _, name := range bundled.Names() {
		t.Run(name, func(t *testing.T) {
			s, err := suites.Load(name)
			require.NoError(t, err)
			assert.Equal(t, name, s.Name)
			if s.Compose != nil {
				p, err := project.Load(context.Background(), s)
				require.NoError(t, err)
				for _, service := range s.Matrix.Services {
					_, ok := p.Compose(service.Name)
					assert.True(t, ok, "no Compose service stands for %s", service.Name)
				}
			}
			if s.Kubernetes != nil {
				objects, err := manifests.Load(s)
				require.NoError(t, err)
				placed, findings, err := objects.Place(s)
				require.NoError(t, err)
				assert.Len(t, placed, len(s.Matrix.Services))
				assert.Empty(t, findings)
			}
		})
	}
}

// What decides connectivity in the design, read back from the files.
func TestPmovesIsAsDesigned(t *testing.T) {
	s, err := suites.Load("pmoves")
	require.NoError(t, err)
	p, err := project.Load(context.Background(), s)
	require.NoError(t, err)
	type tier struct {
		subnet, bridge, icc string
		internal            bool
	}
	tiers := map[string]tier{}
	for name, n := range p.Networks {
		if !n.External {
			tiers[name] = tier{n.Ipam.Config[0].Subnet, n.DriverOpts["com.docker.network.bridge.name"], n.DriverOpts["com.docker.network.bridge.enable_icc"], n.Internal}
		}
	}
	assert.Equal(t, map[string]tier{
		"api-tier":        {"172.30.1.0/24", "pmoves-api", "false", false},
		"app-tier":        {"172.30.2.0/24", "pmoves-app", "", true},
		"bus-tier":        {"172.30.3.0/24", "pmoves-bus", "", true},
		"data-tier":       {"172.30.4.0/24", "pmoves-data", "", true},
		"monitoring-tier": {"172.30.5.0/24", "pmoves-mon", "", false},
	}, tiers)
	members := map[string]int{}
	for _, service := range p.Services {
		for network := range service.Networks {
			members[network]++
		}
	}
	assert.Equal(t, map[string]int{"api-tier": 10, "app-tier": 13, "bus-tier": 8, "data-tier": 17, "monitoring-tier": 4}, members)
}
