package compose

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// waitFor waits for what must come. The bound only ends a test that hangs.
func waitFor(t *testing.T, what func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !what(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error("waited in vain")
			return
		}
	}
}

// commandLines are the command lines of this machine's processes, with a NUL
// after each argument.
func commandLines() map[int]string {
	lines := map[int]string{}
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		text, e := os.ReadFile(name)
		if err == nil && e == nil {
			lines[pid] = string(text)
		}
	}
	return lines
}
