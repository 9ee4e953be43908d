// Package text makes what came from outside (names, evidence, errors) safe to
// show: no escape sequences, no control characters, valid UTF-8, bounded length.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns s as one line of printable text. Escape sequences are removed,
// white space of any kind becomes a blank, and so does every control character;
// bytes that are no UTF-8 become U+FFFD. Characters that turn the direction of
// writing are removed, since they can make a line read as another (CVE-2021-42574).
func Line(s string) string { return clean(s, false) }

// Block is Line for text of several lines: line ends and tabs stay.
func Block(s string) string { return clean(s, true) }

// Cut returns at most n runes of s; a cut is marked with "…".
func Cut(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	kept := 0
	for i := range s {
		if kept == n-1 {
			return s[:i] + "…"
		}
		kept++
	}
	return s
}

// Name is a name of the matrix as reports show it: one line, at most 80 runes.
func Name(s string) string { return Cut(Line(s), 80) }

func clean(s string, block bool) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if n := escape(s[i:]); n > 0 {
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case block && (r == '\n' || r == '\t'):
			b.WriteRune(r)
		case unicode.Is(unicode.Bidi_Control, r):
		case r == utf8.RuneError, r == 0xFFFE, r == 0xFFFF:
			b.WriteRune(utf8.RuneError)
		case unicode.IsControl(r), unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// escape returns the length of the terminal escape sequence at the start of s
// (ECMA-48: CSI, and the string sequences OSC, DCS, SOS, PM and APC), or 0.
func escape(s string) int {
	if len(s) < 2 || s[0] != 0x1b {
		return 0
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 || s[i] > 0x7e {
				return i
			}
		}
		return len(s)
	case ']', 'P', 'X', '^', '_':
		for i := 2; i < len(s); i++ {
			if s[i] == 0x07 {
				return i + 1
			}
			if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
			if s[i] == '\n' {
				return i
			}
		}
		return len(s)
	}
	return 0
}
