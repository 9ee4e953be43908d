package compose

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// watchdogArg0 is how an executable knows that it was started to be the watchdog.
const watchdogArg0 = "netconform-watchdog"

// Every program that links this package can be its own watchdog: the netconform
// command as well as the test binary of a Go team, which has no subcommands.
func init() {
	if len(os.Args) == 2 && os.Args[0] == watchdogArg0 {
		if err := Watchdog(context.Background(), os.Stdin, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// watchdog is the child that outlives its parent.
type watchdog struct {
	stdin io.WriteCloser
	cmd   *exec.Cmd
}

// StartWatchdog starts a child that removes the run's things when this process
// ends without having called the returned stop, however it ends. It runs in a
// process group of its own, so that the terminal's Ctrl-C does not take it along.
func StartWatchdog(runID string) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{watchdogArg0, runID}
	cmd.SysProcAttr = ownGroup()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	w := watchdog{stdin: stdin, cmd: cmd}
	return w.dismiss, nil
}

// dismiss tells the child that there is nothing left to do.
func (w watchdog) dismiss() {
	_, _ = w.stdin.Write([]byte{'.'})
	_ = w.stdin.Close()
	_ = w.cmd.Wait()
}

// Watchdog waits for the end of stdin and removes what the run left. One byte
// on stdin says that the run cleaned up itself.
func Watchdog(ctx context.Context, stdin io.Reader, runID string) error {
	if n, _ := io.ReadFull(stdin, make([]byte, 1)); n == 1 {
		return nil
	}
	cli, err := connect()
	if err != nil {
		return err
	}
	defer cli.Close()
	// The engine may still be at work on the dead run's last requests, so one
	// look that finds nothing is not enough.
	clean := 0
	for deadline := time.Now().Add(time.Minute); clean < 3 && time.Now().Before(deadline); {
		removed, err := remove(ctx, cli, runID)
		if err == nil && len(removed) == 0 {
			clean++
		} else {
			clean = 0
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(400 * time.Millisecond):
		}
	}
	if clean < 3 {
		return fmt.Errorf("run %s left things that can't be removed; netconform clean tries again", runID)
	}
	return nil
}
