package suites

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

func seen(route Route, outcome probes.Outcome, live bool) Observation {
	o := Observation{Path: Path{Route: route, From: "a", Host: "b", Port: 80, Required: route == ByName || route == ByLookup},
		Result: probes.Result{Outcome: outcome}, Live: live}
	if outcome == probes.OutcomeUnresolved {
		o.Result.DNS = &probes.Lookup{Status: "nxdomain"}
	}
	return o
}

func TestJudge(t *testing.T) {
	const (
		ok         = probes.OutcomeOpen
		drop       = probes.OutcomeDropped
		refused    = probes.OutcomeRefused
		rejected   = probes.OutcomeRejected
		noRoute    = probes.OutcomeUnreachable
		wrong      = probes.OutcomeWrongPeer
		unverified = probes.OutcomeOpenUnverified
		noName     = probes.OutcomeUnresolved
		fault      = probes.OutcomeError
	)
	type o = []Observation
	for _, test := range []struct {
		name        string
		seen        o
		observed    matrix.Verdict
		allow, deny Judgement // when allow or deny is expected
	}{
		{"all open", o{seen(ByName, ok, true), seen(ByAddress, ok, true)}, matrix.Allow, Conforms, UnexpectedAllow},
		{"open by name alone is enough for an allow", o{seen(ByName, ok, true), seen(ByAddress, drop, true)}, matrix.Allow, Conforms, UnexpectedAllow},
		{"all dropped, controls live", o{seen(ByName, drop, true), seen(ByAddress, drop, true)}, matrix.Deny, UnexpectedDeny, Conforms},
		{"refused with a live control", o{seen(ByName, refused, true), seen(ByAddress, refused, true)}, matrix.Deny, UnexpectedDeny, Conforms},
		{"rejected and unreachable", o{seen(ByName, rejected, true), seen(ByAddress, noRoute, true)}, matrix.Deny, UnexpectedDeny, Conforms},
		{"dropped, control dead", o{seen(ByName, drop, false), seen(ByAddress, drop, false)}, matrix.Unknown, Inconclusive, Inconclusive},
		{"one address's control dead", o{seen(ByName, drop, true), seen(ByAddress, drop, false)}, matrix.Unknown, Inconclusive, Inconclusive},
		{"one open address breaks a deny", o{seen(ByName, drop, true), seen(ByAddress, ok, true)}, matrix.Partial, UnexpectedDeny, UnexpectedAllow},
		{"name fails to resolve, address open", o{seen(ByName, noName, true), seen(ByAddress, ok, true)}, matrix.Partial, UnexpectedDeny, UnexpectedAllow},
		{"name fails to resolve, resolver dead, address open", o{seen(ByName, noName, false), seen(ByAddress, ok, true)}, matrix.Partial, Inconclusive, UnexpectedAllow},
		{"name fails to resolve, address dropped", o{seen(ByName, noName, true), seen(ByAddress, drop, true)}, matrix.Deny, UnexpectedDeny, Conforms},
		{"a failed name alone is no deny", o{seen(ByName, noName, true)}, matrix.Unknown, Inconclusive, Inconclusive},
		{"tool error", o{seen(ByName, fault, true), seen(ByAddress, drop, true)}, matrix.Unknown, Inconclusive, Inconclusive},
		{"tool error beside an open address", o{seen(ByName, fault, true), seen(ByAddress, ok, true)}, matrix.Partial, Inconclusive, UnexpectedAllow},
		{"hollow accept", o{seen(ByName, drop, true), seen(ByPublished, unverified, true)}, matrix.Unknown, Inconclusive, Inconclusive},
		{"a foreign process in the target's place", o{seen(ByName, unverified, true), seen(ByAddress, unverified, true)}, matrix.Unknown, Inconclusive, Inconclusive},
		{"the name leads to another stand-in", o{seen(ByName, wrong, true), seen(ByAddress, drop, true)}, matrix.Deny, UnexpectedDeny, Conforms},
		{"another stand-in at the address", o{seen(ByName, drop, true), seen(ByAddress, wrong, true)}, matrix.Unknown, Inconclusive, Inconclusive},
		{"lookup answered", o{seen(ByLookup, probes.OutcomeResolved, true)}, matrix.Allow, Conforms, UnexpectedAllow},
		{"lookup not answered", o{seen(ByLookup, noName, true)}, matrix.Deny, UnexpectedDeny, Conforms},
		{"lookup not answered, resolver dead", o{seen(ByLookup, noName, false)}, matrix.Unknown, Inconclusive, Inconclusive},
		{"not probed", o{seen(ByName, probes.OutcomeNotProbed, true)}, matrix.Unknown, Inconclusive, Inconclusive},
		{"nothing", nil, matrix.Unknown, Inconclusive, Inconclusive},
	} {
		t.Run(test.name, func(t *testing.T) {
			allow, deny := judge(matrix.Allow, test.seen), judge(matrix.Deny, test.seen)
			assert.Equal(t, test.observed, allow.observed)
			assert.Equal(t, test.observed, deny.observed)
			assert.Equal(t, test.allow, allow.judgement, "when allow is expected")
			assert.Equal(t, test.deny, deny.judgement, "when deny is expected")
		})
	}
}

