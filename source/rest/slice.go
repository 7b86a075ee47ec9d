package rest

import (
	"context"
	"sync"
)

// readAll reads spans with up to n workers. A worker that finds a span too long
// queues its parts. First come, first read: what is left to do stays in few
// intervals.
func (l *listing) readAll(ctx context.Context, todo []span, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	st := &queue{workers: n}
	for _, s := range todo {
		st.spans = append(st.spans, depthSpan{s, 0})
	}
	st.more = sync.NewCond(&st.mu)
	stop := context.AfterFunc(ctx, st.close)
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
			for {
				s, ok := st.take()
				if !ok {
					return
				}
				parts, err := w.read(ctx, s.span, s.depth, 2*n)
				if err != nil {
					once.Do(func() { first = err; cancel(err) })
					st.close()
					return
				}
				st.put(parts, s.depth+1)
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
	workers int

	mu     sync.Mutex
	more   *sync.Cond
	spans  []depthSpan
	taken  int // being read
	closed bool
}

// depthSpan is a span and how often it was cut out of another.
type depthSpan struct {
	span
	depth int
}

// take waits for a span; ok is false if there is no work left.
func (s *queue) take() (depthSpan, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.spans) == 0 && s.taken > 0 && !s.closed {
		s.more.Wait()
	}
	if len(s.spans) == 0 || s.closed {
		return depthSpan{}, false
	}
	t := s.spans[0]
	s.spans = s.spans[1:]
	s.taken++
	return t, true
}

// put ends the reading of a span, leaving its parts to be read.
func (s *queue) put(parts []span, depth int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	for _, p := range parts {
		s.spans = append(s.spans, depthSpan{p, depth})
	}
	// The rest of a carved span, which will be carved again, is read while there
	// is still something for the other workers to do.
	if n := len(s.spans); len(parts) > s.workers {
		rest := s.spans[n-1]
		copy(s.spans[n-s.workers:], s.spans[n-s.workers-1:n-1])
		s.spans[n-s.workers-1] = rest
	}
	s.more.Broadcast()
}

func (s *queue) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.more.Broadcast()
}

// workers is the number of readers that keep all allowed requests under way:
// more than those, since some are busy with what their request has brought.
func (src *Source) workers() int { return src.concurrency + (src.concurrency+3)/4 }
