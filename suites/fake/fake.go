// Package fake is an in-memory platform for tests of the runner: a table says
// what every path meets, look by look.
package fake

import (
	"context"
	"fmt"
	"sync"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
)

// Platform is a network that is a table. The zero value is one where
// everything is open. It may be changed by Hook while a run goes on; not safe
// for concurrent runs.
type Platform struct {
	Title string // default "compose"
	// Outcomes tell what a path meets at each look, keyed by Key; the last one
	// stays. A path without an entry is open.
	Outcomes map[string][]probes.Outcome
	// Status is the DNS status of unresolved names; default "nxdomain".
	Status string
	// Skips are cases that can't be probed, by their key.
	Skips map[string]string
	// Settles makes Enforce report that verdicts may take time.
	Settles bool
	// BaselineToo asks for a baseline before Enforce.
	BaselineToo bool
	// Predictions by case key; a case without one is predicted unknown.
	Predictions map[string]matrix.Verdict
	// DeployErr, EnforceErr, CloseErr fail these steps; ProbeErr fails every probe from a vantage.
	DeployErr, EnforceErr, CloseErr error
	ProbeErr                        map[string]error
	Broken                          map[string]error
	// Hook is called before each probe batch with its number.
	Hook func(n int)

	mu      sync.Mutex
	looks   map[string]int
	batches int
	Closed  int
}

// Key names a path in Outcomes: "archon>postgres/name:5432", with the route.
// A control's key begins with "control ".
func Key(from, to string, route suites.Route, port int) string {
	return fmt.Sprintf("%s>%s/%s:%d", from, to, route, port)
}

func (p *Platform) Name() string {
	if p.Title == "" {
		return "compose"
	}
	return p.Title
}

func (p *Platform) Available(context.Context) error { return nil }

func (p *Platform) Deploy(_ context.Context, _ suites.Job) (suites.Deployment, error) {
	if p.DeployErr != nil {
		return nil, p.DeployErr
	}
	p.looks = map[string]int{}
	return &deployment{p}, nil
}

type deployment struct{ p *Platform }

func (d *deployment) Environment() ([]suites.Fact, []string) {
	return []suites.Fact{{Name: "engine", Value: "fake"}}, nil
}

func (d *deployment) Baseline() bool { return d.p.BaselineToo }

func (d *deployment) Ways(c matrix.Case) suites.Ways {
	if why := d.p.Skips[c.Key()]; why != "" {
		return suites.Ways{Skip: why}
	}
	if c.Protocol == matrix.DNS {
		return suites.Ways{
			Paths:    []suites.Path{{Route: suites.ByLookup, From: c.From, Host: c.To, Protocol: matrix.DNS, Required: true}},
			Controls: []suites.Path{{Route: suites.ByLookup, From: c.From, Host: c.From, Protocol: matrix.DNS}},
		}
	}
	path := suites.Path{From: c.From, To: c.To, Host: c.To, Port: c.Port, Protocol: c.Protocol}
	name, address, control := path, path, path
	name.Route, name.Required, name.To = suites.ByName, true, ""
	address.Route, address.Host = suites.ByAddress, "address-of-"+c.To
	control.Route, control.From = suites.ByAddress, c.To
	return suites.Ways{
		Paths: []suites.Path{name, address},
		Controls: []suites.Path{control,
			{Route: suites.ByLookup, From: c.From, Host: c.From, Protocol: matrix.DNS}},
	}
}

func (d *deployment) Probe(_ context.Context, vantage string, b probes.Batch) ([]probes.Result, error) {
	d.p.mu.Lock()
	defer d.p.mu.Unlock()
	d.p.batches++
	if d.p.Hook != nil {
		d.p.Hook(d.p.batches)
	}
	if err := d.p.ProbeErr[vantage]; err != nil {
		return nil, err
	}
	var results []probes.Result
	for _, q := range b.Probes {
		results = append(results, d.p.answer(vantage, q))
	}
	return results, nil
}

func (p *Platform) answer(vantage string, q probes.Probe) probes.Result {
	key := p.key(vantage, q)
	r := probes.Result{ID: q.ID, Outcome: probes.OutcomeOpen, Peer: q.Expect, ElapsedMS: 1}
	if q.Protocol == probes.DNS {
		r.Outcome = probes.OutcomeResolved
	}
	if list := p.Outcomes[key]; len(list) > 0 {
		n := min(p.looks[key], len(list)-1)
		p.looks[key]++
		r.Outcome = list[n]
	}
	if r.Outcome == probes.OutcomeUnresolved {
		r.DNS = &probes.Lookup{Status: "nxdomain"}
		if p.Status != "" {
			r.DNS.Status = p.Status
		}
	}
	return r
}

func (p *Platform) key(vantage string, q probes.Probe) string {
	route, to := suites.ByName, q.Host
	switch {
	case q.Protocol == probes.DNS:
		route = suites.ByLookup
	case len(q.Host) > 11 && q.Host[:11] == "address-of-":
		route, to = suites.ByAddress, q.Host[11:]
	case q.Host == vantage:
		return "control " + Key(vantage, to, suites.ByAddress, q.Port)
	}
	return Key(vantage, to, route, q.Port)
}

func (d *deployment) Enforce(context.Context) (bool, error) { return d.p.Settles, d.p.EnforceErr }

func (d *deployment) Check(context.Context) map[string]error { return d.p.Broken }

func (d *deployment) Close(context.Context) error {
	d.p.Closed++
	return d.p.CloseErr
}

// Predict makes the deployment a suites.Predictor.
func (d *deployment) Predict(c matrix.Case) suites.Prediction {
	if v, ok := d.p.Predictions[c.Key()]; ok {
		return suites.Prediction{Verdict: v, Reason: "the table says so"}
	}
	return suites.Prediction{Verdict: matrix.Unknown}
}
