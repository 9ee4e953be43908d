package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/suites"
)

func newMutate() *cobra.Command {
	return &cobra.Command{
		Use:   "mutate SUITE",
		Short: "Show that the suite can fail: drop or widen each policy and network, and see what it catches",
		Long: `mutate changes the target's files in one place after the other, predicts every
case anew, and counts the changes that turn a case into a violation. It exits
with 1 where a change goes unnoticed.`,
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
			survived := 0
			for _, o := range known {
				r := suites.Mutate(s, o.name, o.Oracle)
				fmt.Fprintf(c.OutOrStdout(), "%s: %d of %d mutants caught\n", o.name, r.Caught, r.Caught+len(r.Survivors))
				for _, m := range r.Survivors {
					fmt.Fprintf(c.OutOrStdout(), "  not caught: %s%s\n", m.Name, place(m.Pos))
				}
				survived += len(r.Survivors)
			}
			if survived > 0 {
				return exit(suites.ExitViolations)
			}
			return nil
		},
	}
}
