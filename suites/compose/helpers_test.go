package compose

import (
	"strconv"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

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
