package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"postgres":                         "postgres",
		"dépôt-日本":                         "dépôt-日本",
		"a\x1b[31;1mred\x1b[0mb":           "aredb",
		"a\x1b]0;title\x07b":               "ab",
		"a\x1b]8;;http://x\x1b\\link":      "alink",
		"two\nlines\tand\rmore":            "two lines and more",
		"bell\x07nul\x00":                  "bell nul ",
		"bad\xffutf8":                      "bad\uFFFDutf8",
		"\u202Egnp.exe":                    "gnp.exe",
		"c1\u009bcontrol":                  "c1 control",
		"line\u2028separator":              "line separator",
		"an escape at the end \x1b":        "an escape at the end  ",
		"an unfinished sequence \x1b[31":   "an unfinished sequence ",
		"noncharacter \uFFFF stays no one": "noncharacter \uFFFD stays no one",
	} {
		assert.Equal(t, want, Line(in), "%q", in)
	}
	assert.Equal(t, "a\n\tb", Block("a\n\t\x1b[1mb"))
}

func TestCut(t *testing.T) {
	assert.Equal(t, "abc", Cut("abc", 3))
	assert.Equal(t, "ab…", Cut("abcd", 3))
	assert.Equal(t, "日…", Cut("日本語", 2))
}

func FuzzLine(f *testing.F) {
	f.Add("plain")
	f.Add("\x1b[31m\x1b]0;x\x07\xff\x00\u202e\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{Line(s), strings.NewReplacer("\n", "", "\t", "").Replace(Block(s))} {
			assert.True(t, utf8.ValidString(out))
			for _, r := range out {
				assert.False(t, unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r), "%U", r)
			}
			assert.Equal(t, out, Line(out), "cleaning twice changes nothing")
		}
		assert.LessOrEqual(t, utf8.RuneCountInString(Name(s)), 80)
	})
}
