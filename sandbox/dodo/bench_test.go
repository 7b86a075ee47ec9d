package dodo

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
)

// discard is a ResponseWriter that keeps only the size.
type discard struct {
	header http.Header
	n      int
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(p []byte) (int, error) {
	d.n += len(p)
	return len(p), nil
}

func benchmarkPages(b *testing.B, path string, n, page int, change ...func(*Server)) {
	s, err := New(Options{Counts: Scaled(n)})
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range change {
		f(s)
	}
	r := httptest.NewRequest("GET", path+"page_size=100&page_number="+strconv.Itoa(page), nil)
	r.Header.Set("Authorization", "Bearer sandbox_test_key")
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		s.ServeHTTP(w, r)
	}
	rows := float64(s.Counters().Rows)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/rows, "ns/row")
	b.ReportMetric(float64(w.n)/rows, "B/row")
}

func BenchmarkPaymentsFirstPage(b *testing.B)      { benchmarkPages(b, "/payments?", 20_000, 0) }
func BenchmarkPaymentsLastPage(b *testing.B)       { benchmarkPages(b, "/payments?", 10_000_000, 99_999) }
func BenchmarkCustomersFirstPage(b *testing.B)     { benchmarkPages(b, "/customers?", 20_000, 0) }
func BenchmarkSubscriptionsFirstPage(b *testing.B) { benchmarkPages(b, "/subscriptions?", 20_000, 0) }

// With changes all over, deep pages walk the blocks.
func BenchmarkPaymentsLastPageChanged(b *testing.B) {
	benchmarkPages(b, "/payments?", 10_000_000, 99_999, func(s *Server) { s.Touch(1000) })
}

// The first request of a filter scans everything once; the others use the
// counts it left.
func BenchmarkPaymentsFiltered(b *testing.B) {
	benchmarkPages(b, "/payments?status=processing&", 10_000_000, 100)
}
