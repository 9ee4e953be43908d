package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// Load reads all that s.Kubernetes.Manifests names: files, folders with all
// that is below them, and kustomizations, which are built. The error joins one
// error for every document that is wrong.
func Load(s *suites.Suite) (*Objects, error) {
	if s.Kubernetes == nil {
		return nil, fmt.Errorf("%s: the suite has no Kubernetes target: add a section \"kubernetes\"", s.File)
	}
	l := &loader{suite: s, objects: &Objects{Suite: s, defaultNamespace: s.Kubernetes.Namespace}, first: map[string]matrix.Pos{}}
	if l.objects.defaultNamespace == "" {
		l.objects.defaultNamespace = "default"
	}
	for _, name := range s.Kubernetes.Manifests {
		l.entry(name)
	}
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	return l.objects, nil
}

type loader struct {
	suite   *suites.Suite
	objects *Objects
	first   map[string]matrix.Pos // of every object, to find the one that stands twice
	errs    []error
}

func (l *loader) fail(err error) {
	if err != nil {
		l.errs = append(l.errs, err)
	}
}

func (l *loader) failf(pos matrix.Pos, format string, args ...any) {
	l.fail(&problem{pos, fmt.Sprintf(format, args...)})
}

// entry reads one item of the suite's list.
func (l *loader) entry(name string) {
	inside, ok := l.inside(name)
	if !ok {
		l.failf(l.suite.Kubernetes.Pos, "manifests: %s is outside of %s: name files below it", name, l.suite.Root)
		return
	}
	info, err := fs.Stat(l.suite.FS, inside)
	switch {
	case err != nil:
		l.failf(l.suite.Kubernetes.Pos, "manifests: %s can't be read (%v): paths are relative to the suite file", name, reason(err))
	case info.IsDir():
		l.folder(inside)
	case isKustomization(path.Base(inside)):
		l.kustomization(path.Dir(inside))
	default:
		l.file(inside)
	}
}

// inside turns a path as the suite file writes it into one of the suite's FS.
func (l *loader) inside(name string) (string, bool) {
	if filepath.IsAbs(name) {
		rel, err := filepath.Rel(l.suite.Root, name)
		if l.suite.Root == "" || err != nil {
			return "", false
		}
		inside := filepath.ToSlash(rel)
		return inside, fs.ValidPath(inside)
	}
	inside := path.Join(l.suite.Dir, filepath.ToSlash(name))
	return inside, fs.ValidPath(inside)
}

// shown is how a file is named to people: relative to where they named the suite file from.
func (l *loader) shown(inside string) string {
	rel, err := filepath.Rel(filepath.FromSlash(path.Join("/", l.suite.Dir)), filepath.FromSlash(path.Join("/", inside)))
	if err != nil {
		return inside
	}
	return filepath.Join(filepath.Dir(l.suite.File), rel)
}

// folder reads all manifests in a folder and below, because a policy that was
// left out unseen makes every verdict wrong. A folder with a kustomization is built.
func (l *loader) folder(dir string) {
	entries, err := fs.ReadDir(l.suite.FS, dir)
	if err != nil {
		l.failf(l.suite.Kubernetes.Pos, "manifests: %s can't be read: %v", l.shown(dir), reason(err))
		return
	}
	for _, e := range entries {
		if isKustomization(e.Name()) {
			l.kustomization(dir)
			return
		}
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch ext := path.Ext(e.Name()); {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			l.folder(name)
		case ext == ".yaml" || ext == ".yml" || ext == ".json":
			l.file(name)
		}
	}
}

func (l *loader) file(inside string) {
	text, err := fs.ReadFile(l.suite.FS, inside)
	if err != nil {
		l.failf(l.suite.Kubernetes.Pos, "manifests: %s can't be read: %v", l.shown(inside), reason(err))
		return
	}
	r := reader{l.shown(inside)}
	docs, err := r.documents(text)
	l.fail(err)
	for _, doc := range docs {
		l.document(r, doc)
	}
}

