package compose

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const killedRun = "NETCONFORM_TEST_KILLED_RUN"

// TestKilledRunItself is the run that TestKilledRunLeavesNothing kills.
func TestKilledRunItself(t *testing.T) {
	id := os.Getenv(killedRun)
	if id == "" {
		t.Skip("a part of TestKilledRunLeavesNothing")
	}
	job := jobOf(t, suiteOf(t, kinds, kindsCompose))
	job.RunID = id
	_, err := live(t).Deploy(t.Context(), job)
	require.NoError(t, err)
	fmt.Println("up")
	select {}
}

// TestKilledRunLeavesNothing kills a run at several moments and waits until
// the watchdog has removed everything of it.
func TestKilledRunLeavesNothing(t *testing.T) {
	live(t)
	for n, moment := range []string{"volume", "network", "container", "up"} {
		t.Run(moment, func(t *testing.T) {
			id := fmt.Sprintf("%08x", 0xdead0000+n<<12+os.Getpid()&0xfff)
			cmd := exec.Command(os.Args[0], "-test.run=^TestKilledRunItself$")
			cmd.Env = append(os.Environ(), killedRun+"="+id)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			t.Cleanup(func() { _, _ = Clean(context.Background(), id) })
			if moment == "up" {
				line, err := bufio.NewReader(out).ReadString('\n')
				require.NoError(t, err)
				require.Equal(t, "up\n", line)
			} else {
				waitFor(t, func() bool {
					return slices.ContainsFunc(left(t, id), func(s string) bool { return strings.HasPrefix(s, moment) })
				})
			}
			require.NoError(t, unix.Kill(cmd.Process.Pid, unix.SIGKILL))
			_ = cmd.Wait()
			killed := time.Now()
			waitFor(t, func() bool { return len(left(t, id)) == 0 })
			t.Log("nothing left after", time.Since(killed).Round(time.Millisecond))
			// The engine may have been at work on a last request; nothing may come back.
			waitFor(t, func() bool { return !watchdogRuns(id) })
			require.Empty(t, left(t, id))
		})
	}
}

// TestInterruptedDeployLeavesNothing breaks Deploy off while the engine is at
// work on what it was asked.
func TestInterruptedDeployLeavesNothing(t *testing.T) {
	p := live(t)
	for _, moment := range []string{"network", "container"} {
		ctx, interrupt := context.WithCancel(t.Context())
		job := jobOf(t, suiteOf(t, kinds, kindsCompose))
		go func() {
			waitFor(t, func() bool {
				return slices.ContainsFunc(left(t, job.RunID), func(s string) bool { return strings.HasPrefix(s, moment) })
			})
			interrupt()
		}()
		_, err := p.Deploy(ctx, job)
		require.ErrorIs(t, err, context.Canceled, moment)
		require.Empty(t, left(t, job.RunID), moment)
		require.False(t, watchdogRuns(job.RunID), "nothing is left to watch")
	}
}

func watchdogRuns(id string) bool {
	for _, text := range commandLines() {
		if text == watchdogArg0+"\x00"+id+"\x00" {
			return true
		}
	}
	return false
}

// TestClean removes what is owned by nobody alive, and only that.
func TestClean(t *testing.T) {
	live(t)
	cli, err := connect()
	require.NoError(t, err)
	defer cli.Close()
	ctx := context.Background()
	pid := os.Getpid() & 0xfff
	alive, gone, bare, foreign := fmt.Sprintf("a11ee%03x", pid), fmt.Sprintf("dead1%03x", pid), fmt.Sprintf("ba5e0%03x", pid), fmt.Sprintf("f0e16%03x", pid)
	t.Cleanup(func() { _, _ = Clean(ctx, alive, gone, bare, foreign) })

	require.NoError(t, lease(ctx, cli, alive))
	for id, o := range map[string]owner{
		gone:    {pid: "1", started: "1", boot: bootID(), pids: pidNamespace()}, // PID 1 started at another time
		foreign: {pid: "1", started: "1", boot: bootID(), pids: "pid:[1]"},      // who knows
	} {
		_, err := cli.VolumeCreate(ctx, client.VolumeCreateOptions{Name: projectName(id), Labels: map[string]string{
			labelRun: id, labelPID: o.pid, labelStarted: o.started, labelBoot: o.boot, labelPIDs: o.pids}})
		require.NoError(t, err)
	}
	for _, id := range []string{alive, gone, bare, foreign} {
		_, err := cli.NetworkCreate(ctx, projectName(id)+"_n", client.NetworkCreateOptions{Driver: "bridge", Internal: true,
			Labels: map[string]string{labelProject: projectName(id)}})
		require.NoError(t, err)
	}

	removed, err := Clean(ctx)
	require.NoError(t, err)
	for id, want := range map[string]bool{alive: false, gone: true, bare: true, foreign: false} {
		assert.Equal(t, want, slices.Contains(removed, "network "+projectName(id)+"_n"), id)
		assert.Equal(t, want, len(left(t, id)) == 0, id)
	}
	removed, err = Clean(ctx, foreign)
	require.NoError(t, err)
	assert.Contains(t, removed, "volume "+projectName(foreign))
}

func TestOwnerIsDead(t *testing.T) {
	here := self()
	require.NotEmpty(t, here.started)
	earlier := here
	earlier.boot = "another"
	assert.False(t, here.dead(true))
	assert.True(t, earlier.dead(true), "of an earlier boot")
	assert.False(t, earlier.dead(false), "of another machine")
	assert.False(t, owner{}.dead(true), "nothing is known")
}
