package strict

import (
	"strconv"

	"gopkg.in/yaml.v3"
)

// At is the place of what path leads to from root, or of the last step that is
// there. A step is a field's name or a list's index. What is on the same line as
// its name is placed there itself, a block by its name.
func At(file string, root *Node, path ...string) Pos {
	pos, n := Pos{file, root.Line, root.Column}, root
	for _, step := range path {
		n = follow(n)
		switch n.Kind {
		case yaml.MappingNode:
			key, value := field(n, step)
			if key == nil {
				return pos
			}
			n = value
			pos = Pos{file, key.Line, key.Column}
			if n.Kind == yaml.ScalarNode && !empty(n) {
				pos = Pos{file, n.Line, n.Column}
			}
		case yaml.SequenceNode:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(n.Content) {
				return pos
			}
			n = n.Content[i]
			pos = Pos{file, n.Line, n.Column}
		default:
			return pos
		}
	}
	return pos
}

func field(mapping *Node, name string) (key, value *Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i], mapping.Content[i+1]
		}
	}
	return nil, nil
}
