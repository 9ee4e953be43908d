//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/netconform/netconform/probes"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var key = []byte("0123456789abcdef")

func withKey(name string) string {
	if name == "NETCONFORM_KEY" {
		return hex.EncodeToString(key)
	}
	return ""
}

func noEnv(string) string { return "" }

// freePort returns a TCP port outside the ephemeral range that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	for port := 9100; port < 9900; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// serveUntilEnd runs probe serve until the test ends and checks that it ends well.
func serveUntilEnd(t *testing.T, listen string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"serve", "--identity", "db", "--listen", listen}, withKey, nil, io.Discard, w)
		w.Close()
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "probe: db listens on "+listen+"\n", line)
	t.Cleanup(func() {
		cancel()
		assert.Equal(t, exitOK, <-code)
	})
}

// TestServeAnswersBatches: batch after batch until the last one, which ends it
// well; what is no batch ends it too, and not well.
func TestServeAnswersBatches(t *testing.T) {
	port := freePort(t)
	serveBatches := func() (in *io.PipeWriter, out *io.PipeReader, code chan int) {
		stdin, in := io.Pipe()
		out, stdout := io.Pipe()
		code = make(chan int, 1)
		go func() {
			code <- run(t.Context(), []string{"serve", "--batches", "--identity", "db", "--listen", fmt.Sprintf("tcp/%d", port)}, withKey, stdin, stdout, io.Discard)
		}()
		return in, out, code
	}
	in, out, code := serveBatches()
	b := probes.Batch{ID: "a1", Key: key, WindowMS: 30_000, Probes: []probes.Probe{{ID: 3, Protocol: probes.TCP, Host: "127.0.0.1", Port: port, Expect: "db"}}}
	for _, b.Last = range []bool{false, true} {
		require.NoError(t, probes.WriteBatch(in, b))
		results, err := probes.ReadResults(out, b)
		require.NoError(t, err)
		assert.Equal(t, probes.OutcomeOpen, results[0].Outcome)
	}
	assert.Equal(t, exitOK, <-code)

	in, _, code = serveBatches()
	_, err := io.WriteString(in, "hello")
	require.NoError(t, err)
	require.NoError(t, in.Close())
	assert.Equal(t, exitFailed, <-code)
}

func TestLosses(t *testing.T) {
	var out, stderr bytes.Buffer
	require.Equal(t, exitOK, run(t.Context(), []string{"losses"}, noEnv, strings.NewReader("\n\n"), &out, &stderr), "%s", &stderr)
	said := json.NewDecoder(&out)
	for range 2 {
		var l probes.Losses
		require.NoError(t, said.Decode(&l))
		assert.NoError(t, probes.ReadLosses(probes.KernelStats).Since(l))
		assert.Equal(t, probes.ReadLosses(probes.KernelStats).Known, l.Known)
	}
	assert.ErrorIs(t, said.Decode(new(probes.Losses)), io.EOF)
}

func TestServeBatchReady(t *testing.T) {
	port := freePort(t)
	listen := fmt.Sprintf("tcp/%d", port)
	serveUntilEnd(t, listen)

	b := probes.Batch{ID: "a1", Key: key, WindowMS: 30_000, Probes: []probes.Probe{{ID: 3, Protocol: probes.TCP, Host: "127.0.0.1", Port: port, Expect: "db"}}}
	var in, out, stderr bytes.Buffer
	require.NoError(t, probes.WriteBatch(&in, b))
	require.Equal(t, exitOK, run(t.Context(), []string{"batch"}, noEnv, &in, &out, &stderr), "%s", &stderr)
	results, err := probes.ReadResults(&out, b)
	require.NoError(t, err)
	assert.Equal(t, probes.OutcomeOpen, results[0].Outcome)

	assert.Equal(t, exitOK, run(t.Context(), []string{"ready", "--listen", listen}, withKey, nil, &out, &stderr), "%s", &stderr)
	assert.Equal(t, exitFailed, run(t.Context(), []string{"ready", "--listen", listen + ",tcp/9099"}, withKey, nil, &out, &stderr))
	assert.Contains(t, stderr.String(), "probe: tcp/9099 is not ready: refused")

	stderr.Reset()
	assert.Equal(t, exitFailed, run(t.Context(), []string{"serve", "--identity", "x", "--listen", listen}, withKey, nil, &out, &stderr))
	assert.Contains(t, stderr.String(), "probe: listen on "+listen+": ")
}

