package compose

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/flags"
	"github.com/moby/moby/client"
	"github.com/sirupsen/logrus"
	"github.com/testcontainers/testcontainers-go/log"
	module "github.com/testcontainers/testcontainers-go/modules/compose"
)

// connect opens the client that the docker command would use, and so the one
// that Compose does use: the engine's place may come from a context.
func connect() (client.APIClient, error) {
	cli, err := command.NewDockerCli(command.WithCombinedStreams(io.Discard))
	if err != nil {
		return nil, fmt.Errorf("docker client: %w", err)
	}
	if err := cli.Initialize(&flags.ClientOptions{}); err != nil {
		return nil, fmt.Errorf("docker client: %w", err)
	}
	return cli.Client(), nil
}

// quiet keeps testcontainers' banner and Compose's warnings out of a program's
// output, and Ryuk, an image that would have to come from a registry, out of
// the way: the watchdog is there in its stead. The configuration is read once,
// at the first use.
var quiet = sync.OnceFunc(func() {
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	log.SetDefault(log.NewNoopLogger())
	logrus.SetOutput(io.Discard)
})

// up brings a project up through testcontainers' compose module, which runs
// Compose itself. What it made is found, and removed, by label.
func up(ctx context.Context, name, file string) error {
	quiet()
	stack, err := module.NewDockerComposeWith(module.WithStackFiles(file), module.StackIdentifier(name))
	if err != nil {
		return fmt.Errorf("compose: %w", err)
	}
	defer stack.Close()
	return stack.Up(ctx)
}
