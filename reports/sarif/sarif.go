// Package sarif writes the findings of the static look at a suite's files as
// SARIF 2.1.0, so that code hosts show them at their lines in a change.
// Verdicts of probes have no line of their own and are not written.
package sarif

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/text"
)

type document struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

type run struct {
	Tool struct {
		Driver driver `json:"driver"`
	} `json:"tool"`
	Results []result `json:"results"` // required, even where empty
}

type driver struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Rules   []rule `json:"rules"`
}

type rule struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Short   message `json:"shortDescription"`
	Default struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type message struct {
	Text string `json:"text"`
}

type result struct {
	RuleID    string     `json:"ruleId"`
	RuleIndex int        `json:"ruleIndex"`
	Level     string     `json:"level"`
	Message   message    `json:"message"`
	Locations []location `json:"locations,omitempty"`
}

type location struct {
	Physical physical `json:"physicalLocation"`
}

type physical struct {
	Artifact struct {
		URI string `json:"uri"`
	} `json:"artifactLocation"`
	Region *region `json:"region,omitempty"`
}

type region struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

// Write writes findings in their order; the rules are sorted by name. All are
// warnings: a finding is no violation. A finding without a file has no location.
func Write(w io.Writer, findings []matrix.Finding, toolVersion string) error {
	var r run
	r.Tool.Driver = driver{Name: "netconform", Version: toolVersion, Rules: rules(findings)}
	r.Results = []result{}
	for _, f := range findings {
		index, _ := slices.BinarySearchFunc(r.Tool.Driver.Rules, f.Rule, func(r rule, id string) int { return strings.Compare(r.ID, id) })
		words := text.Line(f.Message)
		if f.Mend != "" {
			words += ". To mend it: " + text.Line(f.Mend)
		}
		q := result{RuleID: f.Rule, RuleIndex: index, Level: "warning", Message: message{words}}
		if f.Pos.File != "" {
			q.Locations = []location{{physicalOf(f.Pos)}}
		}
		r.Results = append(r.Results, q)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(document{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []run{r}}); err != nil {
		return fmt.Errorf("write sarif: %w", err)
	}
	return nil
}

func rules(findings []matrix.Finding) []rule {
	list := []rule{}
	for _, f := range findings {
		i, known := slices.BinarySearchFunc(list, f.Rule, func(r rule, id string) int { return strings.Compare(r.ID, id) })
		if known {
			continue
		}
		r := rule{ID: f.Rule, Name: pascal(f.Rule), Short: message{strings.ReplaceAll(f.Rule, "-", " ")}}
		r.Default.Level = "warning"
		list = slices.Insert(list, i, r)
	}
	return list
}

// pascal turns "one-sided-pair" into "OneSidedPair", the form that SARIF asks for.
func pascal(kebab string) string {
	var b strings.Builder
	for _, word := range strings.Split(kebab, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// physicalOf is a place as a URI reference: relative paths stay relative to the
// repository's root, absolute ones become file URIs (SARIF 2.1.0, 3.4.3).
func physicalOf(p matrix.Pos) physical {
	var out physical
	u := url.URL{Path: filepath.ToSlash(p.File)}
	if strings.HasPrefix(u.Path, "/") {
		u.Scheme = "file"
	}
	out.Artifact.URI = u.String()
	if p.Line > 0 {
		out.Region = &region{StartLine: p.Line, StartColumn: p.Col}
	}
	return out
}
