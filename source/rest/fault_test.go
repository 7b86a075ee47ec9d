package rest_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/connectors"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/dodo"
	"github.com/synclinehq/syncline/source/rest"
)

func quick(o *rest.Options) {
	o.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
}

// TestPull_FaultsAreSurvived injects one fault of each kind into the third page.
func TestPull_FaultsAreSurvived(t *testing.T) {
	faults := []sandbox.Fault{
		{Kind: sandbox.FaultReset},
		{Kind: sandbox.FaultHTML},
		{Kind: sandbox.FaultError200},
		{Kind: sandbox.FaultEmpty},
		{Kind: sandbox.FaultStatus, Status: 500},
		{Kind: sandbox.FaultStatus, Status: 502},
		{Kind: sandbox.FaultStatus, Status: 503, RetryAfter: time.Second},
		{Kind: sandbox.FaultStatus, Status: 429},
		{Kind: sandbox.FaultStatus, Status: 408},
		{Kind: sandbox.FaultTruncate, At: 100, Framing: sandbox.FramingLength},
		{Kind: sandbox.FaultTruncate, At: 100, Framing: sandbox.FramingChunked},
		{Kind: sandbox.FaultTruncate, At: 100, Framing: sandbox.FramingClose},
		{Kind: sandbox.FaultTruncate, At: 10, Framing: sandbox.FramingClose},
		{Kind: sandbox.FaultBody, Body: `{"items":[]} {"items":[]}`},
		{Kind: sandbox.FaultBody, Body: "\ufeff" + `{"items":[]}`},
		{Kind: sandbox.FaultBody, Body: `{"items":null}`},
		{Kind: sandbox.FaultBody, Body: `{"data":[]}`},
		{Kind: sandbox.FaultBody, Body: `null`},
		{Kind: sandbox.FaultBody, Body: `{"items":[`, Header: map[string]string{"Content-Encoding": "gzip"}},
	}
	for _, f := range faults {
		t.Run(fmt.Sprintf("%s %d %s%s", f.Kind, f.Status, f.Framing, f.Body), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 700}}, nil, quick)
			f.Nth, f.Times = 3, 2
			if err := w.Inject(f); err != nil {
				t.Fatal(err)
			}
			m := newMirror()
			if err := m.pull(t, w.src, "payments", false); err != nil {
				t.Fatal(err)
			}
			compare(t, m.rows, w.truth("payments"))
			if w.Faults().Hits() == 0 {
				t.Error("no fault has hit")
			}
		})
	}
}

// TestPull_LastingFaults are final, with the right code, and move no state past
// what was handed over.
func TestPull_LastingFaults(t *testing.T) {
	for _, c := range []struct {
		fault sandbox.Fault
		code  syncline.Code
		class syncline.Class
		most  int64 // requests
	}{
		{sandbox.Fault{Kind: sandbox.FaultHTML}, syncline.CodeSourceContract, syncline.Transient, 20},
		{sandbox.Fault{Kind: sandbox.FaultError200}, syncline.CodeSourceContract, syncline.Transient, 20},
		{sandbox.Fault{Kind: sandbox.FaultEmpty}, syncline.CodeSourceContract, syncline.Transient, 20},
		{sandbox.Fault{Kind: sandbox.FaultReset}, syncline.CodeSourceDown, syncline.Transient, 40},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 500}, syncline.CodeSourceDown, syncline.Transient, 40},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 401}, syncline.CodeAuthFailed, syncline.Fatal, 8},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 403}, syncline.CodeForbidden, syncline.Fatal, 8},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 404}, syncline.CodeSourceContract, syncline.Permanent, 8},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 302, Header: map[string]string{"Location": "http://169.254.169.254/"}}, syncline.CodeSourceContract, syncline.Permanent, 8},
		{sandbox.Fault{Kind: sandbox.FaultStatus, Status: 418}, syncline.CodeSourceContract, syncline.Permanent, 8},
	} {
		t.Run(fmt.Sprintf("%s %d", c.fault.Kind, c.fault.Status), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 5000}}, nil, quick)
			c.fault.Nth, c.fault.Times = 30, -1
			if err := w.Inject(c.fault); err != nil {
				t.Fatal(err)
			}
			m := newMirror()
			err := m.pull(t, w.src, "payments", false)
			if syncline.CodeOf(err) != c.code || syncline.ClassOf(err) != c.class {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "sandbox_test_key") {
				t.Errorf("the error shows the key: %v", err)
			}
			if n := w.Counters().Requests; n > 30+c.most {
				t.Errorf("%d requests", n)
			}
			w.Faults().Clear()
			if err := m.pull(t, w.source(t, quick), "payments", false); err != nil {
				t.Fatal(err)
			}
			compare(t, m.rows, w.truth("payments"))
		})
	}
}

