// Package gate compares a run with a baseline, pair by pair, and says what got
// worse. It is a ratchet: what was open before may stay open until it is closed,
// and then never again; what is allowed and connects may never break.
//
//	before                 now            class             worse
//	holds, allow           blocked        broke             yes
//	holds, deny            open           opened            yes
//	blocked                holds          fixed
//	open                   holds          closed
//	wrong                  wrong          still-wrong
//	not in the baseline    wrong          new-wrong         yes
//	not in the baseline    anything else  new
//	in the baseline        not in the run gone
//	other expectation      wrong          changed-wrong     yes
//	other expectation      holds          changed
//	skipped                wrong          uncovered-wrong   yes
//	skipped, inconclusive  holds          uncovered
//	known                  not known      cant-tell         can't tell
//	inconclusive           wrong          cant-tell         can't tell
//	not known              not known      cant-tell         can't tell, but skipped twice is unchanged
//	anything but accepted  accepted       accepted
//
// Holds is a case that conforms, wrong is a violation whether or not the suite
// accepted it then, and not known is skipped or inconclusive. A deviation that
// the suite accepts now fails nothing, and is shown.
package gate

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/scan"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

// Schema is the version of baseline files.
const Schema = "netconform.baseline/v1"

// Baseline is what a later run is compared with. As a file it is made for
// review: sorted, a case a line, without times and addresses.
type Baseline struct {
	Suite  string
	Matrix string
	Digest string // of the matrix's expectations
	Cases  []Entry
}

// Entry is a case of a baseline.
type Entry struct {
	Platform  string
	From, To  string
	Port      int
	Protocol  matrix.Protocol
	Expected  matrix.Verdict
	Seen      matrix.Verdict
	Judgement suites.Judgement
}

// line is an Entry as the file has it.
type line struct {
	Platform  string           `json:"platform"`
	From      string           `json:"from"`
	To        string           `json:"to"`
	Port      int              `json:"port,omitempty"`
	Protocol  matrix.Protocol  `json:"protocol"`
	Expected  matrix.Verdict   `json:"expected"`
	Seen      matrix.Verdict   `json:"seen"`
	Judgement suites.Judgement `json:"judgement"`
}

// Of makes a baseline of a run.
func Of(run *suites.Run) *Baseline {
	b := &Baseline{Suite: run.Suite, Matrix: run.Matrix, Digest: run.Digest, Cases: make([]Entry, len(run.Cases))}
	for i := range run.Cases {
		r := &run.Cases[i]
		b.Cases[i] = Entry{Platform: r.Platform, From: r.From, To: r.To, Port: r.Port, Protocol: r.Protocol,
			Expected: r.Expected, Seen: view.Seen(r), Judgement: r.Judgement}
	}
	return b
}

// WriteBaseline writes a run as a baseline file.
func WriteBaseline(w io.Writer, run *suites.Run) error {
	b := Of(run)
	slices.SortStableFunc(b.Cases, func(x, y Entry) int {
		return cmp.Or(cmp.Compare(x.Platform, y.Platform), cmp.Compare(x.To, y.To), cmp.Compare(x.Port, y.Port),
			cmp.Compare(x.Protocol, y.Protocol), cmp.Compare(x.From, y.From))
	})
	out := bufio.NewWriter(w)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	fmt.Fprintf(out, "{\"schema\":%q,\n", Schema)
	for _, f := range []struct{ name, value string }{{"suite", b.Suite}, {"matrix", b.Matrix}, {"digest", b.Digest}} {
		fmt.Fprintf(out, "%q:", f.name)
		if err := e.Encode(f.value); err != nil {
			return fmt.Errorf("write baseline: %w", err)
		}
		out.WriteString(",")
	}
	out.WriteString("\"cases\":[\n")
	for i, c := range b.Cases {
		if i > 0 {
			out.WriteString(",")
		}
		if err := e.Encode(line(c)); err != nil {
			return fmt.Errorf("write baseline: %w", err)
		}
	}
	out.WriteString("]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write baseline: %w", err)
	}
	return nil
}

// ReadBaseline reads a baseline file, or a whole results.json. It refuses
// other schema versions, a file that is cut, and a case that stands there twice.
func ReadBaseline(r io.Reader) (*Baseline, error) {
	run, schema, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("read baseline: %w", err)
	}
	if schema != Schema && schema != suites.Schema {
		return nil, fmt.Errorf("read baseline: schema is %q, but this netconform reads %q and %q; make the baseline anew with --update-baseline", schema, Schema, suites.Schema)
	}
	return Of(run), nil
}

// ReadRun reads a results.json, of each case only what a gate needs: no
// observations, and words only of what differs. That is many times faster than
// reports.ReadJSON.
func ReadRun(r io.Reader) (*suites.Run, error) {
	run, schema, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	if schema != suites.Schema {
		return nil, fmt.Errorf("read results: schema is %q, but this netconform reads %q; use the version that wrote the file, or run verify again", schema, suites.Schema)
	}
	return run, nil
}

func read(r io.Reader) (run *suites.Run, schema string, err error) {
	run = &suites.Run{}
	err = scan.Read(r, func(s *scan.Scanner) {
		s.Object(func(field string) {
			switch field {
			case "schema":
				schema = s.String()
				run.Schema = schema
			case "suite":
				run.Suite = s.String()
			case "matrix":
				run.Matrix = s.String()
			case "digest":
				run.Digest = s.String()
			case "errors":
				s.Array(func() { run.Errors = append(run.Errors, s.String()) })
			case "cases":
				s.Array(func() {
					if len(run.Cases) == cap(run.Cases) {
						run.Cases = slices.Grow(run.Cases, max(64, len(run.Cases)))
					}
					run.Cases = append(run.Cases, readCase(s))
				})
			default:
				s.Skip()
			}
		})
	})
	if err != nil {
		return nil, "", err
	}
	seen := make(map[key]bool, len(run.Cases))
	for i := range run.Cases {
		k := keyOf(&run.Cases[i])
		if seen[k] {
			return nil, "", fmt.Errorf("case %s on %s is there twice", run.Cases[i].Key(), k.platform)
		}
		seen[k] = true
	}
	return run, schema, nil
}

func readCase(s *scan.Scanner) (r suites.Result) {
	s.Object(func(field string) {
		switch field {
		case "platform":
			r.Platform = s.Name()
		case "from":
			r.From = s.Name()
		case "to":
			r.To = s.Name()
		case "port":
			r.Port = s.Int()
		case "protocol":
			r.Protocol = matrix.Protocol(s.Name())
		case "expected":
			r.Expected = matrix.Verdict(s.Name())
		case "predicted":
			r.Predicted = matrix.Verdict(s.Name())
		case "observed":
			r.Observed = matrix.Verdict(s.Name())
		case "seen": // of a baseline
			seen := matrix.Verdict(s.Name())
			r.Observed, r.Predicted = seen, seen
		case "judgement":
			r.Judgement = suites.Judgement(s.Name())
		case "evidence":
			r.Evidence = words(s, &r)
		case "explanation":
			r.Explanation = words(s, &r)
		case "reason":
			r.Reason = s.Name()
		default:
			s.Skip()
		}
	})
	return r
}

// words reads a text that only what differs is shown with.
func words(s *scan.Scanner, r *suites.Result) string {
	if r.Judgement == suites.Conforms {
		s.Skip()
		return ""
	}
	return s.String()
}
