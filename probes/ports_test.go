package probes

import (
	"context"
	"errors"
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

// However fast executions follow each other, those in one network namespace
// use ports that none of the others has.
func TestExecutionsShareTheLentRotation(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go lendPorts(ctx)
	require.Eventually(t, func() bool { _, err := borrowPorts(); return err == nil }, time.Minute, time.Millisecond)
	seen := map[int]bool{}
	for range 50 {
		r := newPortRotation(time.Unix(1_800_000_000, 0))
		r.borrow = borrowPorts
		for range 2*portBlock + 1 {
			p := r.take()
			require.False(t, seen[p], "port %d came twice", p)
			seen[p] = true
		}
		require.NotNil(t, r.borrow, "it was lent to")
	}
}

func TestWithoutALenderTheClockDecides(t *testing.T) {
	r := newPortRotation(time.Unix(1_800_000_000, 0))
	want := newPortRotation(time.Unix(1_800_000_000, 0))
	r.borrow = func() (int, error) { return 0, errors.New("nobody lends") }
	for range 3 * portBlock {
		require.Equal(t, want.take(), r.take())
	}
}
