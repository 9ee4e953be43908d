package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/matrix/strict"
	"github.com/netconform/netconform/suites"
)

// exit is an error that only carries an exit code; everything has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the process at once; the watchdog then cleans up.
	context.AfterFunc(ctx, stop)

	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return code(ctx, root.ExecuteContext(ctx), stderr)
}

// code is the exit code of an error, which it prints.
func code(ctx context.Context, err error, stderr io.Writer) int {
	var silent exit
	var problems strict.Problems
	switch {
	case err == nil:
		return suites.ExitConforms
	case errors.As(err, &silent):
		return int(silent)
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "netconform: interrupted; what the run made is removed, no verdict was given")
		return suites.ExitInterrupted
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems)
		return suites.ExitInput
	case errors.Is(err, errPlatform):
		fmt.Fprintln(stderr, "netconform:", said(err))
		return suites.ExitInconclusive
	}
	fmt.Fprintln(stderr, "netconform:", said(err))
	return suites.ExitInput
}

// said is an error without the mark that makes it the user's.
func said(err error) string {
	return strings.ReplaceAll(err.Error(), suites.ErrInput.Error()+": ", "")
}

// errPlatform marks a platform that is not there or fails (exit code 3).
var errPlatform = errors.New("platform")

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "netconform",
		Short: "Prove that a network does what its service matrix says",
		Long: `netconform takes a service matrix (who may talk to whom, on which port), derives
every expected allow and deny, sends real TCP, UDP and DNS probes between
containers (Docker Compose) and pods (Kubernetes), and reports what differs.

SUITE is the path of a suite file, or the name of a bundled suite
(see "netconform suites").

Exit codes: 0 conforms, 1 violations, 2 usage or bad input,
3 inconclusive or infrastructure, 130 interrupted.`,
		Example: `  netconform verify pmoves --report out     probe the bundled suite, write the reports
  netconform plan pmoves                     the expected truth table
  netconform explain pmoves archon postgres  why it is open or blocked`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("netconform {{.Version}}\n")
	root.AddCommand(newVerify(), newPlan(), newLint(), newExplain(), newMutate(), newGate(), newGenerate(), newInit(),
		newClean(), newSuites(), newSchema(), newVersion())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), "netconform", version) },
	}
}
