package kubernetes_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/e2e-framework/klient/k8s"
	"sigs.k8s.io/e2e-framework/pkg/envconf"
	"sigs.k8s.io/e2e-framework/pkg/features"

	"github.com/netconform/netconform/suites"
	"github.com/netconform/netconform/suites/kubernetes"
)

func job(t *testing.T, runID string) suites.Job {
	t.Helper()
	s := load(t, "three")
	return suites.Job{RunID: runID, Key: []byte("0123456789abcdef0123456789abcdef"), Suite: s, Cases: s.Matrix.Expand(), Notify: t.Logf}
}

// A namespace that netconform did not make is never touched, and the error says
// what to do.
func TestForeignNamespaceRefused(t *testing.T) {
	needCluster(t)
	c := client(t)
	o := options()
	o.NamespacePrefix = prefix(t)
	foreign := o.NamespacePrefix + "three-data"
	_, err := c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: foreign}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, c.CoreV1().Namespaces().Delete(context.Background(), foreign, metav1.DeleteOptions{}))
	})
	_, err = kubernetes.New(o).Deploy(t.Context(), job(t, "0000f0e1"))
	require.ErrorIs(t, err, suites.ErrInput)
	assert.ErrorContains(t, err, foreign)
	assert.ErrorContains(t, err, "--namespace-prefix")

	n, err := c.CoreV1().Namespaces().Get(t.Context(), foreign, metav1.GetOptions{})
	require.NoError(t, err)
	assert.Nil(t, n.DeletionTimestamp)
	others, err := c.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{LabelSelector: "netconform.dev/run=0000f0e1"})
	require.NoError(t, err)
	assert.Empty(t, others.Items, "nothing was made before the refusal")
}

// Two runs of one suite at once, each under its prefix, don't see each other.
func TestTwoRunsAtOnce(t *testing.T) {
	needCluster(t)
	runs := make(chan *suites.Run, 2)
	for _, name := range []string{"a-", "b-"} {
		go func() {
			o := options()
			o.NamespacePrefix = name + prefix(t)
			run, err := suites.Verify(t.Context(), load(t, "three"), suites.Options{Targets: []suites.Target{{Platform: kubernetes.New(o)}}})
			assert.NoError(t, err)
			runs <- run
		}()
	}
	for range 2 {
		run := <-runs
		require.NotNil(t, run)
		assert.Empty(t, run.Errors)
		assert.Equal(t, run.Summary.Cases, run.Summary.Conforms+run.Summary.Skipped, "%+v", run.Summary)
	}
}

// The rights of rbac.yaml are enough.
func TestMinimalRights(t *testing.T) {
	needCluster(t)
	var kubeconfig string
	feature := features.New("as the service account of rbac.yaml").
		Setup(func(ctx context.Context, t *testing.T, c *envconf.Config) context.Context {
			for _, object := range rights(t) {
				require.NoError(t, c.Client().Resources().Create(ctx, object))
			}
			kubeconfig = asServiceAccount(t)
			return ctx
		}).
		Assess("the suite passes", func(ctx context.Context, t *testing.T, c *envconf.Config) context.Context {
			o := options()
			o.Kubeconfig, o.NamespacePrefix = kubeconfig, "rights-"
			run := verify(t, load(t, "three"), o)
			assert.Empty(t, run.Errors)
			assert.Equal(t, run.Summary.Cases, run.Summary.Conforms+run.Summary.Skipped, "%+v", run.Summary)
			return ctx
		}).
		Assess("and clean works", func(ctx context.Context, t *testing.T, c *envconf.Config) context.Context {
			o := options()
			o.Kubeconfig = kubeconfig
			_, err := kubernetes.Clean(ctx, kubernetes.CleanOptions{Options: o})
			assert.NoError(t, err)
			return ctx
		}).
		Teardown(func(ctx context.Context, t *testing.T, c *envconf.Config) context.Context {
			for _, object := range rights(t) {
				if err := c.Client().Resources().Delete(ctx, object); !apierrors.IsNotFound(err) {
					assert.NoError(t, err)
				}
			}
			return ctx
		}).Feature()
	cluster.Test(t, feature)
}

