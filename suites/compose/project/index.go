package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	// The parser that compose-go itself uses, so that both read the same text alike.
	"go.yaml.in/yaml/v4"

	"github.com/netconform/netconform/matrix"
)

// depth bounds how far extends and merge keys are followed: files with a cycle
// are looked up too, to say where the cycle is.
const depth = 32

// index finds places in the files, which compose-go's model doesn't keep.
type index struct {
	all  []file     // as the suite names them
	docs []document // what is merged last, and so decides, comes first
}

type document struct {
	file
	root *yaml.Node
}

// newIndex reads the files' nodes, and those of the files that they include or
// extend. A file that can't be read or parsed is left out: compose-go says why.
func newIndex(files []file) *index {
	ix := &index{all: files}
	for i := len(files) - 1; i >= 0; i-- {
		ix.add(files[i], map[string]bool{})
	}
	return ix
}

func (ix *index) add(f file, seen map[string]bool) {
	if seen[f.path] {
		return
	}
	seen[f.path] = true
	var root yaml.Node
	if yaml.Unmarshal(f.content, &root) != nil || len(root.Content) == 0 {
		return
	}
	doc := document{file: f, root: root.Content[0]}
	ix.docs = append(ix.docs, doc)
	if !f.disk {
		return
	}
	for _, name := range doc.references() {
		other := file{path: name, shown: name, disk: true}
		if !filepath.IsAbs(name) {
			other.path = filepath.Join(f.dir, name)
			other.shown = filepath.ToSlash(filepath.Join(filepath.Dir(f.shown), name))
		}
		other.dir = filepath.Dir(other.path)
		var err error
		if other.content, err = os.ReadFile(other.path); err == nil {
			ix.add(other, seen)
		}
	}
}

// references are the files that a document includes, and that its services extend.
func (d document) references() []string {
	var names []string
	if _, list := entry(d.root, "include", depth); list != nil {
		for _, item := range list.Content {
			if item.Kind == yaml.ScalarNode {
				names = append(names, item.Value)
			} else if _, paths := entry(item, "path", depth); paths != nil {
				names = append(names, paths.Value)
				for _, p := range paths.Content {
					names = append(names, p.Value)
				}
			}
		}
	}
	if _, services := entry(d.root, "services", depth); services != nil {
		for i := 1; i < len(services.Content); i += 2 {
			if _, extends := entry(services.Content[i], "extends", depth); extends != nil {
				if _, name := entry(extends, "file", depth); name != nil {
					names = append(names, name.Value)
				}
			}
		}
	}
	return names
}

// pos is the place of the longest part of path that the files have.
func (ix *index) pos(path []string) matrix.Pos {
	for n := len(path); n > 0; n-- {
		if doc, node, _ := ix.find(path[:n]); node != nil {
			return doc.at(node)
		}
	}
	return matrix.Pos{}
}

// find returns the key (or the list's item) that path leads to, and its value.
func (ix *index) find(path []string) (document, *yaml.Node, *yaml.Node) {
	for hops := 0; hops < depth; hops++ {
		for _, doc := range ix.docs {
			if key, value := walk(doc.root, path); key != nil {
				return doc, key, value
			}
		}
		if len(path) < 3 || path[0] != "services" {
			break
		}
		path = append([]string{"services", ix.base(path[1])}, path[2:]...)
	}
	return document{}, nil, nil
}

// base is the service that a service extends.
func (ix *index) base(service string) string {
	for _, doc := range ix.docs {
		if _, extends := walk(doc.root, []string{"services", service, "extends"}); extends != nil {
			if extends.Kind == yaml.ScalarNode {
				return extends.Value
			}
			if _, name := entry(extends, "service", depth); name != nil {
				return name.Value
			}
		}
	}
	return ""
}

// cycle is the alias that stands inside what it names: compose-go takes
// half a minute to refuse it.
func cycle(node *yaml.Node, above []*yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		if slices.Contains(above, node.Alias) {
			return node
		}
		return nil
	}
	above = append(above, node)
	for _, child := range node.Content {
		if found := cycle(child, above); found != nil {
			return found
		}
	}
	return nil
}

func (d document) at(n *yaml.Node) matrix.Pos {
	return matrix.Pos{File: d.shown, Line: n.Line, Col: n.Column}
}

func walk(node *yaml.Node, path []string) (key, value *yaml.Node) {
	value = node
	for _, step := range path {
		if key, value = entry(value, step, depth); key == nil {
			return nil, nil
		}
	}
	return key, value
}

// entry finds a key of a mapping, through aliases and merge keys, or a scalar
// of a list: services name their networks in either form.
func entry(node *yaml.Node, name string, hops int) (key, value *yaml.Node) {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case node == nil || hops == 0:
	case node.Kind == yaml.SequenceNode:
		for _, item := range node.Content {
			if item.Kind == yaml.ScalarNode && item.Value == name {
				return item, item
			}
		}
	case node.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				return node.Content[i], node.Content[i+1]
			}
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value != "<<" {
				continue
			}
			merged := []*yaml.Node{node.Content[i+1]}
			if merged[0].Kind == yaml.SequenceNode {
				merged = merged[0].Content
			}
			for _, m := range merged {
				if key, value = entry(m, name, hops-1); key != nil {
					return key, value
				}
			}
		}
	}
	return nil, nil
}

// portPos finds the entry of ports that gives a port, in the short syntax (a
// range gives many) or the long one; else the ports as a whole.
func (ix *index) portPos(service string, want types.ServicePortConfig) matrix.Pos {
	for name, hops := service, 0; name != "" && hops < depth; name, hops = ix.base(name), hops+1 {
		for _, doc := range ix.docs {
			_, ports := walk(doc.root, []string{"services", name, "ports"})
			if ports == nil {
				continue
			}
			for _, item := range ports.Content {
				if publishes(item, want) {
					return doc.at(item)
				}
			}
		}
	}
	return ix.pos([]string{"services", service, "ports"})
}

func publishes(item *yaml.Node, want types.ServicePortConfig) bool {
	if item.Kind == yaml.ScalarNode {
		ports, err := types.ParsePortConfig(item.Value)
		if err != nil {
			return false
		}
		for _, port := range ports {
			if port.Target == want.Target && port.Protocol == want.Protocol && port.Published == want.Published {
				return true
			}
		}
		return false
	}
	var port struct {
		Target    uint32
		Published string
		Protocol  string
	}
	if item.Decode(&port) != nil {
		return false
	}
	return port.Target == want.Target && port.Published == want.Published &&
		strings.EqualFold(orTCP(port.Protocol), orTCP(want.Protocol))
}

func orTCP(protocol string) string {
	if protocol == "" {
		return "tcp"
	}
	return protocol
}
