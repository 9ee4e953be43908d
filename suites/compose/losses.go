package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const kernelStats = "/proc/net/stat"

// losses count what this machine's kernel threw away for want of room, since
// it booted: for a probe that is silence, and it would pass for a deny.
type losses struct{ neighbours, connections uint64 }

// readLosses reads the counters under /proc/net/stat; all zero where there are none.
func readLosses(dir string) losses {
	arp, ndisc := stats(filepath.Join(dir, "arp_cache")), stats(filepath.Join(dir, "ndisc_cache"))
	track := stats(filepath.Join(dir, "nf_conntrack"))
	l := losses{neighbours: arp["table_fulls"] + ndisc["table_fulls"]}
	// drop counts clashes too, which happen to two questions of one DNS socket
	// and are repeated there; what is more than those is the table that was full
	// (nf_conntrack_core.c).
	if track["drop"] > track["insert_failed"] {
		l.connections = track["drop"] - track["insert_failed"]
	}
	return l
}

// since says what was thrown away after before was read, or nil.
func (l losses) since(before losses) error {
	switch {
	case l.neighbours > before.neighbours:
		return fmt.Errorf("the kernel's neighbour table was full %d times while the run lasted, so packets were lost: "+
			"raise net.ipv4.neigh.default.gc_thresh3, or run it again", l.neighbours-before.neighbours)
	case l.connections > before.connections:
		return fmt.Errorf("the kernel's connection tracking was full %d times while the run lasted, so packets were lost: "+
			"raise net.netfilter.nf_conntrack_max, or run it again", l.connections-before.connections)
	}
	return nil
}

// stats sums a file of /proc/net/stat over the processors: a line of names, and
// a line of hexadecimal numbers for each.
func stats(file string) map[string]uint64 {
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
