package probes

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// icmpError is an entry of a socket's error queue: the errno and, where an
// ICMP message caused it, that message.
type icmpError struct {
	errno unix.Errno
	icmp  *ICMP
}

// See linux/errqueue.h: struct sock_extended_err, then the offender's sockaddr.
const (
	originICMP  = 2
	originICMP6 = 3
	extErrSize  = 16
)

// readErrorQueue takes the oldest ICMP error from the queue of fd. TCP sockets
// have one since Linux 6.0; where there is none the errno alone has to do.
func readErrorQueue(fd int) (icmpError, bool) {
	var oob [512]byte
	for {
		_, n, _, _, err := unix.Recvmsg(fd, nil, oob[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			return icmpError{}, false
		}
		messages, err := unix.ParseSocketControlMessage(oob[:n])
		if err != nil {
			return icmpError{}, false
		}
		for _, m := range messages {
			if e, ok := parseExtendedError(m); ok {
				return e, true
			}
		}
	}
}

func parseExtendedError(m unix.SocketControlMessage) (icmpError, bool) {
	v4 := m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_RECVERR
	v6 := m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_RECVERR
	if !v4 && !v6 || len(m.Data) < extErrSize {
		return icmpError{}, false
	}
	origin := m.Data[4]
	if origin != originICMP && origin != originICMP6 {
		return icmpError{}, false
	}
	e := icmpError{
		errno: unix.Errno(nativeUint32(m.Data)),
		icmp:  &ICMP{Type: int(m.Data[5]), Code: int(m.Data[6])},
	}
	if a, ok := parseSockaddr(m.Data[extErrSize:]); ok {
		e.icmp.Offender = a.String()
	}
	return e, true
}

// parseSockaddr reads the address of a struct sockaddr_in or sockaddr_in6.
func parseSockaddr(b []byte) (netip.Addr, bool) {
	if len(b) < 2 {
		return netip.Addr{}, false
	}
	switch family := nativeUint16(b); {
	case family == unix.AF_INET && len(b) >= 8:
		return netip.AddrFrom4([4]byte(b[4:8])), true
	case family == unix.AF_INET6 && len(b) >= 24:
		return netip.AddrFrom16([16]byte(b[8:24])).Unmap(), true
	}
	return netip.Addr{}, false
}

// classify says what an error of a socket towards dst means. silent means that
// this attempt is over with no answer (the kernel gave up by itself).
func classify(err error, icmp *ICMP, dst netip.Addr) (res Result, silent bool) {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return Result{Outcome: OutcomeError, Detail: err.Error()}, false
	}
	res = Result{Errno: unix.ErrnoName(errno), ICMP: icmp}
	switch errno {
	case unix.ETIMEDOUT:
		return Result{}, true
	case unix.ECONNREFUSED:
		res.Outcome = OutcomeRefused
		if icmp != nil && !ownPortUnreachable(icmp, dst) {
			res.Outcome = OutcomeRejected
		}
	case unix.ENOPROTOOPT, unix.EPROTO, unix.EOPNOTSUPP, unix.EHOSTDOWN, unix.ENONET:
		// Only an ICMP message leads to these (icmp_err_convert in net/ipv4/icmp.c).
		res.Outcome = OutcomeRejected
	case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EACCES, unix.EPERM:
		res.Outcome = OutcomeUnreachable
		if icmp != nil {
			res.Outcome = OutcomeRejected
		}
	case unix.EAFNOSUPPORT:
		res.Outcome = OutcomeUnreachable
		res.Detail = "the source has no such address family"
	case unix.EINVAL:
		// A route of type blackhole (fib_props in net/ipv4/fib_semantics.c); a
		// link-local address with no interface gives EINVAL too, and says nothing.
		res.Outcome = OutcomeUnreachable
		res.Detail = "the route is a black hole"
		if dst.IsLinkLocalUnicast() {
			res.Outcome, res.Detail = OutcomeError, errno.Error()
		}
	case unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT:
		res.Outcome = OutcomeError
		res.Detail = "the kernel has no SCTP"
	default: // EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EADDRINUSE, and what nobody thought of
		res.Outcome = OutcomeError
		res.Detail = fmt.Sprintf("the agent's system call: %v", errno)
	}
	return res, false
}

// ownPortUnreachable reports whether the probed address itself says that the port is closed.
func ownPortUnreachable(icmp *ICMP, dst netip.Addr) bool {
	if icmp.Offender != dst.String() {
		return false
	}
	if dst.Is4() {
		return icmp.Type == 3 && icmp.Code == 3
	}
	return icmp.Type == 1 && icmp.Code == 4
}

// ownHostUnreachable reports whether the source's own kernel says that the host
// is unreachable: where no neighbour answers ARP or neighbour discovery for three
// seconds, it sends itself that message (arp_error_report in net/ipv4/arp.c).
func ownHostUnreachable(icmp *ICMP, fd int) bool {
	if icmp == nil || icmp.Offender == "" {
		return false
	}
	local, err := unix.Getsockname(fd)
	if err != nil || icmp.Offender != peerAddr(local).Addr().String() {
		return false
	}
	v6 := strings.Contains(icmp.Offender, ":")
	return !v6 && icmp.Type == 3 && icmp.Code == 1 || v6 && icmp.Type == 1 && icmp.Code == 3
}
