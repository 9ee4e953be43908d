package suites

import (
	"time"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

// Schema is the version of results.json.
const Schema = "netconform.results/v1"

// Judgement is what a case came to.
type Judgement string

const (
	Conforms        Judgement = "conforms"
	UnexpectedAllow Judgement = "unexpected-allow" // a violation: forbidden and open
	UnexpectedDeny  Judgement = "unexpected-deny"  // a violation: needed and blocked
	Inconclusive    Judgement = "inconclusive"
	Skipped         Judgement = "skipped"
	Accepted        Judgement = "accepted" // a violation that the suite accepts, with its reason
)

// Violation reports whether j is one of the two violations.
func (j Judgement) Violation() bool { return j == UnexpectedAllow || j == UnexpectedDeny }

// Fact is one thing that the verdicts depend on.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Run is one execution of a suite, and what results.json holds. Every report
// is a pure function of a Run.
type Run struct {
	Schema    string           `json:"schema"`
	Suite     string           `json:"suite"`
	ID        string           `json:"id"`
	Version   string           `json:"version"` // netconform's
	Matrix    string           `json:"matrix"`  // the matrix file
	Digest    string           `json:"digest"`  // sha256 of what the matrix expects: case keys and verdicts
	Started   time.Time        `json:"started"`
	ElapsedMS float64          `json:"elapsed_ms"`
	Services  []Service        `json:"services"`
	Platforms []PlatformRun    `json:"platforms"`
	Summary   Summary          `json:"summary"`
	Accepts   []AcceptedGroup  `json:"accepted_deviations,omitempty"`
	Findings  []matrix.Finding `json:"findings,omitempty"`
	// Errors are failures of the run as a whole: set-up, an expired acceptance.
	Errors []string `json:"errors,omitempty"`
	Cases  []Result `json:"cases"`
}

// Service is a row of the picture: a service or an external.
type Service struct {
	Name     string `json:"name"`
	Tier     string `json:"tier,omitempty"`
	External bool   `json:"external,omitempty"`
}

// PlatformRun is what a platform contributed.
type PlatformRun struct {
	// Name is "compose", "kubernetes", "static-compose" or "static-kubernetes".
	Name string `json:"name"`
	// NotRun says why nothing was probed; empty where it ran.
	NotRun      string       `json:"not_run,omitempty"`
	Environment []Fact       `json:"environment,omitempty"`
	Notes       []string     `json:"notes,omitempty"`
	Phases      []Phase      `json:"phases,omitempty"`
	Convergence *Convergence `json:"convergence,omitempty"`
	Summary     Summary      `json:"summary"`
}

// Phase is how long a part of the run took.
type Phase struct {
	Name      string  `json:"name"` // deploy, baseline, enforce, control, probe, confirm, teardown
	ElapsedMS float64 `json:"elapsed_ms"`
}

// Convergence is how long verdicts took to hold after the policies were applied.
type Convergence struct {
	P50MS float64 `json:"p50_ms"`
	P90MS float64 `json:"p90_ms"`
	MaxMS float64 `json:"max_ms"`
	// Unsettled counts the cases that still changed when the budget was spent.
	Unsettled int `json:"unsettled,omitempty"`
}

// Summary counts cases by judgement.
type Summary struct {
	Cases        int `json:"cases"`
	Conforms     int `json:"conforms"`
	Violations   int `json:"violations"`
	Inconclusive int `json:"inconclusive"`
	Skipped      int `json:"skipped"`
	Accepted     int `json:"accepted"`
	// Disagreements counts cases whose observation is not what the files imply.
	Disagreements int `json:"disagreements"`
}

// Result is a case with its prediction, observations and judgement. The key
// (platform, from, to, port, protocol) is unique in a run.
type Result struct {
	Platform string `json:"platform"`
	matrix.Case
	Predicted matrix.Verdict `json:"predicted,omitempty"`
	// Outcome is that of the deciding observation.
	Outcome   probes.Outcome `json:"outcome"`
	Observed  matrix.Verdict `json:"observed"`
	Judgement Judgement      `json:"judgement"`
	// Evidence is one sentence: what was seen, from where, on which way.
	Evidence     string        `json:"evidence,omitempty"`
	Observations []Observation `json:"observations,omitempty"`
	// Explanation is the prediction's reason; Mend what would turn it round.
	Explanation string `json:"explanation,omitempty"`
	Decides     string `json:"decides,omitempty"` // file:line:col of the object that decides
	Mend        string `json:"mend,omitempty"`
	// Reason is the place in the matrix that says what is expected; Why its words.
	Reason string `json:"reason"`
	Why    string `json:"why,omitempty"`
	// AcceptedBy is the reason of the accepted deviation.
	AcceptedBy string `json:"accepted_by,omitempty"`
	// SettledMS is how long after the policies the verdict held; 0 where nothing had to settle.
	SettledMS float64 `json:"settled_ms,omitempty"`
	ElapsedMS float64 `json:"elapsed_ms"`
}

// Disagrees reports whether what was seen is not what the files imply:
// enforcement, not configuration.
func (r Result) Disagrees() bool {
	return definite(r.Predicted) && definite(r.Observed) && r.Predicted != r.Observed
}

func definite(v matrix.Verdict) bool {
	return v == matrix.Allow || v == matrix.Deny || v == matrix.Partial
}

// Observation is what one path showed.
type Observation struct {
	Path   Path          `json:"path"`
	Result probes.Result `json:"result"`
	// Live is whether the path's controls held, before and after.
	Live bool `json:"live"`
}

// AcceptedGroup is an accepted deviation of the suite and how often it occurred.
type AcceptedGroup struct {
	Where   string `json:"where"` // the entry as written: "from -> to:port", or the pattern's name
	Reason  string `json:"reason"`
	Expires string `json:"expires,omitempty"` // YYYY-MM-DD
	Count   int    `json:"count"`
	// Problem fails the run: the entry has expired, or no longer occurs.
	Problem string `json:"problem,omitempty"`
}
