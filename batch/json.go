package batch

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// The functions here read JSON text p from index i and return the index behind
// what they read. A negative result is ^pos of a syntax error at pos; the text
// is cut short exactly if pos == len(p).

// maxDepth is the deepest nesting of objects and arrays in a usable record, the
// record's own object included.
const maxDepth = 64

// text says what was seen inside strings.
type text uint8

const (
	textEscaped   text = 1 << iota // backslash escapes
	textNUL                        // \u0000
	textNULName                    // \u0000 in a member name
	textBadUTF8                    // bytes that are not UTF-8
	textSurrogate                  // a lone surrogate escape
	textDeep                       // nesting beyond maxDepth
	textFaulty    = textBadUTF8 | textSurrogate | textDeep
)

// fault returns the worst of the faults seen.
func (t text) fault() fault {
	switch {
	case t&textBadUTF8 != 0:
		return faultUTF8
	case t&textSurrogate != 0:
		return faultSurrogate
	case t&textDeep != 0:
		return faultDepth
	}
	return faultNone
}

func skipSpace(p []byte, i int) int {
	for i < len(p) && (p[i] == ' ' || p[i] == '\n' || p[i] == '\r' || p[i] == '\t') {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stops marks, in the top bit of each byte of x, quotes, backslashes and
// control characters. Only the lowest mark is exact: a borrow can run upwards
// from a marked byte. Bytes above 0x7f are marked only by such a borrow.
func stops(x uint64) uint64 {
	q, b := x^('"'*ones), x^('\\'*ones)
	return ((q-ones)&^q | (b-ones)&^b | (x-' '*ones)&^x) & highs
}

// scanString reads a string whose opening quote is before i and returns the
// index of the closing quote.
func scanString(p []byte, i int) (int, text) {
	for j := i; j+8 <= len(p); j += 8 {
		x := binary.LittleEndian.Uint64(p[j:])
		if m := stops(x) | x&highs; m != 0 {
			j += bits.TrailingZeros64(m) >> 3
			if p[j] == '"' {
				return j, 0
			}
			return scanText(p, i, j)
		}
	}
	return scanText(p, i, i)
}

// scanText is scanString for what is not short plain ASCII: escapes, other
// characters, the end of the page. Bytes before j are plain.
func scanText(p []byte, i, j int) (int, text) {
	var t text
	ascii := true
	for {
		for j+8 <= len(p) {
			x := binary.LittleEndian.Uint64(p[j:])
			ascii = ascii && x&highs == 0
			if m := stops(x); m != 0 {
				j += bits.TrailingZeros64(m) >> 3
				break
			}
			j += 8
		}
		for j < len(p) && p[j] >= ' ' && p[j] != '"' && p[j] != '\\' {
			ascii = ascii && p[j] < utf8.RuneSelf
			j++
		}
		if j >= len(p) {
			return ^len(p), t
		}
		switch p[j] {
		case '"':
			if !ascii && !utf8.Valid(p[i:j]) {
				t |= textBadUTF8
			}
			return j, t
		case '\\':
			n, et := scanEscape(p, j)
			if n < 0 {
				return n, t
			}
			j, t = n, t|et
		default:
			return ^j, t // control character
		}
	}
}

// scanEscape reads one escape, or both halves of a surrogate pair.
func scanEscape(p []byte, i int) (int, text) {
	if i+1 >= len(p) {
		return ^len(p), 0
	}
	switch p[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, textEscaped
	case 'u':
	default:
		return ^(i + 1), 0
	}
	r, end := hex4(p, i+2)
	switch {
	case end < 0:
		return end, 0
	case r == 0:
		return end, textEscaped | textNUL
	case r < 0xd800 || r > 0xdfff:
		return end, textEscaped
	case r >= 0xdc00 || end+1 >= len(p) || p[end] != '\\' || p[end+1] != 'u':
		return end, textEscaped | textSurrogate
	}
	low, pairEnd := hex4(p, end+2)
	if pairEnd < 0 {
		return pairEnd, 0
	}
	if low < 0xdc00 || low > 0xdfff {
		return end, textEscaped | textSurrogate // the second is read on its own
	}
	return pairEnd, textEscaped
}

func hex4(p []byte, i int) (rune, int) {
	var r rune
	for k := i; k < i+4; k++ {
		if k >= len(p) {
			return 0, ^len(p)
		}
		switch c := p[k]; {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, ^k
		}
	}
	return r, i + 4
}

func digit(p []byte, i int) bool { return i < len(p) && p[i]-'0' <= 9 }

// scanNumber reads a number; integer means without fraction and exponent.
func scanNumber(p []byte, i int) (end int, integer bool) {
	if i < len(p) && p[i] == '-' {
		i++
	}
	if !digit(p, i) {
		return ^i, false
	}
	if p[i] == '0' {
		i++
	} else {
		for digit(p, i) {
			i++
		}
	}
	if i >= len(p) || p[i] != '.' && p[i]|0x20 != 'e' {
		return i, true
	}
	if p[i] == '.' {
		if i++; !digit(p, i) {
			return ^i, false
		}
		for digit(p, i) {
			i++
		}
	}
	if i < len(p) && p[i]|0x20 == 'e' {
		if i++; i < len(p) && (p[i] == '+' || p[i] == '-') {
			i++
		}
		if !digit(p, i) {
			return ^i, false
		}
		for digit(p, i) {
			i++
		}
	}
	return i, false
}

// scanWord reads the literal true, false or null.
func scanWord(p []byte, i int) int {
	var word string
	switch p[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	default:
		word = "null"
	}
	for k := range len(word) {
		if i+k >= len(p) || p[i+k] != word[k] {
			return ^(i + k)
		}
	}
	return i + len(word)
}

// scanColon reads a colon with the white space around it.
func scanColon(p []byte, i int) int {
	if i = skipSpace(p, i); i >= len(p) || p[i] != ':' {
		return ^i
	}
	return skipSpace(p, i+1)
}

// scanName reads a member name and the colon behind it.
func scanName(p []byte, i int, t text) (int, text) {
	if i >= len(p) || p[i] != '"' {
		return ^i, t
	}
	end, nt := scanString(p, i+1)
	if end < 0 {
		return end, t
	}
	if nt&textNUL != 0 {
		nt |= textNULName
	}
	return scanColon(p, end+1), t | nt
}

// skipValue reads one value of any kind, which lies in depth objects and
// arrays. It goes by the grammar alone: what makes a record unusable (text,
// depth) is reported in the flags, duplicate members are not looked for.
func skipValue(p []byte, i, depth int) (int, text) {
	if i >= len(p) {
		return ^i, 0
	}
	switch c := p[i]; {
	case c == '"':
		end, t := scanString(p, i+1)
		if end < 0 {
			return end, t
		}
		return end + 1, t
	case c == 'n' || c == 't' || c == 'f':
		return scanWord(p, i), 0
	case c == '-' || c-'0' <= 9:
		end, _ := scanNumber(p, i)
		return end, 0
	}
	return skipNested(p, i, depth)
}

// skipNested is skipValue for objects and arrays. It does not recurse, so depth
// costs a byte a level and no more.
func skipNested(p []byte, i, depth int) (int, text) {
	var room [maxDepth]byte
	open := room[:0]
	var t text
	for {
		if i = skipSpace(p, i); i >= len(p) {
			return ^i, t
		}
		switch c := p[i]; c {
		case '"':
			end, st := scanString(p, i+1)
			if end < 0 {
				return end, t
			}
			i, t = end+1, t|st
		case '{', '[':
			if depth+len(open) >= maxDepth {
				t |= textDeep
			}
			i = skipSpace(p, i+1)
			if i < len(p) && p[i] == c+2 { // '}' or ']'
				i++
				break
			}
			open = append(open, c)
			if c == '{' {
				if i, t = scanName(p, i, t); i < 0 {
					return i, t
				}
			}
			continue
		case 't', 'f', 'n':
			i = scanWord(p, i)
		default:
			i, _ = scanNumber(p, i)
		}
		if i < 0 {
			return i, t
		}
		for more := false; !more; {
			if len(open) == 0 {
				return i, t
			}
			if i = skipSpace(p, i); i >= len(p) {
				return ^i, t
			}
			switch top := open[len(open)-1]; p[i] {
			case ',':
				i = skipSpace(p, i+1)
				if top == '{' {
					if i, t = scanName(p, i, t); i < 0 {
						return i, t
					}
				}
				more = true
			case top + 2:
				open = open[:len(open)-1]
				i++
			default:
				return ^i, t
			}
		}
	}
}
