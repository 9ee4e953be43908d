package image

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/probes/image/agenttest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func docker(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	cmd := exec.Command("docker", args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "docker %v: %s", args, &stderr)
	return string(out)
}

// The image runs on a real engine with nothing: no capability, no root, nothing to write to.
func TestImageRunsOnDocker(t *testing.T) {
	if exec.Command("docker", "version").Run() != nil {
		t.Skip("no Docker engine answers")
	}
	binary, err := os.ReadFile(agenttest.Build(t, runtime.GOARCH))
	require.NoError(t, err)
	binary = append(binary, fmt.Sprintf("test %d", os.Getpid())...) // an image of its own, to remove
	archive, tag, err := Make(binary, runtime.GOARCH)
	require.NoError(t, err)
	t.Cleanup(func() { exec.Command("docker", "rmi", "-f", tag).Run() })
	require.Contains(t, docker(t, archive, "load"), "Loaded image: "+tag)
	id := strings.TrimSpace(docker(t, nil, "inspect", "--format", "{{.Id}}", tag))
	assert.True(t, strings.HasPrefix(id, "sha256:"+strings.TrimPrefix(tag, Repository+":")), "the tag is the beginning of the image's ID")

	key := []byte("0123456789abcdef")
	name := fmt.Sprintf("netconform-image-test-%d", os.Getpid())
	network := name + "-net"
	docker(t, nil, "network", "create", network)
	t.Cleanup(func() {
		exec.Command("docker", "rm", "-f", name).Run()
		exec.Command("docker", "network", "rm", network).Run()
	})
	docker(t, nil, "run", "-d", "--name", name, "--network", network, "--cap-drop", "ALL", "--read-only", "--security-opt", "no-new-privileges",
		"-e", fmt.Sprintf("NETCONFORM_KEY=%x", key), tag, "serve", "--identity", "db", "--listen", "tcp/80,udp/53")

	b := probes.Batch{ID: "d0", Key: key, WindowMS: 30_000, Probes: []probes.Probe{
		{ID: 1, Protocol: probes.TCP, Host: name, Port: 80, Expect: "db"},
		{ID: 2, Protocol: probes.UDP, Host: name, Port: 53, Expect: "db"},
		{ID: 3, Protocol: probes.TCP, Host: name, Port: 81, Expect: "db"},
		{ID: 4, Protocol: probes.DNS, Host: name},
	}}
	var in bytes.Buffer
	require.NoError(t, probes.WriteBatch(&in, b))
	for exec.Command("docker", "exec", name, Entrypoint, "ready", "--listen", "tcp/80,udp/53").Run() != nil {
		require.Equal(t, "true\n", docker(t, nil, "inspect", "--format", "{{.State.Running}}", name))
	}
	out := docker(t, in.Bytes(), "exec", "-i", name, Entrypoint, "batch")
	results, err := probes.ReadResults(strings.NewReader(out), b)
	require.NoError(t, err)
	want := []probes.Outcome{probes.OutcomeOpen, probes.OutcomeOpen, probes.OutcomeRefused, probes.OutcomeResolved}
	for i, r := range results {
		assert.Equal(t, want[i], r.Outcome, "%+v", r)
		assert.Equal(t, "127.0.0.11", r.DNS.Server)
	}
	docker(t, nil, "stop", "-t", "600", name)
	assert.Equal(t, "0\n", docker(t, nil, "inspect", "--format", "{{.State.ExitCode}}", name), "SIGTERM ends it, not SIGKILL")
}
