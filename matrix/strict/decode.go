// Package strict reads a YAML file into Go values and tells everything that is
// wrong with it at once, each as "file:line:col: what is wrong; what to do".
//
// It refuses what YAML would let pass: unknown fields, duplicate keys, empty
// values, second documents, tags, numbers that are not plain decimal, and
// aliases without end. Merge keys ("<<") work; at the top level, fields that
// begin with "x-" are free for anchors.
//
// It is the project's only importer of yaml.v3.
package strict

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Node is a node of a YAML document.
type Node = yaml.Node

// Custom is a value that decodes itself.
type Custom interface {
	DecodeYAML(d *Decoder, n *Node)
}

// Decode reads data, the content of file, into out: a pointer to a struct
// whose fields have yaml tags. A field with the tag `strict:"required"` must
// be there. A field of type Pos is set to the place of its struct's mapping.
//
// It returns the root node, nil where data is not one YAML document, and an
// error that is a Problems. What could be read stands in out even so.
func Decode(file string, data []byte, out any) (*Node, error) {
	root, problems := parse(file, data)
	if root == nil {
		return nil, problems.Err()
	}
	d := &Decoder{file: file, top: root}
	d.Decode(root, out)
	return root, d.problems.Err()
}

// Decoder carries the problems of one file.
type Decoder struct {
	file     string
	top      *Node
	path     []string
	problems Problems
}

// Pos is the place of a node.
func (d *Decoder) Pos(n *Node) Pos { return Pos{d.file, n.Line, n.Column} }

// Problem notes what is wrong at a node.
func (d *Decoder) Problem(n *Node, format string, args ...any) {
	d.problems.Add(d.Pos(n), format, args...)
}

// Problems is where a Custom value notes what is wrong elsewhere than at a node.
func (d *Decoder) Problems() *Problems { return &d.problems }

// Field names what is being decoded: the last field's or entry's name, quoted.
func (d *Decoder) Field() string {
	if len(d.path) == 0 {
		return "the file"
	}
	return strconv.Quote(d.path[len(d.path)-1])
}

// Decode reads a node into out, which is a pointer.
func (d *Decoder) Decode(n *Node, out any) { d.value(n, reflect.ValueOf(out).Elem()) }

func (d *Decoder) value(n *Node, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		// What it stands for, at the place where it is used.
		use := *follow(n)
		use.Line, use.Column = n.Line, n.Column
		n = &use
	}
	if v.Type() == reflect.TypeFor[*Node]() {
		v.Set(reflect.ValueOf(n))
		return
	}
	if c, ok := v.Addr().Interface().(Custom); ok {
		c.DecodeYAML(d, n)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem())
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Slice:
		d.list(n, v)
	case reflect.Map:
		d.mapping(n, v)
	case reflect.String:
		v.SetString(d.Text(n))
	case reflect.Int:
		v.SetInt(int64(d.Int(n)))
	case reflect.Bool:
		d.boolean(n, v)
	default:
		panic(fmt.Sprintf("strict: can't decode into %s", v.Type()))
	}
}

func (d *Decoder) structure(n *Node, v reflect.Value) {
	fields, names := map[string]int{}, []string{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Type == reflect.TypeFor[Pos]() {
			v.Field(i).Set(reflect.ValueOf(d.Pos(n)))
			continue
		}
		if name, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); name != "" && name != "-" {
			fields[name] = i
			names = append(names, name)
		}
	}
	pairs, ok := d.Pairs(n)
	if !ok {
		return
	}
	given := map[string]bool{}
	for _, p := range pairs {
		i, known := fields[p.Name]
		switch {
		case known:
			given[p.Name] = true
			d.within(p.Name, func() { d.value(p.Value, v.Field(i)) })
		case n == d.top && strings.HasPrefix(p.Name, "x-"):
		default:
			d.unknown(p, names)
		}
	}
	for _, name := range names {
		if v.Type().Field(fields[name]).Tag.Get("strict") == "required" && !given[name] {
			d.Problem(n, "%q is missing%s; add it", name, d.in())
		}
	}
}

func (d *Decoder) unknown(p Pair, known []string) {
	if s := Suggest(p.Name, known); s != "" {
		d.Problem(p.Key, "unknown field %q%s; did you mean %q?", p.Name, d.in(), s)
		return
	}
	d.Problem(p.Key, "unknown field %q%s; it has %s", p.Name, d.in(), strings.Join(known, ", "))
}

func (d *Decoder) in() string {
	if len(d.path) == 0 {
		return ""
	}
	return " in " + d.Field()
}

func (d *Decoder) within(name string, f func()) {
	d.path = append(d.path, name)
	f()
	d.path = d.path[:len(d.path)-1]
}

func (d *Decoder) list(n *Node, v reflect.Value) {
	items, ok := d.Items(n)
	if !ok {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(item, v.Index(i))
	}
}

func (d *Decoder) mapping(n *Node, v reflect.Value) {
	pairs, ok := d.Pairs(n)
	if !ok {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range pairs {
		value := reflect.New(v.Type().Elem()).Elem()
		d.within(p.Name, func() { d.value(p.Value, value) })
		v.SetMapIndex(reflect.ValueOf(p.Name).Convert(v.Type().Key()), value)
	}
}

// Items returns the items of a list; false, and a problem, where n is none.
func (d *Decoder) Items(n *Node) ([]*Node, bool) {
	n = follow(n)
	switch {
	case n.Kind == yaml.SequenceNode:
		return n.Content, true
	case empty(n):
		d.Problem(n, "%s has no value; write [] for none", d.Field())
	case n.Kind == yaml.ScalarNode:
		d.Problem(n, "%s must be a list, not %s; write [%s]", d.Field(), kind(n), n.Value)
	default:
		d.Problem(n, "%s must be a list, not %s; begin each line with \"- \"", d.Field(), kind(n))
	}
	return nil, false
}

// follow returns what an alias stands for; parse has made sure that it ends.
func follow(n *Node) *Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}
