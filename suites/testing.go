package suites

import (
	"fmt"
	"testing"
)

// Test verifies a suite in a Go test and makes every case a subtest, named
// FROM/TO/PORT_PROTOCOL_on_PLATFORM, so that
//
//	func TestMatrix(t *testing.T) {
//		s, err := suites.Load("testdata/suite.yaml")
//		require.NoError(t, err)
//		suites.Test(t, s, suites.Options{Targets: []suites.Target{{Platform: compose.New(compose.Options{})}}})
//	}
//
// can be asked for one pair: go test -run 'TestMatrix/archon/postgres'. A
// violation fails its subtest, and so does a case that could not be told, with
// another text; a skipped case is skipped. The run is returned for more
// assertions. Test fails at once where the suite can't be run at all.
func Test(t *testing.T, s *Suite, o Options) *Run {
	t.Helper()
	if o.Notify == nil {
		o.Notify = t.Logf
	}
	run, err := Verify(t.Context(), s, o)
	if err != nil {
		t.Fatalf("verify %s: %v", s.Name, err)
	}
	for _, e := range run.Errors {
		t.Error(e)
	}
	for _, g := range run.Accepts {
		if g.Problem != "" {
			t.Error(g.Problem)
		}
	}
	pairs := map[string][]Result{}
	var order []string
	for _, r := range run.Cases {
		key := r.From + "\x00" + r.To
		if pairs[key] == nil {
			order = append(order, key)
		}
		pairs[key] = append(pairs[key], r)
	}
	for _, key := range order {
		list := pairs[key]
		t.Run(list[0].From+"/"+list[0].To, func(t *testing.T) {
			for _, r := range list {
				t.Run(caseName(r), func(t *testing.T) { report(t, r) })
			}
		})
	}
	return run
}

func caseName(r Result) string {
	if r.Port == 0 {
		return fmt.Sprintf("%s_on_%s", r.Protocol, r.Platform)
	}
	return fmt.Sprintf("%d_%s_on_%s", r.Port, r.Protocol, r.Platform)
}

func report(t *testing.T, r Result) {
	switch r.Judgement {
	case Conforms:
	case Skipped:
		t.Skip(r.Evidence)
	case Accepted:
		t.Logf("accepted: %s", r.AcceptedBy)
	case Inconclusive:
		t.Errorf("%s: inconclusive, expected %s (%s)\n%s", r.Key(), r.Expected, r.Reason, r.Evidence)
	default:
		t.Errorf("%s: %s, expected %s (%s)\n%s\nby the files: %s", r.Key(), r.Judgement, r.Expected, r.Reason, r.Evidence, r.Explanation)
	}
}
