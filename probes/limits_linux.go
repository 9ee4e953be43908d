package probes

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// raiseDescriptors lifts the soft limit of descriptors to the hard one and
// returns it.
func raiseDescriptors() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	if limit.Cur < limit.Max {
		raised := unix.Rlimit{Cur: limit.Max, Max: limit.Max}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			limit = raised
		}
	}
	return int(min(limit.Cur, 1<<20))
}

const (
	spareDescriptors = 64 // for the process itself and its DNS sockets
	maxInFlight      = 2000
)

// inFlight is how many probes may be under way: each can hold a socket for
// every attempt of a window.
func inFlight(asked, descriptors int) int {
	n := maxInFlight
	if asked > 0 {
		n = min(n, asked)
	}
	return max(1, min(n, (descriptors-spareDescriptors)/attemptsPerWindow))
}

const conntrackDir = "/proc/sys/net/netfilter"

// conntrackMax is the node's limit of tracked connections, or the usual one
// where it can't be read.
func conntrackMax(dir string) int {
	if n, ok := readInt(filepath.Join(dir, "nf_conntrack_max")); ok && n > 0 {
		return n
	}
	return 262_144
}

// conntrackFull reports whether the tables of this network namespace are so
// full that the kernel drops packets of its own accord.
func conntrackFull(dir string) bool {
	count, ok := readInt(filepath.Join(dir, "nf_conntrack_count"))
	return ok && count >= conntrackMax(dir)/100*99
}

func readInt(file string) (int, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}

// bucket limits how fast flows are begun. An unanswered SYN stays in the
// connection tracking table for 120 s (nf_conntrack_tcp_timeout_syn_sent), and a
// full table drops everybody's packets: a false deny on the whole node. A burst
// of max/12 and max/150 a second take at most 88 % of max in any 120 s: where
// max is 262,144, 21,845 at once and 1,747 a second.
type bucket struct {
	tokens, burst, perSecond float64
	filled                   time.Time
}

func newBucket(limit int, now time.Time) *bucket {
	burst := float64(limit) / 12
	return &bucket{tokens: burst, burst: burst, perSecond: float64(limit) / 150, filled: now}
}

// take takes a token, or says how long there will be none.
func (b *bucket) take(now time.Time) time.Duration {
	b.tokens = min(b.burst, b.tokens+now.Sub(b.filled).Seconds()*b.perSecond)
	b.filled = now
	if b.tokens < 1 {
		return time.Duration((1-b.tokens)/b.perSecond*float64(time.Second)) + time.Millisecond
	}
	b.tokens--
	return 0
}
