package probes

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	manyProbes  = 10_000
	manyWindow  = time.Second
	memoryLimit = 40 << 20
)

// manyLab has an open port and a black hole behind the router.
func manyLab(t testing.TB) (*lab, Batch) {
	t.Helper()
	l := newLab(t)
	l.serve(l.dst, "db", "tcp/80")
	l.in(l.router, "iptables -A FORWARD -p tcp --dport 81 -j DROP")
	b := Batch{WindowMS: int(manyWindow.Milliseconds())}
	for i := range manyProbes {
		b.Probes = append(b.Probes, Probe{Protocol: TCP, Host: labDst, Port: 80 + i%2, Expect: "db"})
	}
	return l, b
}

// Ten thousand probes, half of them silent: under 40 MB, and each with its outcome.
func TestTenThousandProbes(t *testing.T) {
	t.Parallel()
	l, b := manyLab(t)
	b.WindowMS = 4000 // for a listener that is slow under this load
	cmd := l.agent(l.src, "batch")
	results, peak := runWatched(t, cmd, b)
	for i, r := range results {
		want := []Outcome{OutcomeOpen, OutcomeDropped}[i%2]
		require.Equal(t, want, r.Outcome, "%+v", r)
	}
	assert.Positive(t, peak)
	assert.Less(t, peak, memoryLimit, "bytes")
}

// BenchmarkAgent probes an open port and a black hole, and says how the agent's
// time compares with that of a bare epoll loop, where each probe is one
// connect and nothing more.
func BenchmarkAgent(b *testing.B) {
	l, batch := manyLab(b)
	var agent, bare, cpu, bareCPU time.Duration
	var peak int
	for range b.N {
		cmd := l.agent(l.src, "batch")
		start := time.Now()
		_, inUse := runWatched(b, cmd, batch)
		agent += time.Since(start)
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		peak = max(peak, inUse)
		wall, used := bareLoop(b, l.src, batch)
		bare, bareCPU = bare+wall, bareCPU+used
	}
	n := float64(b.N)
	b.ReportMetric(agent.Seconds()/n, "agent-s")
	b.ReportMetric(bare.Seconds()/n, "bare-s")
	b.ReportMetric(agent.Seconds()/bare.Seconds(), "agent/bare")
	b.ReportMetric(cpu.Seconds()/n, "agent-cpu-s")
	b.ReportMetric(bareCPU.Seconds()/n, "bare-cpu-s")
	b.ReportMetric(float64(peak)/(1<<20), "agent-MB")
}

// runWatched runs a batch and returns the most memory that the agent had in use,
// in bytes. The kernel's own account (ru_maxrss) would count the test's too,
// because it outlives exec.
func runWatched(t testing.TB, cmd *exec.Cmd, b Batch) (results []Result, peak int) {
	t.Helper()
	finish := startAgent(t, cmd, b)
	stop, most := make(chan struct{}), make(chan int)
	go func() {
		top := 0
		for {
			top = max(top, highWater(cmd.Process.Pid))
			select {
			case <-stop:
				most <- top
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	results = finish()
	close(stop)
	return results, <-most
}

// highWater reads VmHWM, which begins anew with exec.
func highWater(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kB int
	fmt.Sscan(rest, &kB)
	return kB << 10
}

// bareLoop connects to every probe's port inside a namespace, as fast as epoll
// lets it: no nonce, no repetition, no verdict.
func bareLoop(t testing.TB, ns string, b Batch) (wall, cpu time.Duration) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
		f, err := os.Open("/var/run/netns/" + ns)
		if err == nil {
			defer f.Close()
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			start, before := time.Now(), threadCPU()
			err = connectAll(b.Probes)
			wall, cpu = time.Since(start), threadCPU()-before
		}
		done <- err
	}()
	require.NoError(t, <-done)
	return wall, cpu
}

func threadCPU() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_THREAD, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func connectAll(probes []Probe) error {
	epoll, err := unix.EpollCreate1(0)
	if err != nil {
		return err
	}
	defer unix.Close(epoll)
	type begun struct {
		fd, number int
		at         time.Time
	}
	var queue []begun     // in the order of their deadlines
	open := map[int]int{} // descriptor to probe, because numbers are used again
	end := func(fd int) {
		delete(open, fd)
		hangUp(fd, TCP)
	}
	events := make([]unix.EpollEvent, 256)
	for next := 0; next < len(probes) || len(open) > 0; {
		for ; next < len(probes) && len(open) < maxInFlight; next++ {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			dst := netip.AddrPortFrom(netip.MustParseAddr(probes[next].Host), uint16(probes[next].Port))
			if err := unix.Connect(fd, sockaddr(dst)); err != nil && err != unix.EINPROGRESS {
				return err
			}
			if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLOUT, Fd: int32(fd)}); err != nil {
				return err
			}
			open[fd] = next
			queue = append(queue, begun{fd, next, time.Now()})
		}
		n, err := unix.EpollWait(epoll, events, 10)
		if err != nil && err != unix.EINTR {
			return err
		}
		for _, ev := range events[:max(n, 0)] {
			end(int(ev.Fd))
		}
		for len(queue) > 0 && time.Since(queue[0].at) > manyWindow {
			if number, ok := open[queue[0].fd]; ok && number == queue[0].number {
				end(queue[0].fd)
			}
			queue = queue[1:]
		}
	}
	return nil
}
