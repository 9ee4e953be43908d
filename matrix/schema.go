package matrix

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of a matrix file, for editors. It
// says the form of a file; Parse checks more, across lines.
func Schema() []byte { return slices.Clone(schema) }
