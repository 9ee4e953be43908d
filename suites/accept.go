package suites

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netconform/netconform/matrix"
)

// ReverseOfAllow is the pattern for a limit of Compose: bridge networks have
// no direction, so the reverse of every allowed pair is open.
const ReverseOfAllow = "reverse-of-allow"

// accept marks the violations that the suite accepts. It is strict: an entry
// that has expired accepts nothing, and it and one that no longer occurs fail
// the run. An entry that the run could not look at does neither.
func accept(run *Run, s *Suite, now time.Time) {
	today := now.Format(time.DateOnly)
	reversed := reverseOfAllow(run.Cases)
	for _, a := range s.Accept {
		group := AcceptedGroup{Where: a.where(), Reason: a.Reason, Expires: a.Expires}
		expired := a.Expires != "" && today >= a.Expires
		looked, unsure := 0, 0
		for i := range run.Cases {
			r := &run.Cases[i]
			if !a.on(r.Platform) || !a.covers(r.Case, s.Matrix, reversed) {
				continue
			}
			switch {
			case r.Judgement == Inconclusive || r.Judgement == Skipped:
				unsure++
			case r.Judgement.Violation() && !expired:
				r.Judgement, r.AcceptedBy = Accepted, a.Reason
				group.Count++
			}
			looked++
		}
		switch {
		case expired:
			group.Problem = fmt.Sprintf("%s: accepted deviation %s expired on %s; mend it or decide anew", a.Pos, group.Where, a.Expires)
		case looked > unsure && group.Count == 0 && unsure == 0:
			group.Problem = fmt.Sprintf("%s: accepted deviation %s no longer occurs; remove it", a.Pos, group.Where)
		}
		if looked > 0 || expired {
			run.Accepts = append(run.Accepts, group)
		}
	}
}

func (a Accept) where() string {
	if a.Pattern != "" {
		return a.Pattern
	}
	w := strings.Join(a.From, ", ") + " -> " + strings.Join(a.To, ", ")
	if a.Port != 0 {
		w += fmt.Sprintf(":%d", a.Port)
	}
	if a.Protocol != "" {
		w += "/" + a.Protocol
	}
	return w
}

func (a Accept) on(platform string) bool {
	return len(a.On) == 0 || slices.Contains(a.On, platform) || slices.Contains(a.On, strings.TrimPrefix(platform, "static-"))
}

func (a Accept) covers(c matrix.Case, m *matrix.Matrix, reversed map[string]bool) bool {
	if a.Pattern == ReverseOfAllow {
		return c.Expected == matrix.Deny && c.Protocol != matrix.DNS && reversed[c.From+">"+c.To]
	}
	return (a.Port == 0 || a.Port == c.Port) && (a.Protocol == "" || a.Protocol == string(c.Protocol)) &&
		stands(a.From, c.From, m) && stands(a.To, c.To, m)
}

// stands reports whether one of the names is the peer, or a tier or group that holds it.
func stands(names []string, peer string, m *matrix.Matrix) bool {
	for _, n := range names {
		if n == "*" || n == peer || slices.Contains(m.Members(n), peer) {
			return true
		}
	}
	return false
}

func reverseOfAllow(results []Result) map[string]bool {
	pairs := map[string]bool{}
	for _, r := range results {
		if r.Expected == matrix.Allow && r.Protocol != matrix.DNS {
			pairs[r.To+">"+r.From] = true
		}
	}
	return pairs
}

// summarize counts, for each platform and in all.
func summarize(run *Run) {
	run.Summary = Summary{}
	for i := range run.Platforms {
		p := &run.Platforms[i]
		p.Summary = Summary{}
		for _, r := range run.Cases {
			if r.Platform == p.Name {
				p.Summary.count(r)
			}
		}
	}
	for _, r := range run.Cases {
		run.Summary.count(r)
	}
}

func (s *Summary) count(r Result) {
	s.Cases++
	switch r.Judgement {
	case Conforms:
		s.Conforms++
	case UnexpectedAllow, UnexpectedDeny:
		s.Violations++
	case Inconclusive:
		s.Inconclusive++
	case Skipped:
		s.Skipped++
	case Accepted:
		s.Accepted++
	}
	if r.Disagrees() {
		s.Disagreements++
	}
}

// Exit codes of netconform.
const (
	ExitConforms     = 0
	ExitViolations   = 1
	ExitInput        = 2
	ExitInconclusive = 3
	ExitInterrupted  = 130
)

// Exit is the run's exit code: violations come before what could not be told.
func (run *Run) Exit() int {
	stale := slices.ContainsFunc(run.Accepts, func(g AcceptedGroup) bool { return g.Problem != "" })
	switch {
	case run.Summary.Violations > 0 || stale:
		return ExitViolations
	case run.Summary.Inconclusive > 0 || len(run.Errors) > 0:
		return ExitInconclusive
	}
	return ExitConforms
}
