package probes

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	typeA    = dnsmessage.TypeA
	typeAAAA = dnsmessage.TypeAAAA
)

// question asks one server for one type within the window: over UDP up to
// three times, a new socket and source port each, and over TCP where the
// answer was cut.
func (r *resolver) question(ctx context.Context, server, name string, kind dnsmessage.Type) (Lookup, string) {
	l := Lookup{Name: name, Server: hostOf(server), Transport: "udp"}
	q, err := newQuery(name, kind)
	if err != nil {
		l.Status = statusError
		return l, err.Error()
	}
	msg, err := r.overUDP(ctx, server, q)
	if err == nil && msg.Truncated {
		l.Transport = "tcp"
		msg, err = overTCP(ctx, server, q, r.window)
	}
	if err != nil {
		var text string
		l.Status, text = fault(err)
		return l, text
	}
	var text string
	l.Status, l.Addresses, text = meaning(msg, name, kind)
	return l, text
}

func hostOf(server string) string {
	host, _, _ := net.SplitHostPort(server)
	return host
}

// query is a question on the wire.
type query struct {
	id       uint16
	question dnsmessage.Question
	wire     []byte
}

func newQuery(name string, kind dnsmessage.Type) (query, error) {
	n, err := dnsmessage.NewName(name)
	if err != nil {
		return query{}, fmt.Errorf("name %q: %w", name, err)
	}
	var id [2]byte
	rand.Read(id[:])
	q := query{id: binary.BigEndian.Uint16(id[:])}
	q.question = dnsmessage.Question{Name: n, Type: kind, Class: dnsmessage.ClassINET}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: q.id, RecursionDesired: true},
		Questions: []dnsmessage.Question{q.question},
	}
	q.wire, err = m.Pack()
	return q, err
}

// read parses an answer to q and refuses everything else.
func (q query) read(b []byte) (*dnsmessage.Message, bool) {
	var m dnsmessage.Message
	if m.Unpack(b) != nil || !m.Response || m.ID != q.id || len(m.Questions) != 1 {
		return nil, false
	}
	got := m.Questions[0]
	same := got.Type == q.question.Type && got.Class == q.question.Class &&
		strings.EqualFold(got.Name.String(), q.question.Name.String())
	return &m, same
}

// overUDP sends q at 0, a third and two thirds of the window, and takes the
// first answer to any of them.
func (r *resolver) overUDP(ctx context.Context, server string, q query) (*dnsmessage.Message, error) {
	type reply struct {
		msg *dnsmessage.Message
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const tries = 3
	replies := make(chan reply, tries)
	deadline := time.Now().Add(r.window)
	sent, heard := 0, 0
	var last error
	for {
		var again <-chan time.Time
		if sent < tries {
			again = time.After(time.Until(deadline.Add(-r.window * time.Duration(tries-sent) / tries)))
		}
		select {
		case <-again:
			sent++
			go func() {
				msg, err := r.sendUDP(ctx, server, q, deadline)
				replies <- reply{msg, err}
			}()
		case got := <-replies:
			heard++
			if got.err == nil || !errors.Is(got.err, os.ErrDeadlineExceeded) {
				return got.msg, got.err
			}
			last = got.err
			if heard == tries {
				return nil, last
			}
		}
	}
}

// sendUDP asks from a source port of its own and waits for the answer.
func (r *resolver) sendUDP(ctx context.Context, server string, q query, deadline time.Time) (*dnsmessage.Message, error) {
	conn, err := r.dialUDP(server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write(q.wire); err != nil {
		return nil, err
	}
	conn.SetReadDeadline(deadline)
	buf := make([]byte, 4096)
	for late := false; ; {
		n, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) && !late {
			// The process may have slept while the answer came: look once more.
			late = true
			conn.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
			continue
		}
		if err != nil {
			return nil, err
		}
		if msg, ok := q.read(buf[:n]); ok {
			return msg, nil
		}
	}
}

func (r *resolver) dialUDP(server string) (*net.UDPConn, error) {
	to, err := net.ResolveUDPAddr("udp", server) // an address literal: no lookup
	if err != nil {
		return nil, err
	}
	for range portCount {
		conn, err := net.DialUDP("udp", &net.UDPAddr{Port: r.ports.take()}, to)
		if !errors.Is(err, syscall.EADDRINUSE) {
			return conn, err
		}
	}
	return nil, syscall.EADDRNOTAVAIL
}

func overTCP(ctx context.Context, server string, q query, window time.Duration) (*dnsmessage.Message, error) {
	d := net.Dialer{Timeout: window, KeepAlive: -1}
	conn, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(window))
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q.wire))), q.wire...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, err
	}
	msg, ok := q.read(buf)
	if !ok {
		return nil, errors.New("the server answered another question")
	}
	return msg, nil
}

// fault tells silence from a failure of the tool. Where no resolver can be
// reached the status is a time-out too, as in glibc (TRY_AGAIN), and the text says why.
func fault(err error) (status, text string) {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return statusTimeout, ""
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return statusTimeout, "the resolver closed the connection"
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return statusError, err.Error()
	}
	switch errno {
	case syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EPERM, syscall.EACCES, syscall.ECONNRESET:
		return statusTimeout, "the resolver can't be reached: " + errno.Error()
	}
	return statusError, errno.Error()
}

// meaning reads the status and the addresses at the end of the CNAME chain.
func meaning(m *dnsmessage.Message, name string, kind dnsmessage.Type) (status string, addrs []string, text string) {
	switch m.RCode {
	case dnsmessage.RCodeSuccess:
	case dnsmessage.RCodeNameError:
		return statusNXDomain, nil, ""
	case dnsmessage.RCodeServerFailure:
		return statusServFail, nil, ""
	case dnsmessage.RCodeRefused:
		return statusRefused, nil, ""
	default:
		return statusServFail, nil, "the server answered " + m.RCode.String()
	}
	owner := name
	for range len(m.Answers) + 1 {
		alias := ""
		for _, rr := range m.Answers {
			if !strings.EqualFold(rr.Header.Name.String(), owner) {
				continue
			}
			switch body := rr.Body.(type) {
			case *dnsmessage.AResource:
				if kind == typeA {
					addrs = append(addrs, netip.AddrFrom4(body.A).String())
				}
			case *dnsmessage.AAAAResource:
				if kind == typeAAAA {
					addrs = append(addrs, netip.AddrFrom16(body.AAAA).String())
				}
			case *dnsmessage.CNAMEResource:
				alias = body.CNAME.String()
			}
		}
		if len(addrs) > 0 {
			return statusAnswer, addrs, ""
		}
		if alias == "" {
			break
		}
		owner = alias
	}
	return statusNoData, nil, ""
}
