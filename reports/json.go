package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/suites"
)

// JSON writes a run as results.json: the fields of suites.Run, with the cases
// last and each on a line of its own.
func JSON(w io.Writer, run *suites.Run) error {
	head := *run
	head.Cases = nil
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(head); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	top, found := bytes.CutSuffix(b.Bytes(), []byte("null\n}\n"))
	if !found {
		return fmt.Errorf("write results: cases are not the last field of a run")
	}
	out := bufio.NewWriterSize(w, 1<<16)
	out.Write(top)
	out.WriteString("[")
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for i := range run.Cases {
		if i > 0 {
			out.WriteString(",")
		} else {
			out.WriteString("\n")
		}
		if err := lines.Encode(&run.Cases[i]); err != nil {
			return fmt.Errorf("write results: case %s: %w", run.Cases[i].Key(), err)
		}
	}
	out.WriteString("]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// ReadJSON reads a results.json. It refuses another schema version, a file that
// ends early or goes on after its end, and a case that stands there twice.
func ReadJSON(r io.Reader) (*suites.Run, error) {
	d := json.NewDecoder(r)
	run := &suites.Run{}
	if err := d.Decode(run); err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	if run.Schema != suites.Schema {
		return nil, fmt.Errorf("read results: schema is %q, but this netconform reads %q; use the version that wrote the file, or run verify again", run.Schema, suites.Schema)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("read results: something follows after the end of the run")
	}
	type key struct {
		platform, from, to string
		port               int
		protocol           matrix.Protocol
	}
	seen := make(map[key]bool, len(run.Cases))
	for i := range run.Cases {
		c := &run.Cases[i]
		k := key{c.Platform, c.From, c.To, c.Port, c.Protocol}
		if seen[k] {
			return nil, fmt.Errorf("read results: case %s on %s is there twice", c.Key(), c.Platform)
		}
		seen[k] = true
	}
	return run, nil
}
