package compose

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func init() { runtime.LockOSThread() } // the main goroutine stays on the first thread

// TestMain takes the process's first thread to an empty network namespace:
// inNetns may strand it in a container's, and /proc/self and /proc/net are its
// view. Without root it stays, and proves nothing.
func TestMain(m *testing.M) {
	_ = unix.Unshare(unix.CLONE_NEWNET)
	os.Exit(m.Run())
}
