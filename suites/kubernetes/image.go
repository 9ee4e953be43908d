package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	corev1 "k8s.io/api/core/v1"

	agentimage "github.com/netconform/netconform/probes/image"
	"github.com/netconform/netconform/suites"
)

// agentImage is what the pods run, and whether the nodes may pull it.
type agentImage struct {
	byArchitecture map[string]string
	pull           corev1.PullPolicy
}

func (i agentImage) on(n corev1.Node) string { return i.byArchitecture[n.Status.NodeInfo.Architecture] }

// bringImage gets the agent's image onto the nodes: from a registry, by the
// user's command, or by kind's own way. The nodes' architectures decide which
// images the archive holds.
func (c *cluster) bringImage(ctx context.Context, o Options, nodes []corev1.Node) (agentImage, error) {
	image := agentImage{byArchitecture: map[string]string{}, pull: corev1.PullNever}
	if o.Image == "" && c.kind == "" && o.LoadImageCommand == "" {
		return image, fmt.Errorf("%w: cluster %s needs the agent's image on its nodes: give --load-image-command (such as 'minikube image load {}' or 'k3d image import {}'), or --image with a registry's image", suites.ErrInput, c.context)
	}
	for _, n := range nodes {
		architecture := n.Status.NodeInfo.Architecture
		if image.byArchitecture[architecture] != "" {
			continue
		}
		if o.Image != "" {
			image.byArchitecture[architecture], image.pull = o.Image, corev1.PullIfNotPresent
			continue
		}
		archive, reference, err := agentimage.Archive(architecture)
		if err != nil {
			return image, err
		}
		image.byArchitecture[architecture] = reference
		if onAll(nodes, reference) {
			continue
		}
		if o.LoadImageCommand != "" {
			err = runLoader(ctx, o.LoadImageCommand, archive)
		} else {
			err = loadKind(c.kind, archive)
		}
		if err != nil {
			return image, err
		}
	}
	return image, nil
}

// onAll reports whether every node says that it has the image. Its tag is
// the digest of its content, so the same name is the same image.
func onAll(nodes []corev1.Node, reference string) bool {
	for _, n := range nodes {
		found := false
		for _, i := range n.Status.Images {
			for _, name := range i.Names {
				found = found || name == reference || strings.HasSuffix(name, "/"+reference)
			}
		}
		if !found {
			return false
		}
	}
	return len(nodes) > 0
}

func runLoader(ctx context.Context, command string, archive []byte) (err error) {
	file, err := os.CreateTemp("", "netconform-image-*.tar")
	if err != nil {
		return fmt.Errorf("the agent's image: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	if _, err := file.Write(archive); err != nil {
		return fmt.Errorf("the agent's image: %w", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("the agent's image: %w", err)
	}
	line := strings.ReplaceAll(command, "{}", "'"+file.Name()+"'")
	c := exec.CommandContext(ctx, "sh", "-c", line)
	c.Stdin = file
	if output, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: --load-image-command %q: %w: %s", suites.ErrInput, command, err, bytes.TrimSpace(output))
	}
	return nil
}
