package strict

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type inner struct {
	Name string `yaml:"name" strict:"required"`
	Port int    `yaml:"port"`
	Pos  Pos    `yaml:"-"`
}

type sample struct {
	Text   string            `yaml:"text"`
	On     []string          `yaml:"on"`
	Yes    bool              `yaml:"yes"`
	Labels map[string]string `yaml:"labels"`
	Inner  *inner            `yaml:"inner"`
	Map    Map[inner]        `yaml:"map"`
	Raw    *Node             `yaml:"raw"`
}

func TestDecode(t *testing.T) {
	var s sample
	root, err := Decode("f.yaml", []byte(`
text: 2027-01-01
on: [compose, kubernetes]
yes: true
labels: {app: web, tier: "1"}
inner:
  name: a
  port: 80
map:
  z: {name: b}
  a: {name: c}
raw: [1]
x-anything: {goes: here}
`), &s)
	require.NoError(t, err)
	require.NotNil(t, root)
	assert.Equal(t, "2027-01-01", s.Text)
	assert.Equal(t, []string{"compose", "kubernetes"}, s.On)
	assert.True(t, s.Yes)
	assert.Equal(t, map[string]string{"app": "web", "tier": "1"}, s.Labels)
	assert.Equal(t, &inner{"a", 80, Pos{"f.yaml", 7, 3}}, s.Inner)
	assert.Equal(t, Map[inner]{
		{"z", Pos{"f.yaml", 10, 3}, inner{"b", 0, Pos{"f.yaml", 10, 6}}},
		{"a", Pos{"f.yaml", 11, 3}, inner{"c", 0, Pos{"f.yaml", 11, 6}}},
	}, s.Map)
	assert.Len(t, s.Raw.Content, 1)
}

func TestDecodeTellsAllProblems(t *testing.T) {
	var s sample
	root, err := Decode("f.yaml", []byte(`
txet: x
yes: "true"
labels: {app: 1}
inner: {port: 0x50, nmae: a, x-free: 1}
map:
  z: {name: ok, port: 010}
  y: {name: ok, port: many}
  x: {name: ok, port: 99999999999999999999}
on: web
`), &s)
	assert.NotNil(t, root)
	assert.Equal(t, "ok", s.Map[0].Value.Name, "what could be read is there")
	assert.EqualError(t, err, `f.yaml:2:1: unknown field "txet"; did you mean "text"?
f.yaml:3:6: "yes" must be true or false, not text; write one of the two
f.yaml:4:15: "app" must be text, not a number; put it in quotes: "1"
f.yaml:5:8: "name" is missing in "inner"; add it
f.yaml:5:15: "port" must be a plain decimal number, not 0x50; write digits only, without a leading 0
f.yaml:5:21: unknown field "nmae" in "inner"; did you mean "name"?
f.yaml:5:30: unknown field "x-free" in "inner"; it has name, port
f.yaml:7:23: "port" must be a plain decimal number, not 010; write digits only, without a leading 0
f.yaml:8:23: "port" must be a number, not text; write digits only, without quotes
f.yaml:9:23: "port" must be a number from 0 to 9223372036854775807, not 99999999999999999999; write a smaller one
f.yaml:10:5: "on" must be a list, not text; write [web]`)
}

// yaml.v3 gives most of these a wrong line, and some none.
func TestSyntaxErrorsHaveTheRightLine(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"bad indentation late":     {"a: 1\nb:\n  c: 1\n  d: 2\n e: 3\nf: 4\n", 5},
		"deeper than its block":    {"a: 1\n  b: 2\nc: 3\n", 2},
		"bracket open to the end":  {"a: 1\nb: [1,\n  2,\n  3\n", 2},
		"wrong bracket":            {"a: 1\nb: [1,\n  2}\nc: 3\n", 2},
		"brace open":               {"a: 1\nb: {c: 1\nd: 2\ne: 3\n", 2},
		"quote open":               {"a: 1\nb: 'x\nc: 2\nd: 3\n", 2},
		"text after a quote":       {"a: 1\nb: \"x\" y\nc: 2\n", 2},
		"list in a mapping":        {"a: 1\nb: 2\n- c\nd: 3\n", 3},
		"key in a list":            {"a:\n- b\n- c\nd\n", 4},
		"value on a value":         {"a: 1\nb: c: d\n", 2},
		"tab first":                {"a: 1\nb:\n\tc: 2\n", 3},
		"at sign":                  {"a: 1\nb: @c\n", 2},
		"percent":                  {"a: 1\nb: %c\n", 2},
		"backtick":                 {"a: 1\nb: `c`\n", 2},
		"unknown anchor":           {"a: 1\nb: 2\nc: *nowhere\nd: 3\n", 3},
		"bad escape":               {"a: 1\nb: \"\\q\"\nc: 3\n", 2},
		"block scalar head":        {"a: 1\nb: |x\n  y\nc: 3\n", 2},
		"in the second document":   {"a: 1\n---\nb: 1\nc: @d\n", 4},
		"long before and after it": {strings.Repeat("k: v\n", 3000) + "x: @\n" + strings.Repeat("y: v\n", 3000), 3001},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode("f.yaml", []byte(c.text), new(map[string]string))
			var problems Problems
			require.ErrorAs(t, err, &problems)
			require.Len(t, problems, 1)
			assert.Equal(t, c.line, problems[0].Pos.Line, problems[0].Message)
			assert.Contains(t, problems[0].Message, "; ")
		})
	}
}