func TestJudgeNeedsEveryRequiredPath(t *testing.T) {
	pods := []Observation{seen(ByName, probes.OutcomeOpen, true), seen(ByAddress, probes.OutcomeDropped, true)}
	pods[1].Path.Required = true
	v := judge(matrix.Allow, pods)
	assert.Equal(t, UnexpectedDeny, v.judgement)
	assert.Equal(t, 1, v.deciding, "the path that fails decides")
}

func TestLookupErrorIsNoVerdict(t *testing.T) {
	o := seen(ByLookup, probes.OutcomeUnresolved, true)
	o.Result.DNS.Status = "error"
	assert.Equal(t, Inconclusive, judge(matrix.Deny, []Observation{o}).judgement)
	o.Result.DNS = nil
	assert.Equal(t, Inconclusive, judge(matrix.Deny, []Observation{o}).judgement)
}

func TestEveryOutcomeIsInTheTable(t *testing.T) {
	want := map[probes.Outcome]reach{
		probes.OutcomeError: unknown, probes.OutcomeOpen: open, probes.OutcomeOpenUnverified: unknown, probes.OutcomeWrongPeer: closed,
		probes.OutcomeRefused: closed, probes.OutcomeRejected: closed, probes.OutcomeDropped: closed, probes.OutcomeUnreachable: closed,
		probes.OutcomeUnresolved: closed, probes.OutcomeResolved: open, probes.OutcomeNotProbed: unknown,
	}
	for o := probes.Outcome(0); o.String() != "" && int(o) < len(want); o++ {
		assert.Equal(t, want[o], reachOf(seen(ByName, o, true)), "%s, live", o)
		if want[o] == closed {
			assert.Equal(t, unknown, reachOf(seen(ByName, o, false)), "%s, control dead", o)
		}
	}
	assert.Equal(t, "outcome(11)", probes.Outcome(len(want)).String(), "an outcome that this test does not know")
}

func TestJudgePrediction(t *testing.T) {
	assert.Equal(t, Conforms, judgePrediction(matrix.Allow, matrix.Allow))
	assert.Equal(t, Conforms, judgePrediction(matrix.Deny, matrix.Deny))
	assert.Equal(t, UnexpectedAllow, judgePrediction(matrix.Deny, matrix.Allow))
	assert.Equal(t, UnexpectedAllow, judgePrediction(matrix.Deny, matrix.Partial))
	assert.Equal(t, UnexpectedDeny, judgePrediction(matrix.Allow, matrix.Partial))
	assert.Equal(t, Inconclusive, judgePrediction(matrix.Allow, matrix.Unknown))
	assert.Equal(t, Inconclusive, judgePrediction(matrix.Deny, ""))
}
