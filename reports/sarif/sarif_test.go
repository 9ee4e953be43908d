package sarif

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/fixture"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGolden(t *testing.T) {
	findings := append(fixture.Run().Findings,
		matrix.Finding{Rule: "no-common-network", Pos: matrix.Pos{File: "/abs/a b.yaml"}, Message: "no line\x1b[1m"},
		matrix.Finding{Rule: "a-rule", Message: "no file"})
	var b bytes.Buffer
	require.NoError(t, Write(&b, findings, "1.0.0"))
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile("testdata/findings.sarif", b.Bytes(), 0o644))
	}
	want, err := os.ReadFile("testdata/findings.sarif")
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

func TestRuleIndexesPointAtTheirRule(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Write(&b, []matrix.Finding{{Rule: "z"}, {Rule: "a"}, {Rule: "z"}, {Rule: "m"}}, ""))
	var d document
	require.NoError(t, json.Unmarshal(b.Bytes(), &d))
	require.Len(t, d.Runs[0].Tool.Driver.Rules, 3)
	require.Len(t, d.Runs[0].Results, 4)
	for _, r := range d.Runs[0].Results {
		assert.Equal(t, r.RuleID, d.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID)
	}
}

func TestNoFindings(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Write(&b, nil, "1"))
	assert.Contains(t, b.String(), `"results": []`)
	assert.Contains(t, b.String(), `"rules": []`)
}
