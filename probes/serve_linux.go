package probes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Server is a stand-in: it answers every request on its ports with its identity.
type Server struct {
	Identity  string
	Instance  string // tells the replicas of one identity apart; may be empty
	Key       []byte
	Listeners []Listener
	// Patience is how long a port that is taken may take to become free: on a
	// host's network a stand-in of an earlier run may be about to end. 0: not at all.
	Patience time.Duration
}

// A connection that says nothing is closed soon; one that has asked may go on,
// because a hold asks on one connection for as long as a policy takes.
const (
	firstRequest = time.Minute
	nextRequest  = 5 * time.Minute
)

const portPoll = 20 * time.Millisecond

// Serve listens on every port, on all addresses, calls ready, and answers until
// ctx ends. A port that can't be had ends it with an error before ready.
func (s *Server) Serve(ctx context.Context, ready func()) error {
	if err := s.check(); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var closers []io.Closer
	defer func() {
		for _, c := range closers {
			c.Close()
		}
	}()
	var all sync.WaitGroup
	failed := make(chan error, 3*len(s.Listeners))
	taken := time.Now().Add(s.Patience)
	for _, l := range s.Listeners {
		open, err := s.listen(l)
		for errors.Is(err, unix.EADDRINUSE) && time.Now().Before(taken) && ctx.Err() == nil {
			time.Sleep(portPoll)
			open, err = s.listen(l)
		}
		if err != nil {
			return fmt.Errorf("listen on %s: %w", l, err)
		}
		for _, o := range open {
			closers = append(closers, o)
			all.Go(func() {
				if err := o.serve(); err != nil && ctx.Err() == nil {
					failed <- fmt.Errorf("serve %s: %w", l, err)
				}
			})
		}
	}
	go lendPorts(ctx)
	ready()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func (s *Server) check() error {
	switch {
	case s.Identity == "" || len(s.Identity) > 255 || len(s.Instance) > 255:
		return errors.New("the identity needs 1 to 255 bytes, the instance at most 255")
	case len(s.Key) < MinKey:
		return fmt.Errorf("the key has %d bytes and needs %d or more", len(s.Key), MinKey)
	}
	return nil
}

// port is an open listener.
type port interface {
	io.Closer
	serve() error // until it is closed
}

func (s *Server) listen(l Listener) ([]port, error) {
	switch l.Protocol {
	case UDP:
		return s.listenUDP(l)
	case SCTP:
		return s.listenSCTP(l)
	}
	// An empty host is both families, or IPv4 where the kernel has no IPv6.
	ln, err := net.Listen("tcp", fmt.Sprintf(":%d", l.Port))
	if err != nil {
		return nil, err
	}
	return []port{&streamPort{server: s, port: l.Port, listener: ln}}, nil
}

type streamPort struct {
	server   *Server
	port     int
	listener net.Listener
}

func (p *streamPort) Close() error { return p.listener.Close() }

func (p *streamPort) serve() error {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			var errno unix.Errno
			if errors.As(err, &errno) && (errno == unix.EMFILE || errno == unix.ENFILE || errno == unix.ENOBUFS || errno == unix.ENOMEM) {
				time.Sleep(10 * time.Millisecond) // until a connection ends; the next waits in the backlog
				continue
			}
			return err
		}
		go p.server.converse(conn.(*net.TCPConn), p.port)
	}
}

// converse answers the requests of one connection until the client hangs up.
func (s *Server) converse(conn *net.TCPConn, port int) {
	defer conn.Close()
	conn.SetKeepAlive(false)
	conn.SetLinger(0) // a reset: no TIME_WAIT is left at either end
	a := s.answer(TCP, port, conn.RemoteAddr().(*net.TCPAddr).AddrPort())
	buf := make([]byte, requestSize)
	patience := firstRequest
	for {
		conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadFull(conn, buf); err != nil {
			return
		}
		n, ok := readRequest(buf)
		if !ok {
			return
		}
		if _, err := conn.Write(a.sign(s.Key, n)); err != nil {
			return
		}
		patience = nextRequest
	}
}

func (s *Server) answer(protocol string, port int, from netip.AddrPort) answer {
	return answer{
		identity: s.Identity, instance: s.Instance, protocol: protocol, port: uint16(port),
		seen: from.Addr().Unmap().WithZone("").String(),
	}
}
