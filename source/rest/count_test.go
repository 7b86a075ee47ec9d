package rest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/synclinehq/syncline/sandbox/dodo"
	"github.com/synclinehq/syncline/source/rest"
)

// TestPull_Requests holds the number of requests of a full listing. One at a
// time it is the same in every run.
func TestPull_Requests(t *testing.T) {
	for _, c := range []struct {
		rows        int
		order       dodo.Order
		concurrency int
		most        int64
	}{
		{500, dodo.NewestFirst, 1, 7},
		{1000, dodo.NewestFirst, 1, 13},
		{5000, dodo.NewestFirst, 1, 57},
		{20_000, dodo.NewestFirst, 1, 220},
		{200_000, dodo.NewestFirst, 1, 2120},
		{500, dodo.OldestFirst, 1, 7},
		{5000, dodo.OldestFirst, 1, 57},
		{20_000, dodo.OldestFirst, 1, 220},
		{500, dodo.NewestFirst, 4, 7},
		{5000, dodo.NewestFirst, 4, 57},
		{20_000, dodo.NewestFirst, 4, 220},
		{20_000, dodo.OldestFirst, 4, 220},
		{200_000, dodo.NewestFirst, 4, 2120},
	} {
		t.Run(fmt.Sprintf("%d/%s/%d", c.rows, c.order, c.concurrency), func(t *testing.T) {
			if testing.Short() && c.rows > 50_000 {
				t.Skip("takes seconds")
			}
			w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": c.rows}, Order: c.order}, nil, func(o *rest.Options) { o.Concurrency = c.concurrency })
			m := newMirror()
			if err := m.pull(t, w.src, "payments", false); err != nil {
				t.Fatal(err)
			}
			n := w.Counters().Requests
			t.Logf("%d requests, %.3f of rows/100, %d rows fetched, %d of them known", n, float64(n)*100/float64(c.rows), m.fetched, m.dups)
			if len(m.rows) != c.rows {
				t.Errorf("%d rows", len(m.rows))
			}
			if n > c.most {
				t.Errorf("%d requests, want at most %d", n, c.most)
			}
			if most := c.rows + c.rows/20 + 100; m.fetched > most {
				t.Errorf("%d rows fetched, want at most %d", m.fetched, most)
			}
		})
	}
}

// TestPull_CoarseBounds has a server that cuts bounds to seconds and leaves out
// rows on the bound, and rows so dense that both matter.
func TestPull_CoarseBounds(t *testing.T) {
	coarse := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			for name, by := range map[string]time.Duration{"created_at_gte": time.Microsecond, "created_at_lte": -time.Microsecond} {
				if at, err := time.Parse(time.RFC3339Nano, q.Get(name)); err == nil {
					q.Set(name, at.Truncate(time.Second).Add(by).Format("2006-01-02T15:04:05.000000Z"))
				}
			}
			r.URL.RawQuery = q.Encode()
			next.ServeHTTP(w, r)
		})
	}
	for _, order := range []dodo.Order{dodo.NewestFirst, dodo.OldestFirst} {
		for _, c := range []struct {
			rows, tie int
			span      time.Duration
		}{
			{12_000, 0, 300 * 24 * time.Hour}, {12_000, 30, 24 * time.Hour}, {60_000, 0, 24 * time.Hour},
		} {
			t.Run(fmt.Sprintf("%s/%d in %s", order, c.rows, c.span), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": c.rows}, Order: order, Span: c.span, TieRun: c.tie}, coarse)
				before := w.truth("payments")
				if err := w.Change(dodo.Settings{Order: order, Churn: dodo.Churn{Touch: 1, Delete: 1}}); err != nil {
					t.Fatal(err)
				}
				m := newMirror()
				if err := m.pull(t, w.src, "payments", false); err != nil {
					t.Fatal(err)
				}
				lost := 0
				for id := range w.truth("payments") {
					if before[id] != nil && m.rows[id] == nil {
						lost++
					}
				}
				if lost > 0 {
					t.Errorf("%d rows lost", lost)
				}
				t.Logf("%d requests", w.Counters().Requests)
			})
		}
	}
}
