package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/bundled"
)

func newPlan() *cobra.Command {
	var markdown bool
	cmd := &cobra.Command{
		Use:   "plan SUITE",
		Short: "Print the expected truth table",
		Long:  "plan prints what the matrix expects: sources as rows, destinations as columns.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := suites.Load(args[0])
			if err != nil {
				return err
			}
			table := matrix.Plan(s.Matrix)
			if markdown {
				return table.Markdown(c.OutOrStdout())
			}
			return table.Text(c.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print a Markdown table")
	return cmd
}

func newSuites() *cobra.Command {
	return &cobra.Command{
		Use: "suites", Short: "List the bundled suites", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, name := range bundled.Names() {
				s, err := suites.Load(name)
				if err != nil {
					return err
				}
				on := ""
				if s.Compose != nil {
					on += " compose"
				}
				if s.Kubernetes != nil {
					on += " kubernetes"
				}
				fmt.Fprintf(c.OutOrStdout(), "%-28s%3d services  %s\n", name, len(s.Matrix.Services), on[1:])
			}
			return nil
		},
	}
}

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of matrix files, for editors", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(matrix.Schema())
			return err
		},
	}
}
