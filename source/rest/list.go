package rest

import (
	"context"
	"net/url"
	"strconv"
	"sync"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/mutant"
)

// listing reads one listing of a stream completely: all spans of one task, by
// any number of workers.
type listing struct {
	s        *stream
	c        *client
	path     string
	query    map[string]string
	parent   []byte // row of the parent
	progress func(syncline.PullProgress)
	started  func() int64 // start of the run by the source's clock, microseconds
	// page takes each page; it is called by one goroutine per worker, in order.
	page func(ctx context.Context, p *page) error
	// complete is called when a span has been read; p is its last page, not yet
	// handed over. All pages of the span before it have been.
	complete func(ctx context.Context, s span, p *page) error

	mu    *sync.Mutex // guards trust
	trust *trust
}

// worker reads spans of a listing one after the other. It fetches a page while
// the one before is being handed over, hence two buffers.
type worker struct {
	l       *listing
	q       *queue // takes the parts a span is cut into, nil if there is none
	pages   [2]*page
	turn    int
	handing chan error
}

func newWorker(l *listing) *worker {
	return &worker{l: l, pages: [2]*page{newPage(l.s), newPage(l.s)}}
}

// spare returns the buffer that is not being handed over.
func (w *worker) spare() *page { return w.pages[w.turn] }

// hand has the spare page handed over in the background.
func (w *worker) hand(ctx context.Context) error {
	if err := w.settle(); err != nil {
		return err
	}
	p := w.spare()
	w.turn = 1 - w.turn
	w.handing = make(chan error, 1)
	go func(result chan<- error) { result <- w.l.page(ctx, p) }(w.handing)
	return nil
}

// settle waits until no page is being handed over.
func (w *worker) settle() error {
	if w.handing == nil {
		return nil
	}
	err := <-w.handing
	w.handing = nil
	return err
}

// read reads one span. If it cannot or should not be read in one piece, it
// returns the pieces to read instead.
func (w *worker) read(ctx context.Context, s depthSpan) (parts []span, err error) {
	defer func() {
		if e := w.settle(); err == nil {
			err = e
		}
	}()
	switch w.l.s.paging.Kind {
	case "none":
		if err := w.fetch(ctx, s.span, nil); err != nil {
			return nil, err
		}
		return nil, w.finish(ctx, s.span)
	case "cursor":
		return nil, w.readTokens(ctx, s.span)
	}
	return w.readPages(ctx, s)
}

// finish hands over the last page, which completes the span.
func (w *worker) finish(ctx context.Context, s span) error {
	if err := w.settle(); err != nil {
		return err
	}
	return w.l.complete(ctx, s, w.spare())
}

// readTokens reads a listing by opaque tokens.
func (w *worker) readTokens(ctx context.Context, s span) error {
	g := w.l.s.paging
	token, seen := "", map[string]bool{"": true}
	for {
		if err := w.fetchToken(ctx, token); err != nil {
			return err
		}
		p := w.spare()
		next, _ := batch.Lookup(p.body, g.Next)
		stop, _ := batch.Lookup(p.body, g.Done)
		token = string(unquote(next))
		if string(stop) == "true" || token == "" || token == "null" {
			return w.finish(ctx, s)
		}
		if seen[token] {
			return &syncline.Error{Code: syncline.CodePagingStuck, Class: syncline.Transient, Where: w.l.s.def.Name,
				What: "the listing GET " + w.l.path + " repeats its token", Fix: "Run again; if it persists, report it to the vendor"}
		}
		seen[token] = true
		if err := w.hand(ctx); err != nil {
			return err
		}
	}
}

func (w *worker) fetchToken(ctx context.Context, token string) error {
	g := w.l.s.paging
	q := w.l.values(everything)
	if g.Size != "" {
		q.Set(g.Size, strconv.Itoa(g.MaxSize))
	}
	if token != "" {
		q.Set(g.Token, token)
	}
	return w.get(ctx, q)
}

// fetch requests a page of a span; a is nil if the list is not paged.
func (w *worker) fetch(ctx context.Context, s span, a *ask) error {
	q := w.l.values(s)
	if a != nil {
		g := w.l.s.paging
		q.Set(g.Number, strconv.Itoa(g.First+a.number))
		q.Set(g.Size, strconv.Itoa(a.size))
	}
	return w.get(ctx, q)
}

func (w *worker) get(ctx context.Context, q url.Values) error {
	p := w.spare()
	p.parent = w.l.parent
	a, err := w.l.c.get(ctx, &request{path: w.l.path, query: q, where: w.l.s.def.Name, progress: w.report, accept: p.scan}, p.body)
	p.body, p.sent = a.body, a.sent
	return err
}

// values returns the query of the listing for a span. Neighbouring spans
// overlap at the lower end, because bounds may or may not be inclusive and may
// be cut to seconds.
func (l *listing) values(s span) url.Values {
	q := url.Values{}
	for k, v := range l.s.def.Query {
		q.Set(k, v)
	}
	for k, v := range l.query {
		q.Set(k, v)
	}
	if sl := l.s.def.Slice; sl != nil {
		if s.from != openFrom {
			early := time.Duration(sl.Unit)
			if mutant.On("strict_cursor") {
				early = 0
			}
			q.Set(sl.From, timeText(s.from-early.Microseconds()))
		}
		if s.to != openTo {
			q.Set(sl.To, timeText(s.to))
		}
	}
	return q
}
