package kubernetes

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Labels and annotations of what a run makes. No selector of a user's policy
// has a key of this domain.
const (
	labelRun         = "netconform.dev/run"
	labelRole        = "netconform.dev/role"
	labelStandIn     = "netconform.dev/stand-in" // the service of the matrix
	noteSuite        = "netconform.dev/suite"
	noteOwnerHost    = "netconform.dev/owner-host"
	noteOwnerPID     = "netconform.dev/owner-pid"
	noteOwnerMachine = "netconform.dev/owner-machine"
	noteOwnerStarted = "netconform.dev/owner-started"
)

// owner is the process that a run belongs to.
type owner struct {
	host string // for people only: two machines may have one name
	pid  int
	// machine is a digest of the boot and the PID namespace: only where it is
	// ours can the process be looked up. Empty where there is no /proc.
	machine string
	started string // in clock ticks since boot
}

func thisProcess() owner {
	host, _ := os.Hostname()
	return owner{host: host, pid: os.Getpid(), machine: thisMachine(), started: startOf(os.Getpid())}
}

func thisMachine() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	pids, err2 := os.Readlink("/proc/self/ns/pid")
	if err != nil || err2 != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(string(boot) + pids))
	return hex.EncodeToString(sum[:3])
}

// startOf is field 22 of /proc/PID/stat, proc_pid_stat(5); empty where the
// process does not run. The name in field 2 may hold spaces and brackets.
func startOf(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

// alive reports whether the owner runs, and whether that can be known at all:
// a process of another machine, boot or container can't be asked.
func (o owner) alive() (runs, known bool) {
	if o.machine == "" || o.machine != thisMachine() {
		return false, false
	}
	return startOf(o.pid) == o.started, true
}

func (o owner) annotations() map[string]string {
	return map[string]string{noteOwnerHost: o.host, noteOwnerPID: strconv.Itoa(o.pid),
		noteOwnerMachine: o.machine, noteOwnerStarted: o.started}
}

func ownerFrom(annotations map[string]string) owner {
	pid, _ := strconv.Atoi(annotations[noteOwnerPID])
	return owner{host: annotations[noteOwnerHost], pid: pid,
		machine: annotations[noteOwnerMachine], started: annotations[noteOwnerStarted]}
}
