package suites

import "github.com/netconform/netconform/matrix"

// Mutation is how many of a target's mutants a suite catches.
type Mutation struct {
	Caught    int
	Survivors []Mutant // those that no case notices
}

// Mutate judges every mutant of a target by its files: it is caught where a
// case is violated that the target as it is does not violate. What the suite
// accepts on the platform counts as not violated, before and after.
func Mutate(s *Suite, platform string, o Oracle) Mutation {
	cases := s.Matrix.Expand()
	before := violations(s, platform, cases, o)
	var m Mutation
	for _, mutant := range o.Mutants() {
		if worse(violations(s, platform, cases, mutant.Predictor), before) {
			m.Caught++
		} else {
			m.Survivors = append(m.Survivors, mutant)
		}
	}
	return m
}

func worse(after, before map[string]bool) bool {
	for key := range after {
		if !before[key] {
			return true
		}
	}
	return false
}

func violations(s *Suite, platform string, cases []matrix.Case, p Predictor) map[string]bool {
	results := make([]Result, len(cases))
	for i, c := range cases {
		results[i] = Result{Platform: platform, Case: c, Judgement: judgePrediction(c.Expected, p.Predict(c).Verdict)}
	}
	found := map[string]bool{}
	reversed := reverseOfAllow(results)
	for _, r := range results {
		if r.Judgement.Violation() && !accepted(s, r, reversed) {
			found[r.Key()] = true
		}
	}
	return found
}

func accepted(s *Suite, r Result, reversed map[string]bool) bool {
	for _, a := range s.Accept {
		if a.on(r.Platform) && a.covers(r.Case, s.Matrix, reversed) {
			return true
		}
	}
	return false
}
