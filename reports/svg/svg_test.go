package svg

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"testing"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/reports/internal/fixture"
	"github.com/netconform/netconform/suites"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func write(t *testing.T, run *suites.Run) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, run))
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.Bytes()
		}
		require.NoError(t, err)
	}
}

func TestGolden(t *testing.T) {
	got := write(t, fixture.Run())
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile("testdata/matrix.svg", got, 0o644))
	}
	want, err := os.ReadFile("testdata/matrix.svg")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestTheSameVerdictsGiveTheSamePicture(t *testing.T) {
	later := fixture.Run()
	later.ID, later.Started, later.ElapsedMS = "ffffffff", later.Started.AddDate(0, 0, 1), 1
	for i := range later.Cases {
		later.Cases[i].ElapsedMS, later.Cases[i].Observations = 77, nil
	}
	assert.Equal(t, string(write(t, fixture.Run())), string(write(t, later)))
}

func TestHostileNamesStayText(t *testing.T) {
	name := "</svg><script>alert(1)</script>\x00\x1b[1m\"'&"
	got := write(t, &suites.Run{Suite: name, Services: []suites.Service{{Name: name}, {Name: "b"}}, Cases: []suites.Result{{Platform: name,
		Case: matrix.Case{From: name, To: "b", Port: 1, Protocol: matrix.TCP}, Judgement: suites.Conforms}}})
	assert.NotContains(t, string(got), "<script")
}

func TestLargeRunsStaySmall(t *testing.T) {
	got := write(t, fixture.Big(200, "compose", "kubernetes", "static-compose"))
	assert.Less(t, len(got), 4<<20)
}
