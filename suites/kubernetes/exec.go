package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/netconform/netconform/probes"
)

const (
	// execsAtOnce bounds the executions under way: hundreds at once make the
	// API server and the kubelets fail them (peers' experience).
	execsAtOnce = 16
	// execTries bounds how often a lost connection is tried again.
	execTries = 4
	// execLimit is for one try; a batch takes seconds.
	execLimit = 2 * time.Minute
)

// Probe runs the batch by the agent inside the vantage's pod. A lost
// connection, or an answer that is not whole, is tried again under another
// batch number; what comes back is a whole answer or an error.
func (d *deployment) Probe(ctx context.Context, vantage string, b probes.Batch) ([]probes.Result, error) {
	p := d.pods[vantage]
	if p == nil {
		return nil, fmt.Errorf("there is no vantage %q", vantage)
	}
	id := b.ID
	var failures []error
	for try := 1; try <= execTries; try++ {
		b.ID = fmt.Sprintf("%s.%d", id, try)
		results, err := d.probeOnce(ctx, p, b)
		if err == nil {
			d.askAgain(ctx, p, b, results)
			return results, nil
		}
		failures = append(failures, fmt.Errorf("try %d: %w", try, err))
		if ctx.Err() != nil || apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
			break
		}
		if sleep(ctx, time.Duration(try)*300*time.Millisecond) != nil {
			break
		}
	}
	return nil, errors.Join(failures...)
}

// exec runs a command in a pod of the run.
func (c *cluster) exec(ctx context.Context, namespace, name string, command []string, stdin io.Reader, stdout io.Writer) error {
	return c.stream(ctx, c.podRequest(namespace, name, "exec").VersionedParams(&corev1.PodExecOptions{
		Container: containerName, Command: command, Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec), stdin, stdout)
}

// attach speaks to the agent that is the pod's own process.
func (c *cluster) attach(ctx context.Context, namespace, name string, stdin io.Reader, stdout io.Writer) error {
	return c.stream(ctx, c.podRequest(namespace, name, "attach").VersionedParams(&corev1.PodAttachOptions{
		Container: containerName, Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec), stdin, stdout)
}

func (c *cluster) podRequest(namespace, name, subresource string) *rest.Request {
	return c.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(name).SubResource(subresource)
}

// stream speaks WebSocket, and SPDY to API servers and proxies that don't.
func (c *cluster) stream(ctx context.Context, request *rest.Request, stdin io.Reader, stdout io.Writer) error {
	url := request.URL()
	websocket, err := remotecommand.NewWebSocketExecutor(c.config, "GET", url.String())
	if err != nil {
		return err
	}
	spdy, err := remotecommand.NewSPDYExecutor(c.config, "POST", url)
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return err
	}
	var stderr lastWords
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: stdin, Stdout: stdout, Stderr: &stderr})
	if said := stderr.String(); err != nil && said != "" {
		return fmt.Errorf("%w: %s", err, said)
	}
	return err
}

// lastWords is a command's standard error. A stream that was broken off may go
// on writing to it.
type lastWords struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(w.text.String())
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
