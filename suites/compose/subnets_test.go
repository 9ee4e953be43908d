package compose

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFreeSubnets(t *testing.T) {
	all := netip.MustParsePrefix("10.128.0.0/9")
	taken := []netip.Prefix{netip.MustParsePrefix("10.128.0.0/10"), netip.MustParsePrefix("172.17.0.0/16")}
	next := freeSubnets("0a1b2c3d", taken)
	seen := map[netip.Prefix]bool{}
	for range 1 << 15 {
		subnet, ok := next()
		if !assert.True(t, ok) || !assert.True(t, all.Overlaps(subnet)) || !assert.False(t, taken[0].Overlaps(subnet)) || !assert.False(t, seen[subnet]) {
			return
		}
		seen[subnet] = true
	}
	_, ok := next()
	assert.False(t, ok, "the half that is not taken is used up")

	first, _ := freeSubnets("0a1b2c3d", nil)()
	other, _ := freeSubnets("0a1b2c3e", nil)()
	assert.NotEqual(t, first, other)
}
