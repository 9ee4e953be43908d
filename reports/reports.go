// Package reports writes what a run came to: for machines (JUnit, JSON), for
// review (Markdown), for a person at the terminal, and as a picture (HTML, SVG).
// Every report is a pure function of a suites.Run.
package reports

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/netconform/netconform/reports/html"
	"github.com/netconform/netconform/reports/svg"
	"github.com/netconform/netconform/suites"
)

// files are what WriteAll writes. results.json is the last, so that whoever
// sees it sees the others too.
var files = []struct {
	name  string
	write func(io.Writer, *suites.Run) error
}{
	{"junit.xml", JUnit},
	{"report.md", Markdown},
	{"matrix.svg", svg.Write},
	{"report.html", html.Write},
	{"results.json", JSON},
}

// WriteAll writes every report into dir, which is made where it is missing.
// Each file appears by an atomic rename: a reader sees the old or the new one,
// never half of it.
func WriteAll(dir string, run *suites.Run) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("report folder: %w", err)
	}
	for _, f := range files {
		if err := replace(filepath.Join(dir, f.name), func(w io.Writer) error { return f.write(w, run) }); err != nil {
			return fmt.Errorf("report %s: %w", f.name, err)
		}
	}
	return nil
}

// replace writes path anew beside it and renames it into place.
func replace(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // a no-op once it is renamed
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
