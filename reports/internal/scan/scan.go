// Package scan reads JSON forward, value by value, and steps over what is not
// asked for. encoding/json looks at every byte twice and needs seconds for a
// results.json of 100,000 cases; a gate reads two of them and needs a tenth.
//
// What is stepped over is not checked beyond its strings and brackets.
package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Scanner reads one JSON document. Its methods panic with an error of its own
// that Read returns.
type Scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int
	offset   int64 // of buf[0] in the document
	names    map[string]string
}

// failure carries an error out of nested calls.
type failure struct{ err error }

// Read hands a scanner to read, which must consume exactly one value, and
// reports what is wrong with the document.
func Read(r io.Reader, read func(*Scanner)) (err error) {
	s := &Scanner{r: r, buf: make([]byte, 256<<10), names: map[string]string{}}
	defer func() {
		switch f := recover().(type) {
		case nil:
		case failure:
			err = f.err
		default:
			panic(f)
		}
	}()
	read(s)
	if _, more := s.blank(); more {
		s.fail("something follows after the end of the document")
	}
	return nil
}

func (s *Scanner) fail(format string, args ...any) {
	panic(failure{fmt.Errorf("byte %d: %s", s.offset+int64(s.pos), fmt.Sprintf(format, args...))})
}

// fill reads on, keeping what is left from keep.
func (s *Scanner) fill(keep int) bool {
	if keep > 0 {
		s.offset += int64(keep)
		copy(s.buf, s.buf[keep:s.end])
		s.pos, s.end = s.pos-keep, s.end-keep
	}
	if s.end == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	for {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		switch {
		case n > 0:
			return true
		case errors.Is(err, io.EOF):
			return false
		case err != nil:
			panic(failure{err})
		}
	}
}

// blank steps over white space and returns the byte after it.
func (s *Scanner) blank() (byte, bool) {
	for {
		for s.pos < s.end {
			switch c := s.buf[s.pos]; c {
			case ' ', '\n', '\t', '\r':
				s.pos++
			default:
				return c, true
			}
		}
		if !s.fill(s.pos) {
			return 0, false
		}
	}
}

func (s *Scanner) next() byte {
	c, more := s.blank()
	if !more {
		panic(failure{fmt.Errorf("byte %d: %w", s.offset+int64(s.pos), io.ErrUnexpectedEOF)})
	}
	return c
}

func (s *Scanner) expect(c byte) {
	if got := s.next(); got != c {
		s.fail("%q where %q belongs", got, c)
	}
	s.pos++
}

// Object calls field with each name; field must consume the value.
func (s *Scanner) Object(field func(name string)) {
	s.list('{', '}', func() {
		name := s.Name()
		s.expect(':')
		field(name)
	})
}

// Array calls element before each element; it must consume it.
func (s *Scanner) Array(element func()) {
	if s.next() == 'n' { // null
		s.Skip()
		return
	}
	s.list('[', ']', element)
}

func (s *Scanner) list(open, shut byte, item func()) {
	s.expect(open)
	if s.next() == shut {
		s.pos++
		return
	}
	for {
		item()
		switch c := s.next(); c {
		case ',':
			s.pos++
		case shut:
			s.pos++
			return
		default:
			s.fail("%q where ',' or %q belongs", c, shut)
		}
	}
}

// Name reads a string that occurs often: equal ones share their memory.
func (s *Scanner) Name() string {
	text := s.text()
	if known, ok := s.names[string(text)]; ok {
		return known
	}
	out := string(text)
	s.names[out] = out
	return out
}

// String reads a string.
func (s *Scanner) String() string { return string(s.text()) }

// text is valid until the next call.
func (s *Scanner) text() []byte {
	raw := s.quoted()
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 || !plain(text) {
		var out string
		if err := json.Unmarshal(raw, &out); err != nil {
			s.fail("%v", err)
		}
		text = []byte(out)
	}
	return text
}

func plain(text []byte) bool {
	for _, c := range text {
		if c < 0x20 || c >= 0x80 {
			return false
		}
	}
	return true
}

// quoted steps over a string and returns it with its quotes; valid until the
// next call.
func (s *Scanner) quoted() []byte {
	if c := s.next(); c != '"' {
		s.fail("%q where a string belongs", c)
	}
	start, at := s.pos, s.pos+1
	for {
		i := bytes.IndexByte(s.buf[at:s.end], '"')
		if i < 0 {
			at = s.end - start
			s.pos = start
			if !s.fill(start) {
				panic(failure{fmt.Errorf("byte %d: %w", s.offset+int64(s.end), io.ErrUnexpectedEOF)})
			}
			start = 0
			continue
		}
		at += i + 1
		slashes := 0
		for j := at - 2; j > start && s.buf[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			s.pos = at
			return s.buf[start:at]
		}
	}
}

// Int reads a whole number.
func (s *Scanner) Int() int {
	raw := s.scalar()
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		s.fail("%q is no whole number", raw)
	}
	return n
}

// scalar steps over a number, true, false or null; valid until the next call.
func (s *Scanner) scalar() []byte {
	s.next()
	start := s.pos
	for {
		for s.pos < s.end {
			switch s.buf[s.pos] {
			case ',', '}', ']', ' ', '\n', '\t', '\r':
				return s.buf[start:s.pos]
			}
			s.pos++
		}
		if !s.fill(start) {
			return s.buf[:s.pos]
		}
		start = 0
	}
}

// Skip steps over a value of any kind.
func (s *Scanner) Skip() {
	switch s.next() {
	case '"':
		s.quoted()
	case '{', '[':
		s.skipNested()
	default:
		if raw := s.scalar(); !json.Valid(raw) {
			s.fail("%q is no value", raw)
		}
	}
}

// skipNested is most of the work of a gate, and so one loop without calls.
func (s *Scanner) skipNested() {
	depth, inString, escaped := 0, false, false
	for {
		for i, c := range s.buf[s.pos:s.end] {
			switch {
			case escaped:
				escaped = false
			case inString:
				escaped, inString = c == '\\', c != '"'
			case c == '"':
				inString = true
			case c == '{', c == '[':
				depth++
			case c == '}', c == ']':
				if depth--; depth == 0 {
					s.pos += i + 1
					return
				}
			}
		}
		s.pos = s.end
		if !s.fill(s.pos) {
			panic(failure{fmt.Errorf("byte %d: %w", s.offset+int64(s.pos), io.ErrUnexpectedEOF)})
		}
	}
}
