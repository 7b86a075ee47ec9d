package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

// client sends requests of one credential: authorised, limited, tried again,
// and with proof that the answer is whole.
type client struct {
	http    *http.Client
	conn    *Connector
	base    string
	agent   string
	auth    [2]string // header and value
	secrets []string  // texts that must not appear in errors
	slots   chan struct{}
	limiter *limiter
	now     func() time.Time
	sleep   func(context.Context, time.Duration) error
	random  func() float64
	clock   *sourceClock
}

// request is one thing to read.
type request struct {
	path  string
	query url.Values
	where string // stream, for errors
	// progress, if set, is told about requests, retries and waits.
	progress func(syncline.PullProgress)
	// accept says whether a complete 2xx body is what was asked for. Its error
	// makes the request be tried again, then fail as CodeSourceContract.
	accept func(body []byte) error
}

// answer is an accepted answer.
type answer struct {
	body   []byte
	status string
	sent   time.Time // when the request was sent, by the source's clock
}

// Errors that change the course of a listing.
var (
	errGone  = errors.New("gone")  // the source says there is no such thing
	errStuck = errors.New("stuck") // the listing cannot go on like this
)

// newTransport returns a transport for n requests at once. Proxies of the
// environment are not used, redirects are refused by the client.
func newTransport(n int) *http.Transport {
	return &http.Transport{
		MaxIdleConns:           n + 4,
		MaxIdleConnsPerHost:    n + 4,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    15 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
	}
}

// get sends the request until it is answered or hopeless. The body is read into
// buf, which may be nil, and valid until buf is used again.
func (c *client) get(ctx context.Context, r *request, buf []byte) (answer, error) {
	t := tries{client: c, req: r, began: c.now()}
	for {
		a, fault, err := c.inSlot(ctx, r, buf)
		if err != nil {
			return a, err
		}
		if buf = a.body; fault == nil {
			fault = c.accept(r, &a)
		}
		p := syncline.PullProgress{Requests: 1}
		if t.n > 0 {
			p.Retries = 1
		}
		r.report(p)
		if fault == nil {
			return a, nil
		}
		if err := ctx.Err(); err != nil {
			return a, context.Cause(ctx)
		}
		if err := t.next(ctx, fault); err != nil {
			return a, err
		}
	}
}

// inSlot sends the request once, as one of those allowed at a time. What comes
// after the last byte of the answer is done outside: others can send meanwhile.
func (c *client) inSlot(ctx context.Context, r *request, buf []byte) (answer, *fault, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{body: buf}, nil, context.Cause(ctx)
	}
	seq, waited, err := c.limiter.wait(ctx)
	if waited > 0 {
		r.report(syncline.PullProgress{Waited: waited})
	}
	if err != nil {
		return answer{body: buf}, nil, err
	}
	a, f := c.once(ctx, r, buf, seq)
	return a, f, nil
}

func (r *request) report(p syncline.PullProgress) {
	if r.progress != nil {
		r.progress(p)
	}
}

// once sends the request once.
func (c *client) once(ctx context.Context, r *request, buf []byte, seq int64) (answer, *fault) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.conn.HTTP.Timeout))
	defer cancel()
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return answer{body: buf}, &fault{kind: faultFail, code: syncline.CodeConfigInvalid, what: c.clean(err.Error())}
	}
	for k, v := range c.conn.HTTP.Headers {
		req.Header.Set(k, v)
	}
	req.Header.Set("User-Agent", c.agent)
	if c.auth[0] != "" {
		req.Header.Set(c.auth[0], c.auth[1])
	}
	began := c.now()
	res, err := c.http.Do(req)
	if err != nil {
		return answer{body: buf}, &fault{kind: faultNetwork, what: c.clean(unwrapURL(err))}
	}
	defer res.Body.Close()
	c.clock.learn(res.Header.Get("Date"), began, c.now())
	c.limiter.observe(seq, c.conn.Limits.Headers.budget(res.Header, c.now(), c.clock.skew()))
	body, err := readBody(res, buf, int64(c.conn.HTTP.MaxBody))
	a := answer{body: body, status: res.Status, sent: began.Add(c.clock.skew())}
	if err != nil {
		return a, &fault{kind: faultNetwork, what: "reading the answer: " + c.clean(err.Error()), final: errors.Is(err, errTooLarge)}
	}
	return a, c.judge(r, res, a.body)
}

