package gate

import (
	"fmt"
	"io"
	"os"

	"github.com/netconform/netconform/suites"
)

// CompareFiles compares a baseline, or the results.json of an earlier run, with
// the results.json of a run. Both are read at once.
func CompareFiles(before, after string) (*Report, error) {
	var baseline *Baseline
	done := make(chan error, 1)
	go func() {
		done <- with(before, func(r io.Reader) (err error) {
			baseline, err = ReadBaseline(r)
			return err
		})
	}()
	var run *suites.Run
	err := with(after, func(r io.Reader) (err error) {
		run, err = ReadRun(r)
		return err
	})
	if first := <-done; first != nil {
		return nil, first
	}
	if err != nil {
		return nil, err
	}
	rep, err := Compare(baseline, run)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", before, err)
	}
	return rep, nil
}

func with(path string, read func(io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
