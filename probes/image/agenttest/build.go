// Package agenttest builds the agent for tests.
package agenttest

import (
	"fmt"
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
	binary, err := BuildIn(t.TempDir(), arch)
	require.NoError(t, err)
	return binary
}

// BuildIn builds the agent into a folder, for a TestMain that all tests share.
func BuildIn(dir, arch string) (string, error) {
	binary := filepath.Join(dir, "agent-linux-"+arch)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", binary, "github.com/netconform/netconform/cmd/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the agent: %w\n%s", err, out)
	}
	return binary, nil
}
