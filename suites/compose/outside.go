package compose

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
)

// The world outside is a container with no network of the engine's, joined to
// the host by a veth pair. What goes there from a bridge network passes the
// engine's forwarding path, masquerading included, and so is cut off by
// "internal: true"; another bridge network would not do, because the engine
// isolates bridges from each other. The pair goes when the container goes.

// errNoOutside says why no veth pair can be made here.
var errNoOutside = errors.New("the outside of the host can't be made")

// outsideAddresses picks the two ends of a /30 of 198.18.0.0/15, which RFC 2544
// sets aside for tests, from the run's ID, and leaves out what is in use.
func outsideAddresses(runID string, index int) (host, peer netip.Addr, err error) {
	var used []netip.Prefix
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return host, peer, fmt.Errorf("the host's addresses: %w", err)
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			used = append(used, prefix.Masked())
		}
	}
	for try := range 64 {
		h := fnv.New32a()
		fmt.Fprintf(h, "%s %d %d", runID, index, try)
		n := h.Sum32() % (1 << 15)
		base := netip.AddrFrom4([4]byte{198, 18 + byte(n>>14), byte(n >> 6), byte(n<<2) & 0xfc})
		subnet := netip.PrefixFrom(base, 30)
		free := true
		for _, u := range used {
			free = free && !u.Overlaps(subnet)
		}
		if free {
			return base.Next(), base.Next().Next(), nil
		}
	}
	return host, peer, fmt.Errorf("%w: no free subnet in 198.18.0.0/15", errNoOutside)
}

// canMakeOutside reports why this process can't make the outside of the
// engine's host: it must be root there, with iproute2, in the engine's own
// network namespace.
func canMakeOutside(bridges []netip.Addr) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: it needs root", errNoOutside)
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return fmt.Errorf("%w: it needs iproute2's ip command", errNoOutside)
	}
	for _, b := range bridges {
		if !hostHas(b) {
			return fmt.Errorf("%w: the engine's bridges are not on this machine", errNoOutside)
		}
	}
	return nil
}

func hostHas(addr netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr() == addr {
			return true
		}
	}
	return false
}

// hostAddress is the address that the host itself uses for what is far away.
// Connecting a UDP socket asks the routing table and sends nothing.
func hostAddress() (netip.Addr, bool) {
	conn, err := net.Dial("udp4", "198.18.0.1:9")
	if err != nil {
		return netip.Addr{}, false
	}
	defer conn.Close()
	addr, ok := netip.AddrFromSlice(conn.LocalAddr().(*net.UDPAddr).IP.To4())
	return addr, ok && !addr.IsLoopback()
}

// joinOutside connects the container whose first process is pid with the host.
// Only an outsider gets a route to the engine's networks: to the internet,
// what was not masqueraded is not answered.
func joinOutside(ctx context.Context, runID string, index, pid int, routed bool) (attachment, error) {
	if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err != nil || !strings.HasPrefix(string(name), agentPath) {
		return attachment{}, fmt.Errorf("%w: the engine's containers are not among this machine's processes", errNoOutside)
	}
	host, peer, err := outsideAddresses(runID, index)
	if err != nil {
		return attachment{}, err
	}
	outer := fmt.Sprintf("nc%s%d", runID, index)
	inner := outer + "p"
	if err := ip(ctx, "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", fmt.Sprint(pid)); err != nil {
		return attachment{}, err
	}
	err = errors.Join(
		ip(ctx, "addr", "add", host.String()+"/30", "dev", outer),
		ip(ctx, "link", "set", outer, "up"),
		inNetns(pid, func() error {
			err := errors.Join(
				ip(ctx, "addr", "add", peer.String()+"/30", "dev", inner),
				ip(ctx, "link", "set", inner, "up"))
			if routed {
				err = errors.Join(err, ip(ctx, "route", "add", "default", "via", host.String()))
			}
			return err
		}))
	return attachment{network: "outside the host", addrs: []netip.Addr{peer}, gateways: []netip.Addr{host}}, err
}

func ip(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
