package sandbox

import (
	"context"
	"sync"
	"time"
)

// Clock is sandbox time. It runs at a rate relative to an underlying clock and
// can be set, advanced, frozen or sped up while the sandbox is in use. It is
// safe for concurrent use.
type Clock struct {
	real func() time.Time

	mu      sync.Mutex
	anchor  time.Time     // sandbox time at the last change
	at      time.Time     // underlying time at the last change
	rate    float64       // sandbox seconds per underlying second, 0 = frozen
	changed chan struct{} // closed, and replaced, at every change
}

// NewClock returns a clock that starts at start and runs at the normal rate.
// A zero start means the current wall time.
func NewClock(start time.Time) *Clock { return NewClockFrom(start, time.Now) }

// NewFrozenClock returns a clock that stands at start until it is moved.
func NewFrozenClock(start time.Time) *Clock {
	c := NewClock(start)
	c.SetRate(0)
	c.Set(start)
	return c
}

// NewClockFrom is NewClock over another underlying clock.
func NewClockFrom(start time.Time, real func() time.Time) *Clock {
	at := real()
	if start.IsZero() {
		start = at
	}
	return &Clock{real: real, anchor: start, at: at, rate: 1, changed: make(chan struct{})}
}

// Now returns the sandbox time in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().UTC()
}

func (c *Clock) now() time.Time {
	if c.rate == 0 {
		return c.anchor
	}
	passed := c.real().Sub(c.at)
	return c.anchor.Add(time.Duration(float64(passed) * c.rate))
}

// Set moves the clock to t, forwards or backwards.
func (c *Clock) Set(t time.Time) { c.change(func() { c.anchor = t }) }

// Advance moves the clock by d, which may be negative.
func (c *Clock) Advance(d time.Duration) { c.change(func() { c.anchor = c.anchor.Add(d) }) }

// SetRate makes the clock run rate times as fast as the underlying one; 0
// freezes it.
func (c *Clock) SetRate(rate float64) { c.change(func() { c.rate = max(rate, 0) }) }

// Rate returns the current rate.
func (c *Clock) Rate() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rate
}

func (c *Clock) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.anchor, c.at = c.now(), c.real()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

// WaitUntil blocks until the clock shows t or later, because time passed or
// because the clock was moved. It returns the context's error if that ends
// first.
func (c *Clock) WaitUntil(ctx context.Context, t time.Time) error {
	for {
		c.mu.Lock()
		left, rate, changed := t.Sub(c.now()), c.rate, c.changed
		c.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		var due <-chan time.Time
		if rate > 0 {
			timer := time.NewTimer(max(time.Duration(float64(left)/rate), time.Microsecond))
			defer timer.Stop()
			due = timer.C
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		case <-due:
		}
	}
}