func TestPull_WrongKey(t *testing.T) {
	w := newWorld(t, dodo.Options{}, nil)
	src := w.source(t, func(o *rest.Options) { o.Secrets = map[string]string{"api_key": "sandbox_live_key"} })
	for _, err := range []error{src.Check(context.Background()), newMirror().pull(t, src, "payments", false)} {
		if syncline.CodeOf(err) != syncline.CodeAuthFailed || !strings.Contains(err.Error(), "test_mode") || strings.Contains(err.Error(), "sandbox_live_key") {
			t.Errorf("got %v", err)
		}
	}
	if err := w.src.Check(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestF20_ResetAtEveryByte cuts the answer after each byte, however the end of
// the body is marked.
func TestF20_ResetAtEveryByte(t *testing.T) {
	srv, err := dodo.New(dodo.Options{Counts: map[string]int{"disputes": 9}})
	if err != nil {
		t.Fatal(err)
	}
	body := get(t, srv, "/disputes?page_number=0&page_size=100")
	step := 7
	if testing.Short() {
		step = 61
	}
	for _, framing := range []sandbox.Framing{sandbox.FramingLength, sandbox.FramingChunked, sandbox.FramingClose} {
		w := newWorld(t, dodo.Options{Counts: map[string]int{"disputes": 9}}, nil, quick)
		truth := w.truth("disputes")
		for at := 0; at < len(body); at += step {
			if err := w.Inject(sandbox.Fault{Kind: sandbox.FaultTruncate, At: at, Framing: framing, Times: 1}); err != nil {
				t.Fatal(err)
			}
			m := newMirror()
			if err := m.pull(t, w.src, "disputes", false); err != nil {
				t.Fatalf("%s at %d: %v", framing, at, err)
			}
			compare(t, m.rows, truth)
			if m.fetched != 9+m.dups {
				t.Fatalf("%s at %d: %d fetched, %d duplicates", framing, at, m.fetched, m.dups)
			}
		}
	}
}

func get(t *testing.T, h http.Handler, target string) []byte {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Authorization", "Bearer sandbox_test_key")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Body.Bytes()
}

func TestPull_BodyLimitCountsInflatedBytes(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		z.Write([]byte(`{"items":[`))
		zeros := strings.Repeat(" ", 1<<20)
		for range 64 {
			z.Write([]byte(zeros))
		}
		z.Write([]byte(`]}`))
		z.Close()
	}))
	defer srv.Close()
	src, err := rest.New(connectors.Dodo(), rest.Options{BaseURL: srv.URL, Secrets: map[string]string{"api_key": "k"}})
	if err != nil {
		t.Fatal(err)
	}
	err = newMirror().pull(t, src, "payments", false)
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Fatalf("got %v", err)
	}
}

// inMemory is a transport into a handler, so that virtual time can pass.
type inMemory struct {
	h     http.Handler
	count atomic.Int64
}

