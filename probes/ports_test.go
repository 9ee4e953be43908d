package probes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNoSourcePortTwiceUntilAllHaveBeen(t *testing.T) {
	r := newPortRotation(time.Unix(1_800_000_000, 123))
	seen := make(map[int]bool, portCount)
	for range portCount {
		p := r.take()
		require.False(t, seen[p], "port %d came twice", p)
		require.True(t, p >= firstPort && p <= 65535, "port %d", p)
		seen[p] = true
	}
	assert.True(t, seen[r.take()], "all have been")
}

// An execution begins after the ports that the one before has used.
func TestLaterExecutionsUseOtherPorts(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	last := map[int]time.Time{}
	for run := range 100 {
		now := start.Add(time.Duration(run) * time.Second)
		r := newPortRotation(now)
		for range 400 {
			p := r.take()
			if used, again := last[p]; again {
				require.Greater(t, now.Sub(used), 110*time.Second, "port %d", p)
			}
			last[p] = now
		}
	}
}
