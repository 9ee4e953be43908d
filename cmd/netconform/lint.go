package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/sarif"
	"github.com/netconform/netconform/suites"
)

func newLint() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "lint SUITE",
		Short: "Find what the matrix contradicts in itself, and what is wrong with the target's files",
		Long: `lint looks at files alone and exits with 1 where it finds something. Each finding
has its place, what it means and what mends it.`,
		Example: `  netconform lint pmoves
  netconform lint shop/suite.yaml --sarif lint.sarif   for a code host's diff view`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := suites.Load(args[0])
			if err != nil {
				return err
			}
			known, err := oracles(c.Context(), s)
			if err != nil {
				return err
			}
			list := findings(s.Matrix, known)
			if out != "" {
				if err := writeSARIF(out, list); err != nil {
					return err
				}
			}
			printFindings(c.OutOrStdout(), list)
			if len(list) > 0 {
				return exit(suites.ExitViolations)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "sarif", "", "also write the findings as SARIF 2.1.0 to this file")
	return cmd
}

func writeSARIF(name string, list []matrix.Finding) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := sarif.Write(f, list, version); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func printFindings(w io.Writer, list []matrix.Finding) {
	for _, f := range list {
		fmt.Fprintf(w, "%s: %s [%s]\n", f.Pos, f.Message, f.Rule)
		if f.Mend != "" {
			fmt.Fprintf(w, "    mend: %s\n", f.Mend)
		}
	}
	fmt.Fprintf(w, "%d findings\n", len(list))
}
