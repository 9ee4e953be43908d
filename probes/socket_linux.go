package probes

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

func nativeUint16(b []byte) uint16 { return binary.NativeEndian.Uint16(b) }
func nativeUint32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

// dial begins to connect a non-blocking socket. A descriptor that is not
// negative is the caller's, also beside an error.
func dial(protocol string, dst netip.AddrPort) (fd int, err error) {
	family := unix.AF_INET
	if dst.Addr().Is6() {
		family = unix.AF_INET6
	}
	kind, number := unix.SOCK_STREAM, unix.IPPROTO_TCP
	switch protocol {
	case UDP:
		kind, number = unix.SOCK_DGRAM, unix.IPPROTO_UDP
	case SCTP:
		number = unix.IPPROTO_SCTP
	}
	fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, number)
	if err != nil {
		return -1, err
	}
	wantErrors(fd, family)
	if protocol == UDP {
		if err := bindNext(fd, family, dst.Port()); err != nil {
			return fd, err
		}
	}
	err = unix.Connect(fd, sockaddr(dst))
	if err == unix.EINPROGRESS {
		err = nil
	}
	return fd, err
}

// wantErrors asks for ICMP errors in the socket's error queue. A refusal only
// costs evidence.
func wantErrors(fd, family int) {
	if family == unix.AF_INET {
		unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVERR, 1)
		return
	}
	unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVERR, 1)
}

// bindNext gives fd the next source port of the rotation that is free. It is
// never the destination's: on the source's own address that would be a socket
// that talks to itself.
func bindNext(fd, family int, destination uint16) error {
	wildcard := netip.IPv4Unspecified()
	if family == unix.AF_INET6 {
		wildcard = netip.IPv6Unspecified()
	}
	for range portCount {
		port := uint16(sourcePorts.take())
		if port == destination {
			continue
		}
		err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(wildcard, port)))
		if !errors.Is(err, unix.EADDRINUSE) {
			return err
		}
	}
	return unix.EADDRNOTAVAIL
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// hangUp closes fd at once. TCP and SCTP send a reset in place of a FIN, so that
// no TIME_WAIT keeps the source port.
func hangUp(fd int, protocol string) {
	if protocol != UDP {
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	unix.Close(fd)
}

// metItself reports whether a TCP connection has the same address and port at
// both ends: where nobody listens on an ephemeral port of the source's own, the
// kernel may choose that very port for the client (RFC 9293, simultaneous open).
func metItself(fd int) bool {
	local, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	remote, err := unix.Getpeername(fd)
	return err == nil && peerAddr(local) == peerAddr(remote)
}

// peerAddr reads a socket address of the kernel.
func peerAddr(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// SCTPSupported reports whether the kernel has SCTP.
func SCTPSupported() bool {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}
