package policy

import "math/bits"

// set is a set of endpoints by number.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }
func (s set) add(i int)      { s[i>>6] |= 1 << (i & 63) }

func (s set) clone() set { return append(set(nil), s...) }

func (s set) or(t set) set {
	for i := range t {
		s[i] |= t[i]
	}
	return s
}

func (s set) and(t set) set {
	for i := range s {
		s[i] &= t[i]
	}
	return s
}

func (s set) without(t set) set {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

func (s set) empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

func (s set) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// each calls f with every member, in order.
func (s set) each(f func(int)) {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			f(i<<6 + bits.TrailingZeros64(w))
		}
	}
}

// transpose turns a square of rows into one of columns, 64 by 64 members at a time.
func transpose(rows []set) []set {
	n := len(rows)
	out := make([]set, n)
	for i := range out {
		out[i] = newSet(n)
	}
	var block [64]uint64
	for top := 0; top < n; top += 64 {
		for word := range rows[top] {
			for i := range block {
				block[i] = 0
				if top+i < n {
					block[i] = rows[top+i][word]
				}
			}
			flip(&block)
			for i, w := range block {
				if word<<6+i < n {
					out[word<<6+i][top>>6] = w
				}
			}
		}
	}
	return out
}

// flip transposes 64 by 64 bits by swapping ever smaller quarters (Warren,
// Hacker's Delight, section 7-3).
func flip(a *[64]uint64) {
	mask := uint64(0x00000000FFFFFFFF)
	for j := 32; j != 0; j, mask = j>>1, mask^mask<<(j>>1) {
		for k := 0; k < 64; k = (k + j + 1) &^ j {
			t := (a[k]>>j ^ a[k+j]) & mask
			a[k] ^= t << j
			a[k+j] ^= t
		}
	}
}
