package probes

import (
	"sync"
	"time"
)

// Source ports of UDP sockets. Connection tracking lets a flow that it knows
// pass a policy that came later (30 s after a UDP packet, 120 s after an
// exchange: nf_conntrack_udp_timeout and _stream), so a port that the kernel
// gives out twice could show a closed way as open. Every socket therefore binds
// the next port of one rotation, and none comes twice until all have been.
//
// The rotation begins where the clock says, and the clock goes round once in
// portCycle: an execution finds the ports of an earlier one only if that used
// more than 444 a second, or more than portCycle ago.
const (
	firstPort = 10_000
	portCount = 65_536 - firstPort
	portCycle = 125 * time.Second
)

// portRotation hands out source ports. Safe for concurrent use.
type portRotation struct {
	mu   sync.Mutex
	next int
}

func newPortRotation(now time.Time) *portRotation {
	within := now.UnixNano() % int64(portCycle)
	return &portRotation{next: int(within / (int64(portCycle) / portCount) % portCount)}
}

// take returns the next port.
func (r *portRotation) take() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	port := firstPort + r.next
	r.next = (r.next + 1) % portCount
	return port
}

// sourcePorts is the process's rotation.
var sourcePorts = newPortRotation(time.Now())
