package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports"
	"github.com/netconform/netconform/reports/gate"
	"github.com/netconform/netconform/suites"
)

type verifyFlags struct {
	choice
	report         string
	baseline       string
	updateBaseline bool
	noBaseline     bool
	budget         time.Duration
	quiet          bool
}

func newVerify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify SUITE",
		Short: "Probe every pair of the matrix and report what differs",
		Long: `verify puts a stand-in in every service's place, probes every pair of the matrix
on every port, and judges: an allowed pair must connect by the service's name, a
forbidden one must be closed on every address, with proof that the destination
was alive. Where a platform is not there, the target's files are judged instead.`,
		Example: `  netconform verify pmoves --on compose --report out
  netconform verify shop/suite.yaml --require compose,kubernetes
  netconform verify pmoves --on kubernetes --kind
  netconform verify pmoves --baseline main.json   fail only on what got worse`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0]) },
	}
	f.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.report, "report", "", "folder for junit.xml, report.md, results.json, report.html, matrix.svg")
	fl.StringVar(&f.baseline, "baseline", "", "compare with this baseline (or results.json) and fail only on what got worse")
	fl.BoolVar(&f.updateBaseline, "update-baseline", false, "write the run to the file of --baseline")
	fl.BoolVar(&f.noBaseline, "no-baseline", false, "Kubernetes: don't prove first that everything is reachable without the policies")
	fl.DurationVar(&f.budget, "budget", time.Minute, "how long verdicts may take to hold after the policies are applied")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing but errors")
	return cmd
}

func (f *verifyFlags) run(c *cobra.Command, ref string) error {
	if err := f.validate(); err != nil {
		return err
	}
	if f.updateBaseline && f.baseline == "" {
		return fmt.Errorf("--update-baseline needs --baseline FILE")
	}
	s, err := suites.Load(ref)
	if err != nil {
		return err
	}
	known, err := oracles(c.Context(), s)
	if err != nil {
		return err
	}
	targets, err := f.targets(c.Context(), s, known)
	if err != nil {
		return err
	}
	options := suites.Options{Version: version, Targets: targets, Budget: f.budget, NoBaseline: f.noBaseline, Findings: findings(s.Matrix, known)}
	if !f.quiet {
		p := newProgress(c.ErrOrStderr())
		defer p.done()
		options.Notify = p.notify
	}
	run, err := suites.Verify(c.Context(), s, options)
	if err != nil {
		return err
	}
	if f.report != "" {
		if err := reports.WriteAll(f.report, run); err != nil {
			return fmt.Errorf("%w: write reports: %w", errPlatform, err)
		}
	}
	if f.baseline != "" {
		return f.gate(c, run)
	}
	if !f.quiet {
		if err := reports.Terminal(c.OutOrStdout(), run, f.terminal(c)); err != nil {
			return err
		}
	}
	return result(run.Exit())
}

func (f *verifyFlags) terminal(c *cobra.Command) reports.TerminalOptions {
	o := reports.TerminalOptions{Colour: colour(c.OutOrStdout())}
	if f.report != "" {
		o.More = filepath.Join(f.report, "report.md")
	}
	return o
}

// findings are those of the matrix and of every target's files.
func findings(m *matrix.Matrix, known []oracle) []matrix.Finding {
	list := m.Lint()
	for _, o := range known {
		list = append(list, o.Findings()...)
	}
	return list
}

// gate compares the run with the baseline, or makes it the baseline.
func (f *verifyFlags) gate(c *cobra.Command, run *suites.Run) error {
	if f.updateBaseline {
		var b strings.Builder
		if err := gate.WriteBaseline(&b, run); err != nil {
			return err
		}
		if err := writeFile(f.baseline, b.String()); err != nil {
			return err
		}
		if !f.quiet {
			fmt.Fprintf(c.OutOrStdout(), "%s: baseline of %d cases written\n", f.baseline, run.Summary.Cases)
		}
		return nil
	}
	file, err := os.Open(f.baseline)
	if err != nil {
		return fmt.Errorf("baseline: %w", err)
	}
	defer file.Close()
	before, err := gate.ReadBaseline(file)
	if err != nil {
		return fmt.Errorf("%s: %w", f.baseline, err)
	}
	r, err := gate.Compare(before, run)
	if err != nil {
		return fmt.Errorf("%s: %w", f.baseline, err)
	}
	return showGate(c, r, f.report, f.quiet)
}

func writeFile(name, content string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(content), 0o644)
}

func result(code int) error {
	if code == suites.ExitConforms {
		return nil
	}
	return exit(code)
}
