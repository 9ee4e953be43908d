package suites

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/matrix/strict"
	"github.com/netconform/netconform/suites/bundled"
)

// file is a suite file as it is written.
type file struct {
	Suite      matrix.Named      `yaml:"suite" strict:"required"`
	Matrix     matrix.Named      `yaml:"matrix" strict:"required"`
	Compose    *ComposeTarget    `yaml:"compose"`
	Kubernetes *KubernetesTarget `yaml:"kubernetes"`
	Accept     []Accept          `yaml:"accept"`
}

// Load reads a suite: the path of a suite file or of a folder that holds a
// suite.yaml, or the name of a bundled suite. The error is an ErrInput.
func Load(ref string) (*Suite, error) {
	s, err := load(ref)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	return s, nil
}

func load(ref string) (*Suite, error) {
	info, err := os.Stat(ref)
	switch {
	case err == nil && info.IsDir():
		ref = filepath.Join(ref, "suite.yaml")
		fallthrough
	case err == nil:
		// The suite's files may lie beside and above its own folder, so the
		// whole disk is its file system.
		abs, err := filepath.Abs(ref)
		if err != nil {
			return nil, err
		}
		root := filepath.VolumeName(abs) + string(filepath.Separator)
		inside := filepath.ToSlash(strings.TrimPrefix(abs, root))
		return read(os.DirFS(root), inside, ref, root)
	case slices.Contains(bundled.Names(), ref):
		return read(bundled.FS, ref+"/suite.yaml", ref+"/suite.yaml", "")
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	hint := "bundled are " + strings.Join(bundled.Names(), ", ")
	if near := strict.Suggest(ref, bundled.Names()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return nil, fmt.Errorf("no suite file and no bundled suite %q; %s", ref, hint)
}

func read(fsys fs.FS, name, display, root string) (*Suite, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read suite: %w", err)
	}
	var f file
	var problems strict.Problems
	if _, err := strict.Decode(display, data, &f); err != nil && !problems.Merge(err) {
		return nil, err
	}
	s := &Suite{Name: f.Suite.Name, File: display, FS: fsys, Dir: path.Dir(name), Root: root,
		Compose: f.Compose, Kubernetes: f.Kubernetes, Accept: f.Accept}
	if f.Matrix.Name != "" {
		if s.Matrix, err = readMatrix(s, f.Matrix.Name); err != nil && !problems.Merge(err) {
			problems.Add(f.Matrix.Pos, "%v; give the path of a matrix file relative to this file, or the name of a bundled matrix", err)
		}
	}
	s.check(&problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

func readMatrix(s *Suite, ref string) (*matrix.Matrix, error) {
	if slices.Contains(matrix.BundledNames(), ref) {
		return matrix.Bundled(ref)
	}
	return matrix.Load(s.FS, path.Join(s.Dir, ref), path.Join(path.Dir(s.File), ref))
}

// check finds what a field alone can't tell.
func (s *Suite) check(problems *strict.Problems) {
	if s.Compose == nil && s.Kubernetes == nil {
		problems.Add(matrix.Pos{File: s.File, Line: 1, Col: 1}, "the suite has no target; add \"compose\" or \"kubernetes\"")
	}
	if s.Compose != nil && len(s.Compose.Files) == 0 {
		problems.Add(s.Compose.Pos, "no Compose files; list them under \"files\"")
	}
	for _, a := range s.Accept {
		s.checkAccept(a, problems)
	}
	if s.Matrix == nil {
		return
	}
	var names []string
	for _, v := range s.Matrix.Services {
		names = append(names, v.Name)
	}
	unknown := func(pos matrix.Pos, service, where string) {
		if slices.Contains(names, service) {
			return
		}
		hint := "the services are those of the matrix"
		if near := strict.Suggest(service, names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		problems.Add(pos, "unknown service %q in %s; %s", service, where, hint)
	}
	if s.Compose != nil {
		for name := range s.Compose.Services {
			unknown(s.Compose.Pos, name, "compose.services")
		}
	}
	if s.Kubernetes != nil {
		for name := range s.Kubernetes.Services {
			unknown(s.Kubernetes.Pos, name, "kubernetes.services")
		}
	}
}

func (s *Suite) checkAccept(a Accept, problems *strict.Problems) {
	switch {
	case a.Pattern != "" && a.Pattern != ReverseOfAllow:
		problems.Add(a.Pos, "unknown pattern %q; the only pattern is %q", a.Pattern, ReverseOfAllow)
	case a.Pattern != "" && len(a.From)+len(a.To) > 0:
		problems.Add(a.Pos, "a pattern has no from and to; remove one or the other")
	case a.Pattern == "" && (len(a.From) == 0 || len(a.To) == 0):
		problems.Add(a.Pos, "an accepted deviation needs from and to, or a pattern")
	}
	if strings.TrimSpace(a.Reason) == "" {
		problems.Add(a.Pos, "an accepted deviation needs a reason; say why it may stay")
	}
	if _, err := time.Parse(time.DateOnly, a.Expires); a.Expires != "" && err != nil {
		problems.Add(a.Pos, "expires %q is no date; write YYYY-MM-DD", a.Expires)
	}
	if a.Protocol != "" && !slices.Contains([]string{"tcp", "udp", "sctp", "dns"}, a.Protocol) {
		problems.Add(a.Pos, "unknown protocol %q; use tcp, udp, sctp or dns", a.Protocol)
	}
	for _, p := range a.On {
		if p != "compose" && p != "kubernetes" {
			problems.Add(a.Pos, "unknown platform %q; use compose or kubernetes", p)
		}
	}
	if s.Matrix == nil {
		return
	}
	for _, name := range slices.Concat(a.From, a.To) {
		if name != "*" && len(s.Matrix.Members(name)) == 0 {
			problems.Add(a.Pos, "unknown peer %q; name a service, tier, group or external of the matrix, or \"*\"", name)
		}
	}
}
