package probes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// listenUDP opens a socket for each family. They are apart because each has its
// own way to say which local address a packet came to; the answer must leave
// from that one, or the client takes it for a stranger's.
func (s *Server) listenUDP(l Listener) ([]port, error) {
	var open []port
	for _, family := range []string{"udp4", "udp6"} {
		lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
			cerr := raw.Control(func(fd uintptr) {
				if family == "udp4" {
					err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_PKTINFO, 1)
				} else {
					err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_RECVPKTINFO, 1)
				}
			})
			return errors.Join(cerr, err)
		}}
		conn, err := lc.ListenPacket(context.Background(), family, fmt.Sprintf(":%d", l.Port))
		if family == "udp6" && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)) {
			break // no IPv6 here
		}
		if err != nil {
			for _, p := range open {
				p.Close()
			}
			return nil, err
		}
		open = append(open, &datagramPort{server: s, port: l.Port, UDPConn: conn.(*net.UDPConn)})
	}
	return open, nil
}

type datagramPort struct {
	server *Server
	port   int
	*net.UDPConn
}

func (p *datagramPort) serve() error {
	buf, oob := make([]byte, 2048), make([]byte, 256)
	for {
		n, oobn, _, from, err := p.ReadMsgUDPAddrPort(buf, oob)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			continue // an ICMP error that an earlier answer met
		}
		nonce, ok := readRequest(buf[:n])
		if !ok {
			continue
		}
		text := p.server.answer(UDP, p.port, from).sign(p.server.Key, nonce)
		p.WriteMsgUDPAddrPort(text, replyFrom(oob[:oobn]), from)
	}
}

// replyFrom turns the packet information of a request into that of its answer:
// the address that it came to becomes the source; the interface is left to routing.
func replyFrom(oob []byte) []byte {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			// struct in_pktinfo: ipi_ifindex, ipi_spec_dst, ipi_addr. The kernel fills
			// in spec_dst with the local address.
			return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte(m.Data[4:8])})
		case m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			info := unix.Inet6Pktinfo{Addr: [16]byte(m.Data[:16])}
			if info.Addr[0] == 0xfe && info.Addr[1]&0xc0 == 0x80 {
				info.Ifindex = nativeUint32(m.Data[16:]) // a link-local address is nothing without it
			}
			return unix.PktInfo6(&info)
		}
	}
	return nil
}
