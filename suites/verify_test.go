package suites_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/fake"
)

const (
	allowed   = "api->db:5432/tcp"
	forbidden = "web->db:5432/tcp"
)

func suite(t *testing.T) *suites.Suite {
	t.Helper()
	m, err := matrix.Parse("matrix.yaml", []byte(`
matrix: small
services:
  db: {ports: [5432], from: [api]}
  api: {ports: [8080], from: [web]}
  web: {ports: [80]}
`))
	require.NoError(t, err)
	return &suites.Suite{Name: "small", File: "suite.yaml", Matrix: m}
}

func verify(t *testing.T, p *fake.Platform, o suites.Options, change ...func(*suites.Suite)) *suites.Run {
	t.Helper()
	s := suite(t)
	for _, c := range change {
		c(s)
	}
	o.Targets = []suites.Target{{Platform: p}}
	run, err := suites.Verify(t.Context(), s, o)
	require.NoError(t, err)
	require.Len(t, run.Cases, 8, "6 ports and 2 lookups")
	assert.Equal(t, 1, p.Closed, "removed exactly once")
	return run
}

func caseOf(t *testing.T, run *suites.Run, key string) suites.Result {
	t.Helper()
	for _, r := range run.Cases {
		if r.Key() == key {
			return r
		}
	}
	require.Fail(t, "no case "+key)
	return suites.Result{}
}

// conforming is a network that does what the small matrix says.
func conforming() *fake.Platform {
	p := &fake.Platform{Outcomes: map[string][]probes.Outcome{}}
	for _, pair := range []struct {
		from, to string
		port     int
	}{{"web", "db", 5432}, {"db", "api", 8080}, {"db", "web", 80}, {"api", "web", 80}} {
		for _, route := range []suites.Route{suites.ByName, suites.ByAddress} {
			p.Outcomes[fake.Key(pair.from, pair.to, route, pair.port)] = []probes.Outcome{probes.OutcomeDropped}
		}
	}
	return p
}

func TestConforming(t *testing.T) {
	run := verify(t, conforming(), suites.Options{})
	assert.Equal(t, suites.Summary{Cases: 8, Conforms: 8}, run.Summary)
	assert.Equal(t, suites.ExitConforms, run.Exit())
}

func TestFlatNetwork(t *testing.T) {
	run := verify(t, &fake.Platform{}, suites.Options{})
	assert.Equal(t, 4, run.Summary.Violations)
	r := caseOf(t, run, forbidden)
	assert.Equal(t, suites.UnexpectedAllow, r.Judgement)
	assert.Equal(t, "matrix.yaml:4:3", r.Reason)
	assert.Contains(t, r.Evidence, "open from web by name db:5432")
	assert.Equal(t, suites.ExitViolations, run.Exit())
}

func TestDeadTargetIsNoDeny(t *testing.T) {
	for name, outcomes := range map[string][]probes.Outcome{
		"from the start": {probes.OutcomeRefused},
		"half-way":       {probes.OutcomeOpen, probes.OutcomeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			p := conforming()
			p.Outcomes["control "+fake.Key("db", "db", suites.ByAddress, 5432)] = outcomes
			p.Outcomes[fake.Key("api", "db", suites.ByName, 5432)] = []probes.Outcome{probes.OutcomeRefused}
			p.Outcomes[fake.Key("api", "db", suites.ByAddress, 5432)] = []probes.Outcome{probes.OutcomeRefused}
			run := verify(t, p, suites.Options{})
			assert.Equal(t, suites.Inconclusive, caseOf(t, run, forbidden).Judgement)
			assert.Equal(t, suites.Inconclusive, caseOf(t, run, allowed).Judgement)
			assert.Equal(t, suites.ExitInconclusive, run.Exit())
		})
	}
}

func TestDeadVantageIsNoDeny(t *testing.T) {
	p := conforming()
	p.ProbeErr = map[string]error{"web": errors.New("exec cut")}
	run := verify(t, p, suites.Options{})
	r := caseOf(t, run, forbidden)
	assert.Equal(t, suites.Inconclusive, r.Judgement)
	assert.Contains(t, r.Evidence, "exec cut")
	assert.Equal(t, suites.Conforms, caseOf(t, run, allowed).Judgement, "other vantages are not touched")
}

func TestBrokenDeployment(t *testing.T) {
	p := conforming()
	p.Broken = map[string]error{"db": errors.New("container of db was replaced")}
	run := verify(t, p, suites.Options{})
	assert.Equal(t, suites.Inconclusive, caseOf(t, run, forbidden).Judgement)
	assert.Equal(t, suites.Conforms, caseOf(t, run, "web->api:8080/tcp").Judgement)

	p = conforming()
	p.Broken = map[string]error{"": errors.New("a policy was deleted")}
	assert.Equal(t, 8, verify(t, p, suites.Options{}).Summary.Inconclusive)
}

