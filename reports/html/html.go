// Package html writes report.html: a run as one file that opens from disk, needs
// no network and shows the matrix as a heat map, with the evidence behind each
// cell. A content security policy that allows the file's own script alone, by
// its hash, holds it to that.
package html

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/netconform/netconform/reports/internal/text"
	"github.com/netconform/netconform/reports/internal/view"
	"github.com/netconform/netconform/suites"
)

//go:embed page
var page embed.FS

// scripts are concatenated in this order, inside one function.
var scripts = []string{"data.js", "filter.js", "heat.js", "detail.js", "list.js", "graph.js", "charts.js", "facts.js", "main.js"}

var (
	script = join(scripts)
	style  = must("style.css")
	layout = template.Must(template.New("page").Parse(must("index.html")))
)

func must(name string) string {
	b, err := page.ReadFile("page/" + name)
	if err != nil {
		panic(err) // the file is embedded: only a build without it gets here
	}
	return string(b)
}

func join(names []string) string {
	var b strings.Builder
	b.WriteString("(() => {\n\"use strict\";\n")
	for _, n := range names {
		b.WriteString(must(n))
	}
	b.WriteString("})();\n")
	return b.String()
}

// Write writes the run's page. The cases are embedded as gzip in base64: 120,000
// of them take a few megabytes.
func Write(w io.Writer, run *suites.Run) error {
	v := view.New(run)
	data, err := pack(modelOf(v))
	if err != nil {
		return fmt.Errorf("write html: %w", err)
	}
	sum := sha256.Sum256([]byte(script))
	var b bytes.Buffer
	err = layout.Execute(&b, map[string]any{
		"Suite": text.Name(run.Suite), "Verdict": v.Verdict(), "State": stateNames[v.State()],
		"Style": template.CSS(style), "Script": template.JS(script), "Data": template.HTML(data),
		"Policy":    "default-src 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
		"Platforms": v.Platforms,
	})
	if err != nil {
		return fmt.Errorf("write html: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write html: %w", err)
	}
	return nil
}

var stateNames = map[view.State]string{view.Conforming: "good", view.Failed: "bad", view.Unknown: "unsure", view.NothingJudged: "unsure"}
