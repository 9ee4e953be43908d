package compose

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/client"
)

// moveSubnets gives every network with a fixed subnet another one that is free.
// Leaving it to the engine would not do: a project names its subnets where it
// has more networks than the engine's own pools (31, docker0 included).
func (d *deployment) moveSubnets(ctx context.Context) error {
	if len(d.pl.moved) == 0 {
		return nil
	}
	networks, err := d.cli.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return fmt.Errorf("list networks: %w", err)
	}
	var taken []netip.Prefix
	for _, n := range networks.Items {
		for _, c := range n.IPAM.Config {
			taken = append(taken, c.Subnet)
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("the host's addresses: %w", err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			taken = append(taken, p.Masked())
		}
	}
	free := freeSubnets(d.job.RunID, taken)
	for _, key := range d.pl.moved {
		n := d.pl.project.Networks[key]
		subnet, ok := free()
		if !ok {
			return fmt.Errorf("network %s: no free subnet in 10.128.0.0/9", key)
		}
		n.Ipam.Config = append([]*types.IPAMPool{{Subnet: subnet.String()}}, n.Ipam.Config...)
		d.pl.project.Networks[key] = n
	}
	return nil
}

// freeSubnets yields /25 subnets of 10.128.0.0/9 that overlap with none of
// those taken, beginning where the run's ID says, so that two runs that start
// at once don't meet.
func freeSubnets(runID string, taken []netip.Prefix) func() (netip.Prefix, bool) {
	const bits, blocks = 25, 1 << (25 - 9)
	h := fnv.New32a()
	h.Write([]byte(runID))
	next, tried := h.Sum32(), 0
	return func() (netip.Prefix, bool) {
		for ; tried < blocks; tried++ {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], 10<<24|1<<23|next%blocks<<(32-bits))
			next++
			subnet := netip.PrefixFrom(netip.AddrFrom4(b), bits)
			if !slices.ContainsFunc(taken, subnet.Overlaps) {
				tried++
				return subnet, true
			}
		}
		return netip.Prefix{}, false
	}
}
