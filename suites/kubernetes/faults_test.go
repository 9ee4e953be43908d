package kubernetes_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/netconform/netconform/suites"
)

// inconclusiveTo asserts that no case to the service was judged: the
// destination is not the one that was proved alive.
func inconclusiveTo(t *testing.T, run *suites.Run, service string) {
	t.Helper()
	seen := 0
	for _, c := range run.Cases {
		if c.To == service && c.Protocol != "dns" && c.Judgement != suites.Skipped {
			seen++
			assert.Equal(t, suites.Inconclusive, c.Judgement, "%s: %s", c.Key(), c.Evidence)
		}
	}
	assert.NotZero(t, seen)
}

func TestTargetProcessDies(t *testing.T) {
	needCluster(t)
	var killed int
	run := meddleWith(t, meddler{enforced: func() {
		pids := processes("/probe", "serve", "--identity", "db")
		killed = len(pids)
		kill(t, pids)
	}}, options())
	if killed == 0 {
		t.Skip("the nodes' processes are not on this machine")
	}
	inconclusiveTo(t, run, "db")
}

func TestPodDeletedHalfWay(t *testing.T) {
	needCluster(t)
	c := client(t)
	run := meddleWith(t, meddler{enforced: func() {
		selector := metav1.ListOptions{LabelSelector: "netconform.dev/stand-in=db"}
		pods, err := c.CoreV1().Pods(prefix(t)+"three-data").List(t.Context(), selector)
		require.NoError(t, err)
		require.NotEmpty(t, pods.Items)
		require.NoError(t, c.CoreV1().Pods(pods.Items[0].Namespace).Delete(t.Context(), pods.Items[0].Name, metav1.DeleteOptions{}))
	}}, options())
	inconclusiveTo(t, run, "db")
}

// The agent that probes is killed while it does. It is the stand-in's own
// process, so that nothing is known of that service, and nothing else changes.
func TestProbingAgentKilled(t *testing.T) {
	needCluster(t)
	var once sync.Once
	var killed atomic.Int32
	run := meddleWith(t, meddler{probing: func(vantage string) {
		if !strings.HasPrefix(vantage, "front@") {
			return
		}
		once.Do(func() {
			time.AfterFunc(30*time.Millisecond, func() {
				pids := processes("/probe", "serve", "--identity", "front")
				killed.Add(int32(len(pids)))
				kill(t, pids)
			})
		})
	}}, options())
	if killed.Load() == 0 {
		t.Skip("the nodes' processes are not on this machine")
	}
	inconclusiveTo(t, run, "front")
	for _, c := range run.Cases {
		if c.From == "front" && c.Judgement != suites.Skipped {
			assert.Equal(t, suites.Inconclusive, c.Judgement, "%s: %s", c.Key(), c.Evidence)
		}
	}
	assert.NotZero(t, run.Summary.Conforms)
}

func TestPolicyDeletedHalfWay(t *testing.T) {
	needCluster(t)
	c := client(t)
	run := meddleWith(t, meddler{enforced: func() {
		require.NoError(t, c.NetworkingV1().NetworkPolicies(prefix(t)+"three-data").Delete(t.Context(), "db", metav1.DeleteOptions{}))
	}}, options())
	assert.Equal(t, run.Summary.Cases, run.Summary.Inconclusive+run.Summary.Skipped)
}

// The cluster's DNS goes away after the policies: names fail for everybody, and
// that is no policy's doing.
func TestDNSGone(t *testing.T) {
	needCluster(t)
	c := client(t)
	scale := func(replicas int32) int32 {
		deployments := c.AppsV1().Deployments(metav1.NamespaceSystem)
		s, err := deployments.GetScale(t.Context(), "coredns", metav1.GetOptions{})
		require.NoError(t, err)
		was := s.Spec.Replicas
		s.Spec.Replicas = replicas
		_, err = deployments.UpdateScale(t.Context(), "coredns", s, metav1.UpdateOptions{})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			var d *appsv1.Deployment
			d, err = deployments.Get(t.Context(), "coredns", metav1.GetOptions{})
			return err == nil && d.Status.ReadyReplicas == replicas && d.Status.Replicas == replicas
		}, 2*time.Minute, 200*time.Millisecond)
		return was
	}
	var was int32
	run := meddleWith(t, meddler{enforced: func() { was = scale(0) }}, options())
	scale(was)
	for _, q := range run.Cases {
		if q.Protocol == "dns" {
			assert.Equal(t, suites.Inconclusive, q.Judgement, "%s: %s", q.Key(), q.Evidence)
		}
	}
}

// The API server is stopped for ten seconds: nothing can be probed meanwhile,
// and that is no verdict.
func TestAPIServerAway(t *testing.T) {
	needCluster(t)
	file := os.Getenv("NETCONFORM_APISERVER_PIDFILE")
	if file == "" {
		t.Skip("NETCONFORM_APISERVER_PIDFILE does not name the API server's process")
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	// The daemon may run below a process that only enters its namespaces.
	pids := []int{pid}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	require.NoError(t, err)
	for _, child := range strings.Fields(string(children)) {
		n, err := strconv.Atoi(child)
		require.NoError(t, err)
		pids = append(pids, n)
	}
	signal := func(s syscall.Signal) {
		for _, pid := range pids {
			assert.NoError(t, syscall.Kill(pid, s))
		}
	}
	t.Cleanup(func() { signal(syscall.SIGCONT) })
	run := meddleWith(t, meddler{enforced: func() {
		signal(syscall.SIGSTOP)
		time.AfterFunc(10*time.Second, func() { signal(syscall.SIGCONT) })
	}}, options())
	assert.NotZero(t, run.Summary.Conforms)
}
