package probes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestResolvConfOfAPod(t *testing.T) {
	c := parseResolvConf("nameserver 10.96.0.10\nsearch old\nsearch ns.svc.cluster.local svc.cluster.local. cluster.local\noptions edns0 ndots:5\n")
	assert.Equal(t, []string{"10.96.0.10:53"}, c.servers)
	assert.Equal(t, []string{
		"db.ns.svc.cluster.local.", "db.svc.cluster.local.", "db.cluster.local.", "db.",
	}, c.candidates("db"))
	assert.Equal(t, []string{"db.ns.svc.cluster.local."}, c.candidates("db.ns.svc.cluster.local."))
}

func TestResolvConfOfAContainer(t *testing.T) {
	c := parseResolvConf("# a comment\nnameserver 127.0.0.11\nnameserver fd00::1\noptions ndots:0\n")
	assert.Equal(t, []string{"127.0.0.11:53", "[fd00::1]:53"}, c.servers)
	assert.Equal(t, []string{"db."}, c.candidates("db"))
}

func TestResolvConfDefaults(t *testing.T) {
	c := parseResolvConf("search example.org\noptions ndots:x\nnameserver x\n")
	assert.Equal(t, []string{"127.0.0.1:53"}, c.servers)
	assert.Equal(t, []string{"a.b.", "a.b.example.org."}, c.candidates("a.b"))
	assert.Equal(t, []string{"a.example.org.", "a."}, c.candidates("a"))
}

func TestHostsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hosts")
	require.NoError(t, os.WriteFile(file, []byte("::1 localhost ip6-localhost\n127.0.0.1\tlocalhost\n172.18.0.3 db db.local # not other\nbad db\n"), 0o644))
	assert.Equal(t, []string{"127.0.0.1", "::1"}, hostsFile(file, "localhost"))
	assert.Equal(t, []string{"172.18.0.3"}, hostsFile(file, "DB.local."))
	assert.Empty(t, hostsFile(file, "other"))
	assert.Empty(t, hostsFile(file+"x", "db"))
}

func TestValidName(t *testing.T) {
	for _, name := range []string{"db", "db.", "a_b-c.d", strings.Repeat("a", 63)} {
		assert.True(t, validName(name), name)
	}
	for _, name := range []string{"", ".", "a..b", "a b", "a/b", "[::1]", "a:1", strings.Repeat("a", 64), strings.Repeat("a.", 130)} {
		assert.False(t, validName(name), name)
	}
}