// rights are the objects of rbac.yaml.
func rights(t *testing.T) []k8s.Object {
	t.Helper()
	text, err := os.ReadFile("rbac.yaml")
	require.NoError(t, err)
	var list []k8s.Object
	for _, document := range strings.Split(string(text), "\n---\n") {
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode([]byte(document), nil, nil)
		require.NoError(t, err)
		list = append(list, object.(k8s.Object))
	}
	return list
}

// asServiceAccount writes a kubeconfig with a token of netconform/netconform.
func asServiceAccount(t *testing.T) string {
	t.Helper()
	hour := int64(3600)
	token, err := client(t).CoreV1().ServiceAccounts("netconform").CreateToken(t.Context(), "netconform",
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}, metav1.CreateOptions{})
	require.NoError(t, err)
	config, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	require.NoError(t, err)
	require.NoError(t, clientcmdapi.FlattenConfig(config))
	user := config.Contexts[config.CurrentContext].AuthInfo
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	file := t.TempDir() + "/kubeconfig"
	require.NoError(t, clientcmd.WriteToFile(*config, file))
	return file
}

// A run that is killed without warning leaves nothing: its watchdog removes it.
func TestKilledRunLeavesNothing(t *testing.T) {
	needCluster(t)
	if os.Getenv("NETCONFORM_TEST_VICTIM") != "" {
		o := options()
		o.NamespacePrefix = os.Getenv("NETCONFORM_TEST_VICTIM")
		_, err := kubernetes.New(o).Deploy(t.Context(), job(t, "0000dead"))
		t.Fatal("not killed: ", err)
	}
	c := client(t)
	victim := exec.Command(os.Args[0], "-test.run", "^TestKilledRunLeavesNothing$")
	victim.Env = append(os.Environ(), "NETCONFORM_TEST_VICTIM="+prefix(t))
	require.NoError(t, victim.Start())
	made := func() int {
		list, err := c.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{LabelSelector: "netconform.dev/run=0000dead"})
		if err != nil {
			return -1
		}
		alive := 0
		for _, n := range list.Items {
			if n.DeletionTimestamp == nil {
				alive++
			}
		}
		return alive
	}
	require.Eventually(t, func() bool { return made() > 0 }, 2*time.Minute, 20*time.Millisecond)
	require.NoError(t, victim.Process.Kill())
	_ = victim.Wait()
	require.Eventually(t, func() bool { return made() == 0 }, 2*time.Minute, 100*time.Millisecond)
}

// On a cluster whose CNI enforces nothing the run says so and judges nothing.
func TestNotEnforced(t *testing.T) {
	kubeconfig := os.Getenv("NETCONFORM_UNENFORCED_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("NETCONFORM_UNENFORCED_KUBECONFIG names no cluster without NetworkPolicy")
	}
	o := kubernetes.Options{Kubeconfig: kubeconfig, LoadImageCommand: os.Getenv("NETCONFORM_UNENFORCED_LOAD_IMAGE"), CanaryBudget: 5 * time.Second}
	_, err := kubernetes.New(o).Deploy(t.Context(), job(t, "0000beef"))
	require.ErrorIs(t, err, suites.ErrNotEnforced)
	assert.ErrorContains(t, err, "the CNI seems to be")

	run, err := suites.Verify(t.Context(), load(t, "three"), suites.Options{Targets: []suites.Target{{Platform: kubernetes.New(o)}}, Notify: t.Logf})
	require.NoError(t, err)
	require.Len(t, run.Errors, 1)
	assert.Equal(t, run.Summary.Cases, run.Summary.Inconclusive)
	t.Log(run.Errors[0])
}

// A cluster without a way for the image is the user's to mend.
func TestNoWayForTheImage(t *testing.T) {
	needCluster(t)
	config, err := clientcmd.NewDefaultClientConfigLoadingRules().Load()
	require.NoError(t, err)
	if strings.HasPrefix(config.CurrentContext, "kind-") {
		t.Skip("a kind cluster has a way of its own")
	}
	_, err = kubernetes.New(kubernetes.Options{NamespacePrefix: prefix(t)}).Deploy(t.Context(), job(t, "0000a1ce"))
	require.ErrorIs(t, err, suites.ErrInput)
	assert.ErrorContains(t, err, "--load-image-command")
}
