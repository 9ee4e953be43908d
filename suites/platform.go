package suites

import (
	"context"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
)

// Platform is a place where a suite can run: a Docker engine, a cluster.
// The runner knows no more of it than this.
type Platform interface {
	// Name is "compose" or "kubernetes".
	Name() string
	// Available says why the platform can't be used here, or nil.
	Available(ctx context.Context) error
	// Deploy brings up a stand-in in every service's place. On an error
	// everything that it made is gone again.
	Deploy(ctx context.Context, job Job) (Deployment, error)
}

// Job is what a platform is asked to deploy.
type Job struct {
	// RunID labels everything the platform makes: 8 lower-case hex digits.
	RunID string
	// Key signs the stand-ins' answers.
	Key    []byte
	Suite  *Suite
	Cases  []matrix.Case
	Notify func(format string, args ...any) // progress; never nil
}

// Deployment is a suite that is up. One that is also a Predictor predicts with
// the facts of the platform that it runs on.
//
// A vantage names a place that probes can leave from: a stand-in, or one of
// the instances of a service ("postgres", "postgres@node1", "host").
type Deployment interface {
	// Environment is what the verdicts depend on (truth rule 12), in the
	// order to show, and notes: what was remapped, what could not be had.
	Environment() ([]Fact, []string)
	// Ways lists how the case's source can try its destination.
	Ways(c matrix.Case) Ways
	// Probe runs a batch from a vantage. An error, or fewer results than
	// probes, is a failure of the tool and never a verdict. Safe for
	// concurrent use.
	Probe(ctx context.Context, vantage string, b probes.Batch) ([]probes.Result, error)
	// Enforce puts what is under test in place: on Kubernetes the policies, after
	// the baseline; on Compose nothing, since the networks are there from the start.
	// It reports whether verdicts may take time to hold.
	Enforce(ctx context.Context) (settles bool, err error)
	// Check says whether the deployment is still the one that was asked for:
	// every stand-in runs, no policy was removed. Asked after the last probe; an
	// error makes the verdicts of the named vantages inconclusive (all, where none is named).
	Check(ctx context.Context) map[string]error
	// Close removes everything that was made. Works with a fresh context after an interrupt.
	Close(ctx context.Context) error
}

// Route is the way that a path takes to its destination.
type Route string

const (
	ByName      Route = "name"            // the service's name, as an application would
	ByAddress   Route = "address"         // a container's or pod's own address
	ByService   Route = "service-address" // a Kubernetes Service's address
	ByPublished Route = "published"       // a published host port, or a NodePort
	ByLookup    Route = "lookup"          // DNS
)

// Path is one way from a source to a destination.
type Path struct {
	Route    Route           `json:"route"`
	From     string          `json:"from"`         // vantage
	To       string          `json:"to,omitempty"` // the instance that answers; empty: any of them
	Host     string          `json:"host"`         // name or IP address to dial
	Port     int             `json:"port,omitempty"`
	Protocol matrix.Protocol `json:"protocol"`
	// Via tells people which way it is: a network's name, "same node", "other node".
	Via string `json:"via,omitempty"`
	// Required paths must all be open for an allow; a deny needs all paths closed.
	Required bool `json:"required,omitempty"`
}

// Ways is how a case is probed.
type Ways struct {
	Paths []Path
	// Controls must be open (or resolve) before and after the window, from
	// where nothing under test can block them, or a deny is worth nothing.
	// A path to one instance needs the controls that leave from it; a path with
	// no To needs them all; an unresolved name needs those of protocol DNS.
	Controls []Path
	// Skip says why the case can't be probed here; empty where it can.
	Skip string
}

// Predictor is the static oracle of a target: the verdict that the target's
// files imply. It does no I/O.
type Predictor interface {
	Predict(c matrix.Case) Prediction
}

// Prediction is a verdict with the object that decides it.
type Prediction struct {
	Verdict matrix.Verdict `json:"verdict"` // allow, deny, partial, unknown
	// Reason is one sentence: the network, policy or rule that decides.
	Reason string `json:"reason,omitempty"`
	// Pos is the place in the target's files that decides.
	Pos matrix.Pos `json:"pos,omitzero"`
	// Steps is the walk of the decision, one sentence each, for explain.
	Steps []string `json:"-"`
	// Mend is the smallest change that turns the verdict round, where one is known.
	Mend string `json:"mend,omitempty"`
}

// Oracle is all that a target's files tell without a platform. It is built
// from the files, and from the platform's facts where they are known.
type Oracle interface {
	Predictor
	// Assumptions are the facts that the predictions were made under.
	Assumptions() []Fact
	// Findings are what is wrong with the target's files, sorted by place.
	Findings() []matrix.Finding
	// Mutants are the target with one network or policy dropped or widened.
	Mutants() []Mutant
}

// Mutant is a target that was changed in one place, to prove that a suite can fail.
type Mutant struct {
	Name string     // what was changed: "drop policy data-tier-policy"
	Pos  matrix.Pos // of what was changed
	Predictor
}
