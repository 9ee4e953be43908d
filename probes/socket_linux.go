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
		if err := bindNext(fd, family); err != nil {
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

// bindNext gives fd the next source port of the rotation that is free.
func bindNext(fd, family int) error {
	any := netip.IPv4Unspecified()
	if family == unix.AF_INET6 {
		any = netip.IPv6Unspecified()
	}
	for range portCount {
		err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(any, uint16(sourcePorts.take()))))
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

// SCTPSupported reports whether the kernel has SCTP.
func SCTPSupported() bool {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}
