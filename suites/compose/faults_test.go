package compose

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netconform/netconform/matrix"
	"github.com/netconform/netconform/probes"
	"github.com/netconform/netconform/suites"
)

// Truth rules 6 and 7: whatever fails in the tool or in the stand-ins, none of
// the cases that it touches may conform, and none may be a violation.

const faultMatrix = `
matrix: faults
services:
  web: {ports: [80]}
  app: {ports: [8000]}
  db: {ports: [5432], from: [web]}
`

const faultCompose = `
services:
  web: {image: a, networks: [back]}
  app: {image: a, networks: [other]}
  db: {image: a, networks: [back]}
networks: {back: {}, other: {}}
`

// faulty is the platform with something that goes wrong in it.
type faulty struct {
	*Platform
	job func(suites.Job) suites.Job // what is deployed instead
	// deployed is called before the first controls.
	deployed func(*deployment)
	// strike is called after the first controls and before the probes.
	strike func(*deployment)
	// during is called beside the first batch of probes from a vantage.
	during map[string]func(*deployment)
}

func (f *faulty) Deploy(ctx context.Context, job suites.Job) (suites.Deployment, error) {
	if f.job != nil {
		job = f.job(job)
	}
	d, err := f.Platform.Deploy(ctx, job)
	if err != nil {
		return nil, err
	}
	if f.deployed != nil {
		f.deployed(d.(*deployment))
	}
	return &faultyDeployment{deployment: d.(*deployment), f: f}, nil
}

type faultyDeployment struct {
	*deployment
	f       *faulty
	mu      sync.Mutex
	probing bool
}

func (d *faultyDeployment) Enforce(context.Context) (bool, error) {
	if d.f.strike != nil {
		d.f.strike(d.deployment)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.probing = true
	return false, nil
}

func (d *faultyDeployment) Probe(ctx context.Context, vantage string, b probes.Batch) ([]probes.Result, error) {
	d.mu.Lock()
	f := d.f.during[vantage]
	if !d.probing {
		f = nil
	} else {
		delete(d.f.during, vantage)
	}
	d.mu.Unlock()
	if f != nil {
		done := make(chan struct{})
		go func() { f(d.deployment); close(done) }()
		defer func() { <-done }()
	}
	return d.deployment.Probe(ctx, vantage, b)
}

func inconclusive(t *testing.T, results map[string]suites.Result, keys ...string) {
	t.Helper()
	for _, key := range keys {
		r, ok := results[key]
		require.True(t, ok, key)
		assert.Equal(t, suites.Inconclusive, r.Judgement, "%s: %s", key, r.Evidence)
		assert.NotEqual(t, matrix.Allow, r.Observed, "%s", key)
	}
}

func TestNoFaultNoInconclusive(t *testing.T) {
	results := verify(t, &faulty{Platform: live(t)}, suiteOf(t, faultMatrix, faultCompose))
	require.Equal(t, suites.Conforms, results["web->db:5432/tcp"].Judgement)
	require.Equal(t, suites.Conforms, results["app->db:5432/tcp"].Judgement)
}

func TestFaultTargetDead(t *testing.T) {
	f := &faulty{Platform: live(t), strike: func(d *deployment) {
		require.NoError(t, unix.Kill(d.vantages["db"].state.pid, unix.SIGKILL))
		waitFor(t, func() bool { return d.Check(context.Background())["db"] != nil })
	}}
	inconclusive(t, verify(t, f, suiteOf(t, faultMatrix, faultCompose)), "web->db:5432/tcp", "app->db:5432/tcp")
}

// elsewhere deploys stand-ins that listen on other ports than the cases say.
func elsewhere(t *testing.T) func(suites.Job) suites.Job {
	return func(job suites.Job) suites.Job {
		s := *job.Suite
		var err error
		s.Matrix, err = matrix.Parse("matrix.yaml", []byte(strings.Replace(faultMatrix, "5432", "5433", 1)))
		require.NoError(t, err)
		job.Suite = &s
		return job
	}
}

func TestFaultWrongPort(t *testing.T) {
	f := &faulty{Platform: live(t), job: elsewhere(t)}
	inconclusive(t, verify(t, f, suiteOf(t, faultMatrix, faultCompose)), "web->db:5432/tcp", "app->db:5432/tcp")
}

func TestFaultForeignAnswers(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"accepts and closes": func(c net.Conn) { c.Close() },
		"echoes":             func(c net.Conn) { _, _ = io.Copy(c, c); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			f := &faulty{Platform: live(t), job: elsewhere(t)}
			f.deployed = func(d *deployment) {
				var l net.Listener
				require.NoError(t, inNetns(d.vantages["db"].state.pid, func() (err error) {
					l, err = net.Listen("tcp4", "0.0.0.0:5432")
					return err
				}))
				t.Cleanup(func() { l.Close() })
				go func() {
					for {
						c, err := l.Accept()
						if err != nil {
							return
						}
						go serve(c)
					}
				}()
			}
			results := verify(t, f, suiteOf(t, faultMatrix, faultCompose))
			inconclusive(t, results, "web->db:5432/tcp", "app->db:5432/tcp")
			require.Equal(t, probes.OutcomeOpenUnverified, results["web->db:5432/tcp"].Outcome)
		})
	}
}

func TestFaultContainerRemoved(t *testing.T) {
	f := &faulty{Platform: live(t), during: map[string]func(*deployment){"app": func(d *deployment) {
		_, err := d.cli.ContainerRemove(context.Background(), d.vantages["db"].state.id, client.ContainerRemoveOptions{Force: true})
		assert.NoError(t, err)
	}}}
	inconclusive(t, verify(t, f, suiteOf(t, faultMatrix, faultCompose)), "web->db:5432/tcp", "app->db:5432/tcp")
}

