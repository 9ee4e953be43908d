// Package probes is what runs inside a stand-in: listeners that answer with a
// signed identity, and TCP, UDP, SCTP and DNS probes that say what happened.
//
// The package imports the standard library, golang.org/x/sys and x/net's
// dnsmessage only, because it is linked into the agent.
package probes

import "fmt"

// Outcome is what one probe met. It says what happened, never what it means:
// the table from outcome to verdict stands in package suites.
//
// The zero value is OutcomeError, so that a result nobody filled in is never
// taken for an answer. New outcomes are appended.
type Outcome uint8

const (
	// OutcomeError: the tool failed (EMFILE, EADDRNOTAVAIL, a dead agent, a truncated answer).
	OutcomeError Outcome = iota
	// OutcomeOpen: the expected stand-in answered, signed, with the probe's nonce.
	OutcomeOpen
	// OutcomeOpenUnverified: somebody accepted or answered, but not with a valid signature of this run.
	OutcomeOpenUnverified
	// OutcomeWrongPeer: another stand-in of this run answered, with a valid signature.
	OutcomeWrongPeer
	// OutcomeRefused: TCP RST, or the port-unreachable of the very address that was probed.
	OutcomeRefused
	// OutcomeRejected: an ICMP error; its type, code and offender are in the result.
	OutcomeRejected
	// OutcomeDropped: silence through every attempt and its confirmation.
	OutcomeDropped
	// OutcomeUnreachable: the source itself has no route or may not send (ENETUNREACH, EHOSTUNREACH, EACCES, EPERM).
	OutcomeUnreachable
	// OutcomeUnresolved: the name gave no address; the DNS outcome says why.
	OutcomeUnresolved
	// OutcomeResolved: a DNS probe got at least one address.
	OutcomeResolved
	// OutcomeNotProbed: nothing was sent; what stands is a prediction.
	OutcomeNotProbed
)

var outcomeNames = [...]string{
	"error", "open", "open-unverified", "wrong-peer", "refused",
	"rejected", "dropped", "unreachable", "unresolved", "resolved", "not-probed",
}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// MarshalText writes the outcome's name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads an outcome's name and refuses every other text.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if name == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("unknown outcome %q", text)
}
