package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/netconform/netconform/probes"
)

// line is attached to the standard streams of a stand-in's own process, which
// takes batches there. An exec for each batch would cost the engine more than
// all probes do: a second on two processors for 25 stand-ins, against 10 ms.
type line struct {
	mu     sync.Mutex // one batch at a time
	conn   client.HijackedResponse
	stdout *io.PipeReader
	broken error // nothing can be asked any more
}

// attach opens the line of a running container.
func attach(ctx context.Context, cli client.APIClient, id string) (*line, error) {
	got, err := cli.ContainerAttach(ctx, id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true})
	if err != nil {
		return nil, fmt.Errorf("attach: %w", err)
	}
	stdout, out := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(out, io.Discard, got.Reader)
		if err == nil {
			err = io.ErrUnexpectedEOF // the container ended
		}
		out.CloseWithError(err)
	}()
	return &line{conn: got.HijackedResponse, stdout: stdout}, nil
}

func (l *line) close() {
	l.conn.Close()
	l.stdout.Close()
}

// end lets the stand-in end itself, which spares the engine the killing.
func (l *line) end(key []byte) {
	l.conn.Conn.SetWriteDeadline(time.Now().Add(time.Second))
	// A stand-in that this does not reach is killed with its container.
	_ = probes.WriteBatch(l.conn.Conn, probes.Batch{Key: key, Last: true})
	l.close()
}

// ask sends a batch and reads its framed answer. Whatever cuts it short is an
// error, for this batch and all that follow: what is half-way may still come.
func (l *line) ask(ctx context.Context, b probes.Batch) ([]probes.Result, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return nil, l.broken
	}
	results, err := l.exchange(ctx, b)
	if err != nil {
		l.close()
		l.broken = err
	}
	return results, err
}

func (l *line) exchange(ctx context.Context, b probes.Batch) ([]probes.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, patience(b))
	defer cancel()
	var input bytes.Buffer
	if err := probes.WriteBatch(&input, b); err != nil {
		return nil, err
	}
	// The hijacked connection knows nothing of the context.
	stop := context.AfterFunc(ctx, l.close)
	defer stop()
	sent := make(chan error, 1)
	go func() {
		_, err := l.conn.Conn.Write(input.Bytes())
		sent <- err
	}()
	results, err := probes.ReadResults(l.stdout, b)
	if err == nil {
		err = <-sent
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return results, nil
}

// patience bounds a batch that never ends: none that works comes near it.
func patience(b probes.Batch) time.Duration {
	window := time.Duration(max(b.WindowMS, 1000)) * time.Millisecond
	inFlight := b.InFlight
	if inFlight == 0 {
		inFlight = 500
	}
	rounds := 1 + len(b.Probes)/inFlight
	return time.Minute + 4*time.Duration(rounds*(b.Confirm+1))*window
}

// Probe runs a batch in a stand-in. A batch during which a network was made on
// the engine is repeated, and so is what was silent while packets were lost.
func (d *deployment) Probe(ctx context.Context, vantage string, b probes.Batch) ([]probes.Result, error) {
	v, ok := d.vantages[vantage]
	if !ok {
		return nil, fmt.Errorf("no stand-in of %s is up", vantage)
	}
	results, err := d.heard(ctx, b, func(b probes.Batch) ([]probes.Result, error) {
		return undisturbed(&d.calm, func() ([]probes.Result, error) { return v.line.ask(ctx, b) })
	})
	if err != nil {
		return nil, fmt.Errorf("the agent of %s: %w", vantage, err)
	}
	return results, nil
}

// awaitListeners attaches to every stand-in and waits until it answers, which
// it does once it listens. One that ends instead says why: a port that it may
// not have, most likely.
func (d *deployment) awaitListeners(ctx context.Context) error {
	containers := map[string][]*vantage{} // two services may have one container
	for _, name := range slices.Sorted(maps.Keys(d.vantages)) {
		v := d.vantages[name]
		containers[v.state.id] = append(containers[v.state.id], v)
	}
	var mu sync.Mutex
	var errs []error
	var wait sync.WaitGroup
	for id, vantages := range containers {
		wait.Go(func() {
			l, err := d.awaitListener(ctx, id)
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("%s: %w", vantages[0].name, err))
				return
			}
			for _, v := range vantages {
				v.line = l
			}
		})
	}
	wait.Wait()
	if len(errs) > 0 {
		return fmt.Errorf("stand-ins do not listen: %w", errors.Join(errs...))
	}
	return nil
}

func (d *deployment) awaitListener(ctx context.Context, id string) (*line, error) {
	l, err := attach(ctx, d.cli, id)
	if err == nil {
		_, err = l.ask(ctx, probes.Batch{ID: d.job.RunID, Key: d.job.Key})
	}
	if err != nil {
		return nil, errors.Join(err, d.lastWords(ctx, id))
	}
	return l, nil
}

// lastWords is what the stand-in wrote to its log.
func (d *deployment) lastWords(ctx context.Context, id string) error {
	logs, err := d.cli.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStderr: true, Tail: "5"})
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	defer logs.Close()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(io.Discard, &text, logs); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return errors.New(strings.TrimSpace(text.String()))
}
