package compose

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
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

var agentBatch = []string{agentPath, "batch"}

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
	return []string{"serve", "--identity", identity, "--listen", probes.FormatListeners(list)}
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
		// Readiness is read from the log, whatever the engine's default driver.
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
			Image: tag, Cmd: standIn(e.Name, e.Ports), User: image.User, Env: []string{keyVariable(job.Key)},
			Labels: map[string]string{labelRun: job.RunID, labelService: e.Name},
		},
		HostConfig: &container.HostConfig{
			NetworkMode: container.NetworkMode(mode), ReadonlyRootfs: true, CapDrop: []string{"ALL"},
			SecurityOpt: []string{"no-new-privileges:true"}, Init: &no,
			LogConfig: container.LogConfig{Type: "json-file"},
		},
	}
}

// awaitListeners waits until every stand-in says that it listens. One that
// ends instead says why: a port that it may not have, most likely.
func (d *deployment) awaitListeners(ctx context.Context) error {
	errs := make(chan error, len(d.vantages))
	for name, v := range d.vantages {
		go func() { errs <- d.awaitListener(ctx, name, v.state.id) }()
	}
	var all []string
	for range d.vantages {
		if err := <-errs; err != nil {
			all = append(all, err.Error())
		}
	}
	if len(all) > 0 {
		slices.Sort(all)
		return fmt.Errorf("stand-ins do not listen: %s", strings.Join(all, "; "))
	}
	return nil
}

func (d *deployment) awaitListener(ctx context.Context, name, id string) error {
	logs, err := d.cli.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		return fmt.Errorf("%s: log: %w", name, err)
	}
	defer logs.Close()
	var text []byte
	buf := make([]byte, 4096)
	for {
		n, err := logs.Read(buf)
		text = append(text, buf[:n]...)
		if bytes.Contains(text, []byte(" listens on ")) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %s (%w)", name, printable(text), err)
		}
	}
}

// printable leaves out the frames' headers of the engine's log stream.
func printable(text []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r > 126 {
			return -1
		}
		return r
	}, string(text)))
}
