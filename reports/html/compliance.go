package html

import (
	"fmt"
	"strings"
	"time"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// control is what a run shows, and does not show, for a control of a standard.
// It is evidence for an auditor and never a statement of compliance.
type control struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Status is "shown", "part", "against" or "none".
	Status string   `json:"status"`
	Words  string   `json:"words"` // the status in words, with its numbers
	Shows  []string `json:"shows"`
	Lacks  []string `json:"lacks"`
}

// tally counts the cases that bear on a control. Only what was probed counts:
// what files imply is no evidence of what a network does.
type tally struct {
	allowed, denied, wrong, accepted, unknown, skipped int
}

func (t tally) probed() int { return t.allowed + t.denied + t.wrong + t.accepted }

func count(v *view.View, bears func(*suites.Result) bool) (t tally) {
	for _, p := range v.Platforms {
		for _, r := range p.Results {
			if view.Static(r.Platform) || !bears(r) {
				continue
			}
			switch {
			case r.Judgement.Violation():
				t.wrong++
			case r.Judgement == suites.Accepted:
				t.accepted++
			case r.Judgement == suites.Skipped:
				t.skipped++
			case r.Judgement == suites.Conforms && r.Expected == matrix.Allow:
				t.allowed++
			case r.Judgement == suites.Conforms:
				t.denied++
			default:
				t.unknown++
			}
		}
	}
	return t
}

func (t tally) status() (status, words string) {
	switch {
	case t.probed() == 0:
		return "none", "Not shown: no case that bears on it was probed in this run."
	case t.wrong > 0:
		return "against", fmt.Sprintf("Not shown: in %s of %d the network does not follow the matrix.", view.Plural(t.wrong, "case", "cases"), t.probed()+t.unknown+t.skipped)
	case t.unknown+t.skipped+t.accepted > 0:
		return "part", fmt.Sprintf("Shown in part: %d of %d cases hold; %s.", t.allowed+t.denied, t.probed()+t.unknown+t.skipped, t.rest())
	}
	return "shown", fmt.Sprintf("Shown for all %d cases that bear on it.", t.probed())
}

// rest names what was not shown to hold.
func (t tally) rest() string {
	var parts []string
	for _, p := range []struct {
		n     int
		words string
	}{{t.accepted, "open by an accepted deviation"}, {t.unknown, "could not be known"}, {t.skipped, "skipped"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.words))
		}
	}
	return strings.Join(parts, ", ")
}

func (t tally) sentence() string {
	return fmt.Sprintf("%s blocked as the matrix says, %s as it says, %s; a case counts as blocked only if the destination was proved alive before and after.",
		view.Plural(t.denied, "forbidden case was", "forbidden cases were"), view.Plural(t.allowed, "allowed case connected", "allowed cases connected"),
		view.Plural(t.wrong, "case did not follow it", "cases did not follow it"))
}

// compliance maps the run to the controls that network segmentation answers.
func compliance(v *view.View) []control {
	external := map[string]bool{}
	for _, s := range v.Run.Services {
		external[s.Name] = s.External
	}
	outside := func(r *suites.Result) bool { return external[r.From] || external[r.To] }
	cluster := count(v, func(r *suites.Result) bool { return r.Platform == "kubernetes" })
	inside := count(v, func(r *suites.Result) bool { return !outside(r) && r.Protocol != matrix.DNS })
	all := count(v, func(r *suites.Result) bool { return r.Protocol != matrix.DNS })
	edge := count(v, outside)

	const standIns = "Stand-ins took the services' places: the network was tested, not the services' own authentication, encryption or vulnerabilities."
	const once = "The run is one moment. A control that must operate over a period needs the runs of that period."
	return []control{
		build("CIS Kubernetes Benchmark 5.3.2", "Ensure that all Namespaces have Network Policies defined", cluster,
			[]string{"On the cluster, with the suite's policies applied: " + cluster.sentence()},
			[]string{"Namespaces outside the suite were not looked at; the benchmark asks for all of the cluster.",
				"That a policy exists is not the same as that it is applied in production: the run applied the suite's files to its own namespaces.", once}),
		build("NIST SP 800-190, 4.3.3 and 4.4.2", "Separate inter-container traffic; control the traffic that containers send", inside,
			[]string{"Between services: " + inside.sentence(),
				fmt.Sprintf("With outside peers, outbound and inbound: %d blocked and %d connected as the matrix says.", edge.denied, edge.allowed)},
			[]string{"Only the ports of the matrix were probed; a port that the matrix does not know was not.",
				"Separation by sensitivity on different hosts, application-aware filtering and anomaly detection were not tested.", standIns}),
		build("PCI DSS v4.0.1, requirement 1.3", "Network access to and from the cardholder data environment is restricted", all,
			[]string{"Inbound and outbound, for every service of the matrix: " + all.sentence()},
			[]string{"Which services are in the cardholder data environment is not recorded in a matrix: an assessor must map them.",
				"Requirement 1.3.3 (wireless networks) and the segmentation penetration test of 11.4.5 are outside of what this run does.", standIns, once}),
		build("SOC 2, CC6.6", "Logical access measures against threats from outside the system's boundaries", edge,
			[]string{"Between the system and its external peers: " + edge.sentence()},
			[]string{"Outside peers were stand-ins, not the real internet: firewalls, load balancers and cloud rules before the network were not in the way.",
				"Authentication at the boundary, intrusion detection and transmission encryption were not tested.", once}),
	}
}

func build(id, title string, t tally, shows, lacks []string) control {
	status, words := t.status()
	if status == "none" {
		shows = []string{"Nothing: what files imply is a prediction, and no evidence of what a network does."}
	}
	return control{ID: id, Title: title, Status: status, Words: words, Shows: shows, Lacks: lacks}
}

// daysLeft counts from the run's day to the day on which a deviation expires.
func daysLeft(run *suites.Run, a suites.AcceptedGroup) *int {
	expires, err := time.Parse(time.DateOnly, a.Expires)
	if err != nil || run.Started.IsZero() {
		return nil
	}
	days := int(expires.Sub(run.Started.UTC().Truncate(24*time.Hour)).Hours() / 24)
	return &days
}
