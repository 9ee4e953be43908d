// Command show reads `go test -json` and prints a line for each package, the
// whole output of what fails, and why what was skipped was skipped.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

func main() {
	var passed, failed, skipped int
	output := map[string][]string{}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text())
			continue
		}
		key := e.Package + " " + e.Test
		name := strings.TrimPrefix(key, "github.com/netconform/netconform/")
		switch e.Action {
		case "build-output":
			fmt.Print(e.Output)
		case "output":
			output[key] = append(output[key], e.Output)
		case "pass", "fail", "skip":
			if e.Test == "" {
				fmt.Printf("%-5s %s (%.1f s)\n", e.Action, name, e.Elapsed)
			}
			switch {
			case e.Action == "fail":
				fmt.Printf("FAIL  %s\n%s", name, strings.Join(output[key], ""))
			case e.Action == "skip" && e.Test != "":
				fmt.Printf("skip  %s: %s\n", name, reason(output[key]))
			}
			if e.Test != "" {
				count(e.Action, &passed, &failed, &skipped)
			} else if e.Action == "fail" {
				failed++
			}
			delete(output, key)
		}
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if in.Err() != nil {
		fmt.Fprintln(os.Stderr, in.Err())
		os.Exit(1)
	}
}

func count(action string, passed, failed, skipped *int) {
	switch action {
	case "pass":
		*passed++
	case "fail":
		*failed++
	case "skip":
		*skipped++
	}
}

// reason is the text of t.Skip: the last line that is not go test's own.
func reason(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if l := strings.TrimSpace(lines[i]); l != "" && !strings.HasPrefix(l, "---") && !strings.HasPrefix(l, "===") {
			return l
		}
	}
	return "no reason given"
}