func (m *inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	m.count.Add(1)
	r.RemoteAddr = "192.0.2.1:1"
	rec := httptest.NewRecorder()
	m.h.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// virtual returns a source and its sandbox for use in a synctest bubble.
func virtual(t *testing.T, o dodo.Options, change ...func(*rest.Options)) (*dodo.Server, *inMemory, *rest.Source) {
	t.Helper()
	if o.Clock == nil {
		o.Clock = sandbox.NewClockFrom(time.Time{}, time.Now)
	}
	srv, err := dodo.New(o)
	if err != nil {
		t.Fatal(err)
	}
	tr := &inMemory{h: srv}
	ro := rest.Options{BaseURL: "http://127.0.0.1", Transport: tr, Secrets: map[string]string{"api_key": "sandbox_test_key"}}
	for _, f := range change {
		f(&ro)
	}
	src, err := rest.New(connectors.Dodo(), ro)
	if err != nil {
		t.Fatal(err)
	}
	return srv, tr, src
}

// TestF23_Storm answers 95 % of the requests with 429 for ten minutes, with
// every form of Retry-After.
func TestF23_Storm(t *testing.T) {
	forms := map[string]func(h http.Header, now time.Time){
		"none":    func(http.Header, time.Time) {},
		"seconds": func(h http.Header, _ time.Time) { h.Set("Retry-After", "7") },
		"ms":      func(h http.Header, _ time.Time) { h.Set("Retry-After-Ms", "7000") },
		"date": func(h http.Header, now time.Time) {
			h.Set("Retry-After", now.Add(8*time.Second).UTC().Format(http.TimeFormat))
		},
		"past": func(h http.Header, now time.Time) {
			h.Set("Retry-After", now.Add(-time.Hour).UTC().Format(http.TimeFormat))
		},
		"negative": func(h http.Header, _ time.Time) { h.Set("Retry-After", "-5") },
		"years":    func(h http.Header, _ time.Time) { h.Set("Retry-After", "315360000") },
		"garbage":  func(h http.Header, _ time.Time) { h.Set("Retry-After", "soon") },
		"reset": func(h http.Header, now time.Time) {
			h.Set("X-RateLimit-Reset", fmt.Sprint(now.Add(20*time.Second).Unix()))
		},
		"reset in": func(h http.Header, _ time.Time) { h.Set("X-RateLimit-Reset", "20") },
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, tr, src := virtual(t, dodo.Options{Counts: map[string]int{"payments": 2000}})
				began := time.Now()
				var n atomic.Int64
				tr.h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if time.Since(began) < 10*time.Minute && n.Add(1)%20 != 0 {
						form(w.Header(), time.Now())
						w.WriteHeader(http.StatusTooManyRequests)
						return
					}
					srv.ServeHTTP(w, r)
				})
				m := newMirror()
				truth := map[string][]byte{}
				for id, row := range srv.Truth("payments") {
					truth[id] = row
				}
				for range 10 {
					err := m.pull(t, src, "payments", false)
					if err == nil {
						break
					}
					if syncline.CodeOf(err) != syncline.CodeRateLimited {
						t.Fatal(err)
					}
				}
				compare(t, m.rows, truth)
				t.Logf("%d requests in %v", tr.count.Load(), time.Since(began).Round(time.Second))
				if n := tr.count.Load(); n > 1500 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// TestLimiter_SharedWithAnotherClient lets a second client use the same budget:
// refusals must stay rare, and the whole take about as long as the budget says.
func TestLimiter_SharedWithAnotherClient(t *testing.T) {
	for _, other := range []time.Duration{0, time.Second, 500 * time.Millisecond} {
		t.Run(other.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, tr, src := virtual(t, dodo.Options{Counts: map[string]int{"payments": 60_000}, RateLimit: dodo.Tier0})
				ctx, stop := context.WithCancel(t.Context())
				var refused atomic.Int64
				if other > 0 {
					go func() {
						for ctx.Err() == nil {
							r := httptest.NewRequest(http.MethodGet, "/disputes?page_size=1", nil)
							r.Header.Set("Authorization", "Bearer sandbox_test_key")
							rec := httptest.NewRecorder()
							srv.ServeHTTP(rec, r)
							if rec.Code == http.StatusTooManyRequests {
								refused.Add(1)
							}
							if sleepFor(ctx, other) != nil {
								return
							}
						}
					}()
				}
				began := time.Now()
				m := newMirror()
				var waited, retries atomic.Int64
				m.seen = map[string]bool{}
				err := src.Pull(ctx, syncline.PullRequest{Stream: "payments", Progress: func(p syncline.PullProgress) {
					waited.Add(int64(p.Waited))
					retries.Add(int64(p.Retries))
				}}, m.emit)
				stop()
				synctest.Wait()
				if err != nil {
					t.Fatal(err)
				}
				if len(m.rows) != 60_000 {
					t.Errorf("%d rows", len(m.rows))
				}
				took := time.Since(began)
				t.Logf("%d requests in %v, %d repeated, other client refused %d times", tr.count.Load(), took.Round(time.Second), retries.Load(), refused.Load())
				if retries.Load() > 5 {
					t.Errorf("%d refusals", retries.Load())
				}
				if refused.Load() > 5 {
					t.Errorf("the other client was refused %d times", refused.Load())
				}
				if waited.Load() == 0 {
					t.Error("waiting is not reported")
				}
				if took > 8*time.Minute {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// TestLimiter_LearnsHigherTier reads faster when the headers allow it.
func TestLimiter_LearnsHigherTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, tr, src := virtual(t, dodo.Options{Counts: map[string]int{"payments": 150_000}, RateLimit: dodo.Tier1})
		began := time.Now()
		m := newMirror()
		if err := m.pull(t, src, "payments", false); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d requests in %v", tr.count.Load(), time.Since(began))
		if d := time.Since(began); d > 3*time.Minute {
			t.Errorf("took %v", d)
		}
	})
}

func TestRateLimit_OfTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, tr, src := virtual(t, dodo.Options{Counts: map[string]int{"payments": 10_000}}, func(o *rest.Options) { o.RateLimit = 2 })
		began := time.Now()
		if err := newMirror().pull(t, src, "payments", false); err != nil {
			t.Fatal(err)
		}
		rate := float64(tr.count.Load()) / time.Since(began).Seconds()
		if rate > 2.1 || rate < 1.9 {
			t.Errorf("%.2f requests a second", rate)
		}
	})
}

