// Package bundled holds the suites that come with netconform: the network designs
// of two systems as their documents have them, networks and policies of our own that
// satisfy the same matrices, and a migration in steps.
//
// A suite is a folder with a suite.yaml; a folder without one ("migration")
// holds files that several suites share.
package bundled

import (
	"embed"
	"io/fs"
)

// FS holds every bundled suite as NAME/suite.yaml, beside the files that it names.
//
//go:embed migration pmoves* temporal*
var FS embed.FS

// Names are the bundled suites, sorted.
func Names() []string {
	files, err := fs.Glob(FS, "*/suite.yaml")
	if err != nil {
		panic(err) // only a malformed pattern can fail
	}
	for i, file := range files {
		files[i] = file[:len(file)-len("/suite.yaml")]
	}
	return files
}
