package initial

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/netconform/netconform/matrix"
)

// FromMarkdown reads a document that describes services like this, and makes a
// matrix of it; file is its name in errors.
//
//	### Data Tier Services
//
//	**postgres** (Port 5432)
//	- **Incoming from:** api, worker (nightly), External (API)
//	- **Outgoing to:** None
//	- **Protocol:** PostgreSQL (TCP 5432)
//
// The heading above gives the tier. Peers without a description become
// "mentioned"; an external peer is "clients" where it comes in and "internet"
// where it is gone to; what stands in parentheses is the reason. Ports that
// only the protocol line has are "stated". All other text is passed over. Errors
// begin with file:line, one for each thing that is wrong.
func FromMarkdown(file string, data []byte) ([]byte, error) {
	r := &reader{file: file, internet: external{name: "internet", ports: []port{{name: "https", number: 443, protocol: matrix.TCP}},
		note: "The document names no port for what is outside: HTTPS is meant, most likely."}}
	for i, line := range strings.Split(string(data), "\n") {
		r.line(i+1, strings.TrimRight(line, " \t\r"))
	}
	r.finish()
	if len(r.services) == 0 && len(r.problems) == 0 {
		r.problem(1, "no service is described: write **name** (Port 5432), and below it \"- **Incoming from:**\" and \"- **Outgoing to:**\"")
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b problem) int { return a.line - b.line })
		var errs []error
		for _, p := range r.problems {
			errs = append(errs, fmt.Errorf("%s:%d: %s", file, p.line, p.text))
		}
		return nil, errors.Join(errs...)
	}
	return r.draft().write()
}

type reader struct {
	file     string
	problems []problem
	tier     string
	services []*described
	current  *described
	internet external
	clients  bool
}

type problem struct {
	line int
	text string
}

// described is a service as the document has it.
type described struct {
	service
	line     int
	in, out  bool // the lines are there
	protocol string
	at       int // its line
}

func (r *reader) problem(line int, format string, args ...any) {
	r.problems = append(r.problems, problem{line, fmt.Sprintf(format, args...)})
}

var (
	heading     = regexp.MustCompile(`^#+\s+(.*)$`)
	tierHeading = regexp.MustCompile(`(?i)^(.*?)\s+Tier(?:\s+Services)?(?:\s+\(.*\))?$`)
	title       = regexp.MustCompile(`^\*\*([^*:]+)\*\*\s*\(Ports?:?\s*(.*)\)$`)
	item        = regexp.MustCompile(`^\s*[-*]\s+\*\*([^*]+?):\*\*\s*(.*)$`)
)

func (r *reader) line(n int, text string) {
	if m := heading.FindStringSubmatch(text); m != nil {
		r.current, r.tier = nil, ""
		if t := tierHeading.FindStringSubmatch(m[1]); t != nil {
			r.tier = label(t[1])
		}
		return
	}
	if m := title.FindStringSubmatch(text); m != nil {
		r.title(n, m[1], m[2])
		return
	}
	m := item.FindStringSubmatch(text)
	if m == nil {
		return
	}
	key := strings.ToLower(strings.TrimSpace(m[1]))
	if key != "incoming from" && key != "outgoing to" && key != "protocol" {
		return
	}
	if r.current == nil {
		r.problem(n, "%q belongs to no service: write **name** (Port 5432) above it", m[1])
		return
	}
	switch key {
	case "incoming from":
		r.once(n, r.current.in, m[1])
		r.current.in = true
		r.incoming(n, m[2])
	case "outgoing to":
		r.once(n, r.current.out, m[1])
		r.current.out = true
		r.outgoing(n, m[2])
	case "protocol":
		r.once(n, r.current.protocol != "", m[1])
		r.current.protocol, r.current.at = m[2], n
	}
}

func (r *reader) once(n int, again bool, what string) {
	if again {
		r.problem(n, "%s has %q twice: join the two lines", r.current.name, what)
	}
}

func (r *reader) title(n int, name, list string) {
	s := &described{line: n}
	s.name, s.tier = label(name), r.tier
	s.notes = []string{fmt.Sprintf("%s:%d", r.file, n)}
	r.current = s
	if s.name != name {
		r.problem(n, "%q is no name of a service: use small letters, digits and hyphens", name)
	}
	if i := slices.IndexFunc(r.services, func(o *described) bool { return o.name == s.name }); i >= 0 {
		r.problem(n, "%s is described already, on line %d: remove one", s.name, r.services[i].line)
	}
	for _, word := range split(list) {
		number, ok := portNumber(word)
		if !ok {
			r.problem(n, "%q is no port of %s: write (Port 5432) or (Ports 7474, 7687)", word, name)
			continue
		}
		s.ports = append(s.ports, port{number: number, protocol: matrix.TCP})
	}
	r.services = append(r.services, s)
}