// documents are the mappings of a YAML stream; empty documents are left out.
func (r reader) documents(text []byte) ([]*yaml.Node, error) {
	var docs []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return docs, r.syntax(err)
		}
		if len(doc.Content) == 0 || doc.Content[0].ShortTag() == "!!null" {
			continue
		}
		if doc.Content[0].Kind != yaml.MappingNode {
			return docs, r.errorf(doc.Content[0], "not a Kubernetes object: a document must be a mapping with apiVersion and kind")
		}
		docs = append(docs, doc.Content[0])
	}
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// syntax gives yaml.v3's error, "yaml: line 3: …", its place.
func (r reader) syntax(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	pos := matrix.Pos{File: r.file, Line: 1, Col: 1}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		pos.Line, _ = strconv.Atoi(m[1])
		text = strings.Replace(text, m[0], "", 1)
	}
	return &problem{pos, "not valid YAML: " + text + "; look at the indentation and quotes of this line and the one before"}
}

// document reads one object, or each of a list's.
func (l *loader) document(r reader, doc *yaml.Node) {
	_, kind := field(doc, "kind")
	if items, value := field(doc, "items"); items != nil && strings.HasSuffix(kind.Value, "List") && value.Kind == yaml.SequenceNode {
		for _, item := range value.Content {
			l.document(r, resolve(item))
		}
		return
	}
	obj, err := r.object(doc)
	if err != nil {
		l.fail(err)
		return
	}
	l.add(r, doc, obj)
}

// object reads what every object must have.
func (r reader) object(doc *yaml.Node) (Object, error) {
	obj := Object{node: doc, file: r.file, Pos: matrix.Pos{File: r.file, Line: doc.Line, Col: doc.Column}}
	if doc.Kind != yaml.MappingNode {
		return obj, r.errorf(doc, "not a Kubernetes object: it must be a mapping with apiVersion and kind")
	}
	meta, metaNode := field(doc, "metadata")
	if meta == nil {
		metaNode = nil
	}
	for _, f := range []struct {
		in   *yaml.Node
		name string
		to   *string
	}{{doc, "apiVersion", &obj.APIVersion}, {doc, "kind", &obj.Kind}, {metaNode, "name", &obj.Name}, {metaNode, "namespace", &obj.Namespace}} {
		if f.in == nil {
			continue
		}
		if key, value := field(f.in, f.name); key != nil {
			if value.Kind != yaml.ScalarNode {
				return obj, r.errorf(value, "%s must be a string", f.name)
			}
			*f.to = value.Value
		}
	}
	switch {
	case obj.APIVersion == "":
		return obj, r.errorf(doc, "not a Kubernetes object: apiVersion is missing")
	case obj.Kind == "":
		return obj, r.errorf(doc, "not a Kubernetes object: kind is missing")
	}
	return obj, nil
}

// add sorts one object in.
func (l *loader) add(r reader, doc *yaml.Node, obj Object) {
	versions, known := kinds[obj.Kind]
	known = known && coreGroups[groupOf(obj.APIVersion)]
	foreign := isUnmodelled(obj.APIVersion, obj.Kind)
	if known && !contains(versions, obj.APIVersion) {
		_, node := field(doc, "apiVersion")
		l.fail(r.errorf(node, "%s has no apiVersion %s: write %s", obj.Kind, obj.APIVersion, strings.Join(versions, " or ")))
		return
	}
	if !known && !foreign {
		l.objects.Ignored = append(l.objects.Ignored, obj)
		return
	}
	if obj.Name == "" {
		l.fail(r.errorf(doc, "%s has no metadata.name: give it one", obj.Kind))
		return
	}
	fields, err := r.mapping(doc)
	if err != nil {
		l.fail(err)
		return
	}
	obj.fields = fields
	switch {
	case clusterWide[obj.Kind]:
		obj.Namespace = ""
	case obj.Namespace == "":
		obj.Namespace = l.objects.defaultNamespace
		if meta, ok := fields["metadata"].(map[string]any); ok {
			meta["namespace"] = obj.Namespace
		}
	}
	key := groupOf(obj.APIVersion) + "/" + obj.Title()
	if first, twice := l.first[key]; twice {
		l.failf(obj.Pos, "%s stands twice, first at %s: keep one, or name only one of the two files or folders in the suite", obj.Title(), first)
		return
	}
	l.first[key] = obj.Pos
	if foreign {
		l.objects.Unmodelled = append(l.objects.Unmodelled, obj)
		return
	}
	if err := l.objects.add(r, doc, obj); err != nil {
		l.fail(err)
		return
	}
	l.fail(l.objects.validateLast(obj))
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

// reason is an error without the path that fs puts in front.
func reason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
