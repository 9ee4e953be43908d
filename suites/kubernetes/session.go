package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/netconform/netconform/probes"
)

// keptSessions bounds the pods whose sessions are kept open between batches.
const keptSessions = 512

// session is a connection to an agent inside a pod, kept for further batches:
// the pod's own process for the first, and for those after a failure, when
// what is half-way may still come from that, one of their own by exec. Starting
// a process costs far more than a batch does.
type session struct {
	stdin  *io.PipeWriter
	stdout *io.PipeReader
	end    context.CancelFunc
	ended  chan struct{}
	err    error // once ended
}

// sessions are those of one pod: one, used by one batch at a time.
type sessions struct {
	mu       sync.Mutex
	open     *session
	attached bool // there was one with the pod's own process
}

// startSession connects to an agent until end is called or it ends itself.
func (d *deployment) startSession(p *livePod) *session {
	attach := !p.sessions.attached
	p.sessions.attached = true
	in, stdin := io.Pipe()
	stdout, out := io.Pipe()
	life, end := context.WithCancel(d.life)
	s := &session{stdin: stdin, stdout: stdout, end: end, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		if attach {
			s.err = d.cluster.attach(life, p.namespace, p.name, in, out)
		} else {
			s.err = d.cluster.exec(life, p.namespace, p.name, probeCommand, in, out)
		}
		in.CloseWithError(io.ErrClosedPipe)
		out.CloseWithError(io.ErrUnexpectedEOF)
	}()
	return s
}

func (s *session) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *session) close() {
	s.end()
	s.stdin.Close()
	s.stdout.Close()
}

// ask sends a batch and reads its answer. After an error the session is of no
// more use. The answer decides, not the exit status: a transport that ended
// early can report success, and one that ended late can report a failure.
func (s *session) ask(ctx context.Context, b probes.Batch) ([]probes.Result, error) {
	var input bytes.Buffer
	if err := probes.WriteBatch(&input, b); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, s.close)
	defer stop()
	go func() { _, _ = s.stdin.Write(input.Bytes()) }()
	results, err := probes.ReadResults(s.stdout, b)
	if err == nil {
		return results, nil
	}
	s.close()
	if ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	<-s.ended
	return nil, errors.Join(s.err, err)
}

// probeOnce asks in the pod's open session, or in a new one.
func (d *deployment) probeOnce(ctx context.Context, p *livePod, b probes.Batch) ([]probes.Result, error) {
	p.sessions.mu.Lock()
	defer p.sessions.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, execLimit)
	defer cancel()
	if s := p.sessions.open; s != nil {
		p.sessions.open = nil
		if !s.over() {
			if results, err := s.ask(ctx, b); err == nil {
				p.sessions.open = s
				return results, nil
			}
		}
		s.close()
	}
	select {
	case d.execs <- struct{}{}:
		defer func() { <-d.execs }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s := d.startSession(p)
	results, err := s.ask(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("exec in %s/%s: %w", p.namespace, p.name, err)
	}
	if len(d.order) > keptSessions {
		s.close()
	} else {
		p.sessions.open = s
	}
	return results, nil
}
