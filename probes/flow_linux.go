package probes

import (
	"net/netip"
	"time"
)

// attemptsPerWindow is how often a silent window is asked. The kernel repeats a
// SYN only after a second, so one lost packet would look like a deny.
const attemptsPerWindow = 3

// flow is the attempt to reach one address and port: a few sockets, begun one
// after the other until one of them has an answer.
type flow struct {
	protocol string
	dst      netip.AddrPort
	expect   string
	once     bool         // one attempt in a window
	finish   func(Result) // called once, by the engine's loop

	started  time.Time // of the first packet
	next     time.Time // when step has to look again
	place    int       // in the heap
	attempts []*attempt
	inWindow int // attempts begun in this window
	total    int // attempts begun at all
	windows  int // windows that ended in silence
	accepted bool
	barred   int // UDP attempts that the source's own firewall dropped
}

// attempt is one socket of a flow.
type attempt struct {
	flow      *flow
	fd        int
	gen       int32
	nonce     nonce
	connected bool
	got       []byte
}

func (f *flow) anyConnected() bool {
	for _, a := range f.attempts {
		if a.connected && f.protocol != UDP {
			return true
		}
	}
	return false
}

// perWindow is how many attempts a window has.
func (f *flow) perWindow() int {
	if f.once {
		return 1
	}
	return attemptsPerWindow
}

// gap is the time from an attempt to the next, or to the end of the window.
func (f *flow) gap(window time.Duration) time.Duration {
	n := f.perWindow()
	if f.protocol != UDP {
		return window / time.Duration(n)
	}
	if f.inWindow < n {
		return window / 4
	}
	return window - time.Duration(n-1)*window/4
}

// silence is the result of a flow that nothing ever answered.
func (f *flow) silence(tableFull bool) Result {
	switch {
	case f.accepted:
		return Result{Outcome: OutcomeOpenUnverified, Detail: "the connection was accepted, then silence"}
	case tableFull:
		return Result{Outcome: OutcomeError, Detail: "the connection tracking table is full; silence means nothing"}
	case f.barred == f.total:
		return Result{Outcome: OutcomeUnreachable, Errno: "EPERM", Detail: "the source may not send there"}
	}
	return Result{Outcome: OutcomeDropped}
}

// timers orders the flows under way by when they have to be looked at.
type timers []*flow

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].next.Before(t[j].next) }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].place, t[j].place = i, j
}
func (t *timers) Push(x any) {
	f := x.(*flow)
	f.place = len(*t)
	*t = append(*t, f)
}
func (t *timers) Pop() any {
	last := len(*t) - 1
	f := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return f
}
