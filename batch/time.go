package batch

import (
	"math"
	"time"
)

// Bounds of a Time column: years 1 to 9999 UTC.
const (
	minTime = -62135596800 * 1e6
	maxTime = 253402300799*1e6 + 999999
)

// time returns a time in microseconds since 1970. A time without zone is read
// in Policy.Zone, if there is one.
func (d *Decoder) time(s []byte) (micros int64, ok bool) {
	micros, zoned, ok := parseTime(s)
	if !ok || zoned {
		return micros, ok
	}
	if d.p.Zone == nil {
		return 0, false
	}
	second := floorDiv(micros, 1e6)
	utc, odd := d.zone.toUTC(d.p.Zone, second)
	if micros += (utc - second) * 1e6; micros < minTime || micros > maxTime {
		return 0, false
	}
	if odd {
		d.repairs++
	}
	return micros, true
}

// parseTime reads RFC 3339, with 'T' or a space and with or without zone.
// zoned is false if there is none; micros is then as if it were UTC.
func parseTime(s []byte) (micros int64, zoned, ok bool) {
	if len(s) < 19 || s[10]|0x20 != 't' && s[10] != ' ' || s[13] != ':' || s[16] != ':' {
		return 0, false, false
	}
	days, ok := parseDate(s[:10])
	h, ok1 := twoDigits(s, 11, 23)
	m, ok2 := twoDigits(s, 14, 59)
	sec, ok3 := twoDigits(s, 17, 59)
	if !ok || !ok1 || !ok2 || !ok3 {
		return 0, false, false
	}
	micros = (days*86400 + h*3600 + m*60 + sec) * 1e6
	s = s[19:]
	if len(s) > 0 && s[0] == '.' {
		fraction, n := parseFraction(s[1:])
		if n == 0 {
			return 0, false, false
		}
		micros += fraction
		s = s[1+n:]
	}
	if len(s) == 0 {
		return micros, false, true
	}
	offset, ok := parseOffset(s)
	micros -= offset * 1e6
	return micros, true, ok && micros >= minTime && micros <= maxTime
}

// parseFraction reads the digits behind the point as microseconds; n is 0 if
// there are none, more than nine, or more than six that matter.
func parseFraction(s []byte) (micros int64, n int) {
	for scale := int64(100000); n < len(s) && s[n]-'0' <= 9; n++ {
		if n >= 9 || n >= 6 && s[n] != '0' {
			return 0, 0
		}
		micros += int64(s[n]-'0') * scale
		scale /= 10
	}
	return micros, n
}

// parseOffset reads Z or +hh:mm as seconds east of UTC.
func parseOffset(s []byte) (seconds int64, ok bool) {
	if len(s) == 1 {
		return 0, s[0]|0x20 == 'z'
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	h, ok1 := twoDigits(s, 1, 23)
	m, ok2 := twoDigits(s, 4, 59)
	seconds = h*3600 + m*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, ok1 && ok2
}

func twoDigits(s []byte, i int, limit int64) (int64, bool) {
	a, b := s[i]-'0', s[i+1]-'0'
	v := int64(a)*10 + int64(b)
	return v, a <= 9 && b <= 9 && v <= limit
}

// parseDate reads 2006-01-02 as days since 1970.
func parseDate(s []byte) (days int64, ok bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	century, ok1 := twoDigits(s, 0, 99)
	year, ok2 := twoDigits(s, 2, 99)
	m, ok3 := twoDigits(s, 5, 12)
	d, ok4 := twoDigits(s, 8, 31)
	y := century*100 + year
	if !ok1 || !ok2 || !ok3 || !ok4 || y == 0 || m == 0 || d == 0 || d > daysIn(y, m) {
		return 0, false
	}
	// Years begin in March here, so that the leap day is the last.
	m -= 3
	if m < 0 {
		m += 12
		y--
	}
	era := y / 400
	y -= era * 400
	return era*146097 + y*365 + y/4 - y/100 + (153*m+2)/5 + d - 1 - 719468, true
}

func daysIn(y, m int64) int64 {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// zoneCache is a stretch of local time with one offset from UTC and no change
// within a day of its ends.
type zoneCache struct{ from, to, offset int64 }

const day = 86400

// toUTC returns the instant of a local time, both in seconds since 1970. odd
// means the local time occurs twice, of which it takes the first, or not at
// all, when it moves forward by the gap.
func (z *zoneCache) toUTC(loc *time.Location, local int64) (utc int64, odd bool) {
	if local >= z.from && local < z.to {
		return local - z.offset, false
	}
	before, after := offsetAt(loc, local-day), offsetAt(loc, local+day)
	if before == after && offsetAt(loc, local-before) == before {
		z.fill(loc, local-before, before)
		return local - before, false
	}
	first, second := local-before, local-after
	okFirst, okSecond := offsetAt(loc, first) == before, offsetAt(loc, second) == after
	switch {
	case okFirst && okSecond && first != second:
		return min(first, second), true
	case okFirst:
		return first, false
	case okSecond:
		return second, false
	}
	return first, true
}

func (z *zoneCache) fill(loc *time.Location, utc, offset int64) {
	*z = zoneCache{math.MinInt64, math.MaxInt64, offset}
	start, end := time.Unix(utc, 0).In(loc).ZoneBounds()
	if !start.IsZero() {
		z.from = start.Unix() + offset + day
	}
	if !end.IsZero() {
		z.to = end.Unix() + offset - day
	}
}

func offsetAt(loc *time.Location, utc int64) int64 {
	_, offset := time.Unix(utc, 0).In(loc).Zone()
	return int64(offset)
}
