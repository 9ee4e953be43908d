package compose

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/probes/image"
	"github.com/netconform/netconform/suites"
)

const agentPath = image.Entrypoint

// imageLoad is held while an image is loaded: of several runs in one process
// the first loads it.
var imageLoad sync.Mutex

// loadImage makes sure that the engine has the agent's image and returns its name.
func loadImage(ctx context.Context, cli client.APIClient) (string, error) {
	info, err := cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return "", fmt.Errorf("engine: %w", err)
	}
	archive, tag, err := image.Archive(architecture(info.Info.Architecture))
	if err != nil {
		return "", err
	}
	imageLoad.Lock()
	defer imageLoad.Unlock()
	if _, err := cli.ImageInspect(ctx, tag); err == nil {
		return tag, nil
	} else if !errdefs.IsNotFound(err) {
		return "", fmt.Errorf("image %s: %w", tag, err)
	}
	loaded, err := cli.ImageLoad(ctx, bytes.NewReader(archive), client.ImageLoadWithQuiet(true))
	if err != nil {
		return "", fmt.Errorf("load image %s: %w", tag, err)
	}
	defer loaded.Close()
	answer, err := io.ReadAll(loaded)
	if err != nil {
		return "", fmt.Errorf("load image %s: %w", tag, err)
	}
	if _, err := cli.ImageInspect(ctx, tag); err != nil {
		return "", fmt.Errorf("load image %s: %w: %s", tag, err, bytes.TrimSpace(answer))
	}
	return tag, nil
}

// architecture is Go's name for what the engine calls its machine (uname -m).
func architecture(machine string) string {
	switch machine {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return machine
}

// standIn is the command line of a stand-in: who it is, and where it listens.
func standIn(identity string, ports []matrix.Port) []string {
	var list []probes.Listener
	for _, p := range ports {
		for n := p.Number; n <= max(p.End, p.Number); n++ {
			list = append(list, probes.Listener{Protocol: string(p.Protocol), Port: n})
		}
	}
	return []string{"serve", "--batches", "--identity", identity, "--listen", probes.FormatListeners(list)}
}

func keyVariable(key []byte) string { return "NETCONFORM_KEY=" + hex.EncodeToString(key) }

// dress makes every service of the plan a stand-in: not root, with nothing
// that it could write to and no capability.
func (pl *plan) dress(job suites.Job, tag string) {
	identity := map[string]matrix.Service{}
	for _, s := range job.Suite.Matrix.Services {
		if name, up := pl.service[s.Name]; up {
			identity[name] = s
		}
	}
	no, at := false, types.Duration(0)
	for name, s := range pl.project.Services {
		who := identity[name]
		if who.Name == "" {
			who.Name = name // its network namespace is all that is needed
		}
		s.Image, s.PullPolicy = tag, types.PullPolicyNever
		s.Command = standIn(who.Name, who.Ports)
		key, value, _ := strings.Cut(keyVariable(job.Key), "=")
		s.Environment = types.MappingWithEquals{key: &value}
		s.User, s.ReadOnly, s.CapDrop = image.User, true, []string{"ALL"}
		s.SecurityOpt = []string{"no-new-privileges:true"}
		s.Init, s.StopGracePeriod, s.Restart = &no, &at, types.RestartPolicyNo
		s.StdinOpen = true // for batches
		// Why one ended is read from the log, whatever the engine's default driver.
		s.Logging = &types.LoggingConfig{Driver: "json-file"}
		s.Labels = types.Labels{labelRun: job.RunID, labelService: who.Name}
		pl.project.Services[name] = s
	}
}

// externalConfig is the container of an external's stand-in, dressed likewise.
func externalConfig(job suites.Job, tag string, e matrix.External, mode string) client.ContainerCreateOptions {
	no := false
	return client.ContainerCreateOptions{
		Name: projectName(job.RunID) + "-" + e.Name,
		Config: &container.Config{
			Image: tag, Cmd: standIn(e.Name, e.Ports), OpenStdin: true, User: image.User, Env: []string{keyVariable(job.Key)},
			Labels: map[string]string{labelRun: job.RunID, labelService: e.Name},
		},
		HostConfig: &container.HostConfig{
			NetworkMode: container.NetworkMode(mode), ReadonlyRootfs: true, CapDrop: []string{"ALL"},
			SecurityOpt: []string{"no-new-privileges:true"}, Init: &no,
			LogConfig: container.LogConfig{Type: "json-file"},
		},
	}
}
