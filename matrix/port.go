package matrix

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/netconform/netconform/matrix/strict"
)

// MaxPorts is how many ports a service may have, ranges counted in full.
const MaxPorts = 1024

// plainPort is a number or a range, and perhaps a protocol. A leading 0 would
// be octal, and 8_0 would be 80, to YAML.
var plainPort = regexp.MustCompile(`^([1-9][0-9]{0,9})(?:-([1-9][0-9]{0,9}))?(?:/([a-z]+))?$`)

const portHelp = `write 5432, "53/udp", "8000-8010" or {name: http, port: 80}`

// String is the port as the matrix writes it: "5432", "53/udp", "8000-8010".
func (p Port) String() string {
	s := strconv.Itoa(p.Number)
	if p.End > p.Number {
		s += "-" + strconv.Itoa(p.End)
	}
	if p.Protocol != TCP {
		s += "/" + string(p.Protocol)
	}
	return s
}

// covers reports whether all of q is in p.
func (p Port) covers(q Port) bool {
	return p.Protocol == q.Protocol && p.Number <= q.Number && q.End <= p.End
}

func (p Port) overlaps(q Port) bool {
	return p.Protocol == q.Protocol && p.Number <= q.End && q.Number <= p.End
}

func portList(ports []Port) string {
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = p.String()
	}
	return strings.Join(words, ", ")
}

// DecodeYAML reads a port. One that is wrong stays the zero Port; a name alone,
// which only a rule may use, has no number yet.
func (p *Port) DecodeYAML(d *strict.Decoder, n *strict.Node) {
	if !strict.IsMapping(n) {
		*p = plain(d, n, "")
		return
	}
	var f portFormat
	d.Decode(n, &f)
	if f.Port == nil {
		return
	}
	protocol := Protocol(f.Protocol.Name)
	if protocol != "" && !slices.Contains(protocols, protocol) {
		d.Problems().Add(f.Protocol.Pos, "unknown protocol %q; use tcp, udp or sctp", protocol)
		return
	}
	if port := plain(d, f.Port, protocol); port.Number > 0 {
		*p = port
		p.Name, p.Pos = f.Name.Name, d.Pos(n)
	}
}

var protocols = []Protocol{TCP, UDP, SCTP}

// plain reads 5432, "53/udp", "8000-8010" or a name. Given is the protocol that
// stands beside the port; TCP where there is none.
func plain(d *strict.Decoder, n *strict.Node, given Protocol) Port {
	if !strict.IsNumber(n) && !strict.IsText(n) {
		d.Problem(n, "%s is no port; "+portHelp, strict.Describe(n))
		return Port{}
	}
	if given == "" && label.MatchString(n.Value) && n.Value[0] >= 'a' {
		return Port{Name: n.Value, Pos: d.Pos(n)}
	}
	if n.Value == "0" {
		d.Problem(n, "port 0 is out of range; ports are 1 to 65535")
		return Port{}
	}
	parts := plainPort.FindStringSubmatch(n.Value)
	if parts == nil {
		d.Problem(n, "%q is no port; "+portHelp, n.Value)
		return Port{}
	}
	first, _ := strconv.Atoi(parts[1]) // the pattern leaves only digits, ten at most
	last := first
	if parts[2] != "" {
		last, _ = strconv.Atoi(parts[2])
	}
	protocol := Protocol(parts[3])
	switch {
	case protocol != "" && !slices.Contains(protocols, protocol):
		d.Problem(n, "unknown protocol %q; use tcp, udp or sctp", protocol)
	case protocol != "" && given != "":
		d.Problem(n, "the protocol is given twice, here and in \"protocol\"; keep one")
	case first > 65535 || last > 65535:
		d.Problem(n, "port %s is out of range; ports are 1 to 65535", parts[0])
	case last < first:
		d.Problem(n, "the range %s runs backwards; write %d-%d", parts[0], last, first)
	default:
		return Port{Number: first, End: last, Protocol: cmp.Or(protocol, given, TCP), Pos: d.Pos(n)}
	}
	return Port{}
}
