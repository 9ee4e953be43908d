package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/reports/gate"
)

func newGate() *cobra.Command {
	var baseline, report string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "gate --baseline BEFORE.json AFTER.json",
		Short: "Compare two runs pair by pair, and fail on what got worse",
		Long: `gate is a ratchet: what was open before may stay open until it is closed, and
then never again; an allowed pair may never break. It exits with 1 where
something broke or opened, and with 3 where it cannot tell.`,
		Example: `  netconform gate --baseline before.json out/results.json
  netconform verify pmoves --baseline before.json --update-baseline`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := gate.CompareFiles(baseline, args[0])
			if err != nil {
				return err
			}
			return showGate(c, r, report, quiet)
		},
	}
	cmd.Flags().StringVar(&baseline, "baseline", "", "the run before: a baseline, or a results.json")
	cmd.Flags().StringVar(&report, "report", "", "folder for gate.xml, gate.md and gate.json")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing but errors")
	_ = cmd.MarkFlagRequired("baseline")
	return cmd
}

func showGate(c *cobra.Command, r *gate.Report, dir string, quiet bool) error {
	if dir != "" {
		if err := writeGate(dir, r); err != nil {
			return fmt.Errorf("%w: write reports: %w", errPlatform, err)
		}
	}
	if !quiet {
		if err := r.Terminal(c.OutOrStdout(), colour(c.OutOrStdout()), 12); err != nil {
			return err
		}
	}
	return result(r.Exit())
}

func writeGate(dir string, r *gate.Report) error {
	for name, write := range map[string]func(io.Writer) error{"gate.xml": r.JUnit, "gate.md": r.Markdown, "gate.json": r.JSON} {
		var b strings.Builder
		if err := write(&b); err != nil {
			return err
		}
		if err := writeFile(filepath.Join(dir, name), b.String()); err != nil {
			return err
		}
	}
	return nil
}