func TestFaultAgentKilled(t *testing.T) {
	f := &faulty{Platform: live(t), during: map[string]func(*deployment){"app": func(d *deployment) {
		pid := d.vantages["app"].state.pid
		waitFor(t, func() bool { return synSent(pid) })
		assert.NoError(t, unix.Kill(pid, unix.SIGKILL))
	}}}
	results := verify(t, f, suiteOf(t, faultMatrix, faultCompose))
	inconclusive(t, results, "app->db:5432/tcp", "app->web:80/tcp")
	require.Contains(t, results["app->db:5432/tcp"].Evidence, "the stand-in of app: it does not run any more")
}

// synSent reports whether a connection of the process's network namespace waits
// for its answer: a batch is half-way (state 02, SYN_SENT, of proc_net_tcp).
func synSent(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 3 && fields[3] == "02" {
			return true
		}
	}
	return false
}

// cut is an engine whose lines are cut off after some bytes of output.
type cut struct {
	client.APIClient
	after int64
}

func (c cut) ContainerAttach(ctx context.Context, id string, o client.ContainerAttachOptions) (client.ContainerAttachResult, error) {
	got, err := c.APIClient.ContainerAttach(ctx, id, o)
	if err == nil {
		got.Reader = bufio.NewReader(io.LimitReader(got.Reader, c.after))
	}
	return got, err
}

func TestFaultLineCut(t *testing.T) {
	f := &faulty{Platform: live(t)}
	f.strike = func(d *deployment) {
		b := probes.Batch{ID: "1", Key: d.job.Key, Probes: []probes.Probe{
			{ID: 1, Protocol: probes.TCP, Host: "127.0.0.1", Port: 5432, Expect: "db"}}}
		_, err := d.Probe(t.Context(), "db", b)
		require.NoError(t, err)
		db := d.vantages["db"]
		for _, after := range []int64{0, 5, 100, 300} {
			db.line.close()
			db.line, err = attach(t.Context(), cut{d.cli, after}, db.state.id)
			require.NoError(t, err)
			for range 2 { // a line that was cut stays so
				results, err := d.Probe(t.Context(), "db", b)
				require.Error(t, err, after)
				require.Nil(t, results)
			}
		}
		for _, name := range []string{"web", "app"} {
			d.vantages[name].line.close()
		}
	}
	inconclusive(t, verify(t, f, suiteOf(t, faultMatrix, faultCompose)), "web->db:5432/tcp", "app->db:5432/tcp", "web->db/dns")
}

func TestFaultDNSBroken(t *testing.T) {
	if _, err := exec.LookPath("iptables"); err != nil || os.Geteuid() != 0 {
		t.Skip("breaking a container's DNS needs root and iptables")
	}
	f := &faulty{Platform: live(t), strike: func(d *deployment) {
		for _, name := range []string{"web", "app"} {
			require.NoError(t, inNetns(d.vantages[name].state.pid, func() error {
				return exec.Command("iptables", "-t", "nat", "-F").Run()
			}))
		}
	}}
	inconclusive(t, verify(t, f, suiteOf(t, faultMatrix, faultCompose)), "web->db:5432/tcp", "app->db:5432/tcp", "web->db/dns")
}

func TestFaultEngineGone(t *testing.T) {
	engine := strings.TrimPrefix(func() string {
		cli, err := connect()
		require.NoError(t, err)
		defer cli.Close()
		return cli.DaemonHost()
	}(), "unix://")
	if strings.Contains(engine, "://") {
		t.Skip("the engine is not on a socket of this machine")
	}
	wire := wireTo(t, engine)
	f := &faulty{Platform: live(t), strike: func(d *deployment) {
		d.cli, _ = client.New(client.WithHost("unix://" + wire.path))
	}, during: map[string]func(*deployment){"app": func(*deployment) { wire.stop() }}}
	// What the runner removes, it removes by the engine that is back.
	back := &backAtTheEnd{f}
	results := verify(t, back, suiteOf(t, faultMatrix, faultCompose))
	inconclusive(t, results, "web->db:5432/tcp", "app->db:5432/tcp", "db->web:80/tcp", "web->db/dns")
}

// backAtTheEnd is an engine that answers again when all is to be removed.
type backAtTheEnd struct{ *faulty }

func (b *backAtTheEnd) Deploy(ctx context.Context, job suites.Job) (suites.Deployment, error) {
	d, err := b.faulty.Deploy(ctx, job)
	if err != nil {
		return nil, err
	}
	return &closing{d.(*faultyDeployment), d.(*faultyDeployment).cli}, nil
}

type closing struct {
	*faultyDeployment
	cli client.APIClient
}

func (c *closing) Close(ctx context.Context) error {
	c.deployment.cli = c.cli
	return c.deployment.Close(ctx)
}

// wire carries connections to the engine until it is stopped.
type wire struct {
	path     string
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	stopped  bool
}

func wireTo(t *testing.T, engine string) *wire {
	w := &wire{path: filepath.Join(t.TempDir(), "docker.sock")}
	var err error
	w.listener, err = net.Listen("unix", w.path)
	require.NoError(t, err)
	t.Cleanup(w.stop)
	go func() {
		for {
			near, err := w.listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", engine)
			if err != nil || !w.keep(near, far) {
				near.Close()
				continue
			}
			go func() { _, _ = io.Copy(far, near); _ = far.(*net.UnixConn).CloseWrite() }()
			go func() { _, _ = io.Copy(near, far); near.Close() }()
		}
	}()
	return w
}

func (w *wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, conns...)
	return !w.stopped
}

func (w *wire) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.listener.Close()
	for _, c := range w.conns {
		c.Close()
	}
}