// TestF29_SkewedClock has the source's clock ten minutes off, rows created all
// the time.
func TestF29_SkewedClock(t *testing.T) {
	for _, skew := range []time.Duration{-10 * time.Minute, 10 * time.Minute, -time.Minute, 3 * time.Second} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock := sandbox.NewClockFrom(time.Time{}, time.Now)
				clock.Advance(skew)
				srv, _, src := virtual(t, dodo.Options{Counts: map[string]int{"payments": 300}, Clock: clock, Epoch: time.Now().Add(-time.Hour)}, func(o *rest.Options) { o.RateLimit = -1 })
				m := newMirror()
				for range 20 {
					if err := m.pull(t, src, "payments", false); err != nil {
						t.Fatal(err)
					}
					for range 3 {
						if _, _, err := srv.Create("payments", nil); err != nil {
							t.Fatal(err)
						}
						time.Sleep(20 * time.Second)
					}
				}
				if err := m.pull(t, src, "payments", false); err != nil {
					t.Fatal(err)
				}
				truth := map[string][]byte{}
				for id, row := range srv.Truth("payments") {
					truth[id] = row
				}
				compare(t, m.rows, truth)
			})
		})
	}
}

func TestF29_ClockJumpsBackMidRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := sandbox.NewClockFrom(time.Time{}, time.Now)
		var n atomic.Int64
		o := dodo.Options{Counts: map[string]int{"payments": 3000}, Clock: clock, Epoch: time.Now().Add(-2 * time.Hour)}
		o.OnRequest = func(*http.Request) {
			if n.Add(1) == 15 {
				clock.Advance(-time.Hour)
			}
		}
		srv, _, src := virtual(t, o)
		m := newMirror()
		for range 3 {
			if err := m.pull(t, src, "payments", false); err != nil {
				t.Fatal(err)
			}
			if _, _, err := srv.Create("payments", nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		// Rows made by a clock that went back are older than the watermark: the
		// trailing window finds them.
		time.Sleep(25 * time.Hour)
		if err := m.pull(t, src, "payments", false); err != nil {
			t.Fatal(err)
		}
		truth := map[string][]byte{}
		for id, row := range srv.Truth("payments") {
			truth[id] = row
		}
		compare(t, m.rows, truth)
	})
}

func sleepFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestPull_Cancelled(t *testing.T) {
	w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 5000}}, nil)
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("enough")
	m := newMirror()
	m.seen = map[string]bool{}
	m.fail = func(n int) error {
		if n == 5 {
			cancel(stop)
		}
		return nil
	}
	err := w.src.Pull(ctx, syncline.PullRequest{Stream: "payments"}, m.emit)
	if !errors.Is(err, stop) {
		t.Fatalf("got %v", err)
	}
}

func TestNew_RefusesAddresses(t *testing.T) {
	for _, base := range []string{"http://api.example.com", "file:///etc/passwd", "https://u:p@h", "gopher://h", "https://h/?a=b", "x"} {
		_, err := rest.New(connectors.Dodo(), rest.Options{BaseURL: base, Secrets: map[string]string{"api_key": "k"}})
		if syncline.CodeOf(err) != syncline.CodeConfigInvalid {
			t.Errorf("%s: %v", base, err)
		}
	}
}
