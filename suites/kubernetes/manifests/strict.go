package manifests

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/netconform/netconform/matrix"
)

// problem is an error at a place of a file.
type problem struct {
	pos  matrix.Pos
	text string
}

func (p *problem) Error() string { return p.pos.String() + ": " + p.text }

// reader decodes one file.
type reader struct{ file string }

func (r reader) errorf(node *yaml.Node, format string, args ...any) error {
	pos := matrix.Pos{File: r.file, Line: node.Line, Col: node.Column}
	return &problem{pos, fmt.Sprintf(format, args...)}
}

// decode fills into, a pointer, from the document, after check has found
// nothing in the document that into's type does not have.
func (r reader) decode(node *yaml.Node, into any) error {
	if err := r.check(node, reflect.TypeOf(into).Elem(), ""); err != nil {
		return err
	}
	value, err := r.value(node)
	if err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return r.errorf(node, "can't be written as JSON: %v", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return r.errorf(node, "does not have the form of its kind: %v", err)
	}
	return nil
}

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// check compares the document with the Go type of its kind, so that every
// error can name its line, which encoding/json's can't.
func (r reader) check(node *yaml.Node, t reflect.Type, path string) error {
	node = resolve(node)
	if node.ShortTag() == "!!null" {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		return r.check(node, t.Elem(), path)
	}
	if p := reflect.PointerTo(t); p.Implements(jsonUnmarshaler) || p.Implements(textUnmarshaler) {
		if node.Kind != yaml.ScalarNode {
			return r.errorf(node, "%s must be a single value", path)
		}
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return r.checkStruct(node, t, path)
	case reflect.Map:
		return r.checkKeys(node, path, func(string) (reflect.Type, bool) { return t.Elem(), true }, nil)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return nil
		}
		if node.Kind != yaml.SequenceNode {
			return r.errorf(node, "%s must be a list: begin each item with \"- \"", path)
		}
		for i, item := range node.Content {
			if err := r.check(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	return r.checkScalar(node, t, path)
}

func (r reader) checkStruct(node *yaml.Node, t reflect.Type, path string) error {
	fields := map[string]reflect.Type{}
	collectFields(t, fields)
	known := func(key string) (reflect.Type, bool) { ft, ok := fields[key]; return ft, ok }
	return r.checkKeys(node, path, known, fields)
}

// collectFields lists a struct's JSON fields, those of inlined structs too.
func collectFields(t reflect.Type, into map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && (name == "" || strings.Contains(options, "inline")) {
			ft := f.Type
			if ft.Kind() == reflect.Pointer {
				ft = ft.Elem()
			}
			collectFields(ft, into)
			continue
		}
		if name != "" && name != "-" {
			into[name] = f.Type
		}
	}
}

func (r reader) checkKeys(node *yaml.Node, path string, known func(string) (reflect.Type, bool), fields map[string]reflect.Type) error {
	if node.Kind != yaml.MappingNode {
		return r.errorf(node, "%s must be a mapping of fields", orDocument(path))
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if isMerge(key) {
			for _, merged := range mergedMaps(value) {
				if err := r.checkKeys(merged, path, known, fields); err != nil {
					return err
				}
			}
			continue
		}
		if line, twice := seen[key.Value]; twice {
			return r.errorf(key, "%s stands twice in %s, first in line %d: keep one of them", key.Value, orDocument(path), line)
		}
		seen[key.Value] = key.Line
		t, ok := known(key.Value)
		if !ok {
			return r.errorf(key, "%s has no field %q: %s", orDocument(path), key.Value, suggest(key.Value, fields))
		}
		if err := r.check(value, t, join(path, key.Value)); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) checkScalar(node *yaml.Node, t reflect.Type, path string) error {
	if node.Kind != yaml.ScalarNode {
		return r.errorf(node, "%s must be a single value", path)
	}
	tag := node.ShortTag()
	switch t.Kind() {
	case reflect.String:
		if tag != "!!str" && tag != "!!timestamp" || node.Style == 0 && oldBool(node.Value) {
			return r.errorf(node, "%s must be a string, and %s is not one in YAML: write it as %q", path, node.Value, node.Value)
		}
	case reflect.Bool:
		if tag != "!!bool" && !oldBool(node.Value) {
			return r.errorf(node, "%s must be true or false, not %q", path, node.Value)
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		if tag != "!!int" {
			return r.errorf(node, "%s must be a number, not %q", path, node.Value)
		}
		if _, err := strconv.ParseInt(node.Value, 0, t.Bits()); err != nil {
			return r.errorf(node, "%s is out of range: %s", path, node.Value)
		}
	}
	return nil
}

// oldBool says whether an unquoted word is a boolean to kubectl, whose YAML is
// 1.1, though it is a string in YAML 1.2.
func oldBool(word string) bool {
	switch strings.ToLower(word) {
	case "yes", "no", "on", "off":
		return true
	}
	return false
}

// value turns a node into what encoding/json works with.
func (r reader) value(node *yaml.Node) (any, error) {
	node = resolve(node)
	switch node.Kind {
	case yaml.MappingNode:
		return r.mapping(node)
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, item := range node.Content {
			v, err := r.value(item)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	var v any
	switch tag := node.ShortTag(); {
	case tag == "!!int" || tag == "!!float" || tag == "!!null" || tag == "!!bool":
		if err := node.Decode(&v); err != nil {
			return nil, r.errorf(node, "%q is not a value: %v", node.Value, err)
		}
		return v, nil
	case node.Style == 0 && oldBool(node.Value):
		return strings.EqualFold(node.Value, "yes") || strings.EqualFold(node.Value, "on"), nil
	}
	return node.Value, nil
}

func (r reader) mapping(node *yaml.Node) (map[string]any, error) {
	fields := map[string]any{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if !isMerge(node.Content[i]) {
			continue
		}
		for _, merged := range mergedMaps(node.Content[i+1]) {
			more, err := r.mapping(merged)
			if err != nil {
				return nil, err
			}
			for k, v := range more {
				if _, have := fields[k]; !have {
					fields[k] = v
				}
			}
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if key := node.Content[i]; !isMerge(key) {
			v, err := r.value(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			fields[key.Value] = v
		}
	}
	return fields, nil
}

func orDocument(path string) string {
	if path == "" {
		return "the document"
	}
	return path
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// suggest names the field that was probably meant, or all there are.
func suggest(key string, fields map[string]reflect.Type) string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if strings.EqualFold(name, key) || near(strings.ToLower(name), strings.ToLower(key)) {
			return fmt.Sprintf("write %q, or remove it", name)
		}
	}
	if len(names) > 12 {
		return "remove it, or move it to where it belongs"
	}
	return "it has " + strings.Join(names, ", ")
}

// near says whether one letter too many, too few or wrong makes b out of a, or a final "s".
func near(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i < len(a) && a[i+1:] == b[i+1:]
	}
	return a[i:] == b[i+1:]
}
