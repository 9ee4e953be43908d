package probes

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/netconform/netconform/probes/image/agenttest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// lab is three network namespaces in a row: src — router — dst. The agent
// serves in dst; probes leave from src. Namespaces are this kernel's own, so
// firewalls, routes and loss in them are the real ones and nobody else's.
type lab struct {
	t                testing.TB
	src, router, dst string
}

const (
	labSrc      = "10.77.1.2"
	labGateway  = "10.77.1.1" // the router, seen from src
	labDst      = "10.77.2.2"
	labDst6     = "fd77:2::2"
	labGateway6 = "fd77:1::1"
)

func newLab(t testing.TB) *lab {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	for _, tool := range []string{"ip", "iptables", "ip6tables", "sysctl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	id := fmt.Sprintf("nc%d-%d", os.Getpid(), labs.next())
	l := &lab{t: t, src: id + "s", router: id + "r", dst: id + "d"}
	t.Cleanup(func() {
		for _, ns := range []string{l.src, l.router, l.dst} {
			exec.Command("ip", "netns", "del", ns).Run()
		}
	})
	for _, ns := range []string{l.src, l.router, l.dst} {
		l.sh("ip netns add " + ns)
		l.in(ns, "ip link set lo up")
		// All reject messages must come, however fast the probes are.
		l.in(ns, "sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 net.ipv4.ip_unprivileged_port_start=0")
	}
	l.in(l.router, "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
	l.sh(fmt.Sprintf("ip link add eth0 netns %s type veth peer name left netns %s", l.src, l.router))
	l.sh(fmt.Sprintf("ip link add eth0 netns %s type veth peer name right netns %s", l.dst, l.router))
	for _, side := range []struct{ ns, dev, v4, v6 string }{
		{l.src, "eth0", "10.77.1.2/24", "fd77:1::2/64"}, {l.router, "left", "10.77.1.1/24", "fd77:1::1/64"},
		{l.dst, "eth0", "10.77.2.2/24", "fd77:2::2/64"}, {l.router, "right", "10.77.2.1/24", "fd77:2::1/64"},
	} {
		l.in(side.ns, fmt.Sprintf("ip addr add %s dev %s", side.v4, side.dev))
		l.in(side.ns, fmt.Sprintf("ip addr add %s dev %s nodad", side.v6, side.dev))
		l.in(side.ns, "ip link set "+side.dev+" up")
	}
	for ns, via := range map[string]string{l.src: "1::1", l.dst: "2::1"} {
		l.in(ns, "ip route add 10.77.0.0/16 via 10.77."+strings.Replace(via, "::", ".", 1))
		l.in(ns, "ip -6 route add fd77::/16 via fd77:"+via)
	}
	l.settle()
	return l
}

// settle waits until both families get through: IPv6 uses a link only when the
// kernel's link watch has seen it come up, up to a second later.
func (l *lab) settle() {
	l.t.Helper()
	b := Batch{WindowMS: 100, Confirm: 600, Probes: []Probe{
		{Protocol: TCP, Host: labDst, Port: 9}, {Protocol: TCP, Host: labDst6, Port: 9},
	}}
	for range 600 {
		ready := true
		for _, r := range l.probe(b) {
			ready = ready && r.Outcome == OutcomeRefused
		}
		if ready {
			return
		}
	}
	l.t.Fatal("the namespaces don't reach one another")
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

var labs counter

// sh runs a command line with no quoting in it.
func (l *lab) sh(line string) {
	l.t.Helper()
	f := strings.Fields(line)
	out, err := exec.Command(f[0], f[1:]...).CombinedOutput()
	require.NoError(l.t, err, "%s: %s", line, out)
}

func (l *lab) in(ns, line string) {
	l.t.Helper()
	l.sh("ip netns exec " + ns + " " + line)
}

// narrowPorts leaves src few ephemeral ports.
func (l *lab) narrowPorts(from, to int) {
	l.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", l.src, "sysctl", "-qw", fmt.Sprintf("net.ipv4.ip_local_port_range=%d %d", from, to)).CombinedOutput()
	require.NoError(l.t, err, "%s", out)
}

// agent is a command that runs the agent in a namespace.
func (l *lab) agent(ns string, args ...string) *exec.Cmd {
	l.t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns, agentBinary(l.t)}, args...)...)
	cmd.Env = append(os.Environ(), "NETCONFORM_KEY="+hex.EncodeToString(testKey))
	return cmd
}

// serve runs the agent in a namespace until the test ends.
func (l *lab) serve(ns, identity, listen string) {
	l.t.Helper()
	cmd := l.agent(ns, "serve", "--identity", identity, "--listen", listen)
	stderr, err := cmd.StderrPipe()
	require.NoError(l.t, err)
	require.NoError(l.t, cmd.Start())
	l.t.Cleanup(func() {
		cmd.Process.Kill() // ip netns exec has become the agent itself
		cmd.Wait()
	})
	line := make([]byte, 4096)
	n, err := stderr.Read(line)
	require.NoError(l.t, err)
	require.Contains(l.t, string(line[:n]), "listens on")
}

// probe runs a batch in src.
func (l *lab) probe(b Batch) []Result {
	l.t.Helper()
	return runAgent(l.t, l.agent(l.src, "batch"), b)
}

func runAgent(t testing.TB, cmd *exec.Cmd, b Batch) []Result {
	t.Helper()
	return startAgent(t, cmd, b)()
}

// startAgent begins a batch; finish waits for its results.
func startAgent(t testing.TB, cmd *exec.Cmd, b Batch) (finish func() []Result) {
	t.Helper()
	b.ID, b.Key = t.Name(), testKey
	if b.WindowMS == 0 {
		b.WindowMS = patient
	}
	for i := range b.Probes {
		b.Probes[i].ID = i
	}
	var in, out, stderr bytes.Buffer
	require.NoError(t, WriteBatch(&in, b))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &stderr
	require.NoError(t, cmd.Start())
	return func() []Result {
		t.Helper()
		require.NoError(t, cmd.Wait(), "%s", &stderr)
		results, err := ReadResults(&out, b)
		require.NoError(t, err)
		return results
	}
}

var built struct {
	once sync.Once
	dir  string
	file string
	err  error
}

// agentBinary is the real agent, built once.
func agentBinary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "netconform-agent-"); built.err == nil {
			built.file, built.err = agenttest.BuildIn(built.dir, runtime.GOARCH)
		}
	})
	require.NoError(t, built.err)
	return built.file
}

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(built.dir)
	os.Exit(code)
}

// listenIn opens a UDP socket inside a namespace.
func listenIn(t *testing.T, ns, addr string) net.PacketConn {
	t.Helper()
	type opened struct {
		conn net.PacketConn
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
		f, err := os.Open("/var/run/netns/" + ns)
		if err == nil {
			defer f.Close()
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}
		var conn net.PacketConn
		if err == nil {
			conn, err = net.ListenPacket("udp", addr)
		}
		done <- opened{conn, err}
	}()
	o := <-done
	require.NoError(t, o.err)
	t.Cleanup(func() { o.conn.Close() })
	return o.conn
}
