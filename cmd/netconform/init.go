package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/reports"
	"github.com/netconform/netconform/suites/initial"
)

func newInit() *cobra.Command {
	var files, manifests []string
	var results, platform, markdown string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first matrix from what is there",
		Long: `init makes a first matrix for a team that has none, from Compose files or
manifests (what they allow), from a run (what it saw open), or from a Markdown
document that describes services in words. It is a draft: read it, cut it down.`,
		Example: `  netconform init --compose compose.yaml > matrix.yaml
  netconform init --manifests deploy/ > matrix.yaml
  netconform init --results out/results.json > matrix.yaml
  netconform init --markdown network.md > matrix.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := draft(c, files, manifests, results, platform, markdown)
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&files, "compose", nil, "Compose files")
	f.StringSliceVar(&manifests, "manifests", nil, "Kubernetes manifests: files and folders")
	f.StringVar(&results, "results", "", "results.json of a run")
	f.StringVar(&platform, "platform", "", "platform of --results (default: its only one)")
	f.StringVar(&markdown, "markdown", "", `document with "**name** (Port N)" and Incoming from, Outgoing to, Protocol lines`)
	cmd.MarkFlagsMutuallyExclusive("compose", "manifests", "results", "markdown")
	cmd.MarkFlagsOneRequired("compose", "manifests", "results", "markdown")
	return cmd
}

func draft(c *cobra.Command, files, manifests []string, results, platform, markdown string) ([]byte, error) {
	switch {
	case len(files) > 0:
		return initial.FromCompose(c.Context(), files)
	case len(manifests) > 0:
		return initial.FromManifests(manifests)
	case markdown != "":
		data, err := os.ReadFile(markdown)
		if err != nil {
			return nil, err
		}
		return initial.FromMarkdown(markdown, data)
	case results == "":
		return nil, errors.New("nothing to read: give a file")
	}
	f, err := os.Open(results)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	run, err := reports.ReadJSON(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", results, err)
	}
	return initial.FromRun(run, platform)
}
