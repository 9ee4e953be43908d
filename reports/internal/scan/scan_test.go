package scan

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// names reads {"names":["…"], …} and steps over everything else.
func names(r io.Reader) (out []string, n int, err error) {
	err = Read(r, func(s *Scanner) {
		s.Object(func(field string) {
			switch field {
			case "names":
				s.Array(func() { out = append(out, s.String()) })
			case "n":
				n = s.Int()
			default:
				s.Skip()
			}
		})
	})
	return out, n, err
}

func TestRead(t *testing.T) {
	long := strings.Repeat("x", 600<<10)
	in := ` { "a":{"b":["}",{"c\"]":[]}],"d":-1.5e3}, "names":["plain","\"\\","\u00e9é","` + long + `",""],
		"e":null,"t":true,"n":-12,"z":"\\" } `
	for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "halves": iotest.HalfReader(strings.NewReader(in)),
		"with the end": iotest.DataErrReader(strings.NewReader(in))} {
		got, n, err := names(r)
		require.NoError(t, err, name)
		assert.Equal(t, []string{"plain", `"\`, "éé", long, ""}, got, name)
		assert.Equal(t, -12, n, name)
	}
	got, n, err := names(iotest.OneByteReader(strings.NewReader(`{"s":{"x":"]"},"names":["a\"b"],"n":7}`)))
	require.NoError(t, err)
	assert.Equal(t, []string{`a"b`}, got)
	assert.Equal(t, 7, n)
}

func TestReadRefuses(t *testing.T) {
	for in, want := range map[string]string{
		``:                 "byte 0: unexpected EOF",
		`{"names":["a"`:    "byte 13: unexpected EOF",
		`{"names":["a`:     "byte 12: unexpected EOF",
		`{"other":{"a":[`:  "byte 15: unexpected EOF",
		`[]`:               `byte 0: '[' where '{' belongs`,
		`{"n":"x"}`:        `byte 8: "\"x\"" is no whole number`,
		`{"n":1.5}`:        `byte 8: "1.5" is no whole number`,
		`{"names":["a"}`:   `byte 13: '}' where ',' or ']' belongs`,
		`{"a":nonsense}`:   `byte 13: "nonsense" is no value`,
		`{"a":1} {"b":2}`:  "byte 8: something follows after the end of the document",
		`{"names":["\q"]}`: "byte 14: invalid character 'q' in string escape code",
	} {
		_, _, err := names(strings.NewReader(in))
		assert.EqualError(t, err, want, in)
	}
	_, _, err := names(iotest.ErrReader(fmt.Errorf("disk on fire")))
	assert.EqualError(t, err, "disk on fire")
}

// FuzzRead holds the scanner to encoding/json: whatever that reads, this reads alike.
func FuzzRead(f *testing.F) {
	f.Add(`{"names":["a","b\n"],"x":[{"y":"}"}],"n":3}`, 1)
	f.Add(`{"names":null,"n":0}`, 3)
	f.Fuzz(func(t *testing.T, in string, step int) {
		var want struct {
			Names []string `json:"names"`
			N     int      `json:"n"`
		}
		got, n, err := names(iotest.HalfReader(strings.NewReader(in)))
		if err != nil {
			return
		}
		raw := map[string]json.RawMessage{}
		if json.Unmarshal([]byte(in), &raw) != nil || json.Unmarshal([]byte(in), &want) != nil {
			return // encoding/json is stricter about what was stepped over
		}
		if _, folded := raw["names"]; folded && len(raw) == strings.Count(in, `":`) {
			assert.Equal(t, len(want.Names), len(got))
			assert.Equal(t, want.N, n)
		}
	})
}
