package rest

import (
	"context"
	"math"
	"sync"
	"time"
)

// limiter is the rate budget of one credential, shared by all streams. It
// counts what it lets through in sliding windows and follows what the API says
// about the budget, so that other users of the same credential are respected.
type limiter struct {
	now     func() time.Time
	sleep   func(context.Context, time.Duration) error
	reserve float64

	mu      sync.Mutex
	windows []*rateWindow
	blocked time.Time // nothing is sent before
	seq     int64     // requests let through
	holding bool      // the last request had to wait
}

// rateWindow is one sliding window. If the API has reported its count, credits
// is what is left of it until the given time.
type rateWindow struct {
	per     time.Duration
	limit   int
	fixed   bool // the user's own limit, not to be adapted
	sent    []time.Time
	credits int
	until   time.Time
}

// maxWait bounds every wait that another side asks for.
const maxWait = time.Hour

func newLimiter(windows []Window, own float64, reserve float64, now func() time.Time, sleep func(context.Context, time.Duration) error) *limiter {
	l := &limiter{now: now, sleep: sleep, reserve: reserve}
	if own >= 0 {
		for _, w := range windows {
			l.windows = append(l.windows, &rateWindow{per: time.Duration(w.Per), limit: w.Requests})
		}
	}
	switch {
	case own >= 1:
		l.windows = append(l.windows, &rateWindow{per: time.Second, limit: int(own), fixed: true})
	case own > 0:
		l.windows = append(l.windows, &rateWindow{per: time.Duration(float64(time.Second) / own), limit: 1, fixed: true})
	}
	return l
}

// wait blocks until a request may be sent and returns its number and how long
// it waited.
func (l *limiter) wait(ctx context.Context) (seq int64, waited time.Duration, err error) {
	for {
		d, seq := l.take()
		if d <= 0 {
			return seq, waited, context.Cause(ctx)
		}
		waited += d
		if err := l.sleep(ctx, d); err != nil {
			return 0, waited, err
		}
	}
}

// take counts a request, or says how long to wait before asking again.
func (l *limiter) take() (time.Duration, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	wait := l.blocked.Sub(now)
	for _, w := range l.windows {
		wait = max(wait, w.wait(now, l.reserve))
	}
	if l.holding = wait > 0; l.holding {
		return wait, 0
	}
	for _, w := range l.windows {
		w.sent = append(w.sent, now)
		w.credits--
	}
	l.seq++
	return 0, l.seq
}

func (w *rateWindow) usable(reserve float64) int {
	if w.fixed {
		return w.limit
	}
	return max(1, int(float64(w.limit)*(1-reserve)))
}

func (w *rateWindow) wait(now time.Time, reserve float64) time.Duration {
	gone := 0
	for gone < len(w.sent) && now.Sub(w.sent[gone]) >= w.per {
		gone++
	}
	w.sent = append(w.sent[:0], w.sent[gone:]...)
	wait := time.Duration(0)
	if n := w.usable(reserve); len(w.sent) >= n {
		wait = w.per - now.Sub(w.sent[len(w.sent)-n])
	}
	if left := w.until.Sub(now); left > 0 {
		wait = max(wait, w.pace(now, left))
	}
	return wait
}

// pace spreads what is left of a long window over the time left, once a quarter
// of it is used: a burst is let through, and after it other users of the
// credential find room at any moment.
func (w *rateWindow) pace(now time.Time, left time.Duration) time.Duration {
	if w.credits <= 0 {
		return left
	}
	n := len(w.sent)
	if n == 0 || w.per < 10*time.Second || w.credits > w.limit*3/4 {
		return 0
	}
	return left/time.Duration(w.credits) - now.Sub(w.sent[n-1])
}

// report is what an answer said about the budget.
type report struct {
	limit, remaining int       // -1 if not said
	reset            time.Time // by our clock, zero if not said
}

// observe takes in what the answer to request seq said. Requests sent after it
// may or may not be in the API's count, so they are taken off.
func (l *limiter) observe(seq int64, r report) {
	if r.remaining < 0 || r.reset.IsZero() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	left := r.reset.Sub(now)
	if left <= 0 || left > maxWait {
		return
	}
	w := l.reported(r.limit, left)
	if w == nil {
		return
	}
	if r.limit > 0 && r.limit != w.limit && left > 2*time.Second {
		w.limit = r.limit
	}
	later := int(l.seq - seq)
	kept := max(w.limit-w.usable(l.reserve), w.others(r, later, now))
	credits := r.remaining - later - kept
	if w.until.Sub(r.reset) > 1500*time.Millisecond && w.until.After(now) {
		return // an answer of the window before
	}
	w.credits, w.until = credits, r.reset
}

// others forecasts how many requests other users of the credential will send
// until the window starts anew, from how many they have sent in it: what the API
// has counted less what we have sent.
func (w *rateWindow) others(r report, later int, now time.Time) int {
	if w.per < 10*time.Second {
		return 0
	}
	start := r.reset.Add(-w.per)
	ours := 0 // the reset is in whole seconds, so a second more is looked at
	for i := len(w.sent) - 1; i >= 0 && !w.sent[i].Before(start.Add(-time.Second)); i-- {
		ours++
	}
	const doubt = 4 // requests on the way make the count uncertain
	sent := w.limit - r.remaining - (ours - later) - doubt
	if sent <= 0 {
		return 0
	}
	elapsed := max(now.Sub(start), 2*time.Second)
	forecast := float64(sent) * 1.1 * float64(r.reset.Sub(now)) / float64(elapsed)
	return int(min(forecast, 0.75*float64(w.limit)))
}

// reported returns the window that a report is about: the one of that limit,
// else the shortest that can take so long to start anew.
func (l *limiter) reported(limit int, left time.Duration) *rateWindow {
	var best *rateWindow
	for _, w := range l.windows {
		switch {
		case w.fixed:
		case w.limit == limit:
			return w
		case left <= w.per+time.Second && (best == nil || w.per < best.per):
			best = w
		}
	}
	return best
}

// holds reports whether requests have to wait for the budget, so that more of
// them at a time would be of no use.
func (l *limiter) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holding
}

// block holds every request back for d.
func (l *limiter) block(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.now().Add(min(d, maxWait)); t.After(l.blocked) {
		l.blocked = t
	}
}

func absDuration(d time.Duration) time.Duration {
	if d < 0 {
		return -d
	}
	return d
}

// fullJitter is the wait before attempt n+1: anything up to base doubled n
// times, at most limit. random is in [0, 1).
func fullJitter(n int, base, limit time.Duration, random float64) time.Duration {
	d := float64(base) * math.Pow(2, float64(min(n, 60)))
	return time.Duration(random * min(d, float64(limit)))
}
