package dodo

import "math/bits"

// row is one object while it is rendered. Everything in it follows from the
// seed, the collection and the index, except for what obj overlays.
type row struct {
	w     *world
	c     *collection
	i     int64   // index in the collection; createdBase and up for objects made at run time
	h     uint64  // hash of seed, collection and index
	at    int64   // creation time, unix microseconds
	obj   *object // nil for an object as it was seeded
	salt  uint64  // of the field that is being rendered
	nonce uint64  // differs on every read, for values that do so at the vendor's
}

// mix is the finaliser of splitmix64: a bijection that scatters its input.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// unmix is the inverse of mix.
func unmix(x uint64) uint64 {
	x ^= x>>31 ^ x>>62
	x *= 0x319642b2d24d8ec3
	x ^= x>>27 ^ x>>54
	x *= 0x96de1b173f119089
	return x ^ x>>30 ^ x>>60
}

// hashText is FNV-1a, for salts.
func hashText(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

// scale maps a hash to [0, n).
func scale(h uint64, n int64) int64 {
	hi, _ := bits.Mul64(h, uint64(n))
	return int64(hi)
}

// rnd returns a number that is fixed for this object and field.
func (r *row) rnd() uint64 { return mix(r.h + r.salt) }

// below returns a number in [0, n) that is fixed for this object and field.
func (r *row) below(n int64) int64 { return scale(r.rnd(), n) }

// chance reports true for percent of the objects, fixed for this object and
// field.
func (r *row) chance(percent int64) bool { return scale(mix(r.h^r.salt), 100) < percent }

// pick returns a number in [0, n) that is fixed for this object and purpose,
// so that several fields can agree on it.
func (r *row) pick(purpose uint64, n int64) int64 {
	return scale(mix(r.h^purpose*0x9e3779b97f4a7c15), n)
}

// idAlphabet is URL-safe. An id is its prefix and 21 of these characters.
const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"

// idHead characters hold the index, the rest of the 21 is a check on it.
const (
	idHead = 11
	idTail = 10
)

var idDigit = func() (d [256]int8) {
	for i := range d {
		d[i] = -1
	}
	for i := range len(idAlphabet) {
		d[idAlphabet[i]] = int8(i)
	}
	return d
}()

// appendID appends the id of object i.
func (c *collection) appendID(b []byte, i int64) []byte {
	if i == 0 && c.primary != "" {
		return append(b, c.primary...)
	}
	head := mix(uint64(i) ^ c.key)
	tail := mix(head ^ c.key)
	b = append(b, c.prefix...)
	b = append(b, "0000000000000000000000"[:idHead+idTail]...)
	out := b[len(b)-idHead-idTail:]
	for k := range idHead {
		out[k] = idAlphabet[head&63]
		head >>= 6
	}
	for k := range idTail {
		out[idHead+k] = idAlphabet[tail&63]
		tail >>= 6
	}
	return b
}

// idOf returns the id of object i.
func (c *collection) idOf(i int64) string { return string(c.appendID(nil, i)) }

// indexOf returns the index an id stands for. It says nothing about whether
// the object exists.
func (c *collection) indexOf(id string) (int64, bool) {
	if c.primary != "" && id == c.primary {
		return 0, true
	}
	if len(id) != len(c.prefix)+idHead+idTail || id[:len(c.prefix)] != c.prefix {
		return 0, false
	}
	var head uint64
	for k := idHead - 1; k >= 0; k-- {
		d := idDigit[id[len(c.prefix)+k]]
		if d < 0 {
			return 0, false
		}
		head = head<<6 | uint64(d)
	}
	i := int64(unmix(head) ^ c.key)
	if i < 0 || c.idOf(i) != id {
		return 0, false
	}
	return i, true
}

// appendTime appends unix microseconds as RFC 3339 in UTC with 0, 3 or 6
// fraction digits, as few as hold the value, which is what the vendor's server
// prints.
func appendTime(b []byte, micros int64) []byte {
	day := floorDiv(micros, 86400_000000)
	rest := micros - day*86400_000000
	// Days to civil date, proleptic Gregorian, eras of 400 years from 0000-03-01.
	z := day + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d := doy - (153*mp+2)/5 + 1
	m := mp + 3
	y := yoe + era*400
	if m > 12 {
		m -= 12
		y++
	}
	seconds, fraction := rest/1_000000, rest%1_000000
	b = append(b, '"')
	b = append(appendPadded(b, y, 4), '-')
	b = append(appendPadded(b, m, 2), '-')
	b = append(appendPadded(b, d, 2), 'T')
	b = append(appendPadded(b, seconds/3600, 2), ':')
	b = append(appendPadded(b, seconds/60%60, 2), ':')
	b = appendPadded(b, seconds%60, 2)
	switch {
	case fraction == 0:
	case fraction%1000 == 0:
		b = appendPadded(append(b, '.'), fraction/1000, 3)
	default:
		b = appendPadded(append(b, '.'), fraction, 6)
	}
	return append(b, 'Z', '"')
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// appendPadded appends the last width digits of v.
func appendPadded(b []byte, v int64, width int) []byte {
	b = append(b, "0000000000"[:width]...)
	for k := len(b) - 1; v > 0 && k >= len(b)-width; k-- {
		b[k] = byte('0' + v%10)
		v /= 10
	}
	return b
}
