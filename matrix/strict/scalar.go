package strict

import (
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Text reads a text. A date counts as one; a number, true and false don't,
// because YAML may have read something else than was written.
func (d *Decoder) Text(n *Node) string {
	n = follow(n)
	switch tag := n.ShortTag(); {
	case n.Kind == yaml.ScalarNode && (tag == "!!str" || tag == "!!timestamp" || tag == "!!merge"):
		return n.Value
	case empty(n):
		d.Problem(n, "%s has no value; write it, or remove the line", d.Field())
	case n.Kind == yaml.ScalarNode:
		d.Problem(n, "%s must be text, not %s; put it in quotes: %q", d.Field(), kind(n), n.Value)
	default:
		d.Problem(n, "%s must be text, not %s; write a single value", d.Field(), kind(n))
	}
	return ""
}

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

// Int reads a plain decimal number of at least 0.
func (d *Decoder) Int(n *Node) int {
	n = follow(n)
	switch {
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" && n.ShortTag() != "!!float":
		d.Problem(n, "%s must be a number, not %s; write digits only, without quotes", d.Field(), kind(n))
	case !decimal.MatchString(n.Value):
		d.Problem(n, "%s must be a plain decimal number, not %s; write digits only, without a leading 0", d.Field(), n.Value)
	default:
		number, err := strconv.Atoi(n.Value)
		if err == nil {
			return number
		}
		d.Problem(n, "%s must be a number from 0 to %d, not %s; write a smaller one", d.Field(), math.MaxInt, n.Value)
	}
	return 0
}

func (d *Decoder) boolean(n *Node, v reflect.Value) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
		v.SetBool(strings.EqualFold(n.Value, "true"))
		return
	}
	d.Problem(n, "%s must be true or false, not %s; write one of the two", d.Field(), kind(n))
}

// kind is what a node is, in words.
func kind(n *Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case empty(n):
		return "nothing"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	}
	return "text"
}

// Describe is a scalar's text in quotes, or what else the node is, in words.
func Describe(n *Node) string {
	if n.Kind == yaml.ScalarNode && !empty(n) {
		return strconv.Quote(n.Value)
	}
	return kind(n)
}

// IsText, IsNumber and IsMapping tell apart what a Custom value may be.
func IsText(n *Node) bool    { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" }
func IsNumber(n *Node) bool  { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" }
func IsMapping(n *Node) bool { return n.Kind == yaml.MappingNode }

func empty(n *Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
