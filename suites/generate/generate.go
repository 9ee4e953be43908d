// Package generate turns a matrix into what enforces it: NetworkPolicies, and an
// override file whose networks separate the services of a Compose project.
//
// Both say, beside each thing they open, the line of the matrix that asks for it.
// What is generated depends on the suite alone, so that it can be reviewed and
// compared; nothing of it is meant to be edited.
package generate

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/netconform/netconform/matrix"
)

// allowed are the cases that open something: lookups are left out.
func allowed(m *matrix.Matrix) []matrix.Case {
	return slices.DeleteFunc(m.Expand(), func(c matrix.Case) bool {
		return c.Expected != matrix.Allow || c.Protocol == matrix.DNS
	})
}

// access is a port that a peer may be reached on.
type access struct {
	protocol matrix.Protocol
	port     int
}

func (a access) compare(b access) int {
	if c := strings.Compare(string(a.protocol), string(b.protocol)); c != 0 {
		return c
	}
	return a.port - b.port
}

// span is a run of ports next to each other.
type span struct {
	protocol   matrix.Protocol
	first, end int
}

// spans joins three and more ports that are next to each other; fewer are
// easier to read one by one.
func spans(ports []access) []span {
	slices.SortFunc(ports, access.compare)
	ports = slices.Compact(ports)
	var out []span
	for i := 0; i < len(ports); {
		n := 1
		for i+n < len(ports) && ports[i+n] == (access{ports[i].protocol, ports[i].port + n}) {
			n++
		}
		if n < 3 {
			n = 1
		}
		out = append(out, span{ports[i].protocol, ports[i].port, ports[i].port + n - 1})
		i += n
	}
	return out
}

// line is the line of the matrix that allows a case.
func line(c matrix.Case) string { return fmt.Sprintf("%s:%d", path.Base(c.Pos.File), c.Pos.Line) }

// source is the line of the matrix that allows a case, and its reason.
func source(c matrix.Case) string {
	if c.Why == "" {
		return line(c)
	}
	return line(c) + ", " + strings.Join(strings.Fields(c.Why), " ")
}

var plainScalar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._/-]*$`)

// text is a YAML scalar that is read back as this very string.
func text(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return strconv.Quote(s)
	}
	if plainScalar.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}
