package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// The vector is the one the Dodo API reference gives.
func TestSign(t *testing.T) {
	body := []byte(`{"business_id":"bus_1","type":"payment.succeeded","timestamp":"2026-01-02T03:04:05.678901Z","data":{"payload_type":"Payment","payment_id":"pay_1"}}`)
	want := "v1,Bjc1jsJ1x3HoUh1DYH+KU2MTGhfWgdFC0zWVFQFm26Q="
	for _, secret := range []string{"whsec_ZG9kby10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmISE=", "ZG9kby10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmISE="} {
		if got := Sign(secret, "msg_1", time.Unix(1700000000, 0), body); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock(start)
		time.Sleep(3 * time.Second)
		if got := c.Now().Sub(start); got != 3*time.Second {
			t.Errorf("normal rate: %v", got)
		}
		c.SetRate(3600)
		time.Sleep(2 * time.Second)
		if got := c.Now().Sub(start); got != 2*time.Hour+3*time.Second {
			t.Errorf("fast: %v", got)
		}
		c.SetRate(0)
		c.Set(start)
		time.Sleep(time.Hour)
		if !c.Now().Equal(start) {
			t.Errorf("frozen: %v", c.Now())
		}
		done := make(chan error)
		go func() { done <- c.WaitUntil(t.Context(), start.Add(time.Hour)) }()
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("waited for nothing")
		default:
		}
		c.Advance(time.Hour)
		if err := <-done; err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- c.WaitUntil(ctx, start.Add(48*time.Hour)) }()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestLimiterKeepsKeysApart(t *testing.T) {
	l := NewLimiter(NewFrozenClock(start))
	rate := Rate{PerMinute: 1}
	if !l.Take("a", rate).Allowed || l.Take("a", rate).Allowed || !l.Take("b", rate).Allowed {
		t.Error("keys share a window")
	}
	v := l.Take("a", rate)
	h := http.Header{}
	v.SetHeaders(h, start.Add(59*time.Second+1), true)
	if h.Get("X-RateLimit-Reset") != "1" {
		t.Errorf("relative reset %s", h.Get("X-RateLimit-Reset"))
	}
}

const goodBody = `{"items":[{"id":1},{"id":2},{"id":3}]}`

func faulty(t *testing.T, f Fault) (*httptest.Server, *Counters) {
	t.Helper()
	faults := NewFaults(NewFrozenClock(start), 1)
	if err := faults.Inject(f); err != nil {
		t.Fatal(err)
	}
	var counters Counters
	good := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "application/json", []byte(goodBody))
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec, done := counters.Begin(w, r, r.URL.Path)
		defer done()
		faults.Serve(rec, r, good, func(int) []byte { return []byte(`{"code":"E"}`) })
	}))
	t.Cleanup(srv.Close)
	return srv, &counters
}

