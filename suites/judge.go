package suites

import (
	"fmt"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

// reach is what one path proves.
type reach int

const (
	unknown reach = iota
	open
	closed
)

// reachOf is the table from outcome to what a path proves. Nothing else in
// netconform turns an outcome into a verdict.
//
//	outcome           proves   on the condition
//	open, resolved    open
//	refused           closed   the destination's control is live
//	rejected          closed   the destination's control is live
//	dropped           closed   the destination's control is live
//	unreachable       closed   the destination's control is live
//	unresolved        closed   the DNS control is live and the lookup itself worked
//	wrong-peer        closed   by name only, and the control is live: the name leads elsewhere
//	open-unverified   unknown  a proxy accepts for nobody, a foreign process for itself
//	error             unknown  a tool error is never a verdict
//	not-probed        unknown
//
// A control is live where it answered before and after the probes.
func reachOf(o Observation) reach {
	r := o.Result
	switch r.Outcome {
	case probes.OutcomeOpen, probes.OutcomeResolved:
		return open
	case probes.OutcomeRefused, probes.OutcomeRejected, probes.OutcomeDropped, probes.OutcomeUnreachable:
		if o.Live {
			return closed
		}
	case probes.OutcomeUnresolved:
		if o.Live && r.DNS != nil && r.DNS.Status != "error" {
			return closed
		}
	case probes.OutcomeWrongPeer:
		if o.Live && o.Path.Route == ByName {
			return closed
		}
	}
	return unknown
}

// ruling is what a case's observations come to.
type ruling struct {
	observed  matrix.Verdict
	judgement Judgement
	deciding  int // index of the observation that decides; -1 where there is none
}

// judge applies the truth rules 2, 3, 6 and 7 to what a case's paths showed.
//
//   - Every required path open: the source reaches the destination; observed allow.
//   - No path open, every path proved closed, and one of them at least an
//     address, since a name that fails proves nothing: observed deny.
//   - Some path open, some required path not: observed partial. It breaks an
//     expected deny, since one open address is enough; it breaks an expected
//     allow where a required path is proved closed.
//   - Anything else is not known.
func judge(expected matrix.Verdict, observations []Observation) ruling {
	firstOpen, firstUnknown, firstShut, firstClosed := -1, -1, -1, -1
	required, requiredOpen := 0, 0
	addressed := false
	for i, o := range observations {
		r := reachOf(o)
		addressed = addressed || o.Path.Route != ByName
		if o.Path.Required {
			required++
			if r == open {
				requiredOpen++
			}
			if r == closed && firstShut < 0 {
				firstShut = i
			}
		}
		switch {
		case r == open && firstOpen < 0:
			firstOpen = i
		case r == unknown && firstUnknown < 0:
			firstUnknown = i
		case r == closed && firstClosed < 0:
			firstClosed = i
		}
	}

	v := ruling{observed: matrix.Unknown, judgement: Inconclusive, deciding: firstUnknown}
	switch {
	case len(observations) == 0:
		return v
	case required > 0 && requiredOpen == required:
		v.observed, v.deciding = matrix.Allow, firstOpen
	case firstOpen >= 0:
		v.observed, v.deciding = matrix.Partial, firstOpen
	case firstUnknown < 0 && addressed:
		v.observed, v.deciding = matrix.Deny, firstClosed
		if firstShut >= 0 {
			v.deciding = firstShut
		}
	default:
		return v
	}

	switch {
	case expected == v.observed:
		v.judgement = Conforms
	case expected == matrix.Deny:
		v.judgement, v.deciding = UnexpectedAllow, firstOpen
	case firstShut >= 0:
		v.judgement, v.deciding = UnexpectedDeny, firstShut
	case v.observed == matrix.Deny:
		v.judgement = UnexpectedDeny
	default:
		v.judgement, v.deciding = Inconclusive, firstUnknown
	}
	return v
}

// evidence is the deciding observation as a sentence.
func evidence(o Observation) string {
	r, p := o.Result, o.Path
	var b strings.Builder
	fmt.Fprintf(&b, "%s from %s", r.Outcome, p.From)
	switch p.Route {
	case ByLookup:
		fmt.Fprintf(&b, ", looking up %s", p.Host)
	case ByName:
		fmt.Fprintf(&b, " by name %s:%d", p.Host, p.Port)
	default:
		fmt.Fprintf(&b, " by %s %s:%d", p.Route, p.Host, p.Port)
	}
	if p.Via != "" {
		fmt.Fprintf(&b, " (%s)", p.Via)
	}
	if r.Address != "" && r.Address != p.Host {
		fmt.Fprintf(&b, ", address %s", r.Address)
	}
	if r.DNS != nil && r.Outcome == probes.OutcomeUnresolved {
		fmt.Fprintf(&b, ", DNS %s", r.DNS.Status)
	}
	if r.Outcome == probes.OutcomeWrongPeer {
		fmt.Fprintf(&b, ", answered by %s", r.Peer)
	}
	if r.ICMP != nil {
		fmt.Fprintf(&b, ", ICMP %d/%d from %s", r.ICMP.Type, r.ICMP.Code, r.ICMP.Offender)
	}
	if r.Errno != "" {
		fmt.Fprintf(&b, ", %s", r.Errno)
	}
	if r.Detail != "" {
		fmt.Fprintf(&b, ": %s", r.Detail)
	}
	if !o.Live && reachOf(o) == unknown && r.Outcome != probes.OutcomeError && r.Outcome != probes.OutcomeOpenUnverified {
		b.WriteString("; its control did not answer, so silence proves nothing")
	}
	return b.String()
}

// judgePrediction judges a case by the files alone.
func judgePrediction(expected, predicted matrix.Verdict) Judgement {
	switch {
	case predicted == matrix.Unknown || predicted == "":
		return Inconclusive
	case predicted == expected:
		return Conforms
	case expected == matrix.Deny:
		return UnexpectedAllow
	}
	return UnexpectedDeny
}