func portNumber(word string) (int, bool) {
	number, err := strconv.Atoi(word)
	return number, err == nil && number >= 1 && number <= 65535 && strconv.Itoa(number) == word
}

// split parts a list at its commas, but not at those in parentheses.
func split(list string) []string {
	var out []string
	depth, start := 0, 0
	for i, c := range list + "," {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && (depth <= 0 || i == len(list)):
			if word := strings.TrimSpace(list[start:min(i, len(list))]); word != "" {
				out = append(out, word)
			}
			start = i + 1
		}
	}
	return out
}

var peerWords = regexp.MustCompile("^`?([^()`]+?)`?\\s*(?:\\((.*)\\))?$")

// peers are a list's names and, in parentheses, the reasons.
func (r *reader) peers(n int, list string) []rule {
	var out []rule
	for _, word := range split(list) {
		m := peerWords.FindStringSubmatch(word)
		if m == nil {
			r.problem(n, "%q is no peer: write a name, and a reason in parentheses after it", word)
			continue
		}
		name := strings.TrimSpace(m[1])
		switch strings.ToLower(name) {
		case "none", "nobody", "-":
			continue
		case "external":
			out = append(out, rule{peer: "external", why: m[2]})
			continue
		}
		if label(name) != name {
			r.problem(n, "%q is no name of a peer: use small letters, digits and hyphens, and put words into parentheses", name)
			continue
		}
		if slices.ContainsFunc(out, func(o rule) bool { return o.peer == name }) {
			r.problem(n, "%s is in the list twice: remove one", name)
			continue
		}
		out = append(out, rule{peer: name, why: m[2]})
	}
	return out
}

func (r *reader) incoming(n int, list string) {
	for _, peer := range r.peers(n, list) {
		if peer.peer == "external" {
			peer.peer, r.clients = "clients", true
		}
		r.current.from = append(r.current.from, peer)
	}
}

func (r *reader) outgoing(n int, list string) {
	r.current.to = []string{}
	for _, peer := range r.peers(n, list) {
		if peer.peer == "external" {
			peer.peer = "internet"
			r.internet.from = append(r.internet.from, rule{peer: r.current.name, why: peer.why})
		}
		r.current.to = append(r.current.to, peer.peer)
	}
}

var (
	protocolPart = regexp.MustCompile(`([^(),]*)\(([^)]*)\)`)
	transport    = regexp.MustCompile(`(?i)^(TCP|UDP|SCTP)\s+(.*)$`)
)

// finish reads the protocol lines: names of ports, and ports that the title lacks.
func (r *reader) finish() {
	for _, s := range r.services {
		if !s.in || !s.out {
			r.problem(s.line, "%s has no line \"- **Incoming from:**\" or \"- **Outgoing to:**\": write both, with None where there is nobody", s.name)
		}
		for _, m := range protocolPart.FindAllStringSubmatch(s.protocol, -1) {
			protocol := matrix.TCP
			var numbers []int
			for _, word := range split(m[2]) {
				if t := transport.FindStringSubmatch(word); t != nil {
					protocol, word = matrix.Protocol(strings.ToLower(t[1])), t[2]
				}
				if number, ok := portNumber(word); ok {
					numbers = append(numbers, number)
				} else {
					r.problem(s.at, "%q is no port of %s: write HTTP (8080) or DNS (UDP 53)", word, s.name)
				}
			}
			s.protocols(label(m[1]), protocol, numbers)
		}
	}
}

func (s *described) protocols(name string, protocol matrix.Protocol, numbers []int) {
	for _, number := range numbers {
		i := slices.IndexFunc(s.ports, func(p port) bool { return p.number == number })
		if i < 0 {
			s.stated = append(s.stated, port{number: number, protocol: protocol})
			continue
		}
		s.ports[i].protocol = protocol
		if len(s.ports) > 1 && len(numbers) == 1 && plainName.MatchString(name) {
			s.ports[i].name = name
		}
	}
}

func (r *reader) draft() *draft {
	name := label(strings.TrimSuffix(path.Base(r.file), path.Ext(r.file)))
	if name == "" {
		name = "first"
	}
	d := &draft{name: name, head: []string{
		"A first matrix, out of " + r.file + ". \"from\" decides who may talk to whom; \"to\" is",
		"what the other side says, and `netconform lint` names where the two differ."}}
	if len(r.internet.from) > 0 {
		d.externals = append(d.externals, r.internet)
	}
	if r.clients {
		d.externals = append(d.externals, external{name: "clients"})
	}
	known := map[string]bool{"clients": true, "internet": true}
	for _, s := range r.services {
		known[s.name] = true
	}
	for _, s := range r.services {
		for _, peer := range slices.Concat(peersOf(s.from), s.to) {
			if !known[peer] {
				known[peer] = true
				d.mentioned = append(d.mentioned, peer)
			}
		}
		d.services = append(d.services, s.service)
	}
	return d
}

func peersOf(rules []rule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.peer)
	}
	return out
}