func ask(t *testing.T, url string) (*http.Response, string, error) {
	t.Helper()
	// A new connection each time: a retry on a kept one would hide a reset.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  Fault
		status int
		body   string
		fails  bool // the client sees a broken transfer
		header [2]string
	}{
		"status":           {Fault{Kind: FaultStatus, Status: 502}, 502, `{"code":"E"}`, false, [2]string{}},
		"429 without hint": {Fault{Kind: FaultStatus, Status: 429}, 429, `{"code":"E"}`, false, [2]string{"Retry-After", ""}},
		"429 seconds":      {Fault{Kind: FaultStatus, Status: 429, RetryAfter: 1500 * time.Millisecond}, 429, `{"code":"E"}`, false, [2]string{"Retry-After", "2"}},
		"429 ms":           {Fault{Kind: FaultStatus, Status: 429, RetryAfter: 1500 * time.Millisecond, RetryAfterForm: RetryAfterMillis}, 429, `{"code":"E"}`, false, [2]string{"Retry-After-Ms", "1500"}},
		"429 date":         {Fault{Kind: FaultStatus, Status: 429, RetryAfter: time.Minute, RetryAfterForm: RetryAfterDate}, 429, `{"code":"E"}`, false, [2]string{"Retry-After", "Sun, 01 Nov 2026 00:01:00 GMT"}},
		"latency":          {Fault{Kind: FaultLatency, Latency: time.Millisecond}, 200, goodBody, false, [2]string{}},
		"html":             {Fault{Kind: FaultHTML}, 200, "<!DOCTYPE html>", false, [2]string{"Content-Type", "text/html; charset=utf-8"}},
		"error with 200":   {Fault{Kind: FaultError200}, 200, `{"code":"E"}`, false, [2]string{}},
		"empty":            {Fault{Kind: FaultEmpty}, 200, "", false, [2]string{}},
		"wrong type":       {Fault{Kind: FaultWrongType}, 200, goodBody, false, [2]string{"Content-Type", "text/plain; charset=utf-8"}},
		"own body":         {Fault{Kind: FaultBody, Body: "null", Header: map[string]string{"X-Any": "1"}}, 200, "null", false, [2]string{"X-Any", "1"}},
		"reset":            {Fault{Kind: FaultReset}, 0, "", true, [2]string{}},
		"truncate length":  {Fault{Kind: FaultTruncate, At: 10}, 200, goodBody[:10], true, [2]string{}},
		"truncate chunked": {Fault{Kind: FaultTruncate, At: 10, Framing: FramingChunked}, 200, goodBody[:10], true, [2]string{}},
		"truncate close":   {Fault{Kind: FaultTruncate, At: 10, Framing: FramingClose}, 200, goodBody[:10], false, [2]string{}},
		"truncate at 0":    {Fault{Kind: FaultTruncate}, 200, "", true, [2]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			srv, _ := faulty(t, tt.fault)
			resp, body, err := ask(t, srv.URL)
			if (err != nil) != tt.fails {
				t.Fatalf("error %v, want one: %t", err, tt.fails)
			}
			if resp == nil {
				return
			}
			if resp.StatusCode != tt.status || !strings.HasPrefix(body, tt.body) || tt.body == "" && body != "" {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
			if tt.header[0] != "" && resp.Header.Get(tt.header[0]) != tt.header[1] {
				t.Errorf("%s: %q", tt.header[0], resp.Header.Get(tt.header[0]))
			}
			if resp, body, err := ask(t, srv.URL); err != nil || resp.StatusCode != 200 || body != goodBody {
				t.Errorf("after the fault: %v %q", err, body)
			}
		})
	}
}

func TestFaultSelection(t *testing.T) {
	for name, tt := range map[string]struct {
		fault Fault
		want  []int // statuses of six requests
	}{
		"once":       {Fault{}, []int{500, 200, 200, 200, 200, 200}},
		"third":      {Fault{Nth: 3}, []int{200, 200, 500, 200, 200, 200}},
		"every 2nd":  {Fault{Nth: 2, Every: 2, Times: -1}, []int{200, 500, 200, 500, 200, 500}},
		"two times":  {Fault{Times: 2}, []int{500, 500, 200, 200, 200, 200}},
		"other path": {Fault{Path: "/b", Times: -1}, []int{200, 200, 200, 200, 200, 200}},
		"prefix":     {Fault{Path: "/a*", Times: -1}, []int{500, 500, 500, 500, 500, 500}},
		"query":      {Fault{Query: "n=4"}, []int{200, 200, 200, 200, 500, 200}},
		"method":     {Fault{Method: "POST", Times: -1}, []int{200, 200, 200, 200, 200, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.fault.Kind, tt.fault.Status = FaultStatus, 500
			srv, counters := faulty(t, tt.fault)
			var got []int
			for n := range 6 {
				resp, _, err := ask(t, srv.URL+"/a/x?n="+string(rune('0'+n)))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, resp.StatusCode)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if c := counters.Snapshot(); c.Requests != 6 || c.PeakConcurrency != 1 || len(c.Recent) != 6 {
				t.Errorf("counters %+v", c)
			}
		})
	}
}

