package strict

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

const (
	// MaxSize is the largest file that is read: 4 MiB. A matrix of 1,000
	// services with 20 rules each is a tenth of it.
	MaxSize = 4 << 20
	// maxAliased is how many nodes aliases may stand for in all.
	maxAliased = 100_000
	// maxDepth is how deeply nodes may nest; the formats need less than 10.
	maxDepth = 100
)

// parse reads exactly one YAML document and returns its content. The content
// is free of cycles and of more aliases than a person writes.
func parse(file string, data []byte) (root *Node, problems Problems) {
	at := Pos{file, 1, 1}
	if len(data) > MaxSize {
		problems.Add(at, "the file has %d bytes, more than the %d that are read; split it", len(data), MaxSize)
		return nil, problems
	}
	if bad := invalidUTF8(data); bad >= 0 {
		problems.Add(place(file, data, bad), "the file is not UTF-8 text; save it as UTF-8")
		return nil, problems
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := next(decoder, &document); {
	case err == io.EOF:
		problems.Add(at, "the file is empty; write at least its required fields")
		return nil, problems
	case err != nil:
		problems = append(problems, syntaxProblem(file, data, err))
		return nil, problems
	}
	switch err := next(decoder, &second); {
	case err == nil:
		problems.Add(secondDocument(file, data), "a second document begins here; keep one document in a file")
		return nil, problems
	case err != io.EOF:
		problems = append(problems, syntaxProblem(file, data, err))
		return nil, problems
	}
	root = document.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		problems.Add(at, "the file is empty; write at least its required fields")
		return nil, problems
	}
	w := walker{file: file, lines: bytes.Split(data, []byte("\n")), open: map[*Node]bool{}}
	w.walk(root, 0, false)
	if len(w.problems) > 0 {
		return nil, w.problems
	}
	return root, nil
}

// next reads a document. yaml.v3 is archived and has known panics on broken
// input (go-yaml/yaml#666 and others): they are errors of the file here.
func next(decoder *yaml.Decoder, document *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: the parser gave up: %v", r)
		}
	}()
	return decoder.Decode(document)
}

// walker looks for what YAML allows and these formats don't.
type walker struct {
	file     string
	lines    [][]byte
	open     map[*Node]bool // the nodes that the walk is inside of
	aliased  int
	stop     bool
	problems Problems
}

func (w *walker) walk(n *Node, depth int, viaAlias bool) {
	if w.stop {
		return
	}
	pos := Pos{w.file, n.Line, n.Column}
	if viaAlias {
		w.aliased++
	}
	switch {
	case w.aliased > maxAliased:
		w.stop = true
		w.problems.Add(pos, "aliases stand for more than %d nodes; write the values out", maxAliased)
		return
	case depth > maxDepth:
		w.stop = true
		w.problems.Add(pos, "nested more than %d levels deep; flatten it", maxDepth)
		return
	case n.Kind == yaml.AliasNode && w.open[n.Alias]:
		w.stop = true
		w.problems.Add(pos, "alias *%s stands inside of what it stands for; write the value out", n.Value)
		return
	case n.Kind == yaml.AliasNode:
		w.walk(n.Alias, depth+1, true)
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		w.problems.Add(pos, "tag %s is not supported; remove it", n.Tag)
	}
	if col := w.tab(n); col > 0 && !viaAlias {
		w.problems.Add(Pos{w.file, n.Line, col}, tabMessage)
	}
	w.open[n] = true
	for _, child := range n.Content {
		w.walk(child, depth+1, viaAlias)
	}
	delete(w.open, n)
}

// tab returns the column of a tab in the indentation before n, or 0.
func (w *walker) tab(n *Node) int {
	if n.Line < 1 || n.Line > len(w.lines) {
		return 0
	}
	return indentTab(w.lines[n.Line-1])
}

const tabMessage = "a tab in the indentation; indent with spaces"

// indentTab returns the column of the first tab in a line's indentation, or 0.
func indentTab(line []byte) int {
	for i, c := range line {
		switch c {
		case '\t':
			return i + 1
		case ' ':
		default:
			return 0
		}
	}
	return 0
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return -1
}

// place turns an offset into a line and a column.
func place(file string, data []byte, offset int) Pos {
	before := data[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	begin := bytes.LastIndexByte(before, '\n') + 1
	return Pos{file, line, utf8.RuneCount(before[begin:]) + 1}
}

// secondDocument finds the marker that begins a second document: the first
// prefix of the file with two documents ends in it.
func secondDocument(file string, data []byte) Pos {
	lines := bytes.SplitAfter(data, []byte("\n"))
	size, content := 0, false
	for i, line := range lines {
		if bytes.HasPrefix(line, []byte("---")) && content && documents(data[:size+len(line)]) > 1 {
			return Pos{file, i + 1, 1}
		}
		text := bytes.TrimSpace(line)
		content = content || len(text) > 0 && text[0] != '#' && text[0] != '%'
		size += len(line)
	}
	return Pos{file, 1, 1}
}

func documents(data []byte) int {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		if next(decoder, new(yaml.Node)) != nil {
			return n
		}
	}
}
