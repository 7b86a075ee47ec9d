package syncline

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"
)

// Backoff returns the longest wait before attempt n+1 after n failures:
// base·2^(n-1), at most limit, never negative, never overflowing.
func Backoff(n int, base, limit time.Duration) time.Duration {
	if n <= 0 || base <= 0 || limit <= 0 {
		return 0
	}
	if n > 62 || base > limit>>(n-1) {
		return limit
	}
	return base << (n - 1)
}

// jitter returns a uniform duration in [0, d): full jitter, so that many
// clients that failed together do not come back together.
func jitter(random io.Reader, d time.Duration) time.Duration {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil || d <= 0 {
		return d
	}
	return time.Duration(binary.LittleEndian.Uint64(b[:]) % uint64(d))
}

const (
	retryBase = 200 * time.Millisecond
	retryCap  = 30 * time.Second
)

// retry calls fn until it succeeds, fails for good, or RetryFor has passed
// since the first failure. A stop request ends the waiting, not a call.
func (e *Engine) retry(ctx context.Context, fn func() error) error {
	var since time.Time
	for n := 1; ; n++ {
		err := fn()
		var rows *RowErrors
		if err == nil || errors.As(err, &rows) || ClassOf(err) != Transient || ctx.Err() != nil {
			return err
		}
		now := e.Now()
		if since.IsZero() {
			since = now
		} else if now.Sub(since) > e.RetryFor {
			return err
		}
		wait := jitter(e.Random, Backoff(n, retryBase, retryCap))
		var se *Error
		if errors.As(err, &se) {
			wait = max(wait, se.RetryAfter)
		}
		e.Logger.Warn("trying again", "error", err, "attempt", n, "wait", wait)
		if serr := e.sleep(ctx, wait); serr != nil {
			return errors.Join(err, serr)
		}
	}
}

func (e *Engine) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-e.stop:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