func TestDeployFailureIsInconclusiveAndAnError(t *testing.T) {
	p := &fake.Platform{DeployErr: errors.New("no space left")}
	s := suite(t)
	run, err := suites.Verify(t.Context(), s, suites.Options{Targets: []suites.Target{{Platform: p}}})
	require.NoError(t, err)
	assert.Equal(t, 8, run.Summary.Inconclusive)
	assert.Equal(t, []string{"compose: deploy: no space left"}, run.Errors)
	assert.Equal(t, suites.ExitInconclusive, run.Exit())
}

func TestInputErrorIsTheUsers(t *testing.T) {
	p := &fake.Platform{DeployErr: suites.ErrInput}
	_, err := suites.Verify(t.Context(), suite(t), suites.Options{Targets: []suites.Target{{Platform: p}}})
	assert.ErrorIs(t, err, suites.ErrInput)
}

func TestInterruptGivesNoRunAndCleansUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := conforming()
	p.Hook = func(n int) {
		if n == 4 {
			cancel()
		}
	}
	run, err := suites.Verify(ctx, suite(t), suites.Options{Targets: []suites.Target{{Platform: p}}})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, run)
	assert.Equal(t, 1, p.Closed)
}

func TestFailedRemovalKeepsTheVerdicts(t *testing.T) {
	p := conforming()
	p.CloseErr = errors.New("network is busy")
	run := verify(t, p, suites.Options{})
	assert.Equal(t, 8, run.Summary.Conforms)
	assert.Equal(t, []string{"compose: remove: network is busy"}, run.Errors)
	assert.Equal(t, suites.ExitInconclusive, run.Exit())
}

func TestFlappingVerdictIsInconclusive(t *testing.T) {
	p := conforming()
	o, d := probes.OutcomeOpen, probes.OutcomeDropped
	for _, route := range []suites.Route{suites.ByName, suites.ByAddress} {
		p.Outcomes[fake.Key("web", "db", route, 5432)] = []probes.Outcome{o, d, o, d, o, d}
	}
	r := caseOf(t, verify(t, p, suites.Options{}), forbidden)
	assert.Equal(t, suites.Inconclusive, r.Judgement)
	assert.Contains(t, r.Evidence, "still changed")
}

func TestLateAllowIsWaitedForAndConfirmed(t *testing.T) {
	p := conforming()
	p.Outcomes[fake.Key("api", "db", suites.ByName, 5432)] = []probes.Outcome{probes.OutcomeDropped, probes.OutcomeOpen}
	r := caseOf(t, verify(t, p, suites.Options{}), allowed)
	assert.Equal(t, suites.Conforms, r.Judgement)
	assert.NotZero(t, r.SettledMS, "the time that it took is reported")
}

func TestSkipped(t *testing.T) {
	p := conforming()
	p.Skips = map[string]string{forbidden: "no vantage"}
	run := verify(t, p, suites.Options{})
	assert.Equal(t, suites.Summary{Cases: 8, Conforms: 7, Skipped: 1}, run.Summary)
	assert.Equal(t, "no vantage", caseOf(t, run, forbidden).Evidence)
}

func TestBaselineBindsADenyToThePolicies(t *testing.T) {
	p := conforming()
	p.Settles, p.BaselineToo = true, true
	// Dropped before any policy: its silence after them proves nothing.
	o := suites.Options{Budget: time.Second, Patience: time.Millisecond}
	r := caseOf(t, verify(t, p, o), forbidden)
	assert.Equal(t, suites.Inconclusive, r.Judgement)
	assert.Contains(t, r.Evidence, "not open before the policies")

	p = conforming()
	p.Settles, p.BaselineToo = true, true
	for key, list := range p.Outcomes {
		p.Outcomes[key] = append([]probes.Outcome{probes.OutcomeOpen}, list...)
	}
	assert.Equal(t, 8, verify(t, p, o).Summary.Conforms)
}

func TestPoliciesThatArriveLateAreWaitedFor(t *testing.T) {
	p := conforming()
	p.Settles = true
	open, dropped := probes.OutcomeOpen, probes.OutcomeDropped
	for _, route := range []suites.Route{suites.ByName, suites.ByAddress} {
		p.Outcomes[fake.Key("web", "db", route, 5432)] = []probes.Outcome{open, open, open, dropped}
	}
	p.Predictions = map[string]matrix.Verdict{}
	for _, c := range suite(t).Matrix.Expand() {
		p.Predictions[c.Key()] = c.Expected
	}
	run := verify(t, p, suites.Options{Budget: time.Minute, Patience: time.Minute})
	assert.Equal(t, 8, run.Summary.Conforms)
	assert.NotNil(t, run.Platforms[0].Convergence)
	assert.Zero(t, run.Platforms[0].Convergence.Unsettled)
}