// unwrapURL drops the method and address that the http package puts before an
// error: the address may hold what should not be shown.
func unwrapURL(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

var errTooLarge = errors.New("answer is too large")

// readBody reads the whole body into buf. A body shorter than declared is an
// error of the http package; a longer one than limit is errTooLarge.
func readBody(res *http.Response, buf []byte, limit int64) ([]byte, error) {
	buf = buf[:0]
	if n := res.ContentLength; n > 0 && n <= limit && int64(cap(buf)) < n+1 {
		buf = make([]byte, 0, n+n/8+512)
	}
	body := io.LimitReader(res.Body, limit+1)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return buf, fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// accept decides whether a complete 2xx body is what was asked for.
func (c *client) accept(r *request, a *answer) *fault {
	if r.accept == nil {
		return nil
	}
	err := r.accept(a.body)
	if err == nil {
		return nil
	}
	what := "HTTP " + a.status + " with a body that is not what was asked for: " + c.clean(err.Error())
	if code := textAt(a.body, c.conn.Errors.Code); code != "" {
		what += " (" + c.clean(code+" "+textAt(a.body, c.conn.Errors.Message)) + ")"
	}
	return &fault{kind: faultBody, what: what}
}

// judge decides what a status means.
func (c *client) judge(r *request, res *http.Response, body []byte) *fault {
	if res.StatusCode/100 == 2 {
		return nil
	}
	code := textAt(body, c.conn.Errors.Code)
	what := fmt.Sprintf("HTTP %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	if code != "" {
		what += ": " + c.clean(code+" "+textAt(body, c.conn.Errors.Message))
	} else if len(body) > 0 {
		what += ": " + c.clean(string(body[:min(len(body), 300)]))
	}
	rule := c.conn.match(res.StatusCode, code, r.query)
	f := &fault{what: what, status: res.StatusCode, hint: rule.Hint, wait: c.conn.Limits.Headers.wait(res.Header, c.now(), c.clock.skew())}
	switch rule.Do {
	case "retry":
		f.kind = faultServer
		if res.StatusCode != http.StatusServiceUnavailable && res.Header.Get("Retry-After") == "" {
			f.wait = 0 // a reset header on a 500 says nothing about the fault
		}
	case "wait":
		f.kind = faultThrottled
	case "gone":
		f.kind = faultGone
	case "stuck":
		f.kind = faultStuck
	default:
		f.kind, f.code = faultFail, syncline.Code(rule.As)
	}
	return f
}

// match returns the first rule for an answer; answers without one fail.
func (c *Connector) match(status int, code string, query url.Values) Rule {
	for _, r := range c.Rules {
		if r.matches(status, code, query) {
			return r
		}
	}
	switch {
	case status == http.StatusTooManyRequests:
		return Rule{Do: "wait"}
	case status >= 500 || status == http.StatusRequestTimeout:
		return Rule{Do: "retry"}
	case status/100 == 3:
		return Rule{Do: "fail", As: string(syncline.CodeSourceContract), Hint: "The API redirects, which is not followed: check the base URL"}
	}
	return Rule{Do: "fail", As: string(syncline.CodeSourceContract)}
}

func (r *Rule) matches(status int, code string, query url.Values) bool {
	ok := len(r.Status) == 0
	for _, s := range r.Status {
		ok = ok || s.From <= status && status <= s.To
	}
	if len(r.Codes) > 0 {
		known := false
		for _, c := range r.Codes {
			known = known || c == code
		}
		ok = ok && known
	}
	return ok && (r.Param == "" || query.Has(r.Param))
}

// textAt returns the text of a string member, "" if there is none.
func textAt(obj []byte, path string) string {
	raw, ok := batch.Lookup(obj, path)
	if !ok || path == "" || len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	return string(unquote(raw))
}

// sourceClock learns how far the source's clock is ahead of ours from Date
// headers. Versions of rows are made with it, so it must not go backwards: a
// server of the source whose clock is late changes nothing, one that is early
// is believed only when several answers in a row agree.
type sourceClock struct {
	mu    sync.Mutex
	known bool
	ahead time.Duration
	next  time.Duration // what the last answers say, if later than ahead
	said  int           // how many of them
}

const (
	// significant is the skew below which clocks are taken to agree: the Date
	// header has a resolution of a second.
	significant = 2 * time.Second
	// agreed is the number of answers that make a later clock believed.
	agreed = 3
)

func (s *sourceClock) learn(date string, began, ended time.Time) {
	t, err := http.ParseTime(date)
	if err != nil {
		return
	}
	d := t.Add(500 * time.Millisecond).Sub(began.Add(ended.Sub(began) / 2))
	if absDuration(d) <= significant {
		d = 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.known:
		s.known, s.ahead = true, d
	case d <= s.ahead+significant:
		s.said = 0
	case s.said > 0 && absDuration(d-s.next) <= significant:
		if s.said++; s.said >= agreed {
			s.ahead, s.said = d, 0
		}
	default:
		s.next, s.said = d, 1
	}
}

func (s *sourceClock) isKnown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

func (s *sourceClock) skew() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ahead
}
