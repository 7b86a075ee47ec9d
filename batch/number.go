package batch

import (
	"math"
	"math/bits"
)

// shortInt reads an integer of up to 18 digits; end is 0 if there is none, or
// if the number goes on.
func shortInt(p []byte, i int) (v int64, end int) {
	negative := i < len(p) && p[i] == '-'
	if negative {
		i++
	}
	from := i
	for i < len(p) && p[i]-'0' <= 9 && i-from < 18 {
		v = v*10 + int64(p[i]-'0')
		i++
	}
	if i == from || p[from] == '0' && i-from > 1 {
		return 0, 0
	}
	if i < len(p) && (p[i] == '.' || p[i]|0x20 == 'e' || p[i]-'0' <= 9) {
		return 0, 0
	}
	if negative {
		v = -v
	}
	return v, i
}

// exactInt returns the value of a JSON number if it is integral and in range,
// however it is written: 100, 100.0, 1e2.
func exactInt(num []byte) (v int64, ok bool) {
	negative := num[0] == '-'
	if negative {
		num = num[1:]
	}
	var u uint64
	exponent, zeros := 0, 0 // zeros: those at the end not yet in u
	fraction := false
	for i, c := range num {
		switch {
		case c == '.':
			fraction = true
			continue
		case c|0x20 == 'e':
			exponent += parseExponent(num[i+1:])
		}
		if c|0x20 == 'e' {
			break
		}
		if fraction {
			exponent--
		}
		if c == '0' {
			zeros++
			continue
		}
		if u, ok = shiftDigits(u, zeros+1); !ok {
			return 0, false
		}
		if u += uint64(c - '0'); u < uint64(c-'0') {
			return 0, false
		}
		zeros = 0
	}
	if u == 0 {
		return 0, true
	}
	if exponent += zeros; exponent < 0 {
		return 0, false
	}
	if u, ok = shiftDigits(u, exponent); !ok {
		return 0, false
	}
	switch {
	case negative && u <= 1<<63:
		return int64(-u), true
	case !negative && u <= math.MaxInt64:
		return int64(u), true
	}
	return 0, false
}

// shiftDigits returns u times ten to the n.
func shiftDigits(u uint64, n int) (uint64, bool) {
	for ; n > 0 && u != 0; n-- {
		high, low := bits.Mul64(u, 10)
		if high != 0 {
			return 0, false
		}
		u = low
	}
	return u, true
}

// parseExponent reads the digits behind an e; what is too large to matter ends
// at a million million.
func parseExponent(s []byte) int {
	v, sign := 0, 1
	for _, c := range s {
		switch {
		case c == '-':
			sign = -1
		case c != '+' && v < 1e12:
			v = v*10 + int(c-'0')
		}
	}
	return v * sign
}
