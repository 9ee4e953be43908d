package matrix

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func mustParse(t testing.TB, text string) *Matrix {
	t.Helper()
	m, err := Parse("m.yaml", []byte(text))
	require.NoError(t, err)
	return m
}

// everything expands testdata/valid-everything.yaml.
func everything(t *testing.T) *Matrix {
	t.Helper()
	m, err := Load(os.DirFS("testdata"), "valid-everything.yaml", "valid-everything.yaml")
	require.NoError(t, err)
	return m
}

func TestExpand(t *testing.T) {
	var b strings.Builder
	for _, c := range everything(t).Expand() {
		fmt.Fprintf(&b, "%-5s %-32s %s %s\n", c.Expected, c.Key(), c.Pos, c.Why)
	}
	golden(t, "valid-everything-cases.txt", b.String())
}

// The rules of the cases, counted independently of Expand's loops.
func TestExpandIsComplete(t *testing.T) {
	for _, name := range BundledNames() {
		m := mustBundled(t, name)
		seen := map[string]bool{}
		var allowedPairs, lookups int
		allowed := map[pair]bool{}
		for _, c := range m.Expand() {
			require.False(t, seen[c.Key()], "%s twice", c.Key())
			seen[c.Key()] = true
			assert.NotEqual(t, c.From, c.To)
			assert.Positive(t, c.Pos.Line, c.Key())
			service := m.Service(c.From) != nil && m.Service(c.To) != nil
			switch {
			case c.Protocol == DNS:
				assert.True(t, allowed[pair{c.From, c.To}], "%s: lookup of a forbidden peer, or before its ports", c.Key())
				lookups++
			case c.Expected == Allow && service && !allowed[pair{c.From, c.To}]:
				allowed[pair{c.From, c.To}] = true
				allowedPairs++
			}
		}
		assert.Equal(t, allowedPairs, lookups)
		want := lookups
		for _, to := range m.Services {
			want += len(to.Ports) * (len(m.Services) - 1)
			for _, e := range m.Externals {
				if len(e.Ports) == 0 {
					want += len(to.Ports)
				}
			}
		}
		for _, e := range m.Externals {
			want += len(e.Ports) * len(m.Services)
		}
		assert.Len(t, seen, want)
	}
}

func TestExpandDeniesWhatNoRuleAllows(t *testing.T) {
	m := mustParse(t, `
matrix: shop
externals: {clients: {}, internet: {ports: [443]}}
services:
  web: {ports: [80], to: [db]}
  db: {ports: [5432], from: []}
`)
	for _, c := range m.Expand() {
		assert.Equal(t, Deny, c.Expected, c.Key())
		assert.NotEqual(t, DNS, c.Protocol, c.Key())
	}
	assert.Len(t, m.Expand(), 2*2+2)
}

func TestMembers(t *testing.T) {
	m := everything(t)
	for peer, want := range map[string][]string{
		"web":        {"web"},
		"data":       {"db", "cache"},
		"backends":   {"checkout", "db", "cache"},
		"clients":    {"clients"},
		"empty":      nil,
		"legacy-erp": nil,
		"nobody":     nil,
		"":           nil,
		"*":          {"web", "checkout", "db", "cache", "metrics", "logs", "internet", "clients"},
	} {
		assert.Equal(t, want, m.Members(peer), "%q", peer)
	}
	assert.Equal(t, []string{"front", "back", "data"}, m.Tiers())
	assert.Nil(t, m.Service("clients"))
	assert.Nil(t, m.External("web"))
	assert.Equal(t, 443, m.External("internet").Ports[0].Number)
}

func TestToIsNilWhereNotStated(t *testing.T) {
	m := everything(t)
	assert.Nil(t, m.Service("metrics").To)
	assert.NotNil(t, m.Service("db").To)
	assert.Empty(t, m.Service("db").To)
}

// A merge key and an alias bring in the same rules, each placed where it is used.
func TestMergedService(t *testing.T) {
	at := func(col int) Pos { return Pos{File: "valid-everything.yaml", Line: 38, Col: col} }
	cache := everything(t).Service("cache")
	assert.Equal(t, "data", cache.Tier)
	assert.Equal(t, Deny, cache.DNS)
	assert.Len(t, cache.From, 2)
	assert.Equal(t, []Port{
		{Number: 5432, End: 5432, Protocol: TCP, Pos: at(13)},
		{Number: 9100, End: 9100, Protocol: TCP, Pos: at(19)},
		{Number: 6379, End: 6379, Protocol: UDP, Pos: at(25)},
		{Number: 7000, End: 7000, Protocol: SCTP, Pos: at(37)},
	}, cache.Ports)
	checkout := everything(t).Service("checkout")
	assert.Equal(t, "valid-everything.yaml:28:9", checkout.From[2].Pos.String(), "the alias, not its anchor")
}

func TestDigest(t *testing.T) {
	one := mustParse(t, "matrix: a\nservices:\n  web: {ports: [80], from: [db]}\n  db: {ports: [81]}\n")
	reordered := mustParse(t, "matrix: b\nservices:\n  db: {ports: [81], stated: [82], to: []}\n  web: {ports: [80], from: [{peer: db, why: x}]}\n")
	other := mustParse(t, "matrix: a\nservices:\n  web: {ports: [80]}\n  db: {ports: [81]}\n")
	assert.Equal(t, one.Digest(), reordered.Digest())
	assert.NotEqual(t, one.Digest(), other.Digest())
	assert.Regexp(t, "^[0-9a-f]{64}$", one.Digest())
}

func TestLoadMissingFile(t *testing.T) {
	_, err := Load(os.DirFS("testdata"), "none.yaml", "none.yaml")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// BenchmarkParseAndExpand has 1,000 services in 10 tiers: 1,018,000 cases.
func BenchmarkParseAndExpand(b *testing.B) {
	var text strings.Builder
	text.WriteString("matrix: big\nservices:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  s%d:\n    tier: t%d\n    ports: [%d]\n    from: [t%d, s%d]\n    to: [t%d]\n", i, i%10, 1000+i, (i+1)%10, (i+3)%1000, (i+9)%10)
	}
	b.ReportAllocs()
	for b.Loop() {
		m := mustParse(b, text.String())
		b.ReportMetric(float64(len(m.Expand())), "cases")
	}
}