func TestFaultJSON(t *testing.T) {
	in := Fault{Path: "/payments", Kind: FaultTruncate, At: 3, Latency: 2 * time.Second, RetryAfter: time.Minute, Times: -1}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out Fault
	if err := json.Unmarshal(b, &out); err != nil || out.Latency != in.Latency || out.RetryAfter != in.RetryAfter || out.At != 3 || out.Times != -1 {
		t.Errorf("%s: %+v %v", b, out, err)
	}
	for _, bad := range []Fault{{}, {Kind: "melt"}, {Kind: FaultStatus}, {Kind: FaultTruncate, Framing: "x"}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// inbox answers with the next status and keeps what came.
type inbox struct {
	mu       sync.Mutex
	statuses []int
	header   []http.Header
	body     []string
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.header = append(in.header, r.Header.Clone())
	in.body = append(in.body, string(body))
	status := 200
	if len(in.statuses) > 0 {
		status, in.statuses = in.statuses[0], in.statuses[1:]
	}
	w.WriteHeader(status)
}

func sending(t *testing.T, chaos Chaos, statuses ...int) (*inbox, *Sender, *Clock) {
	t.Helper()
	in := &inbox{statuses: statuses}
	srv := httptest.NewServer(in)
	t.Cleanup(srv.Close)
	clock := NewFrozenClock(start)
	return in, NewSender(SenderOptions{
		URL: srv.URL, Secrets: []string{"whsec_b25l", "whsec_dHdv"}, Clock: clock,
		Schedule: []time.Duration{0, 5 * time.Second}, Chaos: chaos,
	}), clock
}

func message(id string) Message {
	return Message{ID: id, Body: func() []byte { return []byte(`{"id":"` + id + `"}`) }}
}

func TestSenderRetriesAndRotates(t *testing.T) {
	in, s, clock := sending(t, Chaos{}, 500, 301, 204)
	s.Send(message("m1"))
	if n := s.Flush(t.Context()); n != 2 {
		t.Fatalf("%d attempts, want the first and the immediate retry", n)
	}
	clock.Advance(5 * time.Second)
	if n := s.Flush(t.Context()); n != 1 || s.Pending() != 0 || len(s.Failed()) != 0 {
		t.Errorf("%d attempts, %d pending, failed %v", n, s.Pending(), s.Failed())
	}
	at := clock.Now()
	want := Sign("whsec_b25l", "m1", at, []byte(in.body[2])) + " " + Sign("whsec_dHdv", "m1", at, []byte(in.body[2]))
	if got := in.header[2].Get("Webhook-Signature"); got != want {
		t.Errorf("signatures %s", got)
	}
	if !s.Replay("m1") || s.Replay("m2") || s.Flush(t.Context()) != 1 {
		t.Error("replay")
	}
}

func TestSenderChaos(t *testing.T) {
	for name, tt := range map[string]struct {
		chaos Chaos
		check func(in *inbox) bool
	}{
		"duplicate": {Chaos{Duplicate: 100}, func(in *inbox) bool {
			return len(in.header) == 20 && in.header[0].Get("Webhook-Id") == in.header[1].Get("Webhook-Id")
		}},
		"unsigned": {Chaos{Unsigned: true}, func(in *inbox) bool { return in.header[0].Values("Webhook-Signature") == nil }},
		"wrong": {Chaos{WrongSignature: true}, func(in *inbox) bool {
			sig := in.header[0].Get("Webhook-Signature")
			return sig != "" && !strings.Contains(sig, Sign("whsec_b25l", "a", start, []byte(in.body[0])))
		}},
		"skew": {Chaos{Skew: -6 * time.Minute}, func(in *inbox) bool {
			at := start.Add(-6 * time.Minute)
			return strings.HasPrefix(in.header[0].Get("Webhook-Signature"), Sign("whsec_b25l", "a", at, []byte(in.body[0])))
		}},
		"reorder": {Chaos{Reorder: true}, func(in *inbox) bool { return !slices.IsSorted(in.body) && len(in.body) == 10 }},
		"none":    {Chaos{}, func(in *inbox) bool { return slices.IsSorted(in.body) && len(in.body) == 10 }},
	} {
		t.Run(name, func(t *testing.T) {
			in, s, _ := sending(t, tt.chaos)
			for k := range 10 {
				s.Send(message(string(rune('a' + k))))
			}
			s.Flush(t.Context())
			if !tt.check(in) {
				t.Errorf("%v %v", in.header, in.body)
			}
		})
	}
}

func TestSenderDisabledDropsPending(t *testing.T) {
	in, s, clock := sending(t, Chaos{}, 500, 500, 500)
	s.Send(message("m1"))
	s.Flush(t.Context())
	s.SetDisabled(true)
	s.SetDisabled(false)
	clock.Advance(time.Hour)
	if n := s.Flush(t.Context()); n != 0 || len(in.body) != 2 {
		t.Errorf("%d attempts after disabling", n)
	}
}

func TestSenderRunFollowsClock(t *testing.T) {
	in, s, clock := sending(t, Chaos{}, 500, 500)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	s.Send(message("m1"))
	waitFor(t, func() bool { return len(s.Deliveries()) == 2 })
	clock.Advance(5 * time.Second)
	waitFor(t, func() bool { return len(s.Deliveries()) == 3 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(in.body) != 3 {
		t.Errorf("%d received", len(in.body))
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("timed out")
		}
	}
}
