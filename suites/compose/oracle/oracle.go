// Package oracle tells from Compose files alone who can talk to whom, and why.
//
// All of it follows from which netfilter hook a packet meets:
//
//  1. Same bridge (container to container on one network): FORWARD with
//     br_netfilter, where enable_icc decides.
//  2. Bridge to another bridge: FORWARD, where the engine's isolation decides,
//     by version and gateway mode.
//  3. Container to any address of the host: INPUT, where the engine writes
//     nothing. A process on the host is open to every network, internal ones
//     included. A published port turns this into plane 2 (DNAT) or into
//     docker-proxy, and all differences between versions lie there.
//  4. Host to container: OUTPUT, always open.
//
// The verdict of a case is that of its ways, which are the same ones as the
// live platform tries: the name, each address, each published port through the
// host. All required ways open: allow. All ways shut: deny. Some way open, a
// required one shut: partial. What can't be known is unknown, never a guess.
package oracle

import (
	"fmt"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/compose/project"
)

// Oracle predicts a Compose project's verdicts. Safe for concurrent use.
type Oracle struct {
	project *project.Project
	matrix  *matrix.Matrix
	engine  Engine
	model   *model
	ends    map[string]end               // by service of the matrix
	listens map[string]map[port][]string // services of the matrix, by network namespace and port
	// brief leaves out what only explains; mutants are asked many times.
	brief bool
}

var _ suites.Oracle = (*Oracle)(nil)

// New returns the oracle of a project on an engine; the zero Engine is a
// current one with its defaults.
func New(p *project.Project, m *matrix.Matrix, e Engine) *Oracle {
	o := &Oracle{project: p, matrix: m, engine: e, model: newModel(p, e.orAssumed()),
		ends: map[string]end{}, listens: map[string]map[port][]string{}}
	for _, s := range m.Services {
		o.place(s)
	}
	return o
}

// end is the Compose service of a service of the matrix, or why it can't be known.
type end struct{ service, unknown string }

type port struct {
	number   int
	protocol matrix.Protocol
}

func (o *Oracle) place(s matrix.Service) {
	c, ok := o.project.Compose(s.Name)
	n := o.model.nodes[c.Name]
	e := end{service: c.Name}
	switch {
	case !ok:
		e.unknown = "no Compose service stands for " + s.Name
	case n == nil || n.kind == foreign:
		e.unknown = fmt.Sprintf("%s has network_mode %s, and what that is on is not in the files", s.Name, c.NetworkMode)
	case c.Provider != nil:
		e.unknown = s.Name + " is run by a provider, not in a container of its own"
	}
	o.ends[s.Name] = e
	if e.unknown != "" {
		return
	}
	o.model.stands[n.owner] = true
	space := n.space()
	if o.listens[space] == nil {
		o.listens[space] = map[port][]string{}
	}
	for _, p := range s.Ports {
		for number := p.Number; number <= max(p.End, p.Number); number++ {
			at := port{number, p.Protocol}
			o.listens[space][at] = append(o.listens[space][at], s.Name)
		}
	}
}

// space names a network namespace; all services on the host share its.
func (n *node) space() string {
	if n.kind == onHost {
		return "network_mode: host"
	}
	return n.owner
}

// Predict tells what the files imply for a case.
func (o *Oracle) Predict(c matrix.Case) suites.Prediction {
	t, ways, unknown := o.ask(c)
	if unknown != "" {
		return suites.Prediction{Verdict: matrix.Unknown, Reason: unknown, Steps: []string{unknown}}
	}
	if c.Protocol == matrix.DNS {
		return o.lookup(t)
	}
	v, at := decide(ways)
	p := suites.Prediction{Verdict: v}
	if o.brief {
		return p
	}
	p.Reason, p.Pos = o.reason(c, t, ways, v, at)
	p.Steps = o.steps(c, t, ways, p)
	p.Mend = o.mend(c, t, ways, v)
	return p
}

// ask finds the two ends of a case and its ways, or why they can't be known.
func (o *Oracle) ask(c matrix.Case) (t trip, ways []way, unknown string) {
	t = trip{m: o.model, port: c.Port, protocol: c.Protocol}
	outside := o.matrix.External(c.From) != nil
	if !outside {
		e := o.ends[c.From]
		if e.unknown != "" {
			return t, nil, e.unknown
		}
		t.from, t.fromService = o.model.nodes[e.service], e.service
	}
	if o.matrix.External(c.To) != nil {
		if outside {
			return t, nil, c.From + " and " + c.To + " are both outside of the project"
		}
		return t, o.model.toInternet(t.from, t.fromService), ""
	}
	e := o.ends[c.To]
	if e.unknown != "" {
		return t, nil, e.unknown
	}
	t.to, t.toService = o.model.nodes[e.service], e.service
	if c.Protocol == matrix.DNS {
		return t, nil, ""
	}
	if other := o.contends(c, t); other != "" {
		return t, nil, fmt.Sprintf("%s and %s share one network namespace and both want port %d/%s", c.To, other, c.Port, c.Protocol)
	}
	if outside {
		return t, t.fromOutside(), ""
	}
	return t, t.ways(), ""
}

// contends finds another service in the destination's network namespace that
// listens on the same port: only one of them can.
func (o *Oracle) contends(c matrix.Case, t trip) string {
	for _, name := range o.listens[t.to.space()][port{c.Port, c.Protocol}] {
		if name != c.To {
			return name
		}
	}
	return ""
}

// decide is the same rule as the judge's, on what the files imply. at is the
// way that decides; -1 where there is none.
func decide(ways []way) (v matrix.Verdict, at int) {
	required, requiredOpen := 0, 0
	firstOpen, firstUnclear, firstShut, requiredUnclear := -1, -1, -1, -1
	for i, w := range ways {
		if w.required {
			required++
			switch w.state {
			case open:
				requiredOpen++
			case unclear:
				requiredUnclear = i
			case closed:
				if firstShut < 0 {
					firstShut = i
				}
			}
		}
		switch {
		case w.state == open && firstOpen < 0:
			firstOpen = i
		case w.state == unclear && firstUnclear < 0:
			firstUnclear = i
		}
	}
	switch {
	case required > 0 && requiredOpen == required:
		return matrix.Allow, firstOpen
	case firstShut < 0 && requiredUnclear >= 0:
		return matrix.Unknown, requiredUnclear
	case firstOpen >= 0:
		return matrix.Partial, firstOpen
	case firstUnclear >= 0:
		return matrix.Unknown, firstUnclear
	}
	return matrix.Deny, firstShut
}

// lookup predicts a DNS case: whether any address comes back, not whose.
func (o *Oracle) lookup(t trip) suites.Prediction {
	a := o.model.resolve(t.from, t.fromService, t.toService)
	p := suites.Prediction{Verdict: matrix.Allow}
	switch {
	case a.unknown != "":
		p.Verdict, p.Reason = matrix.Unknown, a.unknown
	case a.none != "":
		p.Verdict, p.Reason = matrix.Deny, a.none
		p.Pos = o.project.Pos("services", t.fromService, "networks")
		p.Mend = o.join(t)
	default:
		p.Reason = fmt.Sprintf("on %s the name %s leads to %s", a.net.key, t.toService, join(a.owners))
		p.Pos = o.membership(a.owners[0], a.net)
	}
	p.Steps = []string{o.where(t.fromService, t.from), o.where(t.toService, t.to), p.Reason}
	return p
}

func join(names []string) string {
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}
