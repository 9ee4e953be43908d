package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

// gaugeLimit bounds a gauge that never answers.
const gaugeLimit = 10 * time.Second

// gauge is a container on the network of the engine's own machine, which tells
// what its kernel lost.
type gauge struct {
	mu   sync.Mutex
	line *line
	said *json.Decoder
}

func (d *deployment) startGauge(ctx context.Context) (*gauge, error) {
	config := externalConfig(d.job, d.image, matrix.External{}, "host")
	config.Name, config.Config.Cmd = projectName(d.job.RunID)+"_losses", []string{"losses"}
	created, err := d.cli.ContainerCreate(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("create a gauge: %w", err)
	}
	if _, err := d.cli.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return nil, fmt.Errorf("start a gauge: %w", err)
	}
	l, err := attach(ctx, d.cli, created.ID)
	if err != nil {
		return nil, err
	}
	return &gauge{line: l, said: json.NewDecoder(l.stdout)}, nil
}

func (g *gauge) read() (l probes.Losses, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer time.AfterFunc(gaugeLimit, g.line.close).Stop()
	if _, err = g.line.conn.Conn.Write([]byte("\n")); err == nil {
		err = g.said.Decode(&l)
	}
	if err != nil {
		return l, fmt.Errorf("what the engine's kernel lost is not known: %w", err)
	}
	return l, nil
}
