//go:build linux

package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netconform/netconform/probes/image/agenttest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// As the first process of a container the agent has no default action for
// SIGTERM, and inherits the processes that lost their parent.
func TestFirstProcessEndsAtOnceAndReapsOrphans(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a process namespace needs root")
	}
	if _, err := exec.LookPath("nsenter"); err != nil {
		t.Skip("nsenter is not installed")
	}
	agent := exec.Command(agenttest.Build(t, runtime.GOARCH), "serve", "--identity", "db")
	agent.Env = append(os.Environ(), "NETCONFORM_KEY="+hex.EncodeToString(key))
	agent.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	stderr, err := agent.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, agent.Start())
	t.Cleanup(func() { agent.Process.Kill() })
	_, err = stderr.Read(make([]byte, 256))
	require.NoError(t, err)

	// The inner process's parent ends before it does.
	enter := exec.Command("nsenter", "-t", fmt.Sprint(agent.Process.Pid), "-p", "sh", "-c", "sleep 0.2 & exit 0")
	require.NoError(t, enter.Run())
	adopted := false
	for {
		n := len(children(t, agent.Process.Pid))
		adopted = adopted || n > 0
		if adopted && n == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, agent.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, agent.Wait(), "SIGTERM ends it with 0")
}

// children lists the processes whose parent is pid, the dead ones included.
func children(t *testing.T, pid int) []string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	require.NoError(t, err)
	return strings.Fields(string(text))
}
