package suites_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/fake"
)

// TestMatrix is what a Go team writes. TestSubtestsAreCases runs it in another
// process with a network that has a hole, where it must fail.
func TestMatrix(t *testing.T) {
	p := conforming()
	if os.Getenv("NETCONFORM_TEST_HOLE") != "" {
		p.Outcomes[fake.Key("web", "db", suites.ByAddress, 5432)] = []probes.Outcome{probes.OutcomeOpen}
	}
	run := suites.Test(t, suite(t), suites.Options{Targets: []suites.Target{{Platform: p}}})
	assert.Equal(t, 8, run.Summary.Cases)
}

func TestSubtestsAreCases(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	for pattern, want := range map[string]string{
		"TestMatrix/web/db": "--- FAIL: TestMatrix/web/db/5432_tcp_on_compose",
		"TestMatrix/api/db": "--- PASS: TestMatrix/api/db/5432_tcp_on_compose",
	} {
		cmd := exec.Command(self, "-test.v", "-test.run", pattern)
		cmd.Env = append(os.Environ(), "NETCONFORM_TEST_HOLE=1")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		assert.Equal(t, pattern == "TestMatrix/web/db", err != nil, out.String())
		assert.Contains(t, out.String(), want)
	}
}
