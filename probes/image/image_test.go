package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/netconform/netconform/probes/image/agenttest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const maxSize = 8 << 20

// entries reads an archive.
func entries(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		require.NoError(t, err)
		out[h.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
}

func TestBothArchitecturesFitInEightMegabytes(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		binary, err := os.ReadFile(agenttest.Build(t, arch))
		require.NoError(t, err)
		archive, tag, err := Make(binary, arch)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(archive), maxSize, arch)
		assert.Regexp(t, `^netconform/probe:[0-9a-f]{12}$`, tag)
	}
}

func TestSameBinaryGivesTheSameImage(t *testing.T) {
	one, tagOne, err := Make([]byte("agent"), "amd64")
	require.NoError(t, err)
	two, tagTwo, err := Make([]byte("agent"), "amd64")
	require.NoError(t, err)
	assert.Equal(t, one, two)
	assert.Equal(t, tagOne, tagTwo)
	for _, other := range []struct{ binary, arch string }{{"agent2", "amd64"}, {"agent", "arm64"}} {
		_, tag, err := Make([]byte(other.binary), other.arch)
		require.NoError(t, err)
		assert.NotEqual(t, tagOne, tag)
	}
}

// Every blob has the digest that it is called by, and both indexes lead to the
// same configuration and layer.
func TestArchiveHoldsTogether(t *testing.T) {
	archive, tag, err := Make([]byte("agent"), "arm64")
	require.NoError(t, err)
	files := entries(t, archive)
	for name, data := range files {
		if sum, ok := strings.CutPrefix(name, "blobs/sha256/"); ok {
			assert.Equal(t, digest(data), sum)
		}
	}
	var saved []savedImage
	require.NoError(t, json.Unmarshal(files["manifest.json"], &saved))
	require.Len(t, saved, 1)
	assert.Equal(t, []string{tag}, saved[0].RepoTags)

	var index ociIndex
	require.NoError(t, json.Unmarshal(files["index.json"], &index))
	require.Len(t, index.Manifests, 1)
	entry := index.Manifests[0]
	assert.Equal(t, "docker.io/"+tag, entry.Annotations["io.containerd.image.name"])
	assert.Equal(t, tag[len(Repository)+1:], entry.Annotations["org.opencontainers.image.ref.name"])
	path := func(d descriptor) string { return strings.Replace("blobs/"+d.Digest, ":", "/", 1) }
	var manifest ociManifest
	require.NoError(t, json.Unmarshal(files[path(entry)], &manifest))
	assert.Equal(t, saved[0].Config, path(manifest.Config))
	assert.Equal(t, saved[0].Layers, []string{path(manifest.Layers[0])})
	assert.Equal(t, manifest.Layers[0].Size, len(files[path(manifest.Layers[0])]))

	var config map[string]any
	require.NoError(t, json.Unmarshal(files[path(manifest.Config)], &config))
	assert.Equal(t, map[string]any{
		"User": "65532:65532", "Entrypoint": []any{"/probe"}, "WorkingDir": "/", "Labels": map[string]any{"org.netconform": "probe"},
	}, config["config"], "no exposed port, no command, no environment")
	assert.Equal(t, map[string][]byte{"probe": []byte("agent")}, entries(t, files[path(manifest.Layers[0])]))
}

func TestMissingAgentSaysWhatToDo(t *testing.T) {
	_, _, err := Archive("s390x")
	assert.EqualError(t, err, "this netconform has no agent for linux/s390x: run make agents and build it again")
}
