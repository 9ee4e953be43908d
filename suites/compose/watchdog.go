package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/moby/moby/client"
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
	ctx, cancel := context.WithTimeout(ctx, cleanupTime)
	defer cancel()
	return sweep(ctx, cli, runID)
}

// cleanupTime bounds the removal of what a broken run left, on the slowest machine.
const cleanupTime = 5 * time.Minute

// sweep removes what a run that broke off left, until ctx ends. The engine may
// still be at work on the run's last requests, so one look that finds nothing
// is not enough. An engine that stays away is given up, and so is what only its
// restart frees.
func sweep(ctx context.Context, cli client.APIClient, runID string) error {
	const looks, away = 3, 10
	for clean, gone := 0, 0; clean < looks; {
		removed, err := remove(ctx, cli, runID)
		switch {
		case err == nil && len(removed) == 0:
			clean++
		case client.IsErrConnectionFailed(err), stuckOnly(err) && len(removed) == 0:
			if gone++; gone == away {
				return err
			}
		default:
			clean, gone = 0, 0
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("run %s left things that could not be removed; netconform clean tries again: %w", runID, errors.Join(ctx.Err(), err))
		case <-time.After(400 * time.Millisecond):
		}
	}
	return nil
}
