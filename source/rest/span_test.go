package rest

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestSpans_PartsCoverTheWhole cuts spans in all ways: the parts and the rest
// must cover the span without a gap, whatever the rows say.
func TestSpans_PartsCoverTheWhole(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.OneOf(rapid.Just(int64(openFrom)), rapid.Int64Range(now-int64(1e15), now)).Draw(t, "from")
		s := span{from, openTo}
		if rapid.Bool().Draw(t, "closed") {
			s.to = rapid.Int64Range(max(from, now-int64(1e15)), now).Draw(t, "to")
		}
		o := order{first: rapid.Int64Range(now-int64(1e14), now).Draw(t, "first"), rows: rapid.IntRange(0, 300).Draw(t, "rows")}
		o.last = o.first + rapid.Int64Range(-int64(1e14), int64(1e14)).Draw(t, "spread")
		o.up, o.down = o.last > o.first, o.last < o.first
		own, rest, ok := s.cut(&o, now, rapid.Int64Range(-10, int64(1e15)).Draw(t, "distance"))
		if ok {
			covers(t, s, []span{own, rest})
			if o.down && (own.from < earliest || own.from >= o.last) || o.up && own.to <= o.last {
				t.Fatalf("%+v is cut to %v", o, own)
			}
		} else if own != s {
			t.Fatalf("%v is not cut, but %v", s, own)
		}
		if halves, ok := s.halves(o.first, now); ok {
			covers(t, s, halves)
		}
		rows := rapid.SliceOfN(rapid.Int64Range(now-int64(1e14), now), 1, 50).Draw(t, "times")
		covers(t, s, scatter(s, rows, 8))
	})
}

func covers(t *rapid.T, s span, parts []span) {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b span) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	at := s.from
	for _, p := range parts {
		if p.from != at || p.to < p.from {
			t.Fatalf("%v is not covered by %v", s, parts)
		}
		at = p.to
	}
	if at != s.to {
		t.Fatalf("%v is not covered by %v", s, parts)
	}
}

func TestSubtract(t *testing.T) {
	todo := []span{everything}
	for _, done := range []span{{100, 200}, {300, openTo}, {150, 320}, {openFrom, 50}, {40, 110}} {
		todo = subtract(todo, done)
	}
	if len(todo) != 0 {
		t.Errorf("left: %v", todo)
	}
	todo = subtract([]span{{0, 100}}, span{30, 40})
	if !slices.Equal(todo, []span{{0, 30}, {40, 100}}) {
		t.Errorf("left: %v", todo)
	}
	todo = subtract([]span{{0, 100}}, span{100, 200})
	if !slices.Equal(todo, []span{{0, 100}}) {
		t.Errorf("left: %v", todo)
	}
}

func TestSpan_JSON(t *testing.T) {
	for _, s := range []span{everything, {openFrom, 1_793_000_000_123_456}, {1_793_000_000_123_456, openTo}, {1, 2}} {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back span
		if err := json.Unmarshal(b, &back); err != nil || back != s {
			t.Errorf("%s: %v %v", b, back, err)
		}
	}
	for _, bad := range []string{`[]`, `["x",""]`, `["2026-01-01",""]`, `{}`, `1`} {
		var s span
		if err := json.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("%s accepted", bad)
		}
	}
}
