package html

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/text"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// model is what the page's script reads. Cases are columns of numbers that
// point into Strings: a third of the size of objects, and quicker to read.
type model struct {
	Suite     string             `json:"suite"`
	ID        string             `json:"id"`
	Version   string             `json:"version"`
	Matrix    string             `json:"matrix"`
	Digest    string             `json:"digest"`
	Started   string             `json:"started"` // YYYY-MM-DD hh:mm:ss UTC; empty where unknown
	ElapsedMS float64            `json:"elapsed"`
	Verdict   string             `json:"verdict"`
	State     string             `json:"state"` // good, bad, unsure
	Errors    []string           `json:"errors"`
	Services  []suites.Service   `json:"services"` // their order is that of the cases' From and To
	Platforms []platform         `json:"platforms"`
	Accepts   []acceptance       `json:"accepts"`
	Findings  []finding          `json:"findings"`
	Evidence  []control          `json:"evidence"`
	Kinds     []kind             `json:"kinds"`
	Strings   []string           `json:"strings"`
	Cases     map[string][]int32 `json:"cases"`
	// Settled and Elapsed are milliseconds; Ways has the observations of each
	// case, wayFields numbers an observation.
	Settled []float64 `json:"settled"`
	Elapsed []float64 `json:"took"`
	Ways    [][]int32 `json:"ways"`
}

type platform struct {
	Name        string              `json:"name"`
	Static      bool                `json:"static"`
	NotRun      string              `json:"notRun"`
	Environment []suites.Fact       `json:"environment"`
	Notes       []string            `json:"notes"`
	Phases      []suites.Phase      `json:"phases"`
	Convergence *suites.Convergence `json:"convergence"`
	Count       suites.Summary      `json:"count"`
}

type acceptance struct {
	suites.AcceptedGroup
	// Left is the days from the run to the expiry; nil where it never expires.
	Left *int `json:"left"`
}

type finding struct {
	Rule    string `json:"rule"`
	Place   string `json:"place"`
	Message string `json:"message"`
	Mend    string `json:"mend"`
}

// kind is a class of result as the page shows it.
type kind struct {
	ID    string `json:"id"`
	Words string `json:"words"`
}

var kinds = []kind{
	{"files", "not as the files say"},
	{"blocked", "needed but blocked"},
	{"open", "forbidden but open"},
	{"unsure", "not known"},
	{"accepted", "accepted deviation"},
	{"allowed", "allowed, connects"},
	{"denied", "forbidden, blocked"},
	{"skipped", "skipped"},
}

func kindOf(r *suites.Result) int32 {
	switch view.ClassOf(r) {
	case view.Disagreement:
		return 0
	case view.UnexpectedDeny:
		return 1
	case view.UnexpectedAllow:
		return 2
	case view.Accepted:
		return 4
	case view.Skipped:
		return 7
	case view.Conforms:
		if r.Expected == matrix.Allow {
			return 5
		}
		return 6
	}
	return 3
}

// columns of Cases. All but platform, from, to, port and kind point into Strings.
var columns = []string{"platform", "from", "to", "port", "kind", "protocol", "expected", "predicted", "observed", "outcome",
	"judgement", "evidence", "explanation", "decides", "mend", "reason", "why", "accepted"}

