package probes

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// engine runs flows on one epoll instance. Everything but submit and close
// belongs to the goroutine of loop.
type engine struct {
	key     []byte
	window  time.Duration
	confirm int
	limit   int
	rate    *bucket

	epoll, wake int
	table       map[int32]*attempt // by descriptor; gen tells its reuses apart
	gen         int32
	timers      timers
	waiting     []*flow
	scratch     [maxAnswer + 1]byte
	full        bool // the connection tracking table, at tableSeen
	tableSeen   time.Time

	mu     sync.Mutex
	inbox  []*flow
	closed bool
	freed  bool
}

func newEngine(b Batch, limit int, rate *bucket) (*engine, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, err
	}
	e := &engine{
		key: b.Key, window: b.window(), confirm: b.Confirm, limit: limit, rate: rate,
		epoll: epoll, wake: wake, table: make(map[int32]*attempt),
	}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wake)}); err != nil {
		e.free()
		return nil, err
	}
	return e, nil
}

func (b Batch) window() time.Duration {
	if b.WindowMS == 0 {
		return time.Second
	}
	return time.Duration(b.WindowMS) * time.Millisecond
}

func (e *engine) free() {
	for _, a := range e.table {
		hangUp(a.fd, a.flow.protocol)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.freed = true
	unix.Close(e.epoll)
	unix.Close(e.wake)
}

// submit hands a flow to the loop. Safe for concurrent use, and from finish.
func (e *engine) submit(f *flow) {
	e.mu.Lock()
	e.inbox = append(e.inbox, f)
	e.mu.Unlock()
	e.nudge()
}

// close says that no more flows come but those that finish submits.
func (e *engine) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.nudge()
}

// nudge wakes the loop. The descriptor may be somebody else's once it is freed.
func (e *engine) nudge() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.freed {
		unix.Write(e.wake, []byte{1, 1, 1, 1, 1, 1, 1, 0})
	}
}

// loop runs until every flow is finished after close, or ctx ends.
//
// A flow expires only if its time was up before the last look at the sockets
// and that look found nothing more: an agent that was not scheduled for a
// while must not take answers that lie in its buffers for silence.
func (e *engine) loop(ctx context.Context) error {
	stop := context.AfterFunc(ctx, e.nudge)
	defer stop()
	events := make([]unix.EpollEvent, 256)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.admit() {
			return nil
		}
		looked := time.Now()
		n, err := unix.EpollWait(e.epoll, events, e.patience(looked))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		for _, ev := range events[:n] {
			e.event(ev)
		}
		if n < len(events) {
			e.expire(looked)
		}
	}
}

// admit starts what may start, and reports whether all is done.
func (e *engine) admit() bool {
	e.mu.Lock()
	e.waiting = append(e.waiting, e.inbox...)
	e.inbox = nil
	closed := e.closed
	e.mu.Unlock()
	for len(e.waiting) > 0 && len(e.timers) < e.limit {
		f := e.waiting[0]
		e.waiting[0] = nil
		e.waiting = e.waiting[1:]
		heap.Push(&e.timers, f)
		e.step(f)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return closed && len(e.timers) == 0 && len(e.waiting) == 0 && len(e.inbox) == 0
}

// patience is the time that epoll may wait, in milliseconds.
func (e *engine) patience(now time.Time) int {
	if len(e.timers) == 0 {
		return -1
	}
	wait := e.timers[0].next.Sub(now)
	if wait <= 0 {
		return 0
	}
	return int((wait + time.Millisecond - 1) / time.Millisecond)
}

func (e *engine) expire(now time.Time) {
	for len(e.timers) > 0 && !e.timers[0].next.After(now) {
		e.step(e.timers[0])
	}
}

// step does what is next for f: another attempt, another window, or the end.
func (e *engine) step(f *flow) {
	if f.inWindow == f.perWindow() || f.anyConnected() {
		f.windows++
		e.drop(f)
		if f.windows > e.confirm {
			e.end(f, f.silence(e.tableFull()))
			return
		}
		f.inWindow = 0
	}
	if wait := e.rate.take(time.Now()); wait > 0 {
		e.schedule(f, time.Now().Add(wait))
		return
	}
	e.attempt(f)
}

// attempt opens the next socket of f.
func (e *engine) attempt(f *flow) {
	now := time.Now()
	if f.total == 0 {
		f.started = now
	}
	f.total++
	f.inWindow++
	fd, err := dial(f.protocol, f.dst)
	a := &attempt{flow: f, fd: fd}
	if fd >= 0 {
		e.gen++
		a.gen = e.gen
		e.table[int32(fd)] = a
		f.attempts = append(f.attempts, a)
	}
	if err == nil && f.protocol == UDP {
		a.nonce, a.connected = newNonce(), true
		_, err = unix.Write(fd, request(a.nonce))
		if err == unix.EPERM { // also where one packet met a full table, so it has to be so for every attempt
			f.barred++
			err = nil
		}
	}
	if err == nil {
		err = unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{
			Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd), Pad: a.gen,
		})
	}
	if err != nil {
		e.failed(a, err)
		return
	}
	e.schedule(f, time.Now().Add(f.gap(e.window)))
}

// tableFull reports whether the kernel may have dropped the packets itself.
func (e *engine) tableFull() bool {
	if now := time.Now(); now.Sub(e.tableSeen) > 50*time.Millisecond {
		e.full, e.tableSeen = conntrackFull(conntrackDir), now
	}
	return e.full
}

func (e *engine) schedule(f *flow, at time.Time) {
	f.next = at
	heap.Fix(&e.timers, f.place)
}

// drop closes the sockets of f.
func (e *engine) drop(f *flow) {
	for _, a := range f.attempts {
		delete(e.table, int32(a.fd))
		hangUp(a.fd, f.protocol)
	}
	f.attempts = f.attempts[:0]
}

func (e *engine) end(f *flow, res Result) {
	e.drop(f)
	heap.Remove(&e.timers, f.place)
	if f.accepted && (res.Outcome == OutcomeRefused || res.Outcome == OutcomeRejected || res.Outcome == OutcomeUnreachable) {
		res.Detail = fmt.Sprintf("one connection was accepted, then silent; another was %s", res.Outcome)
		res.Outcome = OutcomeOpenUnverified
	}
	res.Address = f.dst.Addr().String()
	res.Attempts = f.total
	res.ElapsedMS = float64(time.Since(f.started).Microseconds()) / 1000
	f.finish(res)
}
