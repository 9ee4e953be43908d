package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// watchdogArg0 is how an executable knows that it was started to be the watchdog.
const watchdogArg0 = "netconform-kubernetes-watchdog"

// Every program that links this package can be its own watchdog: the netconform
// command as well as the test binary of a Go team, which has no subcommands.
func init() {
	if len(os.Args) == 3 && os.Args[0] == watchdogArg0 {
		var o Options
		err := json.Unmarshal([]byte(os.Args[2]), &o)
		if err == nil {
			err = Watchdog(context.Background(), os.Stdin, os.Args[1], o)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// StartWatchdog starts a child that removes the run's namespaces or kind
// cluster when this process ends without having called the returned stop,
// however it ends. It runs in a process group of its own, so that the
// terminal's Ctrl-C does not take it along.
func StartWatchdog(runID string, o Options) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	c := exec.Command(self)
	c.Args = []string{watchdogArg0, runID, string(text)}
	c.SysProcAttr = ownGroup()
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	return func() {
		_, _ = stdin.Write([]byte{'.'})
		_ = stdin.Close()
		_ = c.Wait()
	}, nil
}

// Watchdog waits for the end of stdin and removes what the run left. One byte
// on stdin says that the run cleaned up itself.
func Watchdog(ctx context.Context, stdin io.Reader, runID string, o Options) error {
	if n, _ := io.ReadFull(stdin, make([]byte, 1)); n == 1 {
		return nil
	}
	// The cluster may still be at work on the dead run's last requests, so one
	// look that finds nothing is not enough.
	quiet := 0
	for deadline := time.Now().Add(3 * time.Minute); quiet < 3; {
		removed, err := removeRun(ctx, o, runID)
		if err == nil && len(removed) == 0 {
			quiet++
		} else {
			quiet = 0
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("run %s left things that can't be removed (%w); netconform clean tries again", runID, err)
		}
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
