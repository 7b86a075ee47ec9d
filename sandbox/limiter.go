package sandbox

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Rate is a pair of limits that hold at once. A limit of 0 is off.
type Rate struct {
	PerSecond int `json:"per_second"`
	PerMinute int `json:"per_minute"`
}

// Off reports whether neither limit is set.
func (r Rate) Off() bool { return r.PerSecond <= 0 && r.PerMinute <= 0 }

// Verdict is the limiter's answer for one request.
type Verdict struct {
	Allowed   bool
	Limit     int       // requests per window, of the window closest to its limit
	Remaining int       // requests left in that window
	Reset     time.Time // when that window starts anew
}

// Limiter counts requests per key in fixed windows of one second and one
// minute. A window begins with the first request after the last one ended. A
// refused request does not count. It is safe for concurrent use.
type Limiter struct {
	clock *Clock

	mu   sync.Mutex
	keys map[string]*windows
}

type windows struct{ second, minute window }

type window struct {
	start time.Time
	used  int
}

// NewLimiter returns a limiter that reads the time from clock.
func NewLimiter(clock *Clock) *Limiter {
	return &Limiter{clock: clock, keys: map[string]*windows{}}
}

// Take asks for one request under key.
func (l *Limiter) Take(key string, rate Rate) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	w := l.keys[key]
	if w == nil {
		w = &windows{}
		l.keys[key] = w
	}
	second := w.second.look(now, time.Second, rate.PerSecond)
	minute := w.minute.look(now, time.Minute, rate.PerMinute)
	v := minute
	if rate.PerMinute <= 0 || rate.PerSecond > 0 && !second.Allowed && minute.Allowed {
		v = second
	}
	v.Allowed = second.Allowed && minute.Allowed
	if v.Allowed {
		w.second.used++
		w.minute.used++
		v.Remaining--
	}
	return v
}

// Reset forgets every count.
func (l *Limiter) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.keys)
}

func (w *window) look(now time.Time, length time.Duration, limit int) Verdict {
	if now.Before(w.start) || now.Sub(w.start) >= length {
		w.start, w.used = now, 0
	}
	return Verdict{
		Allowed:   limit <= 0 || w.used < limit,
		Limit:     limit,
		Remaining: max(limit-w.used, 0),
		Reset:     w.start.Add(length),
	}
}

// SetHeaders writes the X-RateLimit-* headers of v. The reset is in unix
// seconds, or in seconds from now if relative is set: vendors differ and some
// do not say.
func (v Verdict) SetHeaders(h http.Header, now time.Time, relative bool) {
	h.Set("X-RateLimit-Limit", strconv.Itoa(v.Limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(v.Remaining))
	reset := ceilSeconds(v.Reset.Sub(now))
	if !relative {
		reset += now.Unix()
	}
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset, 10))
}

// ceilSeconds rounds up, so that a client which waits exactly that long is let
// in.
func ceilSeconds(d time.Duration) int64 {
	return max(int64((d+time.Second-1)/time.Second), 0)
}

// SetRetryAfter writes a Retry-After header in seconds.
func SetRetryAfter(h http.Header, wait time.Duration) {
	h.Set("Retry-After", strconv.FormatInt(ceilSeconds(wait), 10))
}