func modelOf(v *view.View) *model {
	run := v.Run
	m := &model{Suite: text.Name(run.Suite), ID: text.Name(run.ID), Version: text.Name(run.Version), Matrix: text.Line(run.Matrix), Digest: text.Line(run.Digest),
		ElapsedMS: run.ElapsedMS, Verdict: v.Verdict(), State: stateNames[v.State()], Errors: lines(v.Errors), Kinds: kinds,
		Evidence: compliance(v), Cases: make(map[string][]int32, len(columns)), Platforms: []platform{}, Accepts: []acceptance{}, Findings: []finding{},
		Services: []suites.Service{}, Settled: []float64{}, Elapsed: []float64{}, Ways: [][]int32{}}
	if !run.Started.IsZero() {
		m.Started = run.Started.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	for _, p := range v.Platforms {
		m.Platforms = append(m.Platforms, platform{Name: text.Name(p.Name), Static: view.Static(p.Name), NotRun: text.Line(p.NotRun),
			Environment: facts(p.Environment), Notes: lines(p.Notes), Phases: p.Phases, Convergence: p.Convergence, Count: p.Count})
	}
	for _, a := range run.Accepts {
		m.Accepts = append(m.Accepts, acceptance{a, daysLeft(run, a)})
	}
	for _, f := range run.Findings {
		m.Findings = append(m.Findings, finding{f.Rule, text.Line(f.Pos.String()), text.Line(f.Message), text.Line(f.Mend)})
	}
	m.cases(v)
	return m
}

func (m *model) cases(v *view.View) {
	index := map[string]int32{"": 0}
	m.Strings = []string{""}
	intern := func(s string) int32 {
		i, known := index[s]
		if !known {
			i = int32(len(m.Strings))
			index[s] = i
			m.Strings = append(m.Strings, text.Line(s))
		}
		return i
	}
	services := map[string]int32{}
	service := func(name string) int32 {
		i, known := services[name]
		if !known {
			i = int32(len(m.Services))
			services[name] = i
			s := suites.Service{Name: text.Name(name), Tier: text.Name(v.Tier(name))}
			m.Services = append(m.Services, s)
		}
		return i
	}
	for _, s := range v.Run.Services {
		service(s.Name)
	}
	for _, c := range columns {
		m.Cases[c] = make([]int32, 0, len(v.Run.Cases))
	}
	for p, part := range v.Platforms {
		for _, r := range part.Results {
			for i, n := range []int32{int32(p), service(r.From), service(r.To), int32(r.Port), kindOf(r), intern(string(r.Protocol)),
				intern(string(r.Expected)), intern(string(r.Predicted)), intern(string(r.Observed)), intern(r.Outcome.String()), intern(string(r.Judgement)),
				intern(r.Evidence), intern(r.Explanation), intern(r.Decides), intern(r.Mend), intern(r.Reason), intern(r.Why), intern(r.AcceptedBy)} {
				m.Cases[columns[i]] = append(m.Cases[columns[i]], n)
			}
			m.Settled = append(m.Settled, round(r.SettledMS))
			m.Elapsed = append(m.Elapsed, round(r.ElapsedMS))
			m.Ways = append(m.Ways, ways(r, intern))
		}
	}
}

// ways are the observations of a case: route, from, host and port, via, outcome,
// address, detail, live (0 or 1), microseconds.
func ways(r *suites.Result, intern func(string) int32) []int32 {
	out := make([]int32, 0, 9*len(r.Observations))
	for _, o := range r.Observations {
		host := o.Path.Host
		if o.Path.Port != 0 {
			host = fmt.Sprintf("%s:%d", host, o.Path.Port)
		}
		live := int32(0)
		if o.Live {
			live = 1
		}
		out = append(out, intern(string(o.Path.Route)), intern(o.Path.From), intern(host), intern(o.Path.Via), intern(o.Result.Outcome.String()),
			intern(o.Result.Address), intern(detail(o)), live, int32(min(o.Result.ElapsedMS*1000, math.MaxInt32)))
	}
	return out
}

// detail is what else an observation has to tell.
func detail(o suites.Observation) string {
	words := ""
	add := func(format string, args ...any) {
		if words != "" {
			words += ", "
		}
		words += fmt.Sprintf(format, args...)
	}
	r := o.Result
	if r.Peer != "" && r.Peer != o.Path.To {
		add("answered by %s", r.Peer)
	}
	if r.Seen != "" {
		add("seen as %s", r.Seen)
	}
	if r.Errno != "" {
		add("%s", r.Errno)
	}
	if r.ICMP != nil {
		add("ICMP %d/%d from %s", r.ICMP.Type, r.ICMP.Code, r.ICMP.Offender)
	}
	if r.DNS != nil {
		add("DNS %s", r.DNS.Status)
	}
	if r.Attempts > 1 {
		add("%d attempts", r.Attempts)
	}
	if r.Detail != "" {
		add("%s", r.Detail)
	}
	return words
}

func round(ms float64) float64 { return math.Round(ms*100) / 100 }

func lines(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = text.Line(s)
	}
	return out
}

func facts(in []suites.Fact) []suites.Fact {
	out := make([]suites.Fact, len(in))
	for i, f := range in {
		out[i] = suites.Fact{Name: text.Line(f.Name), Value: text.Line(f.Value)}
	}
	return out
}

// pack is the model as JSON, gzip and base64.
func pack(m *model) (string, error) {
	var b bytes.Buffer
	encoder := base64.NewEncoder(base64.StdEncoding, &b)
	zip := gzip.NewWriter(encoder)
	if err := json.NewEncoder(zip).Encode(m); err != nil {
		return "", err
	}
	if err := zip.Close(); err != nil {
		return "", err
	}
	if err := encoder.Close(); err != nil {
		return "", err
	}
	return b.String(), nil
}
