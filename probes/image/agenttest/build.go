// Package agenttest builds the agent for tests.
package agenttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Build builds the agent for a Linux architecture as make agents does, and
// returns the path of the binary, which is gone after the test.
func Build(t testing.TB, arch string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "probe")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "github.com/netconform/netconform/cmd/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "go build: %s", out)
	return binary
}
