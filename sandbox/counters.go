package sandbox

import (
	"maps"
	"net/http"
	"sync"
)

// Counts is what a sandbox was asked for since it started or was last reset.
type Counts struct {
	Requests        int64                 `json:"requests"`
	Rows            int64                 `json:"rows"`  // list rows served
	Bytes           int64                 `json:"bytes"` // response bodies
	PeakConcurrency int                   `json:"peak_concurrency"`
	Routes          map[string]RouteCount `json:"routes"` // by route pattern, e.g. "GET /payments"
	Recent          []string              `json:"recent"` // last request lines, oldest first
}

// RouteCount is the share of one route.
type RouteCount struct {
	Requests int64         `json:"requests"`
	Rows     int64         `json:"rows"`
	Bytes    int64         `json:"bytes"`
	Status   map[int]int64 `json:"status"` // requests by status; 0 = cut off without one
}

// recentLines is how many request lines Counts.Recent keeps.
const recentLines = 1000

// Counters collects Counts. It is safe for concurrent use; the zero value is
// ready.
type Counters struct {
	mu       sync.Mutex
	counts   Counts
	inFlight int
}

// Begin notes a request's start and returns the writer to answer it through
// and the function to call when it is over.
func (c *Counters) Begin(w http.ResponseWriter, r *http.Request, route string) (*Recorder, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight++
	c.counts.Requests++
	c.counts.PeakConcurrency = max(c.counts.PeakConcurrency, c.inFlight)
	if len(c.counts.Recent) == recentLines {
		c.counts.Recent = append(c.counts.Recent[:0], c.counts.Recent[recentLines/2:]...)
	}
	c.counts.Recent = append(c.counts.Recent, r.Method+" "+r.URL.RequestURI())
	rec := &Recorder{ResponseWriter: w}
	return rec, func() { c.end(rec, route) }
}

func (c *Counters) end(rec *Recorder, route string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight--
	c.counts.Rows += rec.Rows
	c.counts.Bytes += rec.Bytes
	if c.counts.Routes == nil {
		c.counts.Routes = map[string]RouteCount{}
	}
	rc := c.counts.Routes[route]
	if rc.Status == nil {
		rc.Status = map[int]int64{}
	}
	rc.Requests++
	rc.Rows += rec.Rows
	rc.Bytes += rec.Bytes
	rc.Status[rec.Status]++
	c.counts.Routes[route] = rc
}

// Snapshot returns a copy of the counts so far.
func (c *Counters) Snapshot() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.counts
	out.Recent = append([]string{}, c.counts.Recent...)
	out.Routes = make(map[string]RouteCount, len(c.counts.Routes))
	for route, rc := range c.counts.Routes {
		rc.Status = maps.Clone(rc.Status)
		out.Routes[route] = rc
	}
	return out
}

// Reset sets every count to zero. Requests in flight stay in flight.
func (c *Counters) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts = Counts{PeakConcurrency: c.inFlight}
}

// Recorder is a ResponseWriter that notes what passed through it.
type Recorder struct {
	http.ResponseWriter
	Status int
	Bytes  int64
	Rows   int64
}

// AddRows notes n list rows served.
func (r *Recorder) AddRows(n int) { r.Rows += int64(n) }

// WriteHeader notes the status and passes it on.
func (r *Recorder) WriteHeader(status int) {
	if r.Status == 0 {
		r.Status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write notes the size and passes it on.
func (r *Recorder) Write(p []byte) (int, error) {
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.Bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *Recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
