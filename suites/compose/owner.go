package compose

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/moby/moby/client"
)

// Labels of what a run makes on the engine. Networks that Compose makes can't
// carry them (testcontainers replaces their labels): they have the project's.
const (
	labelRun     = "netconform.run"
	labelService = "netconform.service"
	labelPID     = "netconform.pid"
	labelStarted = "netconform.started"
	labelBoot    = "netconform.boot"
	labelPIDs    = "netconform.pid-namespace"
	labelProject = "com.docker.compose.project"
)

// projectName is the Compose project of a run.
func projectName(runID string) string { return "netconform-" + runID }

// owner tells one process of one machine's life from every other.
type owner struct{ pid, started, boot, pids string }

// self is this process. What can't be read stays empty, and is then never
// taken for dead.
func self() owner {
	pid := os.Getpid()
	return owner{pid: strconv.Itoa(pid), started: startTime(pid), boot: bootID(), pids: pidNamespace()}
}

func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(bytes.TrimSpace(text))
}

func pidNamespace() string {
	link, _ := os.Readlink("/proc/self/ns/pid")
	return link
}

// startTime is a process's start in clock ticks since boot: field 22 of
// /proc/pid/stat (proc_pid_stat(5)). Its name, in parentheses, may hold blanks.
func startTime(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return ""
	}
	return string(fields[19])
}

// dead reports whether the owner is known to be gone. Only a process of this
// boot and this PID namespace can be looked up; a process of an earlier boot
// is gone, provided that the engine is on this machine.
func (o owner) dead(local bool) bool {
	here := self()
	switch {
	case o.boot == "" || o.pid == "" || o.started == "" || here.boot == "":
		return false
	case o.boot != here.boot:
		return local
	case o.pids != here.pids:
		return false
	}
	pid, err := strconv.Atoi(o.pid)
	return err == nil && startTime(pid) != o.started
}

// lease marks a run's things as owned by this process: a volume, since it is
// made in one request and holds nothing. It is made first and removed last, so
// that what has no lease is owned by nobody.
func lease(ctx context.Context, cli client.APIClient, runID string) error {
	o := self()
	_, err := cli.VolumeCreate(ctx, client.VolumeCreateOptions{
		Name: projectName(runID),
		Labels: map[string]string{labelRun: runID, labelPID: o.pid, labelStarted: o.started,
			labelBoot: o.boot, labelPIDs: o.pids},
	})
	if err != nil {
		return fmt.Errorf("mark the run on the engine: %w", err)
	}
	return nil
}
