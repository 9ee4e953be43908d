package project

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFromFirst(t *testing.T) {
	const ring = "Circular reference: a in f extends b in f extends a in f"
	for _, text := range []string{
		ring,
		"Circular reference: b in f extends a in f extends b in f",
		"Circular reference: z in f extends b in f extends a in f extends b in f",
	} {
		assert.Equal(t, ring, fromFirst(text))
	}
	assert.Equal(t, "Circular reference: a in f extends a in f", fromFirst("Circular reference: a in f extends a in f"))
	const other = "Circular reference: a in f extends b in f: in words of a later version"
	assert.Equal(t, other, fromFirst(other))
}
