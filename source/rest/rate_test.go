package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/sandbox/dodo"
	"github.com/synclinehq/syncline/source/rest"
)

// TestPull_RequestRate counts, in virtual time, which share of the requests that
// latency and concurrency allow is sent: what is missing is due to the order of
// work alone, not to the machine.
func TestPull_RequestRate(t *testing.T) {
	const latency = 20 * time.Millisecond
	for _, c := range []struct {
		rows, concurrency int
		least             float64
	}{
		{20_000, 1, 0.99}, {20_000, 4, 0.88}, {100_000, 4, 0.95}, {100_000, 8, 0.90},
	} {
		t.Run(fmt.Sprintf("%d/%d", c.rows, c.concurrency), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := dodo.Options{Counts: map[string]int{"payments": c.rows}, OnRequest: func(*http.Request) { time.Sleep(latency) }}
				srv, _, src := virtual(t, o, func(o *rest.Options) { o.RateLimit, o.Concurrency = -1, c.concurrency })
				began := time.Now()
				m := newMirror()
				if err := m.pull(t, src, "payments", false); err != nil {
					t.Fatal(err)
				}
				n := srv.Counters().Requests
				share := float64(n) * float64(latency) / float64(time.Since(began)) / float64(c.concurrency)
				t.Logf("%d requests, %.3f of the rate", n, share)
				if share < c.least {
					t.Errorf("%.3f of the rate, want %.2f", share, c.least)
				}
			})
		})
	}
}

// TestPull_SlowEmit has a destination that does not take anything: only so many
// pages are fetched.
func TestPull_SlowEmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const concurrency = 4
		o := dodo.Options{Counts: map[string]int{"payments": 50_000}}
		srv, _, src := virtual(t, o, func(o *rest.Options) { o.RateLimit, o.Concurrency = -1, concurrency })
		ctx, cancel := context.WithCancelCause(t.Context())
		stop, given := errors.New("enough"), atomic.Int64{}
		result := make(chan error, 1)
		go func() {
			result <- src.Pull(ctx, syncline.PullRequest{Stream: "payments"}, func(ctx context.Context, p *syncline.Page) error {
				if given.Add(1) <= 20 {
					return nil // all readers are to be under way
				}
				<-ctx.Done()
				return context.Cause(ctx)
			})
		}()
		synctest.Wait()
		held := srv.Counters().Requests - 20
		t.Logf("%d pages are held", held)
		if most := int64(2 * 2 * concurrency); held > most {
			t.Errorf("%d pages are held, want at most %d", held, most)
		}
		cancel(stop)
		if err := <-result; !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
	})
}

// TestPull_Remaining follows the estimate of a listing whose end is known.
func TestPull_Remaining(t *testing.T) {
	const rows = 20_000
	w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": rows}, Order: dodo.OldestFirst, Epoch: time.Now()}, nil, func(o *rest.Options) { o.Concurrency = 1 })
	var mu sync.Mutex
	var said []int
	m := newMirror()
	m.seen = map[string]bool{}
	err := w.src.Pull(context.Background(), syncline.PullRequest{Stream: "payments", Progress: func(p syncline.PullProgress) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, p.Remaining)
	}}, m.emit)
	if err != nil {
		t.Fatal(err)
	}
	// The density of a few pages says little about the rest.
	for _, at := range []int{4, 2} {
		i := len(said) / at
		if left := rows - 99*i; said[i] < left/2 || said[i] > left*2 {
			t.Errorf("after %d of %d requests: %d rows are said to be left of %d", i, len(said), said[i], left)
		}
	}
	if last := said[len(said)-1]; last > rows/20 {
		t.Errorf("%d rows are said to be left in the end", last)
	}
}
