// Package compose runs a suite on a Docker engine: it takes the user's Compose
// files, puts a stand-in in every service's place, and lets Compose itself make
// the networks.
//
// What decides who can talk to whom is left as it is: networks and their driver
// options, internal, aliases, network_mode, priorities, published ports. What
// does not is replaced or left out: images, commands, volumes, secrets,
// healthchecks, capabilities.
package compose

import (
	"context"
	"fmt"

	"github.com/moby/moby/client"

	"github.com/netconform/netconform/suites"
)

// Options say how the project is brought up. The zero value is what most want.
type Options struct {
	// Exact keeps container names, fixed subnets and addresses, bridge names,
	// host ports, networks' explicit names and external networks. Without it
	// all of them are remapped, so that a run does not touch a live copy of
	// the same project. The project's own name is always the run's: Compose
	// would take a live copy's containers for its own.
	Exact bool
}

// Platform is a Docker engine, the one that the docker command talks to
// (DOCKER_HOST, or the current context). Safe for concurrent use.
type Platform struct {
	options Options
	// connect opens a client of the engine; tests put a cut in between.
	connect func() (client.APIClient, error)
}

// New returns a platform; nothing is asked of the engine yet.
func New(o Options) *Platform {
	return &Platform{options: o, connect: connect}
}

// Name is "compose".
func (*Platform) Name() string { return "compose" }

// Available asks the engine whether it can run stand-ins.
func (p *Platform) Available(ctx context.Context) error {
	cli, err := p.connect()
	if err != nil {
		return err
	}
	defer cli.Close()
	info, err := cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return fmt.Errorf("no Docker engine: %w", err)
	}
	if info.Info.OSType != "linux" {
		return fmt.Errorf("the Docker engine runs %s containers; stand-ins need linux", info.Info.OSType)
	}
	return nil
}

var _ suites.Platform = (*Platform)(nil)
