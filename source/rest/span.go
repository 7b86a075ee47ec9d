package rest

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// span is an interval of time of creation in microseconds, both ends included.
// Its ends may be open.
type span struct{ from, to int64 }

const (
	openFrom = math.MinInt64
	openTo   = math.MaxInt64
)

var everything = span{openFrom, openTo}

// MarshalJSON writes the ends as times, open ones as empty texts.
func (s span) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `[%q,%q]`, timeText(s.from), timeText(s.to)), nil
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (s *span) UnmarshalJSON(b []byte) error {
	var from, to string
	if _, err := fmt.Sscanf(string(b), `[%q,%q]`, &from, &to); err != nil {
		return fmt.Errorf("interval %s: %w", b, err)
	}
	*s = everything
	for _, end := range []struct {
		text string
		to   *int64
	}{{from, &s.from}, {to, &s.to}} {
		if end.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, end.text)
		if err != nil {
			return err
		}
		*end.to = t.UnixMicro()
	}
	return nil
}

// timeText writes microseconds the way queries want them.
func timeText(t int64) string {
	if t == openFrom || t == openTo {
		return ""
	}
	return time.UnixMicro(t).UTC().Format("2006-01-02T15:04:05.000000Z")
}

// minWidth is the width in microseconds below which a span is not split: what
// shares a millisecond is read in one listing or not at all.
const minWidth = 1000

// halves cuts the span in two at the middle of its closed part, known to reach
// from low to high where an end is open. ok is false if it is too narrow.
func (s span) halves(low, high int64) (parts []span, ok bool) {
	from, to := s.from, s.to
	if from == openFrom {
		from = low
	}
	if to == openTo {
		to = high
	}
	if to-from < 2*minWidth {
		return nil, false
	}
	mid := from + (to-from)/2
	return []span{{s.from, mid}, {mid, s.to}}, true
}

// subtract removes s from the list of spans.
func subtract(list []span, s span) []span {
	var out []span
	for _, t := range list {
		if s.to <= t.from || s.from >= t.to {
			out = append(out, t)
			continue
		}
		if t.from < s.from {
			out = append(out, span{t.from, s.from})
		}
		if s.to < t.to {
			out = append(out, span{s.to, t.to})
		}
	}
	return out
}

// targetRows is the number of rows a span is cut to: enough that its first,
// last and closing requests weigh little, few enough that a crash repeats little.
const targetRows = 5000

// earliest is the earliest bound a query names: few rows far apart would make
// it one that no API has ever seen.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// ahead returns how much time of the span, in microseconds, lies beyond the rows
// read so far; ok is false if it has no end there.
func (s span) ahead(o *order, now int64) (d int64, ok bool) {
	if o.down {
		if s.from == openFrom {
			return o.last - earliest, false
		}
		return o.last - s.from, true
	}
	if s.to == openTo {
		return max(now-o.last, 0), true
	}
	return s.to - o.last, true
}

// cut cuts the span at the given distance beyond the rows read so far: own is
// what they are part of. ok is false if there is no room for it.
func (s span) cut(o *order, now, distance int64) (own, rest span, ok bool) {
	room, _ := s.ahead(o, now)
	if distance < minWidth || room-distance < minWidth {
		return s, s, false
	}
	if o.down {
		at := o.last - distance
		if at <= s.from || at >= s.to {
			return s, s, false // the rows are not from here
		}
		return span{at, s.to}, span{s.from, at}, true
	}
	at := o.last + distance
	if at <= s.from || at >= s.to {
		return s, s, false
	}
	return span{s.from, at}, span{at, s.to}, true
}

// scatter cuts a span by rows that are in no order, into parts with about as
// many of them each.
func scatter(s span, rows []int64, parts int) []span {
	rows = slices.Clone(rows)
	slices.Sort(rows)
	var out []span
	for i := 1; i < parts; i++ {
		cut := rows[i*len(rows)/parts]
		if cut <= s.from || cut >= s.to || cut == 0 {
			continue
		}
		out = append(out, span{s.from, cut})
		s.from = cut
	}
	return append(out, s)
}
