package rest

import (
	"context"
	"sync"
)

// readAll reads spans with up to n workers. A worker that finds a span too long
// queues what it leaves of it. First come, first read: what is left to do stays
// in few intervals.
func (l *listing) readAll(ctx context.Context, todo []span, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	q := newQueue(todo, cap(l.c.slots), l.c.limiter.holds)
	stop := context.AfterFunc(ctx, q.close)
	defer stop()
	if l.s.def.Slice == nil {
		n = 1
	}
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	for range max(n, 1) {
		wg.Go(func() {
			w := newWorker(l)
			w.q = q
			for {
				s, ok := q.take(w)
				if !ok {
					return
				}
				parts, err := w.read(ctx, s)
				if err != nil {
					once.Do(func() { first = err; cancel(err) })
					q.close()
					return
				}
				q.end(w, parts, s.depth+1)
			}
		})
	}
	wg.Wait()
	if first != nil {
		return first
	}
	return context.Cause(ctx)
}

// queue is the work left, shared by workers.
type queue struct {
	workers int         // that can be of use at a time
	holds   func() bool // whether requests wait for the rate budget anyway

	mu     sync.Mutex
	more   *sync.Cond
	spans  []depthSpan
	taken  int // being read
	pages  int // read so far
	shared int // spans given to idle workers
	left   map[*worker]float64
	closed bool
}

// depthSpan is a span and what is known of it from the one it was cut out of.
type depthSpan struct {
	span
	depth   int     // how often it was cut
	density float64 // rows per microsecond, 0 if unknown
	rows    float64 // how many it may have, below 0 if unknown
}

func newQueue(todo []span, workers int, holds func() bool) *queue {
	q := &queue{workers: workers, holds: holds, left: map[*worker]float64{}}
	for _, s := range todo {
		q.spans = append(q.spans, depthSpan{span: s, rows: -1})
	}
	q.more = sync.NewCond(&q.mu)
	return q
}

// take waits for a span; ok is false if there is no work left.
func (q *queue) take(w *worker) (depthSpan, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.spans) == 0 && q.taken > 0 && !q.closed {
		q.more.Wait()
	}
	if len(q.spans) == 0 || q.closed {
		return depthSpan{}, false
	}
	t := q.spans[0]
	q.spans = q.spans[1:]
	q.taken++
	q.left[w] = t.rows
	return t, true
}

// end ends the reading of a span, leaving its parts to be read.
func (q *queue) end(w *worker, parts []span, depth int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken--
	delete(q.left, w)
	for _, p := range parts {
		q.spans = append(q.spans, depthSpan{span: p, depth: depth, rows: -1})
	}
	q.more.Broadcast()
}

// add leaves a span to be read.
func (q *queue) add(s depthSpan) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.spans = append(q.spans, s)
	q.more.Broadcast()
}

// shareEvery bounds what sharing costs: a shared span takes one or two requests
// more, and there is at most one in so many pages.
const shareEvery = 40

// hungry reports whether a worker has nothing to do that could be of use. The
// caller then gives it a span.
func (q *queue) hungry() bool {
	if q.holds() {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.spans) > 0 || q.taken >= q.workers || q.shared >= q.pages/shareEvery {
		return false
	}
	q.shared++
	return true
}

// note takes in that a page was read and how many rows are ahead of the worker,
// below 0 if that is not known.
func (q *queue) note(w *worker, left float64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pages++
	q.left[w] = left
}

// remaining estimates the number of rows still to be read, 0 if there is a span
// of unknown length.
func (q *queue) remaining() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	sum := 0.0
	for _, s := range q.spans {
		if s.rows < 0 {
			return 0
		}
		sum += s.rows
	}
	for _, n := range q.left {
		if n < 0 {
			return 0
		}
		sum += n
	}
	return int(sum)
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}

// workers is the number of readers that keep all allowed requests under way:
// more than those, since some are busy with what their request has brought.
func (src *Source) workers() int { return 2 * src.concurrency }
