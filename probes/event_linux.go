package probes

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// event handles what epoll says of one socket.
func (e *engine) event(ev unix.EpollEvent) {
	if ev.Fd == int32(e.wake) {
		var count [8]byte
		unix.Read(e.wake, count[:])
		return
	}
	a := e.table[ev.Fd]
	if a == nil || a.gen != ev.Pad {
		return // of a socket that is closed already; its number may be in use again
	}
	if !a.connected || a.flow.protocol == UDP {
		if ev.Events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			switch err := pending(a.fd); {
			case err == unix.ECONNRESET || err == unix.EPIPE: // after the handshake; before it is ECONNREFUSED (tcp_reset)
				e.hollow(a, err)
				return
			case err != nil:
				e.failed(a, err)
				return
			}
		}
	}
	if !a.connected && ev.Events&unix.EPOLLOUT != 0 && !e.ask(a) {
		return
	}
	if a.connected && ev.Events&^unix.EPOLLOUT != 0 {
		e.read(a)
	}
}

// pending takes the error that lies at a socket.
func pending(fd int) error {
	number, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if number != 0 {
		return unix.Errno(number)
	}
	return nil
}

// ask sends the nonce on a connection that was just made.
func (e *engine) ask(a *attempt) bool {
	f := a.flow
	n := newNonce()
	_, err := unix.Write(a.fd, request(n))
	switch err {
	case nil:
	case unix.EAGAIN, unix.ENOTCONN: // not connected yet
		return false
	case unix.EPIPE, unix.ECONNRESET:
		e.hollow(a, err)
		return false
	default:
		e.failed(a, err)
		return false
	}
	if metItself(a.fd) {
		e.end(f, Result{Outcome: OutcomeRefused, Detail: "nobody listens: the connection met itself"})
		return false
	}
	a.nonce, a.connected, f.accepted = n, true, true
	// The peer has a whole window to answer, and no other attempt is needed meanwhile.
	e.schedule(f, time.Now().Add(e.window))
	return true
}

// read takes what has come on a connected socket.
func (e *engine) read(a *attempt) {
	for {
		n, err := unix.Read(a.fd, e.scratch[:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return
		case err != nil && a.flow.protocol == UDP:
			e.failed(a, err)
			return
		case err != nil || n == 0 && a.flow.protocol != UDP:
			e.hollow(a, err)
			return
		}
		a.got = append(a.got, e.scratch[:n]...)
		ans, err := readAnswer(a.got, e.key, a.nonce)
		if errors.Is(err, errIncomplete) && a.flow.protocol != UDP {
			continue
		}
		e.end(a.flow, judge(ans, err, a.flow.expect))
		return
	}
}

// hollow ends a flow whose connection was accepted and closed with no answer:
// a userland proxy with nothing behind it does that.
func (e *engine) hollow(a *attempt, err error) {
	res := Result{Outcome: OutcomeOpenUnverified, Detail: "the connection was accepted, then closed without an answer"}
	if len(a.got) > 0 {
		res.Detail = errIncomplete.Error()
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		res.Errno = unix.ErrnoName(errno)
	}
	e.end(a.flow, res)
}

// failed ends a flow by an error of one of its sockets.
func (e *engine) failed(a *attempt, err error) {
	var icmp *ICMP
	if a.fd >= 0 {
		if queued, ok := readErrorQueue(a.fd); ok {
			err, icmp = queued.errno, queued.icmp
		}
	}
	res, silent := classify(err, icmp, a.flow.dst.Addr())
	if res.Outcome == OutcomeRejected && ownHostUnreachable(icmp, a.fd) {
		res.Outcome, res.Detail = OutcomeUnreachable, "nobody on the link has the address of the next hop"
	}
	if !silent {
		e.end(a.flow, res)
	}
}