func TestUnrestJudgesOnlyWhatTheFilesImply(t *testing.T) {
	p := conforming()
	p.Settles = true
	// Predicted deny, still open when the budget is spent: not arrived, or not enforced?
	for _, route := range []suites.Route{suites.ByName, suites.ByAddress} {
		p.Outcomes[fake.Key("web", "db", route, 5432)] = []probes.Outcome{probes.OutcomeOpen}
	}
	p.Predictions = map[string]matrix.Verdict{}
	for _, c := range suite(t).Matrix.Expand() {
		p.Predictions[c.Key()] = c.Expected
	}
	run := verify(t, p, suites.Options{Budget: 50 * time.Millisecond, Patience: time.Hour})
	assert.Equal(t, suites.Inconclusive, caseOf(t, run, forbidden).Judgement)
	assert.Equal(t, 7, run.Summary.Conforms)
	assert.Equal(t, 1, run.Platforms[0].Convergence.Unsettled)

	p.Closed = 0
	run = verify(t, p, suites.Options{Budget: time.Minute, Patience: 20 * time.Millisecond})
	r := caseOf(t, run, forbidden)
	assert.Equal(t, suites.UnexpectedAllow, r.Judgement, "it stood still for the patience")
	assert.True(t, r.Disagrees(), "the network does not do what its files say")
	assert.Equal(t, 1, run.Summary.Disagreements)
}

func TestDNSIsACaseOfItsOwn(t *testing.T) {
	p := conforming()
	p.Outcomes[fake.Key("api", "db", suites.ByLookup, 0)] = []probes.Outcome{probes.OutcomeUnresolved}
	run := verify(t, p, suites.Options{})
	r := caseOf(t, run, "api->db/dns")
	assert.Equal(t, suites.UnexpectedDeny, r.Judgement)
	assert.Contains(t, r.Evidence, "DNS nxdomain")
	assert.Equal(t, suites.Conforms, caseOf(t, run, allowed).Judgement)
}

func TestAcceptedDeviations(t *testing.T) {
	reverse := suites.Accept{Pattern: suites.ReverseOfAllow, Reason: "bridge networks have no direction"}
	pair := suites.Accept{From: []string{"web"}, To: []string{"db"}, Reason: "until the proxy is there", Expires: "2030-01-01"}
	elsewhere := suites.Accept{From: []string{"*"}, To: []string{"*"}, On: []string{"kubernetes"}, Reason: "not here"}
	with := func(list ...suites.Accept) func(*suites.Suite) {
		return func(s *suites.Suite) { s.Accept = list }
	}
	at := func(day string) suites.Options {
		return suites.Options{Now: func() time.Time { d, _ := time.Parse(time.DateOnly, day); return d }}
	}

	run := verify(t, &fake.Platform{}, at("2029-12-31"), with(reverse, pair, elsewhere))
	assert.Equal(t, suites.Summary{Cases: 8, Conforms: 4, Accepted: 3, Violations: 1}, run.Summary)
	assert.Equal(t, "until the proxy is there", caseOf(t, run, forbidden).AcceptedBy)
	assert.Equal(t, suites.UnexpectedAllow, caseOf(t, run, "db->web:80/tcp").Judgement, "the reverse of nothing")

	run = verify(t, &fake.Platform{}, at("2030-01-01"), with(reverse, pair))
	assert.Equal(t, suites.UnexpectedAllow, caseOf(t, run, forbidden).Judgement)
	assert.Contains(t, run.Accepts[1].Problem, "expired on 2030-01-01")

	run = verify(t, conforming(), at("2029-12-31"), with(pair))
	assert.Contains(t, run.Accepts[0].Problem, "no longer occurs")
	assert.Equal(t, suites.ExitViolations, run.Exit(), "a stale acceptance fails the run")

	p := conforming()
	p.ProbeErr = map[string]error{"web": errors.New("exec cut")}
	assert.Empty(t, verify(t, p, at("2029-12-31"), with(pair)).Accepts[0].Problem, "what could not be looked at is not stale")
}

func TestWhatTheFilesDoNotImplyIsLookedAtAgain(t *testing.T) {
	p := conforming()
	// Expected deny, predicted allow, silent at the first look only.
	for _, route := range []suites.Route{suites.ByName, suites.ByAddress} {
		p.Outcomes[fake.Key("web", "db", route, 5432)] = []probes.Outcome{probes.OutcomeDropped, probes.OutcomeOpen}
	}
	p.Predictions = map[string]matrix.Verdict{forbidden: matrix.Allow}
	r := caseOf(t, verify(t, p, suites.Options{}), forbidden)
	assert.Equal(t, suites.UnexpectedAllow, r.Judgement)
	assert.False(t, r.Disagrees())
}
