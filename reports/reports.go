// Package reports writes what a run came to: for machines (JUnit, JSON), for
// review (Markdown), for a person at the terminal, and as a picture (HTML, SVG).
// Every report is a pure function of a suites.Run.
package reports

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/netconform/netconform/reports/html"
	"github.com/netconform/netconform/reports/svg"
	"github.com/netconform/netconform/suites"
)

type file struct {
	name  string
	write func(io.Writer, *suites.Run) error
}

// files are what WriteAll writes. results.json is the last, so that whoever
// sees it sees the others too.
var files = []file{
	{"junit.xml", JUnit},
	{"report.md", Markdown},
	{"matrix.svg", svg.Write},
	{"report.html", html.Write},
	{"results.json", JSON},
}

// WriteAll writes every report into dir, which is made where it is missing.
// Each file appears by an atomic rename: a reader sees the old or the new one,
// never half of it.
func WriteAll(dir string, run *suites.Run) error { return writeAll(dir, files, run) }

func writeAll(dir string, files []file, run *suites.Run) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("report folder: %w", err)
	}
	written := make([]string, len(files))
	failed := make([]error, len(files))
	var all sync.WaitGroup
	for i, f := range files {
		all.Go(func() { written[i], failed[i] = f.writeBeside(dir, run) })
	}
	all.Wait()
	defer func() {
		for _, name := range written {
			os.Remove(name) // a no-op once it is renamed
		}
	}()
	for i, f := range files {
		err := failed[i]
		if err == nil {
			err = os.Rename(written[i], filepath.Join(dir, f.name))
		}
		if err != nil {
			return fmt.Errorf("report %s: %w", f.name, err)
		}
	}
	return nil
}

// writeBeside writes the file under a name of its own in dir, and returns that.
func (r file) writeBeside(dir string, run *suites.Run) (string, error) {
	f, err := os.CreateTemp(dir, "."+r.name+".*")
	if err != nil {
		return "", err
	}
	err = errors.Join(r.write(f, run), f.Chmod(0o644), f.Close())
	return f.Name(), err
}
