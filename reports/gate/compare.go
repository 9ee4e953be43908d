package gate

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// Class is what became of a case. They are in the order in which to show them.
type Class string

const (
	Broke          Class = "broke"
	Opened         Class = "opened"
	NewWrong       Class = "new-wrong"
	ChangedWrong   Class = "changed-wrong"
	UncoveredWrong Class = "uncovered-wrong"
	CantTell       Class = "cant-tell"
	StillWrong     Class = "still-wrong"
	Accepted       Class = "accepted"
	Fixed          Class = "fixed"
	Closed         Class = "closed"
	Uncovered      Class = "uncovered"
	Changed        Class = "changed"
	New            Class = "new"
	Gone           Class = "gone"
	Unchanged      Class = "unchanged"
)

// Classes are all classes, in the order in which to show them.
var Classes = []Class{Broke, Opened, NewWrong, ChangedWrong, UncoveredWrong, CantTell, StillWrong,
	Accepted, Fixed, Closed, Uncovered, Changed, New, Gone, Unchanged}

// Worse reports whether the class stops a migration.
func (c Class) Worse() bool {
	return c == Broke || c == Opened || c == NewWrong || c == ChangedWrong || c == UncoveredWrong
}

// Title says what the class means.
func (c Class) Title() string {
	return map[Class]string{
		Broke:          "Broke: allowed, connected before, and does not now",
		Opened:         "Opened: forbidden, blocked before, and open now",
		NewWrong:       "New in the matrix, and wrong",
		ChangedWrong:   "The matrix changed its mind, and the network does not follow",
		UncoveredWrong: "Skipped before, and wrong now",
		CantTell:       "Can't tell",
		StillWrong:     "Still wrong, as before",
		Accepted:       "Wrong, and accepted by the suite now",
		Fixed:          "Fixed: blocked before, and connects now",
		Closed:         "Closed: open before, and blocked now",
		Uncovered:      "Not known before, and holds now",
		Changed:        "The matrix changed its mind, and the network follows",
		New:            "New in the matrix",
		Gone:           "Gone from the matrix",
		Unchanged:      "Unchanged",
	}[c]
}

// Change is what became of one case. Before is nil for a new one, After for
// one that is gone.
type Change struct {
	Class    Class
	Platform string
	Case     matrix.Case
	Before   *Entry
	After    *suites.Result
}

// Report is a comparison.
type Report struct {
	Suite string
	// MatrixChanged is true where the matrix's expectations are no longer the same.
	MatrixChanged bool
	// Changes are all cases that are not unchanged: by class, and then in the
	// order of the run.
	Changes []Change
	// Counts has every class.
	Counts map[Class]int
	// Errors are those of the run: with them a gate can't tell.
	Errors []string
}

// Exit is the exit code: 1 where something got worse, 3 where it can't be told, else 0.
func (r *Report) Exit() int {
	for c, n := range r.Counts {
		if n > 0 && c.Worse() {
			return 1
		}
	}
	if r.Counts[CantTell] > 0 || len(r.Errors) > 0 {
		return 3
	}
	return 0
}

type key struct {
	platform, from, to string
	port               int
	protocol           matrix.Protocol
}

func keyOf(r *suites.Result) key { return key{r.Platform, r.From, r.To, r.Port, r.Protocol} }

