package rest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/sandbox/dodo"
	"github.com/synclinehq/syncline/source/rest"
)

// BenchmarkRequestRate measures the share of the request rate that the allowed
// concurrency permits with 20 ms latency and no rate limit.
func BenchmarkRequestRate(b *testing.B) {
	const latency = 20 * time.Millisecond
	for _, workers := range []int{1, 4, 8} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			w := newWorld(b, dodo.Options{Counts: map[string]int{"payments": 20_000 * workers}}, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(latency)
					next.ServeHTTP(w, r)
				})
			}, func(o *rest.Options) { o.Concurrency = workers })
			b.ReportAllocs()
			var requests int64
			var rows int
			b.ResetTimer()
			for range b.N {
				m := newMirror()
				w.ResetCounters()
				if err := m.pull(b, w.src, "payments", false); err != nil {
					b.Fatal(err)
				}
				requests += w.Counters().Requests
				rows += m.fetched - m.dups
			}
			rate := float64(requests) / b.Elapsed().Seconds()
			b.StopTimer()
			b.ReportMetric(rate/(float64(workers)/latency.Seconds()), "share")
			b.ReportMetric(rate/bareRate(b, w, workers, 100*workers), "of-bare-client")
			b.ReportMetric(float64(rows)/float64(requests), "rows/request")
		})
	}
}

// bareRate is the request rate of a client that only reads bodies, with the same
// server, connections and pages.
func bareRate(b testing.TB, w *world, workers, n int) float64 {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	var wg sync.WaitGroup
	began := time.Now()
	for k := range workers {
		wg.Go(func() {
			for i := range n / workers {
				r, _ := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/payments?page_number=%d&page_size=100", w.http.URL, i*workers+k), nil)
				r.Header.Set("Authorization", "Bearer sandbox_test_key")
				res, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(began).Seconds()
}

// BenchmarkPull is the cost of everything but the network and the engine.
func BenchmarkPull(b *testing.B) {
	w := newWorld(b, dodo.Options{Counts: map[string]int{"payments": 20_000}}, nil)
	b.ReportAllocs()
	rows := 0
	for range b.N {
		err := w.src.Pull(context.Background(), syncline.PullRequest{Stream: "payments"}, func(_ context.Context, p *syncline.Page) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		rows += 20_000
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkPull_RequestRateOnTheWire reports how much of the request rate that
// the concurrency permits is reached at 20 ms latency, and what a bare client
// makes of it. TestPull_RequestRate holds the goal in virtual time.
func BenchmarkPull_RequestRateOnTheWire(b *testing.B) {
	const latency, workers = 20 * time.Millisecond, 4
	w := newWorld(b, dodo.Options{Counts: map[string]int{"payments": 40_000}}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(latency)
			next.ServeHTTP(w, r)
		})
	}, func(o *rest.Options) { o.Concurrency = workers })
	for range b.N {
		before := w.Counters().Requests
		began := time.Now()
		if err := newMirror().pull(b, w.source(b), "payments", false); err != nil {
			b.Fatal(err)
		}
		rate := float64(w.Counters().Requests-before) / time.Since(began).Seconds()
		b.ReportMetric(rate*latency.Seconds()/workers, "of_permitted")
	}
	b.ReportMetric(bareRate(b, w, workers, 200)*latency.Seconds()/workers, "bare_of_permitted")
}
