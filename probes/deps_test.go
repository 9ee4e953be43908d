package probes_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The agent is in every stand-in's image, so it must stay small and free of
// what a container engine or a cluster brings along.
func TestAgentImportsOnlyTheStandardLibraryAndXSys(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "github.com/netconform/netconform/cmd/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{
		"golang.org/x/sys/unix",
		"golang.org/x/net/dns/dnsmessage",
		"github.com/netconform/netconform/probes",
		"github.com/netconform/netconform/cmd/probe",
	}, strings.Fields(string(out)))
}
