package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/generate"
)

func newGenerate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Generate what enforces the matrix: NetworkPolicies, Compose networks",
	}
	cmd.AddCommand(newGenerateNetworkPolicy(), newGenerateCompose())
	return cmd
}

func newGenerateNetworkPolicy() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "networkpolicy SUITE",
		Short: "Least-privilege NetworkPolicies with a kustomization",
		Long: `generate networkpolicy makes a default deny for each namespace, DNS, and one
policy a service, each rule with the line of the matrix that asks for it.`,
		Example: "  netconform generate networkpolicy shop/suite.yaml --out policies",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := suites.Load(args[0])
			if err != nil {
				return err
			}
			files, err := generate.NetworkPolicy(s)
			if err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(files)) {
				if dir == "" {
					fmt.Fprintf(c.OutOrStdout(), "---\n# %s\n%s", name, files[name])
				} else if err := writeFile(filepath.Join(dir, name), string(files[name])); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "out", "", "folder to write to (default: standard output)")
	return cmd
}

func newGenerateCompose() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "compose SUITE",
		Short: "An override file whose networks separate the services as far as Compose can",
		Long: `generate compose makes networks such that services that may talk share one, and
others don't. A bridge network has no direction: the reverse of an allowed pair
stays open, and so do all ports of a service that may be reached on one.`,
		Example: "  netconform generate compose shop/suite.yaml --out compose.override.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := suites.Load(args[0])
			if err != nil {
				return err
			}
			text, err := generate.Compose(s)
			if err != nil {
				return err
			}
			if out == "" {
				_, err = c.OutOrStdout().Write(text)
				return err
			}
			return writeFile(out, string(text))
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: standard output)")
	return cmd
}
