package kubernetes_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
	ours "github.com/netconform/netconform/suites/kubernetes"
)

// meddler is a platform that somebody interferes with.
type meddler struct {
	suites.Platform
	// enforced is called when the policies have been applied.
	enforced func()
	// probing is called before every batch after that.
	probing func(vantage string)
}

func (m meddler) Deploy(ctx context.Context, job suites.Job) (suites.Deployment, error) {
	d, err := m.Platform.Deploy(ctx, job)
	if err != nil {
		return nil, err
	}
	return &meddled{Deployment: d, meddler: m}, nil
}

type meddled struct {
	suites.Deployment
	meddler
	started bool
}

func (m *meddled) Baseline() bool { return true }

func (m *meddled) Enforce(ctx context.Context) (bool, error) {
	settles, err := m.Deployment.Enforce(ctx)
	if err == nil && m.enforced != nil {
		m.enforced()
	}
	m.started = true
	return settles, err
}

func (m *meddled) Probe(ctx context.Context, vantage string, b probes.Batch) ([]probes.Result, error) {
	if m.started && m.probing != nil {
		m.probing(vantage)
	}
	return m.Deployment.Probe(ctx, vantage, b)
}

// meddleWith verifies the suite of three namespaces, which conforms where
// nobody interferes, and holds it to no wrong verdict at all.
func meddleWith(t *testing.T, m meddler, o ours.Options) *suites.Run {
	t.Helper()
	o.NamespacePrefix = prefix(t)
	m.Platform = ours.New(o)
	run, err := suites.Verify(t.Context(), load(t, "three"), suites.Options{
		Targets: []suites.Target{{Platform: m}}, Notify: t.Logf, Patience: 5 * time.Second,
	})
	require.NoError(t, err)
	require.NotEmpty(t, run.Cases)
	for _, c := range run.Cases {
		assert.False(t, c.Judgement.Violation(), "a wrong verdict: %s is %s: %s", c.Key(), c.Judgement, c.Evidence)
	}
	t.Logf("%d cases: %d conform, %d inconclusive, %d skipped", run.Summary.Cases, run.Summary.Conforms, run.Summary.Inconclusive, run.Summary.Skipped)
	return run
}

// client is a connection of the test's own.
func client(t *testing.T) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	require.NoError(t, err)
	c, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	return c
}

// processes are those of this machine whose command line has all the words. A
// pod's processes are among them where the node is on this machine.
func processes(words ...string) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		text, err := os.ReadFile(f)
		line := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
		if err != nil || !hasAll(line, words) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(f, "/proc/%d/cmdline", &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func hasAll(line, words []string) bool {
	for _, w := range words {
		found := false
		for _, part := range line {
			found = found || part == w
		}
		if !found {
			return false
		}
	}
	return true
}

func kill(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			t.Errorf("kill %d: %v", pid, err)
		}
	}
}
