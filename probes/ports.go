package probes

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Source ports of UDP sockets. Connection tracking lets a flow that it knows
// pass a policy that came later (30 s after a UDP packet, 120 s after an
// exchange: nf_conntrack_udp_timeout and _stream), so a port that the kernel
// gives out twice could show a closed way as open. Every socket therefore binds
// the next port of one rotation, and none comes twice until all have been.
//
// Executions in one network namespace share the rotation: the stand-in that
// listens there lends blocks of it. Where none listens, the rotation begins
// where the clock says, and the clock goes round once in portCycle: an
// execution then finds the ports of an earlier one only if that used more than
// 444 a second, or more than portCycle ago.
const (
	firstPort = 10_000
	portCount = 65_536 - firstPort
	portCycle = 125 * time.Second
	portBlock = 64
	// portLender is an abstract socket, which belongs to a network namespace (unix(7)).
	portLender = "@netconform-source-ports"
)

// portRotation hands out source ports. Safe for concurrent use.
type portRotation struct {
	mu   sync.Mutex
	next int
	left int // of the borrowed block
	// borrow returns the beginning of a block that nobody else has; nil where
	// the rotation is nobody else's.
	borrow func() (int, error)
}

func newPortRotation(now time.Time) *portRotation {
	within := now.UnixNano() % int64(portCycle)
	return &portRotation{next: int(within / (int64(portCycle) / portCount) % portCount)}
}

// take returns the next port.
func (r *portRotation) take() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.borrow != nil && r.left == 0 {
		if start, err := r.borrow(); err == nil {
			r.next, r.left = start, portBlock
		} else {
			r.borrow = nil
		}
	}
	r.left--
	return firstPort + r.advance(1)
}

// advance returns where the rotation stood, and moves it on.
func (r *portRotation) advance(n int) int {
	was := r.next
	r.next = (r.next + n) % portCount
	return was
}

// sourcePorts is the process's rotation.
var sourcePorts = func() *portRotation {
	r := newPortRotation(time.Now())
	r.borrow = borrowPorts
	return r
}()

func borrowPorts() (int, error) {
	conn, err := net.DialTimeout("unix", portLender, time.Second)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return 0, err
	}
	var answer [16]byte
	n, err := conn.Read(answer[:])
	if err != nil {
		return 0, err
	}
	start, err := strconv.Atoi(strings.TrimSpace(string(answer[:n])))
	if err != nil || start < 0 || start >= portCount {
		return 0, fmt.Errorf("no block of ports: %q", answer[:n])
	}
	return start, nil
}

// lendPorts lends blocks of one rotation until ctx ends. Where another stand-in
// of the namespace lends already, there is nothing to do.
func lendPorts(ctx context.Context) {
	l, err := net.Listen("unix", portLender)
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	rotation := newPortRotation(time.Now())
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(conn, rotation.advance(portBlock))
		conn.Close()
	}
}
