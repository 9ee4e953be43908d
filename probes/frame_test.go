package probes

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var frameBatch = Batch{ID: "7f", Key: testKey, Probes: []Probe{
	{ID: 4, Protocol: TCP, Host: "10.0.0.1", Port: 80, Expect: "web"},
	{ID: 2, Protocol: DNS, Host: "web"},
	{ID: 9, Protocol: UDP, Host: "10.0.0.1", Port: 53, Expect: "dns"},
}}

// frame writes results in an order of their own, as the agent does.
func frame(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	w := newResultWriter(&out, frameBatch)
	w.write(Result{ID: 9, Outcome: OutcomeDropped, Address: "10.0.0.1", Attempts: 6})
	w.write(Result{ID: 4, Outcome: OutcomeOpen, Peer: "web", ICMP: &ICMP{Type: 3}})
	w.write(Result{ID: 2, Outcome: OutcomeResolved, DNS: &Lookup{Status: "answer", Addresses: []string{"10.0.0.1"}}})
	require.NoError(t, w.close())
	return out.String()
}

func TestResultsComeInTheOrderOfTheProbes(t *testing.T) {
	got, err := ReadResults(strings.NewReader("kubelet: noise\nand more"+frame(t)+"noise behind"), frameBatch)
	require.NoError(t, err)
	require.Len(t, got, 3)
	assert.Equal(t, Result{ID: 4, Outcome: OutcomeOpen, Peer: "web", ICMP: &ICMP{Type: 3}}, got[0])
	assert.Equal(t, "answer", got[1].DNS.Status)
	assert.Equal(t, OutcomeDropped, got[2].Outcome)
}

func TestFrameCutAnywhereIsAnError(t *testing.T) {
	whole := frame(t)
	for n := range len(whole) {
		got, err := ReadResults(strings.NewReader(whole[:n]), frameBatch)
		require.Error(t, err, "%d of %d bytes", n, len(whole))
		require.Nil(t, got)
	}
}

func TestFrameWithAnyByteChangedIsAnErrorOrSaysTheSame(t *testing.T) {
	whole := frame(t)
	want, err := ReadResults(strings.NewReader(whole), frameBatch)
	require.NoError(t, err)
	for i := range whole {
		forged := []byte(whole)
		forged[i] ^= 0x05
		if got, err := ReadResults(bytes.NewReader(forged), frameBatch); err == nil {
			require.Equal(t, want, got, "byte %d", i)
		}
	}
}

func TestBrokenFramesAreErrors(t *testing.T) {
	whole := frame(t)
	lines := strings.SplitAfter(strings.TrimPrefix(whole, "\n"), "\n")
	header, first, second, third, trailer := lines[0], lines[1], lines[2], lines[3], lines[4]
	for name, text := range map[string]string{
		"empty":             "",
		"no header":         first + second + third + trailer,
		"no trailer":        header + first + second + third,
		"a result less":     header + first + second + trailer,
		"a result twice":    header + first + first + second + third + trailer,
		"order changed":     header + second + first + third + trailer,
		"noise in between":  header + first + "noise\n" + second + third + trailer,
		"unknown probe":     header + strings.Replace(first, `"id":9`, `"id":8`, 1) + second + third + trailer,
		"unknown field":     header + strings.Replace(first, `{`, `{"x":1,`, 1) + second + third + trailer,
		"unknown outcome":   header + strings.Replace(first, `dropped`, `lost`, 1) + second + third + trailer,
		"other batch":       strings.Replace(header, "7f", "7e", 1) + first + second + third + trailer,
		"other count":       strings.Replace(header, ":3", ":2", 1) + first + second + third + trailer,
		"other trailer":     header + first + second + third + strings.Replace(trailer, "7f", "7e", 1),
		"other peer":        header + first + strings.Replace(second, `"peer":"web"`, `"peer":"www"`, 1) + third + trailer,
		"two on a line":     header + strings.TrimSpace(first) + second + third + trailer,
		"the error of exec": "OCI runtime exec failed: exec failed: unable to start container process\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadResults(strings.NewReader(text), frameBatch)
			require.Error(t, err)
			assert.Nil(t, got)
			assert.Contains(t, err.Error(), "read results of batch 7f: ")
		})
	}
}

func TestBatchIsReadWithoutTheEndOfInput(t *testing.T) {
	var text bytes.Buffer
	require.NoError(t, WriteBatch(&text, frameBatch))
	got, err := ReadBatch(&endless{text.Bytes()})
	require.NoError(t, err)
	assert.Equal(t, frameBatch, got)
}

// endless fails the test's wait when it is read past its text.
type endless struct{ text []byte }

func (e *endless) Read(p []byte) (int, error) {
	if len(e.text) == 0 {
		panic("read past the batch")
	}
	n := copy(p, e.text)
	e.text = e.text[n:]
	return n, nil
}

func TestBadBatchesAreErrors(t *testing.T) {
	for text, want := range map[string]string{
		``:           "read batch: EOF",
		`{"id":"x"}`: "read batch: a key of 0 bytes; it needs 16 or more",
		`{"key":"MDEyMzQ1Njc4OWFiY2RlZg==","confirm":-1}`:                 "read batch: a negative window, confirm or in_flight",
		`{"key":"MDEyMzQ1Njc4OWFiY2RlZg==","probes":[{"id":1},{"id":1}]}`: "read batch: two probes with the id 1",
		`{"key":"MDEyMzQ1Njc4OWFiY2RlZg==","windows":1}`:                  `read batch: json: unknown field "windows"`,
	} {
		_, err := ReadBatch(strings.NewReader(text))
		assert.EqualError(t, err, want, "%s", text)
	}
}

func TestOutcomesHaveOneNameEach(t *testing.T) {
	for o := OutcomeError; o <= OutcomeResolved; o++ {
		text, err := o.MarshalText()
		require.NoError(t, err)
		var back Outcome
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, o, back)
	}
	var o Outcome
	assert.EqualError(t, o.UnmarshalText([]byte("allow")), `unknown outcome "allow"`)
}
