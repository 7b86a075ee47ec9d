package rest

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	syncline "github.com/synclinehq/syncline"
)

// fault is why an attempt did not succeed.
type fault struct {
	kind   faultKind
	code   syncline.Code // for faultFail
	status int
	what   string
	hint   string
	wait   time.Duration // what the other side asks for
	final  bool
}

type faultKind uint8

const (
	faultNetwork   faultKind = iota + 1 // no answer, or half of one
	faultServer                         // 5xx and the like
	faultBody                           // 2xx with a wrong body
	faultThrottled                      // 429
	faultGone
	faultStuck
	faultFail
)

// Bounds of repetition beside those of the connector.
const (
	bodyAttempts    = 4               // wrong bodies in a row before the contract counts as broken
	throttleBase    = 2 * time.Second // first wait after a refusal without a hint
	throttleOutlive = 90 * time.Second
	throttleMost    = 60 // refusals of one request
)

// tries is the state of one request's repetition.
type tries struct {
	*client
	req       *request
	began     time.Time
	n         int // attempts that failed
	bodies    int
	throttled int
}

// next decides about a failed attempt: it waits and returns nil to have it
// repeated, or returns the final error.
func (t *tries) next(ctx context.Context, f *fault) error {
	t.n++
	switch f.kind {
	case faultGone:
		return errGone
	case faultStuck:
		return fmt.Errorf("%w: %s", errStuck, f.what)
	case faultFail:
		return t.failure(f)
	case faultThrottled:
		return t.throttle(ctx, f)
	case faultBody:
		t.bodies++
		if t.bodies >= bodyAttempts {
			return t.error(f, syncline.CodeSourceContract, syncline.Transient, "The API or something in between answers wrongly; try later, then report it")
		}
	}
	elapsed := t.now().Sub(t.began)
	if f.final || t.n >= t.conn.Retry.Attempts || elapsed >= time.Duration(t.conn.Retry.Elapsed) {
		return t.error(f, syncline.CodeSourceDown, syncline.Transient, fmt.Sprintf("Gave up after %d attempts in %s", t.n, elapsed.Round(time.Second)))
	}
	wait := max(f.wait, fullJitter(t.n-1, time.Duration(t.conn.Retry.Base), time.Duration(t.conn.Retry.Cap), t.random()))
	if f.wait > 0 {
		t.limiter.block(f.wait)
	}
	t.req.report(syncline.PullProgress{Waited: wait})
	return t.sleep(ctx, wait)
}

// throttle holds everything back that shares the budget.
func (t *tries) throttle(ctx context.Context, f *fault) error {
	t.throttled++
	elapsed := t.now().Sub(t.began)
	if elapsed >= throttleOutlive && t.throttled >= throttleMost || elapsed >= time.Duration(t.conn.Retry.Elapsed) {
		e := t.error(f, syncline.CodeRateLimited, syncline.Transient, "Other programs may be using up the budget of this key; lower rate_limit or run at another time")
		e.RetryAfter = f.wait
		return e
	}
	wait := f.wait
	if wait > 0 {
		// Not all at the same instant when the window opens.
		wait += time.Duration(t.random() * float64(250*time.Millisecond))
	} else {
		wait = max(time.Second, fullJitter(t.throttled-1, throttleBase, time.Duration(t.conn.Retry.Cap), t.random()))
	}
	t.limiter.block(wait)
	return context.Cause(ctx) // the limiter does the waiting
}

func (t *tries) failure(f *fault) error {
	hint := f.hint
	code, class := f.code, syncline.Permanent
	switch code {
	case syncline.CodeAuthFailed:
		class = syncline.Fatal
		if hint == "" {
			hint = t.conn.Auth.Hint
		}
	case syncline.CodeForbidden, syncline.CodeConfigInvalid:
		class = syncline.Fatal
	case "":
		code = syncline.CodeSourceContract
	}
	return t.error(f, code, class, hint)
}

func (t *tries) error(f *fault, code syncline.Code, class syncline.Class, fix string) *syncline.Error {
	return &syncline.Error{Code: code, Class: class, Where: t.req.where + " GET " + t.req.path, What: f.what, Fix: fix}
}

// clean makes a text from upstream fit to be shown: no secrets, no control
// characters, not long.
func (c *client) clean(s string) string {
	for _, secret := range c.secrets {
		s = strings.ReplaceAll(s, secret, "[secret]")
	}
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	const most = 300
	if len(s) > most {
		cut := most
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}
