package strict

// Suggest returns the candidate that name was most likely meant to be, the
// first of equals; empty where none is near.
func Suggest(name string, candidates []string) string {
	// A third of the letters may be wrong: more suggests words that nobody meant.
	best, limit := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		if d := distance(name, c); c != name && d < limit {
			best, limit = c, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, replace or swap with a
// neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	var before, row []int
	next := make([]int, len(b)+1)
	for j := range next {
		next[j] = j
	}
	for i := range len(a) {
		before, row, next = row, next, make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
	}
	return next[len(b)]
}
