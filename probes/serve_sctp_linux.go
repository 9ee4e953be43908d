package probes

import (
	"net"

	"golang.org/x/sys/unix"
)

// listenSCTP opens a one-to-one style socket, which works as a TCP one does.
func (s *Server) listenSCTP(l Listener) ([]port, error) {
	family, wildcard := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: l.Port})
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	if err == unix.EAFNOSUPPORT {
		wildcard = &unix.SockaddrInet4{Port: l.Port}
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	}
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, wildcard); err != nil {
		unix.Close(fd)
		return nil, err
	}
	if err := unix.Listen(fd, 1024); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return []port{&sctpPort{server: s, port: l.Port, fd: fd}}, nil
}

type sctpPort struct {
	server *Server
	port   int
	fd     int
}

func (p *sctpPort) Close() error { return unix.Close(p.fd) }

func (p *sctpPort) serve() error {
	for {
		fd, peer, err := unix.Accept4(p.fd, unix.SOCK_CLOEXEC)
		switch {
		case err == unix.EINTR || err == unix.ECONNABORTED:
			continue
		case err == unix.EBADF || err == unix.EINVAL:
			return net.ErrClosed
		case err != nil:
			return err
		}
		go p.converse(fd, peer)
	}
}

func (p *sctpPort) converse(fd int, peer unix.Sockaddr) {
	defer unix.Close(fd)
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(firstRequest.Seconds())})
	a := p.server.answer(SCTP, p.port, peerAddr(peer))
	buf := make([]byte, requestSize+1)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil {
			return
		}
		nonce, ok := readRequest(buf[:n])
		if !ok {
			return
		}
		if _, err := unix.Write(fd, a.sign(p.server.Key, nonce)); err != nil {
			return
		}
	}
}