// Compare says what became of each case. It refuses a baseline that can't be
// compared: of another matrix, or of other platforms.
func Compare(before *Baseline, after *suites.Run) (*Report, error) {
	if err := comparable(before, after); err != nil {
		return nil, err
	}
	rep := &Report{Suite: after.Suite, MatrixChanged: before.Digest != after.Digest, Counts: map[Class]int{},
		Errors: view.New(&suites.Run{Errors: after.Errors, Accepts: after.Accepts}).Errors}
	known := make(map[key]*Entry, len(before.Cases))
	for i := range before.Cases {
		e := &before.Cases[i]
		known[key{e.Platform, e.From, e.To, e.Port, e.Protocol}] = e
	}
	common := 0
	for i := range after.Cases {
		r := &after.Cases[i]
		k := keyOf(r)
		e := known[k]
		if e != nil {
			common++
			delete(known, k)
		}
		rep.add(Change{Class: classify(e, r), Platform: r.Platform, Case: r.Case, Before: e, After: r})
	}
	if common == 0 {
		return nil, fmt.Errorf("baseline and run have not one case in common; is it the baseline of another matrix?")
	}
	for i := range before.Cases { // in the baseline's order
		e := &before.Cases[i]
		if known[key{e.Platform, e.From, e.To, e.Port, e.Protocol}] == e {
			rep.add(Change{Class: Gone, Platform: e.Platform, Before: e,
				Case: matrix.Case{From: e.From, To: e.To, Port: e.Port, Protocol: e.Protocol, Expected: e.Expected}})
		}
	}
	slices.SortStableFunc(rep.Changes, func(a, b Change) int {
		return slices.Index(Classes, a.Class) - slices.Index(Classes, b.Class)
	})
	return rep, nil
}

func (r *Report) add(c Change) {
	r.Counts[c.Class]++
	if c.Class != Unchanged {
		r.Changes = append(r.Changes, c)
	}
}

// standing is a case's judgement as far as the ratchet cares.
type standing int

const (
	inconclusive standing = iota // also whatever nobody judged
	skipped
	holds
	wrong
	accepted
)

func standingOf(j suites.Judgement) standing {
	switch j {
	case suites.Conforms:
		return holds
	case suites.UnexpectedAllow, suites.UnexpectedDeny:
		return wrong
	case suites.Accepted:
		return accepted
	case suites.Skipped:
		return skipped
	}
	return inconclusive
}

// classify is the table of the package comment.
func classify(e *Entry, r *suites.Result) Class {
	now := standingOf(r.Judgement)
	if e == nil {
		switch now {
		case wrong:
			return NewWrong
		case inconclusive:
			return CantTell
		}
		return New
	}
	was := standingOf(e.Judgement)
	switch {
	case now == inconclusive, now == skipped && was != skipped:
		return CantTell
	case now == skipped:
		return Unchanged
	case e.Expected != r.Expected && now == wrong:
		return ChangedWrong
	case e.Expected != r.Expected:
		return Changed
	case now == accepted && was == accepted:
		return Unchanged
	case now == accepted:
		return Accepted
	case now == wrong:
		switch was {
		case inconclusive:
			return CantTell
		case skipped:
			return UncoveredWrong
		case wrong, accepted:
			return StillWrong
		}
		return got(r.Expected, Broke, Opened)
	}
	switch was {
	case inconclusive, skipped:
		return Uncovered
	case wrong, accepted:
		return got(r.Expected, Fixed, Closed)
	}
	return Unchanged
}

func got(expected matrix.Verdict, allow, deny Class) Class {
	if expected == matrix.Allow {
		return allow
	}
	return deny
}

func comparable(before *Baseline, after *suites.Run) error {
	if path.Base(before.Matrix) != path.Base(after.Matrix) && before.Digest != after.Digest {
		return fmt.Errorf("the baseline is of matrix %s, and the run of %s; compare runs of one matrix, or make the baseline anew with --update-baseline", before.Matrix, after.Matrix)
	}
	var was, is []string
	for _, e := range before.Cases {
		was = insert(was, e.Platform)
	}
	for _, r := range after.Cases {
		is = insert(is, r.Platform)
	}
	if !slices.Equal(was, is) {
		return fmt.Errorf("the baseline is of %s, and the run of %s; run with --on for the same platforms, or make the baseline anew with --update-baseline", list(was), list(is))
	}
	return nil
}

func insert(sorted []string, s string) []string {
	if i, found := slices.BinarySearch(sorted, s); !found {
		return slices.Insert(sorted, i, s)
	}
	return sorted
}

func list(names []string) string {
	if len(names) == 0 {
		return "no platform"
	}
	return strings.Join(names, ", ")
}
