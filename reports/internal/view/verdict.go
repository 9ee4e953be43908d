package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/netconform/netconform/suites"
)

// State is what a run as a whole came to.
type State int

const (
	Conforming    State = iota // every case that was judged holds
	Failed                     // a violation, or an error of the run
	Unknown                    // no violation, but something could not be known
	NothingJudged              // not one case was judged: proves nothing
)

// State of the run. A run that judged nothing never conforms.
func (v *View) State() State {
	t := v.Total
	switch {
	case t.Violations > 0 || len(v.Errors) > 0:
		return Failed
	case t.Inconclusive > 0:
		return Unknown
	case t.Conforms+t.Accepted == 0:
		return NothingJudged
	}
	return Conforming
}

// Verdict is the run in one sentence, without the suite's name.
func (v *View) Verdict() string {
	t := v.Total
	var parts []string
	add := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, Plural(n, one, many))
		}
	}
	add(t.Violations, "violation", "violations")
	add(len(v.Errors), "error of the run", "errors of the run")
	add(t.Inconclusive, "inconclusive case", "inconclusive cases")
	add(t.Disagreements, "case where the network does not do what its files say", "cases where the network does not do what its files say")
	add(t.Accepted, "accepted deviation", "accepted deviations")
	add(t.Skipped, "skipped case", "skipped cases")
	verified, predicted := v.held()
	head := fmt.Sprintf("conforms: %s verified", Plural(verified, "case", "cases"))
	switch {
	case v.State() == NothingJudged:
		head = "nothing was verified"
	case v.State() == Unknown:
		head = "can't tell"
	case v.State() == Failed && v.staticOnly():
		head = "does not conform by its files; nothing was probed"
	case v.State() == Failed:
		head = "does not conform"
	case verified == 0:
		head = fmt.Sprintf("conforms by its files: %s predicted, nothing was probed", Plural(predicted, "case", "cases"))
	case predicted > 0:
		head += fmt.Sprintf(", %d more predicted from files", predicted)
	}
	if len(parts) == 0 {
		return head
	}
	sep := ": "
	if v.State() == Conforming {
		sep = ", "
	}
	return head + sep + strings.Join(parts, ", ")
}

// held counts the cases that hold: those that were probed, and those that only
// the files speak for.
func (v *View) held() (verified, predicted int) {
	for _, p := range v.Platforms {
		if Static(p.Name) {
			predicted += p.Count.Conforms + p.Count.Accepted
		} else {
			verified += p.Count.Conforms + p.Count.Accepted
		}
	}
	return verified, predicted
}

func (v *View) staticOnly() bool {
	for _, p := range v.Platforms {
		if !Static(p.Name) && p.Count.Cases > 0 {
			return false
		}
	}
	return len(v.Run.Cases) > 0
}

// Plural is "1 case", "2 cases".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Group is a pattern: results of one platform between two tiers, with the
// networks that the deciding ways went through.
type Group struct {
	From, To string // tiers
	Results  []*suites.Result
	Via      []Tally
}

// Mends counts what would turn results round, the most frequent first; results
// for which nothing is known are left out.
func Mends(results []*suites.Result) []Tally {
	return tally(results, func(r *suites.Result) string { return r.Mend })
}

// Tally is a word and how often it occurs.
type Tally struct {
	Word  string
	Count int
}

// Groups puts results together by the tiers of their ends; the largest first,
// equals in the order of their first result.
func (v *View) Groups(results []*suites.Result) []Group {
	index := map[[2]string]int{}
	var groups []Group
	for _, r := range results {
		k := [2]string{v.Tier(r.From), v.Tier(r.To)}
		i, known := index[k]
		if !known {
			i = len(groups)
			index[k] = i
			groups = append(groups, Group{From: k[0], To: k[1]})
		}
		groups[i].Results = append(groups[i].Results, r)
	}
	for i := range groups {
		groups[i].Via = tally(groups[i].Results, via)
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return cmp.Compare(len(b.Results), len(a.Results)) })
	return groups
}

// via names the network, or whatever else the way is called by, of the deciding
// observation: the first with the result's outcome.
func via(r *suites.Result) string {
	for _, o := range r.Observations {
		if o.Result.Outcome == r.Outcome {
			return o.Path.Via
		}
	}
	return ""
}

func tally(results []*suites.Result, word func(*suites.Result) string) []Tally {
	index := map[string]int{}
	var tallies []Tally
	for _, r := range results {
		w := word(r)
		if w == "" {
			continue
		}
		i, known := index[w]
		if !known {
			i = len(tallies)
			index[w] = i
			tallies = append(tallies, Tally{Word: w})
		}
		tallies[i].Count++
	}
	slices.SortStableFunc(tallies, func(a, b Tally) int { return cmp.Compare(b.Count, a.Count) })
	return tallies
}
