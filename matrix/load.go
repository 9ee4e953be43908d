package matrix

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/netconform/netconform/matrix/strict"
)

//go:embed bundled/*.yaml
var bundled embed.FS

// Load reads the matrix in the file at path in fsys. Display is the file's
// name in errors and reports, as people write it. What is wrong with the
// content is a strict.Problems.
func Load(fsys fs.FS, path, display string) (*Matrix, error) {
	data, err := fs.ReadFile(fsys, path)
	if err != nil {
		return nil, fmt.Errorf("read matrix: %w", err)
	}
	return Parse(display, data)
}

// Bundled returns the bundled matrix of that name.
func Bundled(name string) (*Matrix, error) {
	if !slices.Contains(BundledNames(), name) {
		return nil, fmt.Errorf("no bundled matrix %q; there are %s", name, strings.Join(BundledNames(), ", "))
	}
	file := name + ".yaml"
	return Load(bundled, path.Join("bundled", file), file)
}

// BundledNames returns the names of the bundled matrices, sorted.
func BundledNames() []string {
	files, err := bundled.ReadDir("bundled")
	if err != nil {
		panic(err) // embedded: it is there
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	return names
}

// Digest is the sha256, in hex, of what the matrix expects: the cases' keys and
// verdicts, whatever their order in the file.
func (m *Matrix) Digest() string {
	var lines []string
	for _, c := range m.Expand() {
		lines = append(lines, c.Key()+" "+string(c.Expected)+"\n")
	}
	slices.Sort(lines)
	var all bytes.Buffer
	for _, line := range lines {
		all.WriteString(line)
	}
	return fmt.Sprintf("%x", sha256.Sum256(all.Bytes()))
}

// Parse reads a matrix. Display is the file's name in errors and reports. The
// error is a strict.Problems with everything that is wrong.
func Parse(display string, data []byte) (*Matrix, error) {
	var raw document
	root, err := strict.Decode(display, data, &raw)
	if root == nil {
		return nil, err
	}
	var problems strict.Problems
	if err != nil && !problems.Merge(err) {
		return nil, err
	}
	m := raw.matrix(display)
	c := checker{m: m, root: root, problems: &problems, kinds: map[string]named{}}
	c.check(&raw)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return m, nil
}
