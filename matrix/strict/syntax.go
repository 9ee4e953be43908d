package strict

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

var (
	yamlError     = regexp.MustCompile(`^yaml: (?:line \d+: )?`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.+)' referenced$`)
)

// hints say what to do about the errors that people meet.
var hints = map[string]string{
	"mapping values are not allowed in this context":        "look at the indentation, and quote a value that contains \": \"",
	"did not find expected key":                             "look at the indentation of this line",
	"did not find expected '-' indicator":                   "begin the line with \"- \" or indent it less",
	"could not find expected ':'":                           "write \"name: value\", with spaces for indentation",
	"did not find expected ',' or ']'":                      "close the list with \"]\"",
	"did not find expected ',' or '}'":                      "close the mapping with \"}\"",
	"did not find expected node content":                    "a value is missing here",
	"found unexpected end of stream":                        "close the quotes",
	"found character that cannot start any token":           "put the value in quotes",
	"did not find expected alphabetic or numeric character": "put \"*\" and \"&\" in quotes",
	"control characters are not allowed":                    "remove the control character",
	"block sequence entries are not allowed in this context": "put the list on lines of its own, " +
		"or write it as [a, b]",
}

// syntaxProblem gives a syntax error of yaml.v3 its right place. The library's
// own line is that of the enclosing block and often off by one.
func syntaxProblem(file string, data []byte, err error) Problem {
	message := yamlMessage(err)
	line, text := locate(data, message)
	pos := Pos{file, line, 1 + len(text) - len(bytes.TrimLeft(text, " \t"))}
	if col := indentTab(text); col > 0 {
		return Problem{Pos{file, line, col}, tabMessage}
	}
	if name := unknownAnchor.FindStringSubmatch(message); name != nil {
		if i := bytes.Index(text, []byte("*"+name[1])); i >= 0 {
			pos.Col = 1 + utf8.RuneCount(text[:i])
		}
		return Problem{pos, "unknown anchor *" + name[1] + "; write &" + name[1] + " before the value that it stands for, above"}
	}
	hint, ok := hints[message]
	if !ok {
		hint = "mend the YAML here"
	}
	if i := bytes.IndexFunc(text, control); i >= 0 {
		pos.Col = 1 + utf8.RuneCount(text[:i])
	}
	return Problem{pos, "not valid YAML: " + message + "; " + hint}
}

func control(r rune) bool { return r < ' ' && r != '\t' && r != '\r' || r == 0x7f }

// yamlMessage is the error's text without the library's name and line.
func yamlMessage(err error) string {
	message := yamlError.ReplaceAllString(err.Error(), "")
	return strings.Join(strings.Fields(message), " ")
}

// unclosed are the messages about what opens on one line and does not close on
// a later one: the place that helps is where it opens.
var unclosed = []string{"did not find expected ',' or ']'", "did not find expected ',' or '}'", "found unexpected end of stream"}

// maxReread is how many bytes locate reads again: 100 lines before the end of
// 10 KiB.
const maxReread = 1 << 20

// locate returns the first line that the error needs, and its text: the parser
// is fed line by line to see how far it read, and then with less and less as
// long as it says the same, or says anything where something is unclosed.
func locate(data []byte, message string) (int, []byte) {
	feed := &lineReader{rest: data}
	decoder := yaml.NewDecoder(feed)
	for next(decoder, new(yaml.Node)) == nil {
	}
	line, end := max(1, feed.lines), len(data)-len(feed.rest)
	// What a person meets is a few lines long; the bound keeps a large file cheap.
	for read := 0; read < maxReread; read += end {
		begin := bytes.LastIndexByte(bytes.TrimSuffix(data[:end], []byte("\n")), '\n') + 1
		if begin == 0 {
			break
		}
		if f := failure(data[:begin]); f == "" || f != message && !slices.Contains(unclosed, message) {
			break
		}
		line, end = line-1, begin
	}
	text := bytes.TrimRight(data[:end], "\r\n")
	return line, text[bytes.LastIndexByte(text, '\n')+1:]
}

// failure is the message of what is wrong with data, or empty.
func failure(data []byte) string {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		switch err := next(decoder, new(yaml.Node)); err {
		case nil:
		case io.EOF:
			return ""
		default:
			return yamlMessage(err)
		}
	}
}

// lineReader hands out one line a call and counts them.
type lineReader struct {
	rest  []byte
	lines int
}

func (r *lineReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	line := r.rest
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i+1]
	}
	n := copy(p, line)
	if n == len(line) {
		r.lines++
	}
	r.rest = r.rest[n:]
	return n, nil
}
