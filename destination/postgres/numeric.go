package postgres

import (
	"encoding/binary"
	"strconv"
)

// Limits of numeric: digits before and after the decimal point.
const (
	maxWhole = 131072
	maxScale = 16383
)

// appendNumeric appends a JSON number in the binary form of numeric, which is
// groups of four decimal digits, with the scale it is written with: 12.50 stays
// 12.50. It reports false if the number is outside what numeric holds.
func appendNumeric(dst, text []byte) ([]byte, bool) {
	sign := uint16(0)
	if len(text) > 0 && text[0] == '-' {
		sign, text = 0x4000, text[1:]
	}
	var room [64]byte
	digits := room[:0]
	whole, scale, exp := 0, 0, 0
	inFraction := false
	for i, c := range text {
		if c == 'e' || c == 'E' {
			var err error
			if exp, err = strconv.Atoi(string(text[i+1:])); err != nil {
				exp = 1 << 40 // beyond any limit, unless the number is 0
				if text[i+1] == '-' {
					exp = -exp
				}
			}
			break
		}
		switch {
		case c == '.':
			inFraction = true
		case inFraction:
			digits, scale = append(digits, c-'0'), scale+1
		default:
			digits, whole = append(digits, c-'0'), whole+1
		}
	}
	for len(digits) > 0 && digits[0] == 0 {
		digits, whole = digits[1:], whole-1
	}
	point, scale := whole+exp, max(0, scale-exp) // of the digits, point are before the decimal point
	if len(digits) == 0 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(min(scale, maxScale)))
		return dst, true
	}
	if point > maxWhole || scale > maxScale {
		return dst, false
	}
	return appendGroups(dst, digits, point, sign, scale), true
}

// appendGroups writes the header and the groups. The first group begins at a
// multiple of four digits from the decimal point.
func appendGroups(dst, digits []byte, point int, sign uint16, scale int) []byte {
	weight := (point+3)>>2 - 1 // of the first group, rounded towards minus infinity
	pad := (weight+1)*4 - point
	for len(digits) > 0 && digits[len(digits)-1] == 0 {
		digits = digits[:len(digits)-1]
	}
	groups := (pad + len(digits) + 3) / 4
	dst = binary.BigEndian.AppendUint16(dst, uint16(groups))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(weight)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, uint16(scale))
	for g := range groups {
		v := uint16(0)
		for i := 4*g - pad; i < 4*g-pad+4; i++ {
			v *= 10
			if i >= 0 && i < len(digits) {
				v += uint16(digits[i])
			}
		}
		dst = binary.BigEndian.AppendUint16(dst, v)
	}
	return dst
}
