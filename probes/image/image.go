// Package image makes the agent's container image: FROM scratch, one static
// binary, no shell, no capability, no exposed port, not root. It needs no
// registry and no builder, so it works wherever netconform runs.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
)

//go:embed agents
var agents embed.FS

const (
	// Repository is the image's name without its tag.
	Repository = "netconform/probe"
	// Label marks the image as netconform's; its value is "probe".
	Label = "org.netconform"
	// Entrypoint is the agent's path in the image.
	Entrypoint = "/probe"
	// User is who the agent runs as: nobody's user and group.
	User = "65532:65532"
)

// Agent returns the agent's binary for a Linux architecture: "amd64" or "arm64".
func Agent(arch string) ([]byte, error) {
	binary, err := agents.ReadFile("agents/agent-linux-" + arch)
	if err != nil {
		return nil, fmt.Errorf("this netconform has no agent for linux/%s: run make agents and build it again", arch)
	}
	return binary, nil
}

// Archive returns the image of the embedded agent, as Make does.
func Archive(arch string) (archive []byte, tag string, err error) {
	binary, err := Agent(arch)
	if err != nil {
		return nil, "", err
	}
	return Make(binary, arch)
}

// Make returns an image around the agent's binary, as an archive for docker
// load, ctr images import and kind load image-archive, and its tag. The same
// binary always gives the same bytes; the tag is the beginning of the image's ID.
//
// The archive is an OCI layout (image-spec, image-layout.md) and has the
// manifest.json of docker save beside it, for engines before 25.
func Make(binary []byte, arch string) (archive []byte, tag string, err error) {
	layer, err := layerOf(binary)
	if err != nil {
		return nil, "", fmt.Errorf("image: %w", err)
	}
	config := encode(imageConfig{
		Architecture: arch, OS: "linux", Created: "1970-01-01T00:00:00Z",
		Config: runConfig{User: User, Entrypoint: []string{Entrypoint}, WorkingDir: "/", Labels: map[string]string{Label: "probe"}},
		RootFS: rootFS{Type: "layers", DiffIDs: []string{"sha256:" + digest(layer)}},
	})
	tag = Repository + ":" + digest(config)[:12]
	manifest := encode(ociManifest{
		SchemaVersion: 2, MediaType: "application/vnd.oci.image.manifest.v1+json",
		Config: describe("application/vnd.oci.image.config.v1+json", config),
		Layers: []descriptor{describe("application/vnd.oci.image.layer.v1.tar", layer)},
	})
	entry := describe("application/vnd.oci.image.manifest.v1+json", manifest)
	entry.Platform = &platform{Architecture: arch, OS: "linux"}
	entry.Annotations = map[string]string{
		"io.containerd.image.name":          "docker.io/" + tag,
		"org.opencontainers.image.ref.name": path.Base(tag)[len("probe:"):],
	}
	archive, err = tarOf(
		file{blob(config), config}, file{blob(layer), layer}, file{blob(manifest), manifest},
		file{"index.json", encode(ociIndex{2, "application/vnd.oci.image.index.v1+json", []descriptor{entry}})},
		file{"manifest.json", encode([]savedImage{{blob(config), []string{tag}, []string{blob(layer)}}})},
		file{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)},
	)
	if err != nil {
		return nil, "", fmt.Errorf("image: %w", err)
	}
	return archive, tag, nil
}

func layerOf(binary []byte) ([]byte, error) {
	return tarOf(file{Entrypoint[1:], binary})
}

type file struct {
	name string
	data []byte
}

// tarOf has no clock, owner or order but what is given.
func tarOf(files ...file) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o755, Size: int64(len(f.data)), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func blob(data []byte) string { return "blobs/sha256/" + digest(data) }

// encode marshals a type of this package, which can't fail.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
