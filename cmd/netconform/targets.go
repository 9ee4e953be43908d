package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose"
	composeoracle "github.com/netconform/netconform/suites/compose/oracle"
	"github.com/netconform/netconform/suites/compose/project"
	"github.com/netconform/netconform/suites/kubernetes"
	"github.com/netconform/netconform/suites/kubernetes/manifests"
	"github.com/netconform/netconform/suites/kubernetes/policy"
)

// oracle is a target of a suite as its files tell it.
type oracle struct {
	name string // "compose" or "kubernetes"
	suites.Oracle
	// placing are the findings of placing the services, before any policy is read.
	placing []matrix.Finding
}

// Findings are all that is wrong with the target's files.
func (o oracle) Findings() []matrix.Finding {
	return append(slices.Clone(o.placing), o.Oracle.Findings()...)
}

// oracles reads the files of all the suite's targets, at once.
func oracles(ctx context.Context, s *suites.Suite) ([]oracle, error) {
	var readers []func() (oracle, error)
	if s.Compose != nil {
		readers = append(readers, func() (oracle, error) { return composeOracle(ctx, s) })
	}
	if s.Kubernetes != nil {
		readers = append(readers, func() (oracle, error) { return kubernetesOracle(s) })
	}
	list := make([]oracle, len(readers))
	errs := make([]error, len(readers))
	var all sync.WaitGroup
	for i, read := range readers {
		all.Go(func() { list[i], errs[i] = read() })
	}
	all.Wait()
	return list, errors.Join(errs...)
}

func composeOracle(ctx context.Context, s *suites.Suite) (oracle, error) {
	p, err := project.Load(ctx, s)
	if err != nil {
		return oracle{}, err
	}
	return oracle{"compose", composeoracle.New(p, s.Matrix, composeoracle.Engine{}), nil}, nil
}

func kubernetesOracle(s *suites.Suite) (oracle, error) {
	o, err := manifests.Load(s)
	if err != nil {
		return oracle{}, err
	}
	placed, missing, err := o.Place(s)
	if err != nil {
		return oracle{}, err
	}
	return oracle{"kubernetes", policy.New(o, placed, s.Matrix, policy.Cluster{}), missing}, nil
}

// choice is where the user wants a suite to be verified.
type choice struct {
	on      []string // static, compose, kubernetes; empty: what is there
	require []string
	exact   bool
	cluster kubernetes.Options
}

func (c *choice) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&c.on, "on", nil, "where to verify: static, compose, kubernetes (default: each platform of the suite that is there; its files where it isn't)")
	f.StringSliceVar(&c.require, "require", nil, "platforms that must be there: compose, kubernetes (else exit 3)")
	f.BoolVar(&c.exact, "exact", false, "Compose: keep container names, subnets, bridge names and host ports as the files have them")
	f.StringVar(&c.cluster.Kubeconfig, "kubeconfig", "", "Kubernetes: kubeconfig file (default: $KUBECONFIG, ~/.kube/config, in-cluster)")
	f.StringVar(&c.cluster.Context, "context", "", "Kubernetes: context of the kubeconfig")
	f.BoolVar(&c.cluster.Kind, "kind", false, "Kubernetes: create a kind cluster for the run, and delete it")
	f.StringVar(&c.cluster.KindImage, "kind-image", "", "node image of --kind (default: $KIND_NODE_IMAGE, then kind's own)")
	f.StringVar(&c.cluster.KindConfig, "kind-config", "", "configuration file of --kind (default: $KIND_CONFIG)")
	f.StringVar(&c.cluster.Image, "image", "", "Kubernetes: the agent's image in a registry that the nodes reach")
	f.StringVar(&c.cluster.LoadImageCommand, "load-image-command", "", "Kubernetes: command that brings an image archive ({}) onto the nodes")
	f.StringVar(&c.cluster.NamespacePrefix, "namespace-prefix", "", "Kubernetes: prefix for every namespace of the suite")
}

func (c *choice) validate() error {
	for _, name := range c.on {
		if !slices.Contains([]string{"static", "compose", "kubernetes"}, name) {
			return fmt.Errorf("--on %q: use static, compose or kubernetes", name)
		}
	}
	for _, name := range c.require {
		if name != "compose" && name != "kubernetes" {
			return fmt.Errorf("--require %q: use compose or kubernetes", name)
		}
	}
	return nil
}

// targets decides for each target of the suite whether it is probed or only
// predicted, and says why.
func (c *choice) targets(ctx context.Context, s *suites.Suite, known []oracle) ([]suites.Target, error) {
	for _, name := range append(slices.Clone(c.on), c.require...) {
		if name != "static" && !slices.ContainsFunc(known, func(o oracle) bool { return o.name == name }) {
			if slices.Contains(c.on, name) {
				return nil, fmt.Errorf("%s has no target %q; add it to the suite, or leave it out of --on", s.File, name)
			}
		}
	}
	var list []suites.Target
	for _, o := range known {
		static := suites.Target{Oracle: o.Oracle, Static: "static-" + o.name}
		asked := slices.Contains(c.on, o.name)
		required := slices.Contains(c.require, o.name)
		if len(c.on) > 0 && !asked {
			if required {
				return nil, fmt.Errorf("--require %s contradicts --on %s", o.name, strings.Join(c.on, ","))
			}
			if slices.Contains(c.on, "static") {
				list = append(list, static)
			}
			continue
		}
		p := c.platform(o.name)
		if err := available(ctx, p); err != nil {
			if asked || required {
				return nil, fmt.Errorf("%w %s is not there: %w", errPlatform, o.name, err)
			}
			static.NotRun = said(err)
			list = append(list, static)
			continue
		}
		list = append(list, suites.Target{Platform: p, Oracle: o.Oracle, Static: static.Static})
	}
	return list, nil
}

func (c *choice) platform(name string) suites.Platform {
	if name == "compose" {
		return compose.New(compose.Options{Exact: c.exact})
	}
	return kubernetes.New(c.cluster)
}

// available asks a platform, which must answer within 20 s.
func available(ctx context.Context, p suites.Platform) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return p.Available(ctx)
}
