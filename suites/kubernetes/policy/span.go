package policy

import (
	"encoding/binary"
	"math"
	"net/netip"
	"sort"

	networkingv1 "k8s.io/api/networking/v1"
)

// span is a range of IPv4 addresses, both ends in it.
type span struct{ lo, hi uint32 }

func prefixSpan(p netip.Prefix) (span, bool) {
	if !p.Addr().Unmap().Is4() {
		return span{}, false
	}
	a := p.Masked().Addr().Unmap().As4()
	lo := binary.BigEndian.Uint32(a[:])
	return span{lo, lo | uint32(uint64(math.MaxUint32)>>p.Bits())}, true
}

func spansOf(cidrs ...string) []span {
	var all []span
	for _, text := range cidrs {
		if s, ok := prefixSpan(netip.MustParsePrefix(text)); ok {
			all = append(all, s)
		}
	}
	return union(all)
}

// union sorts the spans and joins those that touch.
func union(all []span) []span {
	if len(all) < 2 {
		return all
	}
	sort.Slice(all, func(i, j int) bool { return all[i].lo < all[j].lo })
	out := all[:1:1]
	for _, s := range all[1:] {
		last := &out[len(out)-1]
		if last.hi == math.MaxUint32 || s.lo <= last.hi+1 {
			last.hi = max(last.hi, s.hi)
			continue
		}
		out = append(out, s)
	}
	return out
}

// minus is a without b; both are unions.
func minus(a, b []span) []span {
	var out []span
	for _, s := range a {
		lo, done := s.lo, false
		for _, t := range b {
			if t.hi < lo || t.lo > s.hi {
				continue
			}
			if t.lo > lo {
				out = append(out, span{lo, t.lo - 1})
			}
			if t.hi >= s.hi {
				done = true
				break
			}
			lo = t.hi + 1
		}
		if !done {
			out = append(out, span{lo, s.hi})
		}
	}
	return out
}

// meets says whether an address of the set is in the block: yes for all of
// them, no for none, maybe for some, since which one is meant is not known.
func meets(set, block []span) tri {
	left := minus(set, block)
	switch {
	case len(set) == 0 || size(left) == size(set):
		return no
	case len(left) == 0:
		return yes
	}
	return maybe
}

func size(all []span) uint64 {
	var n uint64
	for _, s := range all {
		n += uint64(s.hi) - uint64(s.lo) + 1
	}
	return n
}

// blockSpans are the IPv4 addresses of an ipBlock; none for an IPv6 block.
func blockSpans(b *networkingv1.IPBlock) []span {
	cidr, err := netip.ParsePrefix(b.CIDR)
	if err != nil {
		return nil // the manifests were validated
	}
	s, ok := prefixSpan(cidr)
	if !ok {
		return nil
	}
	var except []span
	for _, text := range b.Except {
		if p, err := netip.ParsePrefix(text); err == nil {
			if e, ok := prefixSpan(p); ok {
				except = append(except, e)
			}
		}
	}
	return minus([]span{s}, union(except))
}

var (
	everywhere = spansOf("0.0.0.0/0")
	// private is where pods' addresses are assumed when nobody was asked (RFC 1918).
	private = spansOf("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
	// unrouted are the ranges that no address of the internet is in (RFC 6890, and multicast).
	unrouted = spansOf("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
		"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
		"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3")
	public = minus(everywhere, unrouted)
	// unicast are the addresses that a packet can come from.
	unicast = minus(everywhere, spansOf("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3"))
)

func addressSpans(addresses []netip.Addr) []span {
	var all []span
	for _, a := range addresses {
		if s, ok := prefixSpan(netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())); ok {
			all = append(all, s)
		}
	}
	return union(all)
}
