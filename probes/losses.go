package probes

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// KernelStats is where Linux counts what it lost, as this thread sees it. Only
// the machine's first network namespace has the counters of neighbours.
const KernelStats = "/proc/thread-self/net/stat"

// Losses count what a machine's kernel threw away for want of room, since it
// booted: for a probe that is silence, and it would pass for a deny.
type Losses struct {
	Neighbours  uint64 `json:"neighbours"`
	Connections uint64 `json:"connections"`
	Known       bool   `json:"known"` // false where there are no counters
}

// ReadLosses reads the counters in a folder like KernelStats.
func ReadLosses(dir string) Losses {
	arp, ndisc := kernelStats(filepath.Join(dir, "arp_cache")), kernelStats(filepath.Join(dir, "ndisc_cache"))
	track := kernelStats(filepath.Join(dir, "nf_conntrack"))
	l := Losses{Neighbours: arp["table_fulls"] + ndisc["table_fulls"], Known: arp != nil}
	// drop counts clashes too, which happen to two questions of one DNS socket
	// and are repeated there; what is more than those is the table that was full
	// (nf_conntrack_core.c).
	if track["drop"] > track["insert_failed"] {
		l.Connections = track["drop"] - track["insert_failed"]
	}
	return l
}

// Since says what was thrown away after before was read, or nil.
func (l Losses) Since(before Losses) error {
	switch {
	case l.Neighbours > before.Neighbours:
		return fmt.Errorf("the kernel's neighbour table was full %d times while probes ran, so packets were lost (raise net.ipv4.neigh.default.gc_thresh3)", l.Neighbours-before.Neighbours)
	case l.Connections > before.Connections:
		return fmt.Errorf("the kernel's connection tracking was full %d times while probes ran, so packets were lost (raise net.netfilter.nf_conntrack_max)", l.Connections-before.Connections)
	}
	return nil
}

// kernelStats sums a file of counters over the processors: a line of names, and
// a line of hexadecimal numbers for each.
func kernelStats(file string) map[string]uint64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	sums := map[string]uint64{}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	names := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		for i, field := range strings.Fields(line) {
			if n, err := strconv.ParseUint(field, 16, 64); err == nil && i < len(names) {
				sums[names[i]] += n
			}
		}
	}
	return sums
}
