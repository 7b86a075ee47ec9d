package catalog

import "strings"

// Nearest returns the name that name was probably meant to be, "" if none is
// near enough: at most a third of its letters differ, or one begins with the
// other.
func Nearest(name string, names []string) string {
	want := fold(name)
	best, bestAt := "", len(want)/3+2
	for _, n := range names {
		have := fold(n)
		d := distance(want, have)
		if len(want) >= 3 && (strings.HasPrefix(have, want) || strings.HasPrefix(want, have)) {
			d = min(d, 1)
		}
		if d < bestAt {
			best, bestAt = n, d
		}
	}
	return best
}

// fold makes spellings that people mix up equal: case, "-", "_" and space.
func fold(s string) string {
	if len(s) > 64 { // the distance costs the product of the lengths
		s = s[:64]
	}
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// distance is the number of letters to insert, remove, replace or swap with
// their neighbour to make b of a.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
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
		before, row = row, next
	}
	return row[len(b)]
}

// DidYouMean returns ` (did you mean "x"?)`, or "" if no name is near.
func DidYouMean(name string, names []string) string {
	if n := Nearest(name, names); n != "" {
		return ` (did you mean "` + n + `"?)`
	}
	return ""
}
