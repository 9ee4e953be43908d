//go:build linux

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// reapOrphans waits for the processes that lost their parent, where this is
// the container's first process. The agent starts none of its own.
func reapOrphans(ctx context.Context) {
	if os.Getpid() != 1 {
		return
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		defer signal.Stop(ended)
		for {
			for {
				if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.EINTR && pid <= 0 {
					break
				}
			}
			select {
			case <-ended:
			case <-ctx.Done():
				return
			}
		}
	}()
}
