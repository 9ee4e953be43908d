package initial

import (
	"fmt"
	"slices"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
)

// FromRun makes a matrix of what a run saw open on a platform: "compose" or
// "kubernetes"; empty for the run's only one. What was inconclusive becomes a
// comment. It is an error where the run probed nothing there, since predictions
// are not what was seen.
func FromRun(run *suites.Run, platform string) ([]byte, error) {
	platform, err := probed(run, platform)
	if err != nil {
		return nil, err
	}
	d := &draft{name: label(run.Suite), head: []string{
		fmt.Sprintf("A first matrix: what run %s of %s saw open on %s. It says what is, not what", run.ID, run.Suite, platform),
		"should be: take out what nobody needs."}}
	var cases []matrix.Case
	var seen []matrix.Verdict
	ports := map[string][]port{}
	for _, r := range run.Cases {
		if r.Platform != platform || r.Protocol == matrix.DNS {
			continue
		}
		cases, seen = append(cases, r.Case), append(seen, r.Observed)
		if p := (port{number: r.Port, protocol: r.Protocol}); !slices.Contains(ports[r.To], p) {
			ports[r.To] = append(ports[r.To], p)
		}
	}
	for _, s := range run.Services {
		if s.External {
			d.externals = append(d.externals, external{name: s.Name, ports: ports[s.Name]})
		} else {
			d.services = append(d.services, service{name: s.Name, tier: s.Tier, ports: ports[s.Name]})
		}
	}
	d.open(cases, func(i int) matrix.Verdict { return seen[i] })
	return d.write()
}

// probed picks the platform, and proves that it was probed.
func probed(run *suites.Run, platform string) (string, error) {
	var live []string
	for _, p := range run.Platforms {
		if slices.ContainsFunc(run.Cases, func(r suites.Result) bool {
			return r.Platform == p.Name && r.Outcome != probes.OutcomeNotProbed
		}) {
			live = append(live, p.Name)
		}
	}
	switch {
	case len(live) == 0:
		return "", fmt.Errorf("run %s of %s probed nothing: verify the suite on compose or kubernetes first", run.ID, run.Suite)
	case platform == "" && len(live) > 1:
		return "", fmt.Errorf("run %s probed %d platforms (%v): say which one the matrix is to be of", run.ID, len(live), live)
	case platform == "":
		return live[0], nil
	case !slices.Contains(live, platform):
		return "", fmt.Errorf("run %s has no probes on %q: it has them on %v", run.ID, platform, live)
	}
	return platform, nil
}
