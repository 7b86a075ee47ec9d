package rest_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/dodo"
	"github.com/synclinehq/syncline/source/rest"
)

// clamp lowers page_size silently, as a gateway might.
func clamp(most int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if n, err := strconv.Atoi(q.Get("page_size")); err == nil && n > most {
				q.Set("page_size", strconv.Itoa(most))
				r.URL.RawQuery = q.Encode()
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestSilentCap has a server that sends fewer rows than asked for.
func TestSilentCap(t *testing.T) {
	for _, most := range []int{5, 7, 10, 50, 99} {
		for _, n := range []int{3, 5, 10, 49, 50, 51, 100, 730} {
			if testing.Short() && (most == 7 || n < 10) {
				continue
			}
			t.Run(fmt.Sprintf("%d of %d", n, most), func(t *testing.T) {
				w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": n, "license_key_instances": n}}, clamp(most))
				for _, stream := range []string{"payments", "license_key_instances"} {
					m := newMirror()
					err := m.pull(t, w.src, stream, false)
					if most < 10 && syncline.CodeOf(err) == syncline.CodePagingStuck {
						continue // such pages cannot always overlap; what counts is that it is said
					}
					if err != nil {
						t.Fatal(err)
					}
					compare(t, m.rows, w.truth(stream))
				}
			})
		}
	}
}

func TestPull_PageNumberCap(t *testing.T) {
	for _, beyond := range []dodo.BeyondMaxPage{dodo.PageError, dodo.PageEmpty, dodo.PageClamp} {
		for _, order := range []dodo.Order{dodo.NewestFirst, dodo.OldestFirst, dodo.Shuffled} {
			for _, most := range []int{1, 3, 10} {
				if testing.Short() && most != 3 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%d", beyond, order, most), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 6000}, Order: order, MaxPage: most, BeyondMaxPage: beyond}, nil)
					m := newMirror()
					if err := m.pull(t, w.src, "payments", false); err != nil {
						t.Fatal(err)
					}
					compare(t, m.rows, w.truth("payments"))
					t.Logf("%d requests", w.Counters().Requests)
				})
			}
		}
	}
}

// TestF28_OneTimestamp has runs of rows that share one time of creation across
// page and slice boundaries.
func TestF28_OneTimestamp(t *testing.T) {
	for _, tie := range []int{10, 150, 2500, 10_000} {
		t.Run(strconv.Itoa(tie), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 12_000}, TieRun: tie}, nil)
			m := newMirror()
			if err := m.pull(t, w.src, "payments", false); err != nil {
				t.Fatal(err)
			}
			compare(t, m.rows, w.truth("payments"))
			t.Logf("%d requests", w.Counters().Requests)
		})
	}
}

func TestF28_OneTimestampBeyondTheCapIsAnError(t *testing.T) {
	w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 3000}, TieRun: 3000, MaxPage: 5}, nil)
	err := newMirror().pull(t, w.src, "payments", false)
	if syncline.CodeOf(err) != syncline.CodePagingStuck {
		t.Fatalf("got %v", err)
	}
}

// TestPull_WhileRowsComeAndGo reads everything while the sandbox creates,
// changes and deletes rows between requests: what was there all the time must
// be there, with every order.
func TestPull_WhileRowsComeAndGo(t *testing.T) {
	for _, order := range []dodo.Order{dodo.NewestFirst, dodo.OldestFirst, dodo.Shuffled} {
		for _, stream := range []string{"payments", "license_key_instances"} {
			t.Run(fmt.Sprintf("%s/%s", order, stream), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, dodo.Options{Counts: map[string]int{stream: 4000}, Order: order}, nil)
				before := w.truth(stream)
				if err := w.Change(dodo.Settings{Order: order, Churn: dodo.Churn{Create: 1, Touch: 1, Delete: 2}}); err != nil {
					t.Fatal(err)
				}
				m := newMirror()
				if err := m.pull(t, w.src, stream, false); err != nil {
					t.Fatal(err)
				}
				lost := 0
				for id := range w.truth(stream) {
					if before[id] != nil && m.rows[id] == nil {
						lost++
					}
				}
				if lost > 0 {
					t.Errorf("%d rows lost", lost)
				}
				t.Logf("%d requests, %d rows, %d duplicates", w.Counters().Requests, len(m.rows), m.dups)
			})
		}
	}
}

// TestPull_ResumesAfterEveryPage ends pulls after k pages for many k and goes on
// from the cursor of that moment.
func TestPull_ResumesAfterEveryPage(t *testing.T) {
	w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 5000}}, nil)
	truth := w.truth("payments")
	step := 3
	if testing.Short() {
		step = 20
	}
	for k := 1; k < 70; k += step {
		m := newMirror()
		stop := fmt.Errorf("crash after page %d", k)
		total := 0
		for range 40 {
			resumed := m.cursor != nil
			m.fail = func(n int) error {
				if n > k {
					return stop
				}
				return nil
			}
			src := w.source(t)
			err := m.pull(t, src, "payments", false)
			total += m.n
			if err == nil {
				if resumed && m.swept() {
					t.Fatal("a resumed pull claims to have listed everything")
				}
				break
			}
			if !strings.Contains(err.Error(), "crash") {
				t.Fatal(err)
			}
			k += 7 // or a span longer than k pages would never end
		}
		compare(t, m.rows, truth)
	}
}

// TestIncremental runs again and again while rows come, some of them late
// (F-27): a row shows up with a time of creation that has passed already.
func TestIncremental(t *testing.T) {
	clock := sandbox.NewClock(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 3000}, Clock: clock}, nil, func(o *rest.Options) { o.Now = clock.Now })
	m := newMirror()
	pull := func(what string, most int64) {
		t.Helper()
		w.ResetCounters()
		if err := m.pull(t, w.src, "payments", false); err != nil {
			t.Fatal(err)
		}
		if n := w.Counters().Requests; n > most {
			t.Errorf("%s: %d requests", what, n)
		}
		compare(t, m.rows, w.truth("payments"))
	}
	create := func(age time.Duration) {
		t.Helper()
		if _, _, err := w.Create("payments", dodo.Fields{"created_at": clock.Now().Add(-age).UTC().Format("2006-01-02T15:04:05.000000Z")}); err != nil {
			t.Fatal(err)
		}
	}
	pull("first", 50)
	pull("second", 1)
	for _, late := range []time.Duration{0, time.Millisecond, time.Second, 30 * time.Second, 55 * time.Second} {
		pull("before late "+late.String(), 1)
		create(late) // as if made before what that pull has claimed
		clock.Advance(2 * time.Minute)
		pull("late "+late.String(), 1)
	}
	for range 250 {
		create(0)
		clock.Advance(50 * time.Millisecond)
	}
	pull("many", 14) // with open states
	clock.Advance(16 * time.Minute)
	pull("open states", 20)
	create(20 * 24 * time.Hour) // beyond any declared lag
	clock.Advance(24 * time.Hour)
	pull("window", 40)
	create(60 * 24 * time.Hour)
	clock.Advance(7 * 24 * time.Hour)
	pull("sweep", 80)
	if !m.swept() {
		t.Error("no sweep after a week")
	}
}

// TestPull_PageSizeRefused has a server that refuses pages above a size.
func TestPull_PageSizeRefused(t *testing.T) {
	w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 700}}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n, _ := strconv.Atoi(r.URL.Query().Get("page_size")); n > 30 {
				w.WriteHeader(http.StatusUnprocessableEntity)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	m := newMirror()
	if err := m.pull(t, w.src, "payments", false); err != nil {
		t.Fatal(err)
	}
	compare(t, m.rows, w.truth("payments"))
}
