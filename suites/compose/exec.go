package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/netconform/netconform/probes"
)

// Probe runs a batch in a stand-in: one exec, the batch on its standard input,
// the framed results on its standard output. Whatever cuts it short is an error.
// A batch during which a network was made on the engine is repeated.
func (d *deployment) Probe(ctx context.Context, vantage string, b probes.Batch) ([]probes.Result, error) {
	return undisturbed(&d.calm, func() ([]probes.Result, error) { return d.probe(ctx, vantage, b) })
}

func (d *deployment) probe(ctx context.Context, vantage string, b probes.Batch) ([]probes.Result, error) {
	v, ok := d.vantages[vantage]
	if !ok {
		return nil, fmt.Errorf("no stand-in of %s is up", vantage)
	}
	ctx, cancel := context.WithTimeout(ctx, patience(b))
	defer cancel()
	var input bytes.Buffer
	if err := probes.WriteBatch(&input, b); err != nil {
		return nil, err
	}
	out, err := d.exec(ctx, v.state.id, agentBatch, input.Bytes())
	if err != nil {
		return nil, fmt.Errorf("exec in %s: %w", vantage, err)
	}
	return probes.ReadResults(bytes.NewReader(out), b)
}

// patience bounds an exec that never ends: no batch that works comes near it.
func patience(b probes.Batch) time.Duration {
	window := time.Duration(max(b.WindowMS, 1000)) * time.Millisecond
	inFlight := b.InFlight
	if inFlight == 0 {
		inFlight = 500
	}
	rounds := 1 + len(b.Probes)/inFlight
	return time.Minute + 4*time.Duration(rounds*(b.Confirm+1))*window
}

// exec runs a command in a container and returns its standard output. An exit
// code that is not zero, or that never comes, is an error.
func (d *deployment) exec(ctx context.Context, id string, command []string, input []byte) ([]byte, error) {
	created, err := d.cli.ExecCreate(ctx, id, client.ExecCreateOptions{
		AttachStdin: true, AttachStdout: true, AttachStderr: true, Cmd: command,
	})
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	attached, err := d.cli.ExecAttach(ctx, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return nil, fmt.Errorf("attach: %w", err)
	}
	defer attached.Close()
	// The hijacked connection knows nothing of the context.
	stop := context.AfterFunc(ctx, attached.Close)
	defer stop()
	sent := make(chan error, 1)
	go func() {
		_, err := attached.Conn.Write(input)
		sent <- errors.Join(err, attached.CloseWrite())
	}()
	var stdout, stderr bytes.Buffer
	_, err = stdcopy.StdCopy(&stdout, &stderr, attached.Reader)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if err := d.exitCode(ctx, created.ID); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	// Only now: an agent that died early is the better error than a broken pipe.
	if err := <-sent; err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	return stdout.Bytes(), nil
}

func (d *deployment) exitCode(ctx context.Context, execID string) error {
	for {
		got, err := d.cli.ExecInspect(ctx, execID, client.ExecInspectOptions{})
		switch {
		case err != nil:
			return fmt.Errorf("inspect: %w", err)
		case !got.Running && got.ExitCode != 0:
			return fmt.Errorf("exit code %d", got.ExitCode)
		case !got.Running:
			return nil
		}
		// The engine closes the streams a moment before it notes the exit.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
