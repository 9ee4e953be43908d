package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/netconform/netconform/reports"
)

// progress shows what is going on: one line that changes on a terminal, plain
// lines elsewhere. Safe for concurrent use.
type progress struct {
	mu      sync.Mutex
	w       io.Writer
	live    bool
	started time.Time
	dirty   bool
}

func newProgress(w io.Writer) *progress {
	return &progress{w: w, live: terminal(w), started: time.Now()}
}

func (p *progress) notify(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := fmt.Sprintf("%5.1fs  %s", time.Since(p.started).Seconds(), fmt.Sprintf(format, args...))
	if !p.live {
		fmt.Fprintln(p.w, line)
		return
	}
	fmt.Fprintf(p.w, "\r\033[K%.100s", line)
	p.dirty = true
}

func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dirty {
		fmt.Fprint(p.w, "\r\033[K")
	}
}

// terminal reports whether w is a terminal on which a line can be rewritten.
func terminal(w io.Writer) bool {
	return reports.ColourFor(w, func(name string) string {
		if name == "NO_COLOR" {
			return ""
		}
		return os.Getenv(name)
	})
}

func colour(w io.Writer) bool { return reports.ColourFor(w, os.Getenv) }
