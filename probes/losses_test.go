package probes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLosses(t *testing.T) {
	read := func(arp, track string) Losses {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "arp_cache"), []byte(arp), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "nf_conntrack"), []byte(track), 0o600))
		return ReadLosses(dir)
	}
	const calm = "entries  allocs table_fulls \n00000010 00000001 0000000a \n00000010 00000002 00000001 \n"
	const tracked = "entries  insert_failed drop early_drop\n0 00000002 00000003 0\n0 0 0 0\n"
	before := read(calm, tracked)
	assert.Equal(t, Losses{Neighbours: 11, Connections: 1, Known: true}, before)
	assert.NoError(t, before.Since(before))

	clash := read(calm, "entries  insert_failed drop early_drop\n0 00000004 00000005 0\n")
	assert.NoError(t, clash.Since(before), "a clash is no loss")
	full := read("entries  allocs table_fulls\n00000010 00000001 00000012\n", tracked)
	assert.ErrorContains(t, full.Since(before), "neighbour table was full 7 times")
	untracked := read(calm, "entries  insert_failed drop early_drop\n0 00000002 00000005 0\n")
	assert.ErrorContains(t, untracked.Since(before), "connection tracking was full 2 times")
	assert.Zero(t, ReadLosses(t.TempDir()))
}
