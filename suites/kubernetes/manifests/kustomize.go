package manifests

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/netconform/netconform/matrix"
)

func isKustomization(base string) bool {
	return contains(konfig.RecognizedKustomizationFileNames(), base)
}

// kustomization builds the kustomization in a folder. An object's place is
// that of the resource it was made from, as far as the name tells.
func (l *loader) kustomization(dir string) {
	files := &readOnly{FS: l.suite.FS}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/"+dir)
	at := matrix.Pos{File: l.shown(dir), Line: 1, Col: 1}
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if _, err := fs.Stat(l.suite.FS, path.Join(dir, name)); err == nil {
			at.File = l.shown(path.Join(dir, name))
		}
	}
	if files.refused != nil {
		err = files.refused // kustomize says no more than that it found no kustomization
	}
	if err != nil {
		l.failf(at, "the kustomization can't be built: %v", err)
		return
	}
	text, err := built.AsYaml()
	if err != nil {
		l.failf(at, "the kustomization can't be written: %v", err)
		return
	}
	sources := l.sources(files.read)
	r := reader{at.File}
	docs, err := r.documents(text)
	l.fail(err)
	for _, doc := range docs {
		obj, err := r.object(doc)
		if err != nil {
			l.failf(at, "what the kustomization builds: %v", err)
			continue
		}
		obj.Pos, obj.node = at, nil
		if source := nearest(sources, obj); source != nil {
			obj.Pos, obj.node, obj.file = source.Pos, source.node, source.file
		}
		before := len(l.errs)
		l.add(r, doc, obj)
		for i := before; i < len(l.errs); i++ {
			l.errs[i] = placed(l.errs[i], at, obj)
		}
	}
}

// placed moves an error about a line of the built text, which nobody has seen,
// to the object that it was built from.
func placed(err error, built matrix.Pos, obj Object) error {
	var p *problem
	if errors.As(err, &p) && p.pos.File == built.File && obj.Pos != built {
		return &problem{obj.Pos, fmt.Sprintf("in %s, as %s builds it: %s", obj.Title(), built.File, p.text)}
	}
	return err
}

// sources are the objects in the files that the kustomization read, in that
// order: resources come before the patches on them.
func (l *loader) sources(files []string) []Object {
	var all []Object
	for _, name := range files {
		text, err := fs.ReadFile(l.suite.FS, name)
		if err != nil || isKustomization(path.Base(name)) {
			continue
		}
		r := reader{l.shown(name)}
		docs, err := r.documents(text)
		if err != nil {
			continue
		}
		for _, doc := range docs {
			if obj, err := r.object(doc); err == nil {
				all = append(all, obj)
			}
		}
	}
	return all
}

// nearest is the source whose kind is the object's and whose name is the
// object's, or the longest part of it (a kustomization adds prefixes and suffixes).
func nearest(sources []Object, obj Object) *Object {
	var best *Object
	for i, s := range sources {
		if s.Kind != obj.Kind || s.Name == "" || !strings.Contains(obj.Name, s.Name) {
			continue
		}
		if best == nil || len(s.Name) > len(best.Name) {
			best = &sources[i]
		}
	}
	return best
}

// readOnly shows an fs.FS to kustomize, and remembers what was read.
type readOnly struct {
	fs.FS
	read    []string
	refused error
}

var errReadOnly = errors.New("the suite's files are only read")

func (f *readOnly) name(p string) string {
	name := strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(p)), "/")
	if name == "" {
		return "."
	}
	return name
}

func (f *readOnly) ReadFile(p string) ([]byte, error) {
	text, err := fs.ReadFile(f.FS, f.name(p))
	if err != nil {
		return nil, err
	}
	if isKustomization(path.Base(f.name(p))) {
		if err := refuseRemote(text); err != nil {
			f.refused = fmt.Errorf("%s: %w", p, err)
			return nil, f.refused
		}
	}
	f.read = append(f.read, f.name(p))
	return text, nil
}

// refuseRemote keeps kustomize from the network: a verdict must not depend on
// what a server answers today.
func refuseRemote(text []byte) error {
	var k struct {
		Resources, Bases, Components, CRDs, Configurations, Generators, Transformers, Validators []string
		HelmCharts                                                                               []any `yaml:"helmCharts"`
	}
	if err := yaml.Unmarshal(text, &k); err != nil {
		return nil // kustomize says better what is wrong with it
	}
	if len(k.HelmCharts) > 0 {
		return errors.New("helmCharts are not rendered: render them to a file and name that in resources")
	}
	for _, list := range [][]string{k.Resources, k.Bases, k.Components, k.CRDs, k.Configurations, k.Generators, k.Transformers, k.Validators} {
		for _, item := range list {
			if strings.Contains(item, "://") || strings.HasPrefix(item, "git@") || strings.HasPrefix(item, "github.com") || strings.Contains(item, "?ref=") {
				return fmt.Errorf("%s is remote, and is not fetched: copy it beside the kustomization", item)
			}
		}
	}
	return nil
}

func (f *readOnly) IsDir(p string) bool {
	info, err := fs.Stat(f.FS, f.name(p))
	return err == nil && info.IsDir()
}

func (f *readOnly) Exists(p string) bool {
	_, err := fs.Stat(f.FS, f.name(p))
	return err == nil
}

func (f *readOnly) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	name := f.name(p)
	info, err := fs.Stat(f.FS, name)
	if err != nil {
		return "", "", err
	}
	if info.IsDir() {
		return filesys.ConfirmedDir(path.Join("/", name)), "", nil
	}
	return filesys.ConfirmedDir(path.Join("/", path.Dir(name))), path.Base(name), nil
}

func (f *readOnly) ReadDir(p string) ([]string, error) {
	entries, err := fs.ReadDir(f.FS, f.name(p))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (f *readOnly) Glob(pattern string) ([]string, error) {
	found, err := fs.Glob(f.FS, f.name(pattern))
	for i := range found {
		found[i] = "/" + found[i]
	}
	return found, err
}

func (f *readOnly) Walk(p string, walk filepath.WalkFunc) error {
	return fs.WalkDir(f.FS, f.name(p), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return walk("/"+name, nil, err)
		}
		info, err := d.Info()
		return walk("/"+name, info, err)
	})
}

func (f *readOnly) Create(string) (filesys.File, error) { return nil, errReadOnly }
func (f *readOnly) Open(string) (filesys.File, error)   { return nil, errReadOnly }
func (f *readOnly) Mkdir(string) error                  { return errReadOnly }
func (f *readOnly) MkdirAll(string) error               { return errReadOnly }
func (f *readOnly) RemoveAll(string) error              { return errReadOnly }
func (f *readOnly) WriteFile(string, []byte) error      { return errReadOnly }
