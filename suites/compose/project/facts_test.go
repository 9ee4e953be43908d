package project_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/suites/compose/project"
)

// What these tests pin is odd, and decides who can talk to whom: a new version
// of compose-go that does otherwise must not go unseen.

func TestIncludedDefaultNetworkChangesTheParents(t *testing.T) {
	s := onDisk(t, map[string]string{
		"compose.yaml": "include: [part.yaml]\nservices:\n  a: {image: x}\n",
		"part.yaml":    "services:\n  b: {image: x}\nnetworks:\n  default: {internal: true}\n",
	}, "compose.yaml")
	p, err := project.Load(context.Background(), s)
	require.NoError(t, err)
	assert.True(t, p.Networks["default"].Internal)
	assert.Contains(t, p.Services["a"].Networks, "default")
	assert.Equal(t, "shop/part.yaml:4:13", p.Pos("networks", "default", "internal").String())
}

func TestPortsShortSyntax(t *testing.T) {
	p, err := load(t, "services:\n  a:\n    image: x\n    ports: ['8000-8002:80-82', '127.0.0.1:9000:90/udp', '70', '[::1]:6000:60', '5000-5001:50']\n")
	require.NoError(t, err)
	type port struct {
		ip, published, protocol string
		target                  uint32
	}
	var got []port
	for _, c := range p.Services["a"].Ports {
		got = append(got, port{c.HostIP, c.Published, c.Protocol, c.Target})
	}
	assert.ElementsMatch(t, []port{
		{"", "8000", "tcp", 80}, {"", "8001", "tcp", 81}, {"", "8002", "tcp", 82},
		{"127.0.0.1", "9000", "udp", 90},
		{"", "", "tcp", 70},          // the engine picks a free port
		{"::1", "6000", "tcp", 60},   // no brackets
		{"", "5000-5001", "tcp", 50}, // the engine picks one of the range
	}, got)
}

func TestProfiles(t *testing.T) {
	text := "services:\n  a: {image: x}\n  b: {image: x, profiles: [debug], networks: [only]}\nnetworks: {only: {}}\n"
	all, err := load(t, text)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, all.ServiceNames(), "every profile is active by default")

	s := onDisk(t, map[string]string{"compose.yaml": text}, "compose.yaml")
	s.Compose.Profiles = []string{"other"}
	one, err := project.Load(context.Background(), s)
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, one.ServiceNames())
	_, ok := one.Compose("b")
	assert.False(t, ok)
}

func TestListedNetworksReplaceTheDefault(t *testing.T) {
	p, err := load(t, "services:\n  a: {image: x}\n  b: {image: x, networks: [n]}\n  c: {image: x, networks: {}}\n  d: {image: x, network_mode: none}\nnetworks: {n: {}}\n")
	require.NoError(t, err)
	assert.Contains(t, p.Services["a"].Networks, "default")
	assert.NotContains(t, p.Services["b"].Networks, "default")
	assert.Contains(t, p.Services["c"].Networks, "default", "an empty list is none")
	assert.Empty(t, p.Services["d"].Networks)
}

func TestInterpolation(t *testing.T) {
	t.Setenv("FROM_PROCESS", "1001")
	s := onDisk(t, map[string]string{
		"compose.yaml": "services:\n  a:\n    image: x\n    ports: ['${FROM_PROCESS}:1', '${FROM_SUITE}:2', '${FROM_DOTENV}:3', '${NOWHERE:-1004}:4']\n",
		".env":         "FROM_DOTENV=1003\nFROM_PROCESS=9\nFROM_SUITE=9\n",
	}, "compose.yaml")
	s.Compose.Env = map[string]string{"FROM_SUITE": "1002"}
	p, err := project.Load(context.Background(), s)
	require.NoError(t, err)
	var got []string
	for _, port := range p.Services["a"].Ports {
		got = append(got, port.Published)
	}
	assert.Equal(t, []string{"1001", "1002", "1003", "1004"}, got)
}

func TestUnreadEnvFileIsNoError(t *testing.T) {
	_, err := load(t, "services:\n  a: {image: x, env_file: [secrets.env]}\n")
	assert.NoError(t, err, "what a service's environment holds does not matter here")
}
