package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/connectors"
	"github.com/synclinehq/syncline/sandbox/dodo"
	"github.com/synclinehq/syncline/source/rest"
)

// mirror takes in the pages of pulls as an engine would.
type mirror struct {
	mu      sync.Mutex
	rows    map[string][]byte
	cursor  syncline.Cursor
	pages   []syncline.Page
	seen    map[string]bool // keys of the present pull
	fetched int
	dups    int
	rejects int
	fail    func(n int) error // called with the number of pages so far
	n       int
}

func newMirror() *mirror { return &mirror{rows: map[string][]byte{}} }

func (m *mirror) emit(_ context.Context, p *syncline.Page) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n++
	if m.fail != nil {
		if err := m.fail(m.n); err != nil {
			return err
		}
	}
	if p.Fetched != len(p.Records)+p.Duplicates {
		return fmt.Errorf("page does not balance: %d fetched, %d records, %d duplicates", p.Fetched, len(p.Records), p.Duplicates)
	}
	m.fetched += p.Fetched
	m.dups += p.Duplicates
	for i := range p.Records {
		r := &p.Records[i]
		if r.Reject != "" {
			m.rejects++
			continue
		}
		m.rows[r.Key.String()] = bytes.Clone(r.Data)
		m.seen[r.Key.String()] = true
	}
	if p.Next != nil {
		m.cursor = bytes.Clone(p.Next)
	}
	c := *p
	c.Records = nil
	m.pages = append(m.pages, c)
	return nil
}

func (m *mirror) pull(t testing.TB, src *rest.Source, stream string, full bool) error {
	t.Helper()
	m.pages, m.seen, m.fetched, m.dups, m.rejects, m.n = nil, map[string]bool{}, 0, 0, 0, 0
	return src.Pull(context.Background(), syncline.PullRequest{Stream: stream, After: m.cursor, Full: full}, m.emit)
}

func (m *mirror) swept() bool {
	for _, p := range m.pages {
		if !p.Sweep {
			return false
		}
	}
	return len(m.pages) > 0
}

type world struct {
	*dodo.Server
	http *httptest.Server
	src  *rest.Source
}

func newWorld(t testing.TB, o dodo.Options, wrap func(http.Handler) http.Handler, change ...func(*rest.Options)) *world {
	t.Helper()
	srv, err := dodo.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var h http.Handler = srv
	if wrap != nil {
		h = wrap(h)
	}
	w := &world{Server: srv, http: httptest.NewServer(h)}
	t.Cleanup(w.http.Close)
	w.src = w.source(t, change...)
	return w
}

func (w *world) source(t testing.TB, change ...func(*rest.Options)) *rest.Source {
	t.Helper()
	o := rest.Options{BaseURL: w.http.URL, RateLimit: -1, Secrets: map[string]string{"api_key": "sandbox_test_key"}}
	for _, f := range change {
		f(&o)
	}
	src, err := rest.New(connectors.Dodo(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// truth is what the sandbox holds of an entity.
func (w *world) truth(entity string) map[string][]byte {
	out := map[string][]byte{}
	for id, row := range w.Truth(entity) {
		out[id] = row
	}
	return out
}

func compare(t testing.TB, got, want map[string][]byte) {
	t.Helper()
	missing, wrong := 0, 0
	for id, row := range want {
		g, ok := got[id]
		if !ok {
			missing++
			if missing < 4 {
				t.Errorf("row %s is missing", id)
			}
		} else if !sameJSON(g, row) {
			wrong++
			if wrong < 3 {
				t.Errorf("row %s differs:\n got %s\nwant %s", id, g, row)
			}
		}
	}
	if missing+wrong > 0 || len(got) != len(want) {
		t.Errorf("%d rows, want %d; %d missing, %d differ", len(got), len(want), missing, wrong)
	}
}

func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

func TestPull_PaymentsFullThenIncremental(t *testing.T) {
	for _, order := range []dodo.Order{dodo.NewestFirst, dodo.OldestFirst, dodo.Shuffled} {
		for _, n := range []int{0, 1, 2, 37, 99, 100, 101, 250, 1500, 20_000} {
			t.Run(fmt.Sprintf("%s/%d", order, n), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": n}, Order: order}, nil)
				m := newMirror()
				began := time.Now()
				if err := m.pull(t, w.src, "payments", false); err != nil {
					t.Fatal(err)
				}
				first := w.Counters().Requests
				compare(t, m.rows, w.truth("payments"))
				if !m.swept() {
					t.Error("the first load listed everything and does not say so")
				}
				t.Logf("first: %d requests, %d fetched, %d duplicates, %v", first, m.fetched, m.dups, time.Since(began))
				w.ResetCounters()
				if err := m.pull(t, w.src, "payments", false); err != nil {
					t.Fatal(err)
				}
				if got := w.Counters().Requests; got > 4 || m.swept() {
					t.Errorf("second run: %d requests, sweep %v", got, m.swept())
				}
			})
		}
	}
}

func dodoConnector() *rest.Connector { return connectors.Dodo() }
