package strict

import "gopkg.in/yaml.v3"

// Pair is a field of a mapping.
type Pair struct {
	Name  string
	Key   *Node
	Value *Node
}

// Map is a mapping in the order of the file.
type Map[T any] []Entry[T]

// Entry is a named value of a Map. Pos is the place of the name.
type Entry[T any] struct {
	Name  string
	Pos   Pos
	Value T
}

// DecodeYAML implements Custom.
func (m *Map[T]) DecodeYAML(d *Decoder, n *Node) {
	pairs, ok := d.Pairs(n)
	if !ok {
		return
	}
	*m = make(Map[T], len(pairs))
	for i, p := range pairs {
		entry := &(*m)[i]
		entry.Name, entry.Pos = p.Name, d.Pos(p.Key)
		d.within(p.Name, func() { d.Decode(p.Value, &entry.Value) })
	}
}

// Pairs returns the fields of a mapping in the order of the file: those that a
// merge key brings in come last and never replace one that is written. It
// returns false, and notes a problem, where n is no mapping.
func (d *Decoder) Pairs(n *Node) ([]Pair, bool) {
	n = follow(n)
	switch {
	case empty(n):
		d.Problem(n, "%s has no value; write {} for an empty one", d.Field())
		return nil, false
	case n.Kind != yaml.MappingNode:
		d.Problem(n, "%s must be a mapping, not %s; write \"name: value\" lines", d.Field(), kind(n))
		return nil, false
	}
	var pairs []Pair
	var merges []*Node
	first := map[string]*Node{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := follow(n.Content[i]), n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			merges = append(merges, value)
			continue
		}
		if !IsText(key) {
			d.Problem(key, "a name must be text, not %s; put it in quotes", kind(key))
			continue
		}
		if key.Value == "" {
			d.Problem(key, "a name is empty; write one")
			continue
		}
		if before, twice := first[key.Value]; twice {
			d.Problem(key, "%q is given twice, first on line %d; keep one", key.Value, before.Line)
			continue
		}
		first[key.Value] = key
		pairs = append(pairs, Pair{key.Value, key, value})
	}
	for _, merge := range merges {
		pairs = append(pairs, d.merged(merge, first)...)
	}
	return pairs, true
}

// merged returns the fields that a merge key adds: those of a mapping, or of
// each of a list of mappings, the earlier first (yaml.org/type/merge.html).
func (d *Decoder) merged(n *Node, have map[string]*Node) []Pair {
	sources := []*Node{n}
	if list := follow(n); list.Kind == yaml.SequenceNode {
		sources = list.Content
	}
	var added []Pair
	for _, source := range sources {
		if what := follow(source); what.Kind != yaml.MappingNode {
			d.Problem(n, "\"<<\" must name a mapping, not %s; write <<: *anchor", kind(what))
			continue
		}
		pairs, _ := d.Pairs(source)
		for _, p := range pairs {
			if have[p.Name] == nil {
				have[p.Name] = p.Key
				added = append(added, p)
			}
		}
	}
	return added
}