func TestBatchAfterBatch(t *testing.T) {
	port := freePort(t)
	serveUntilEnd(t, fmt.Sprintf("tcp/%d", port))
	stdin, ask := io.Pipe()
	answers, stdout := io.Pipe()
	code := make(chan int, 1)
	go func() { code <- run(t.Context(), []string{"batch"}, noEnv, stdin, stdout, io.Discard) }()
	for _, id := range []string{"a1", "a2", "a3"} {
		b := probes.Batch{ID: id, Key: key, WindowMS: 30_000, Probes: []probes.Probe{{ID: 3, Protocol: probes.TCP, Host: "127.0.0.1", Port: port, Expect: "db"}}}
		require.NoError(t, probes.WriteBatch(ask, b))
		results, err := probes.ReadResults(answers, b)
		require.NoError(t, err)
		assert.Equal(t, probes.OutcomeOpen, results[0].Outcome)
	}
	require.NoError(t, ask.Close())
	assert.Equal(t, exitOK, <-code)
}

func TestHoldAnswersEveryBeat(t *testing.T) {
	port := freePort(t)
	serveUntilEnd(t, fmt.Sprintf("tcp/%d", port))
	stdin, stop := io.Pipe()
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(t.Context(), []string{"hold", fmt.Sprintf("127.0.0.1:%d", port)}, withKey, stdin, w, io.Discard)
		w.Close()
	}()
	lines := json.NewDecoder(r)
	answered := 0
	for answered < 3 { // a beat may be late on a slow machine, and is answered in the next
		var beat probes.Beat
		require.NoError(t, lines.Decode(&beat))
		require.Empty(t, beat.Detail)
		if beat.Answered {
			assert.Equal(t, "db", beat.Peer)
			answered++
		}
	}
	stop.Close()
	io.Copy(io.Discard, r)
	assert.Equal(t, exitOK, <-code)
}

func TestHoldSaysWhatEndedIt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			io.ReadFull(c, make([]byte, 20))
			c.Write([]byte("220 mail.example.org ESMTP " + strings.Repeat("x", 2000)))
			io.Copy(io.Discard, c)
		}
	}()
	stdin, stop := io.Pipe()
	defer stop.Close()
	var out, stderr bytes.Buffer
	assert.Equal(t, exitFailed, run(t.Context(), []string{"hold", l.Addr().String()}, withKey, stdin, &out, &stderr))
	assert.Contains(t, out.String(), `"detail":"something else than a stand-in answered"`)
}

func TestCommandLinesThatAreWrong(t *testing.T) {
	for line, want := range map[string]string{
		"":                            "probe: usage: no command\n",
		"listen":                      "probe: usage: unknown command \"listen\"\n",
		"serve --listen tcp/x":        "probe: usage: listener \"tcp/x\": it must be like tcp/5432, with a port between 1 and 65535\n",
		"losses now":                  "probe: usage: losses takes no arguments\n",
		"serve --identity a tcp/1":    "probe: usage: unexpected argument \"tcp/1\"\n",
		"serve --name a":              "probe: usage: flag provided but not defined: -name\n",
		"batch x":                     "probe: usage: batch takes no arguments\n",
		"hold":                        "probe: usage: hold takes one address\n",
		"serve --listen tcp/80":       "probe: the identity needs 1 to 255 bytes, the instance at most 255\n",
		"batch":                       "probe: read batch: EOF\n",
		"ready --listen sctp/70000":   "probe: usage: listener \"sctp/70000\": it must be like tcp/5432, with a port between 1 and 65535\n",
		"serve --identity a --listen": "probe: usage: flag needs an argument: -listen\n",
	} {
		var out, stderr bytes.Buffer
		code := run(t.Context(), strings.Fields(line), withKey, strings.NewReader(""), &out, &stderr)
		assert.True(t, strings.HasPrefix(stderr.String(), want), "%q: %s", line, &stderr)
		if strings.HasPrefix(want, "probe: usage: ") {
			assert.Equal(t, exitUsage, code, line)
			assert.Contains(t, stderr.String(), usage)
		} else {
			assert.Equal(t, exitFailed, code, line)
		}
		assert.Empty(t, out.String(), "no frame, so no verdict")
	}
}

func TestKeyIsNeeded(t *testing.T) {
	for _, bad := range []string{"", "xyz", "0011"} {
		var stderr bytes.Buffer
		code := run(t.Context(), []string{"serve", "--identity", "a"}, func(string) string { return bad }, nil, io.Discard, &stderr)
		assert.Equal(t, exitFailed, code)
		assert.Equal(t, "probe: NETCONFORM_KEY must be the run's key: hex, 16 bytes or more\n", stderr.String())
	}
}
