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

// targetRows is the number of rows a slice should have: few enough that pages
// stay shallow and a crash repeats little, many enough that the overlap of
// pages (which grows with depth) and the short last page are cheap.
const targetRows = 1000

// carve cuts a span whose first pages were full, by the density of their rows,
// so that each part has about targetRows rows. It returns nil if the span has
// few enough, or if the rows tell nothing about the density. rest is what is
// left of the span after most parts.
func carve(s span, o *order, now int64, most int) (parts []span, rest span) {
	if o.rows < 2 || !o.steady() || o.up == o.down {
		return nil, s
	}
	density := float64(o.rows-1) / math.Abs(float64(o.last-o.first)) // rows per microsecond
	width := int64(math.Ceil(targetRows / density))
	from, to := s.from, s.to
	if to == openTo {
		to = max(now, o.first, o.last)
	}
	if width < 2*minWidth || from != openFrom && float64(to-from)*density < 2.5*targetRows {
		return nil, s
	}
	if o.down {
		return carveDown(s, o.first, width, most)
	}
	return carveUp(s, o.first, width, to, most)
}

func carveDown(s span, first, width int64, most int) (parts []span, rest span) {
	rest = s
	for cut := first - width; len(parts) < most && (s.from == openFrom || cut-width/2 > s.from); cut -= width {
		parts = append(parts, span{cut, rest.to})
		rest.to = cut
	}
	return parts, rest
}

func carveUp(s span, first, width, to int64, most int) (parts []span, rest span) {
	rest = s
	for cut := first + width; len(parts) < most && cut+width/2 < to; cut += width {
		parts = append(parts, span{rest.from, cut})
		rest.from = cut
	}
	return parts, rest
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
