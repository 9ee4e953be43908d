package compose

import (
	"strings"
	"testing"

	"github.com/moby/moby/api/types/network"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/project"
)

const lush = `
services:
  web:
    image: nginx
    build: .
    command: [nginx]
    entrypoint: [sh]
    privileged: true
    cap_add: [NET_ADMIN]
    devices: ["/dev/fuse:/dev/fuse"]
    user: root
    restart: always
    environment: {A: b}
    volumes: ["data:/data"]
    healthcheck: {test: [CMD, "true"]}
    depends_on: {db: {condition: service_healthy}}
    deploy: {resources: {limits: {memory: 64M}}}
    container_name: the-web
    hostname: web-host
    dns_search: [example.test]
    extra_hosts: {db: 10.1.0.5, other: 192.0.2.7}
    sysctls: {net.ipv4.tcp_keepalive_time: "60", kernel.shmmax: "1"}
    ports: ["8080:80", "127.0.0.1:9090:90/udp"]
    secrets: [s]
    configs: [c]
    networks: {front: {aliases: [www], priority: 5, ipv4_address: 10.1.0.9}, back: {}}
  db: {image: postgres, networks: [back], deploy: {replicas: 3}}
  side: {image: x, network_mode: "container:the-web"}
  lost: {image: x, network_mode: "container:elsewhere"}
  extra: {image: x, networks: [unused]}
  base: {image: x, networks: [back]}
  onbase: {image: x, network_mode: "service:base"}
networks:
  front:
    name: real-front
    ipam: {config: [{subnet: 10.1.0.0/24}]}
    driver_opts: {com.docker.network.bridge.name: br-x, com.docker.network.bridge.enable_icc: "false"}
  back: {internal: true, enable_ipv6: true}
  unused: {}
volumes: {data: {}}
secrets: {s: {environment: A}}
configs: {c: {content: x}}
`

const lushMatrix = `
matrix: lush
services:
  web: {ports: [80, 8000-8002]}
  db: {ports: [5432]}
  side: {ports: [9000]}
  lost: {ports: [9001]}
  onbase: {ports: [9002]}
  nowhere: {ports: [9003]}
`

func lushPlan(t *testing.T, exact bool) *plan {
	t.Helper()
	s := suiteOf(t, lushMatrix, lush)
	p, err := project.Load(t.Context(), s)
	require.NoError(t, err)
	pl := standIns(p, s.Matrix, "0a1b2c3d", exact, nil)
	pl.dress(suites.Job{RunID: "0a1b2c3d", Key: []byte("0123456789abcdef"), Suite: s}, "probe:1")
	return pl
}

// What decides connectivity is kept; all else is the stand-in's.
func TestStandInsKeepWhatConnects(t *testing.T) {
	pl := lushPlan(t, false)
	text, err := pl.project.MarshalYAML()
	require.NoError(t, err)
	for _, gone := range []string{"nginx", "/dev/fuse", "NET_ADMIN", "data:", "healthcheck", "depends_on", "deploy", "secrets", "configs",
		"shmmax", "10.1.0.9", "10.1.0.0/24", "br-x", "8080", "real-front\n", "privileged", "root", "extra:"} {
		if gone == "real-front\n" {
			assert.NotContains(t, string(text), "name: real-front")
			continue
		}
		assert.NotContains(t, string(text), gone)
	}
	web := pl.project.Services["web"]
	assert.Equal(t, []string{"www", "the-web"}, web.Networks["front"].Aliases, "a container's name resolves on its networks")
	assert.Equal(t, 5, web.Networks["front"].Priority)
	assert.Equal(t, "web-host", web.Hostname)
	assert.Equal(t, []string{"example.test"}, []string(web.DNSSearch))
	assert.Equal(t, "60", web.Sysctls["net.ipv4.tcp_keepalive_time"])
	assert.Empty(t, web.Ports[0].Published)
	assert.Equal(t, "127.0.0.1", web.Ports[1].HostIP)
	assert.Equal(t, []string{"serve", "--batches", "--identity", "web", "--listen", "tcp/80,tcp/8000,tcp/8001,tcp/8002"}, []string(web.Command))
	assert.True(t, web.ReadOnly)
	assert.Equal(t, []string{"ALL"}, web.CapDrop)
	assert.Equal(t, "65532:65532", web.User)

	assert.Equal(t, "false", pl.project.Networks["front"].DriverOpts["com.docker.network.bridge.enable_icc"])
	assert.True(t, pl.project.Networks["back"].Internal)
	assert.Equal(t, "fd0a:1b2c:3d:0::/64", pl.project.Networks["back"].Ipam.Config[0].Subnet)
	assert.Equal(t, "netconform-0a1b2c3d_real-front", pl.project.Networks["front"].Name)

	assert.Equal(t, "service:web", pl.project.Services["side"].NetworkMode, "a container's name that the project gives is the service's")
	assert.Equal(t, "base", pl.owner["onbase"])
	assert.Contains(t, pl.project.Services, "base", "whose namespace is joined is started")
	assert.Contains(t, pl.skip["lost"], `joins the container "elsewhere"`)
	assert.Contains(t, pl.skip["nowhere"], "no Compose service stands for nowhere")
}

func TestStandInsNoteWhatTheyChange(t *testing.T) {
	notes := strings.Join(lushPlan(t, false).notes, "\n")
	for _, want := range []string{"8080", "10.1.0.9", "10.1.0.0/24", "br-x", "real-front", "the-web", "extra", "replicas", "10.1.0.5"} {
		assert.Contains(t, notes, want)
	}
	assert.NotContains(t, notes, "192.0.2.7", "an address outside the remapped subnets is left alone")
}

func TestExactKeepsAll(t *testing.T) {
	pl := lushPlan(t, true)
	web := pl.project.Services["web"]
	assert.Equal(t, "the-web", web.ContainerName)
	assert.Equal(t, "8080", web.Ports[0].Published)
	assert.Equal(t, "10.1.0.9", web.Networks["front"].Ipv4Address)
	front := pl.project.Networks["front"]
	assert.Equal(t, "real-front", front.Name)
	assert.Equal(t, "br-x", front.DriverOpts[bridgeName])
	assert.Equal(t, "10.1.0.0/24", front.Ipam.Config[0].Subnet)
}

func TestExternalNetworks(t *testing.T) {
	const text = `
services: {web: {image: x, networks: [old, older]}}
networks: {old: {external: true, name: live}, older: {external: true, name: gone}}
`
	s := suiteOf(t, "matrix: m\nservices: {web: {ports: [80]}}\n", text)
	p, err := project.Load(t.Context(), s)
	require.NoError(t, err)
	existing := map[string]network.Inspect{"live": {Network: network.Network{Name: "live", Driver: "bridge", Internal: true,
		Options: map[string]string{"com.docker.network.bridge.enable_icc": "false", bridgeName: "br-live"}}}}

	copied := standIns(p, s.Matrix, "0a1b2c3d", false, existing)
	old := copied.project.Networks["old"]
	assert.False(t, bool(old.External), "a live network is never joined")
	assert.True(t, old.Internal)
	assert.Equal(t, map[string]string{"com.docker.network.bridge.enable_icc": "false"}, map[string]string(old.DriverOpts))
	assert.Empty(t, copied.missing)

	exact := standIns(p, s.Matrix, "0a1b2c3d", true, existing)
	assert.True(t, bool(exact.project.Networks["old"].External))
	assert.Equal(t, []string{"gone"}, exact.missing)
}
