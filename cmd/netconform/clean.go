package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/suites/compose"
	"github.com/netconform/netconform/suites/kubernetes"
)

func newClean() *cobra.Command {
	var options kubernetes.CleanOptions
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove what interrupted runs left",
		Long: `clean removes containers, networks, namespaces and kind clusters that runs of
netconform left behind. What a live run owns stays.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := c.OutOrStdout()
			var errs []error
			n := 0
			sweep := func(name string, there error, removed func() ([]string, error)) {
				if there != nil {
					fmt.Fprintf(out, "%s: not looked at: %v\n", name, there)
					return
				}
				list, err := removed()
				for _, l := range list {
					fmt.Fprintf(out, "%s: removed %s\n", name, l)
				}
				n += len(list)
				errs = append(errs, err)
			}
			ctx := c.Context()
			sweep("compose", available(ctx, compose.New(compose.Options{})),
				func() ([]string, error) { return compose.Clean(ctx) })
			sweep("kubernetes", nil,
				func() ([]string, error) { return kubernetes.Clean(ctx, options) })
			if err := errors.Join(errs...); err != nil {
				return fmt.Errorf("%w: %w", errPlatform, err)
			}
			fmt.Fprintf(out, "%d things removed\n", n)
			return nil
		},
	}
	cmd.Flags().StringVar(&options.Kubeconfig, "kubeconfig", "", "kubeconfig file (default: $KUBECONFIG, ~/.kube/config, in-cluster)")
	cmd.Flags().StringVar(&options.Context, "context", "", "context of the kubeconfig")
	cmd.Flags().DurationVar(&options.Abandoned, "abandoned", kubernetes.Abandoned, "age from which a run of another machine counts as dead")
	return cmd
}
