// Command netconform proves that a network does what its service matrix says.
package main

import (
	"context"
	"os"
	"runtime/debug"
)

// version is set by the build.
var version = "dev"

func main() {
	// A short life with some 100 MB: collecting less often saves a third of the time.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
