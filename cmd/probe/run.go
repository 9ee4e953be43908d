//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/netconform/netconform/probes"
)

const usage = `usage:
  probe serve --identity NAME [--instance I] --listen tcp/5432,udp/53 [--batches]
      answer on these ports of every address, signed with NETCONFORM_KEY; with
      --batches do meanwhile what batch does
  probe batch
      read batches on stdin, one after the answer to the other, and write their
      framed results on stdout, until stdin ends or a batch is the last
  probe ready [--identity NAME] --listen tcp/5432,udp/53
      exit with 0 when these ports answer on the loopback interface
  probe hold ADDRESS:PORT
      keep a connection, ask on it every 200 ms and say what came, until stdin ends
  probe losses
      say what the kernel lost so far for every line on stdin, until it ends

NETCONFORM_KEY is the run's key in hex, 16 bytes or more.
`

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// errUsage marks what a different command line would mend.
var errUsage = errors.New("usage")

func run(ctx context.Context, args []string, env func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	err := route(ctx, args, env, stdin, stdout, stderr)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "probe: %v\n%s", err, usage)
		return exitUsage
	}
	fmt.Fprintf(stderr, "probe: %v\n", err)
	return exitFailed
}

func route(ctx context.Context, args []string, env func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: no command", errUsage)
	}
	switch verb, rest := args[0], args[1:]; verb {
	case "serve":
		return serve(ctx, rest, env, stdin, stdout, stderr)
	case "batch":
		return batch(ctx, rest, stdin, stdout)
	case "ready":
		return ready(ctx, rest, env)
	case "hold":
		return hold(ctx, rest, env, stdin, stdout)
	case "losses":
		return losses(rest, stdin, stdout)
	default:
		return fmt.Errorf("%w: unknown command %q", errUsage, verb)
	}
}

func serve(ctx context.Context, args []string, env func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	s, batches, err := parseServer(args, env)
	if err != nil {
		return err
	}
	s.Patience = 5 * time.Second
	reapOrphans(ctx)
	serving, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err = s.Serve(serving, func() {
		fmt.Fprintf(stderr, "probe: %s listens on %s\n", s.Identity, probes.FormatListeners(s.Listeners))
		if batches {
			go func() {
				// Who asks would wait for ever for an agent that reads no more.
				if _, err := answer(serving, stdin, stdout); !errors.Is(err, io.EOF) {
					stop(err)
				}
			}()
		}
	})
	if cause := context.Cause(serving); err == nil && ctx.Err() == nil && cause != context.Canceled {
		return cause
	}
	return err
}

func batch(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: batch takes no arguments", errUsage)
	}
	n, err := answer(ctx, stdin, stdout)
	if n > 0 && errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// answer runs batch after batch up to the last, and returns their number and
// what ended them: io.EOF where stdin did.
func answer(ctx context.Context, stdin io.Reader, stdout io.Writer) (n int, err error) {
	for ; ; n++ {
		b, err := probes.ReadBatch(stdin)
		if err != nil {
			return n, err
		}
		if err := probes.RunBatch(ctx, b, stdout); err != nil || b.Last {
			return n, err
		}
	}
}

func ready(ctx context.Context, args []string, env func(string) string) error {
	s, _, err := parseServer(args, env)
	if err != nil {
		return err
	}
	return s.Ready(ctx)
}

func hold(ctx context.Context, args []string, env func(string) string, stdin io.Reader, stdout io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: hold takes one address", errUsage)
	}
	key, err := readKey(env)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		io.Copy(io.Discard, stdin)
		stop()
	}()
	return probes.Hold(ctx, args[0], key, stdout)
}

func losses(args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: losses takes no arguments", errUsage)
	}
	asked := bufio.NewScanner(stdin)
	said := json.NewEncoder(stdout)
	for asked.Scan() {
		if err := said.Encode(probes.ReadLosses(probes.KernelStats)); err != nil {
			return err
		}
	}
	return asked.Err()
}

func parseServer(args []string, env func(string) string) (*probes.Server, bool, error) {
	var s probes.Server
	var batches bool
	var listen string
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.Identity, "identity", "", "")
	flags.StringVar(&s.Instance, "instance", "", "")
	flags.StringVar(&listen, "listen", "", "")
	flags.BoolVar(&batches, "batches", false, "")
	if err := flags.Parse(args); err != nil {
		return nil, false, fmt.Errorf("%w: %v", errUsage, err)
	}
	if flags.NArg() > 0 {
		return nil, false, fmt.Errorf("%w: unexpected argument %q", errUsage, flags.Arg(0))
	}
	var err error
	if s.Listeners, err = probes.ParseListeners(listen); err != nil {
		return nil, false, fmt.Errorf("%w: %v", errUsage, err)
	}
	s.Key, err = readKey(env)
	return &s, batches, err
}

func readKey(env func(string) string) ([]byte, error) {
	key, err := hex.DecodeString(env("NETCONFORM_KEY"))
	if err != nil || len(key) < probes.MinKey {
		return nil, fmt.Errorf("NETCONFORM_KEY must be the run's key: hex, %d bytes or more", probes.MinKey)
	}
	return key, nil
}
