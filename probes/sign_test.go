package probes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	testKey   = []byte("0123456789abcdef")
	testSaid  = answer{identity: "postgres", instance: "a", protocol: TCP, port: 5432, seen: "10.0.0.7"}
	testNonce = nonce{1, 2, 3}
)

func TestAnswerIsReadBack(t *testing.T) {
	got, err := readAnswer(testSaid.sign(testKey, testNonce), testKey, testNonce)
	require.NoError(t, err)
	assert.Equal(t, testSaid, got)
}

func TestAnswerWithAnyBitChangedIsRefused(t *testing.T) {
	whole := testSaid.sign(testKey, testNonce)
	for i := range whole {
		for bit := range 8 {
			forged := append([]byte(nil), whole...)
			forged[i] ^= 1 << bit
			_, err := readAnswer(forged, testKey, testNonce)
			require.Error(t, err, "byte %d, bit %d", i, bit)
		}
	}
}

func TestAnswerOfAnotherKeyOrNonceIsRefused(t *testing.T) {
	whole := testSaid.sign(testKey, testNonce)
	_, err := readAnswer(whole, []byte("fedcba9876543210"), testNonce)
	assert.ErrorIs(t, err, errSignature)
	_, err = readAnswer(whole, testKey, nonce{9})
	assert.ErrorIs(t, err, errSignature)
}

func TestAnswerCutAnywhereIsIncomplete(t *testing.T) {
	whole := testSaid.sign(testKey, testNonce)
	for n := range whole {
		_, err := readAnswer(whole[:n], testKey, testNonce)
		require.ErrorIs(t, err, errIncomplete, "%d bytes", n)
	}
	_, err := readAnswer(append(whole, 0), testKey, testNonce)
	assert.ErrorIs(t, err, errForeign)
}

// The fields may not be moved into one another under the same signature.
func TestBodiesOfDifferentFieldsDiffer(t *testing.T) {
	a := answer{identity: "ab", instance: "c"}
	b := answer{identity: "a", instance: "bc"}
	assert.NotEqual(t, a.body(), b.body())
}

func TestJudge(t *testing.T) {
	assert.Equal(t, OutcomeOpen, judge(testSaid, nil, "postgres").Outcome)
	other := judge(testSaid, nil, "nats")
	assert.Equal(t, OutcomeWrongPeer, other.Outcome)
	assert.Equal(t, "postgres", other.Peer)
	assert.Equal(t, OutcomeOpenUnverified, judge(answer{}, errSignature, "").Outcome)
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(testSaid.sign(testKey, testNonce))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := readAnswer(b, testKey, testNonce)
		if err == nil {
			assert.Equal(t, b, a.sign(testKey, testNonce))
		}
	})
}