func TestSecondDocument(t *testing.T) {
	for text, line := range map[string]int{
		"a: b\n---\nc: d\n":                   2,
		"---\na: b\n--- # again\nc: d\n":      3,
		"a: |\n  ---\nb: c\n---\n":            4,
		"# note\n---\na: b\n...\n---\nc: d\n": 5,
	} {
		_, err := Decode("f.yaml", []byte(text), new(map[string]string))
		assert.EqualError(t, err, fmt.Sprintf("f.yaml:%d:1: a second document begins here; keep one document in a file", line), text)
	}
	_, err := Decode("f.yaml", []byte("---\na: b\n...\n"), new(map[string]string))
	assert.NoError(t, err)
}

func TestSizeBound(t *testing.T) {
	big := append([]byte("a: b\n"), []byte("#"+strings.Repeat("-", MaxSize-1))...)
	_, err := Decode("f.yaml", big, new(map[string]string))
	assert.EqualError(t, err, "f.yaml:1:1: the file has 4194309 bytes, more than the 4194304 that are read; split it")
	_, err = Decode("f.yaml", big[:MaxSize-1], new(map[string]string))
	assert.NoError(t, err)
}

// Tabs between values, before comments and in block scalars are no indentation.
func TestHarmlessTabs(t *testing.T) {
	var got map[string]string
	_, err := Decode("f.yaml", []byte("a:\tb\t# c\ne: |\n  x\n  \ty\n"), &got)
	assert.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "b", "e": "x\n\ty\n"}, got)
}

func TestMergeKeys(t *testing.T) {
	var got map[string]map[string]string
	_, err := Decode("f.yaml", []byte(`
a: &a {x: "1", y: "1"}
b: &b {y: "2", z: "2"}
one: {<<: *a, y: "3"}
two: {y: "3", <<: [*a, *b]}
`), &got)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"x": "1", "y": "3"}, got["one"])
	assert.Equal(t, map[string]string{"x": "1", "y": "3", "z": "2"}, got["two"])
}

func TestAt(t *testing.T) {
	var got sample
	root, err := Decode("f.yaml", []byte("text: x\non:\n  - a\n  - b\nmap:\n  x:\n    name: x\n  y: {name: z}\n"), &got)
	require.NoError(t, err)
	for path, want := range map[string]string{
		"":           "f.yaml:1:1",
		"text":       "f.yaml:1:7",
		"on":         "f.yaml:2:1",
		"on 1":       "f.yaml:4:5",
		"on 2":       "f.yaml:2:1",
		"on x":       "f.yaml:2:1",
		"map x":      "f.yaml:6:3",
		"map x name": "f.yaml:7:11",
		"map y name": "f.yaml:8:13",
		"map z name": "f.yaml:5:1",
		"text more":  "f.yaml:1:7",
	} {
		assert.Equal(t, want, At("f.yaml", root, strings.Fields(path)...).String(), path)
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"web", "checkout", "payments-db", "data"}
	for name, want := range map[string]string{
		"wbe": "web", "we": "web", "chekcout": "checkout", "check-out": "checkout", "payments_db": "payments-db",
		"data": "", "date": "data", "queue": "", "": "", "x": "",
	} {
		assert.Equal(t, want, Suggest(name, names), name)
	}
	assert.Equal(t, 0, distance("abc", "abc"))
	assert.Equal(t, 1, distance("abc", "acb"))
	assert.Equal(t, 3, distance("", "abc"))
	assert.Equal(t, 3, distance("kitten", "sitting"))
}

func TestProblems(t *testing.T) {
	var ps Problems
	assert.NoError(t, ps.Err())
	ps.Add(Pos{"b", 1, 1}, "x")
	ps.Add(Pos{"a", 2, 1}, "x")
	ps.Add(Pos{"a", 1, 2}, "z")
	ps.Add(Pos{"a", 1, 2}, "y")
	ps.Add(Pos{"a", 1, 2}, "y")
	ps.Add(Pos{"a", 1, 1}, "%d", 7)
	assert.EqualError(t, ps.Err(), "a:1:1: 7\na:1:2: y\na:1:2: z\na:2:1: x\nb:1:1: x")
	assert.Len(t, ps, 6, "Err leaves the list alone")

	var more Problems
	assert.False(t, more.Merge(errors.New("other")))
	assert.True(t, more.Merge(fmt.Errorf("load: %w", ps.Err())))
	assert.Len(t, more, 5)
	assert.False(t, more.Merge(os.ErrNotExist))
}

func TestPosString(t *testing.T) {
	assert.Equal(t, "f:1:2", Pos{"f", 1, 2}.String())
	assert.Equal(t, "f:1", Pos{"f", 1, 0}.String())
	assert.Equal(t, "f", Pos{"f", 0, 0}.String())
}

// In a large file the search for the first line gives up early; what it says is
// then the last line that was read.
func TestUnclosedInALargeFile(t *testing.T) {
	text := "a: 1\nb: [\n" + strings.Repeat("  c,\n", 30_000) + "  c\n"
	_, err := Decode("f.yaml", []byte(text), new(map[string]string))
	var problems Problems
	require.ErrorAs(t, err, &problems)
	assert.Contains(t, problems[0].Message, `close the list with "]"`)
	assert.Greater(t, problems[0].Pos.Line, 29_900)
}
