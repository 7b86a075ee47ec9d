package rest

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// budget reads what an answer says about the rate budget. now is our clock,
// skew what the source's clock is ahead of it.
func (h *RateHeaders) budget(header http.Header, now time.Time, skew time.Duration) report {
	return report{
		limit:     headerInt(header, h.Limit),
		remaining: headerInt(header, h.Remaining),
		reset:     resetTime(header.Get(h.Reset), now, skew),
	}
}

func headerInt(h http.Header, name string) int {
	if name == "" {
		return -1
	}
	// Some send "100, 100;w=60": the first number is the one in force.
	text, _, _ := strings.Cut(h.Get(name), ",")
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil || n < 0 {
		return -1
	}
	return int(n)
}

// resetTime reads unix seconds, unix milliseconds, or a small number of seconds
// from now.
func resetTime(text string, now time.Time, skew time.Duration) time.Time {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || v < 0 || math.IsNaN(v) || v > 1e14 {
		return time.Time{}
	}
	switch {
	case v >= 1e11:
		return time.UnixMilli(int64(v)).Add(-skew)
	case v >= 1e8:
		return time.UnixMilli(int64(v * 1000)).Add(-skew)
	case v > maxWait.Seconds():
		return time.Time{}
	}
	return now.Add(time.Duration(v * float64(time.Second)))
}

// wait returns how long an answer asks to wait, between a second and an hour,
// or 0 if it does not say in a form that can be believed.
func (h *RateHeaders) wait(header http.Header, now time.Time, skew time.Duration) time.Duration {
	for _, name := range h.RetryAfter {
		text := strings.TrimSpace(header.Get(name))
		if text == "" {
			continue
		}
		unit := time.Second
		if strings.HasSuffix(strings.ToLower(name), "-ms") {
			unit = time.Millisecond
		}
		if d, ok := waitValue(text, unit, header, now); ok {
			return clampWait(d)
		}
	}
	if t := resetTime(header.Get(h.Reset), now, skew); !t.IsZero() && t.After(now) {
		return clampWait(t.Sub(now))
	}
	return 0
}

func waitValue(text string, unit time.Duration, header http.Header, now time.Time) (time.Duration, bool) {
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		if v < 0 || math.IsNaN(v) {
			return 0, false
		}
		return time.Duration(min(v, 1e9) * float64(unit)), true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	// A date is by the clock that wrote it, which the Date header shows.
	if sent, err := http.ParseTime(header.Get("Date")); err == nil {
		now = sent
	}
	return at.Sub(now), true
}

func clampWait(d time.Duration) time.Duration {
	return min(max(d, time.Second), maxWait)
}
