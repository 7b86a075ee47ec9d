package rest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/dodo"
	"github.com/synclinehq/syncline/source/rest"
)

func keyOf(parts ...string) syncline.Key {
	var k []byte
	for _, p := range parts {
		k = batch.AppendKeyPart(k, []byte(p))
	}
	return k
}

// TestP08_UntrustedStateStops tampers with a stored cursor in every way: no
// request may be made, nothing may be handed over.
func TestP08_UntrustedStateStops(t *testing.T) {
	clock := sandbox.NewFrozenClock(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 30, "refunds": 3}, Clock: clock}, nil, func(o *rest.Options) { o.Now = clock.Now })
	m := newMirror()
	if err := m.pull(t, w.src, "payments", false); err != nil {
		t.Fatal(err)
	}
	good := string(m.cursor)
	live := w.source(t, func(o *rest.Options) { o.Environment, o.Now = "live_mode", clock.Now })
	type attempt struct {
		name, cursor, stream string
		src                  *rest.Source
		now                  time.Duration
	}
	tries := []attempt{
		{name: "empty", cursor: ""}, {name: "null", cursor: "null"}, {name: "garbage", cursor: "garbage"},
		{name: "array", cursor: "[]"}, {name: "empty object", cursor: "{}"},
		{name: "truncated", cursor: good[:len(good)/2]},
		{name: "version", cursor: strings.Replace(good, `"version":1`, `"version":2`, 1)},
		{name: "unknown member", cursor: strings.Replace(good, `{`, `{"x":1,`, 1)},
		{name: "watermark", cursor: strings.Replace(good, `"watermark":"2026`, `"watermark":"2025`, 1)},
		{name: "checksum", cursor: strings.Replace(good, `"sum":"`, `"sum":"0`, 1)},
		{name: "other stream", cursor: good, stream: "refunds"},
		{name: "other environment", cursor: good, src: live},
		{name: "future", cursor: good, now: -6 * time.Minute},
	}
	for i := range len(good) / 5 { // one byte changed at every fifth place
		b := []byte(good)
		b[i*5] ^= 1
		tries = append(tries, attempt{name: "byte", cursor: string(b)})
	}
	for _, c := range tries {
		src, stream := c.src, c.stream
		if src == nil {
			src = w.src
		}
		if stream == "" {
			stream = "payments"
		}
		w.ResetCounters()
		clock.Advance(c.now)
		handed := newMirror()
		handed.cursor = syncline.Cursor(c.cursor)
		err := handed.pull(t, src, stream, false)
		clock.Advance(-c.now)
		if syncline.CodeOf(err) != syncline.CodeStateInvalid || syncline.ClassOf(err) != syncline.Fatal {
			t.Errorf("%s: %v\n%s", c.name, err, c.cursor)
		}
		if w.Counters().Requests > 0 || handed.n > 0 {
			t.Errorf("%s: %d requests, %d pages", c.name, w.Counters().Requests, handed.n)
		}
	}
	if !json.Valid([]byte(good)) {
		t.Error("a cursor is JSON")
	}
	if err := m.pull(t, w.src, "payments", false); err != nil {
		t.Error(err)
	}
}

func TestPull_FullForcesASweepAlsoInTheMiddleOfARun(t *testing.T) {
	w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 5000}}, nil)
	m := newMirror()
	stop := &syncline.Error{Code: syncline.CodeInterrupted}
	m.fail = func(n int) error {
		if n > 40 {
			return stop
		}
		return nil
	}
	if err := m.pull(t, w.src, "payments", false); syncline.CodeOf(err) != syncline.CodeInterrupted {
		t.Fatal(err)
	}
	if m.cursor == nil {
		t.Fatal("no cursor after 40 pages")
	}
	m.fail = nil
	m.rows = map[string][]byte{}
	if err := m.pull(t, w.src, "payments", true); err != nil {
		t.Fatal(err)
	}
	if !m.swept() {
		t.Error("full, and not a sweep")
	}
	compare(t, m.rows, w.truth("payments"))
	m.rows = map[string][]byte{}
	if err := m.pull(t, w.src, "payments", true); err != nil || !m.swept() {
		t.Errorf("second full: %v, sweep %v", err, m.swept())
	}
	compare(t, m.rows, w.truth("payments"))
}

func TestPull_Options(t *testing.T) {
	clock := sandbox.NewClock(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	never, always := time.Duration(0), time.Second
	w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 900, "products": 10}, Clock: clock}, nil, func(o *rest.Options) {
		o.Now = clock.Now
		o.Streams = map[string]rest.StreamOptions{
			"payments": {Start: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), OpenEvery: &never, SweepEvery: &never, Window: &rest.Trailing{}},
			"products": {SweepEvery: &always},
		}
	})
	m := newMirror()
	if err := m.pull(t, w.src, "payments", false); err != nil {
		t.Fatal(err)
	}
	if m.swept() || len(m.rows) == 0 || len(m.rows) > 300 {
		t.Errorf("%d rows, sweep %v", len(m.rows), m.swept())
	}
	clock.Advance(30 * 24 * time.Hour)
	w.ResetCounters()
	if err := m.pull(t, w.src, "payments", false); err != nil || w.Counters().Requests != 1 {
		t.Errorf("%v, %d requests", err, w.Counters().Requests)
	}
	p := newMirror()
	for range 3 {
		clock.Advance(2 * time.Second)
		if err := p.pull(t, w.src, "products", false); err != nil || !p.swept() {
			t.Errorf("products: %v, sweep %v", err, p.swept())
		}
	}
}

func TestNew_ChecksStreamOptions(t *testing.T) {
	yes := true
	w := newWorld(t, dodo.Options{}, nil)
	for name, o := range map[string]rest.StreamOptions{
		"nonsense": {},
		"payouts":  {Detail: &yes},
		"products": {Window: &rest.Trailing{Every: 1, Age: 1}},
	} {
		_, err := rest.New(dodoConnector(), rest.Options{BaseURL: w.http.URL, Secrets: map[string]string{"api_key": "k"}, Streams: map[string]rest.StreamOptions{name: o}})
		if syncline.CodeOf(err) != syncline.CodeConfigInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
