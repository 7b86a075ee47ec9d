package rest

import (
	"context"
	"errors"
	"fmt"
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
func (w *worker) read(ctx context.Context, s span, depth, pieces int) (parts []span, err error) {
	defer func() {
		if e := w.settle(); err == nil {
			err = e
		}
	}()
	switch w.l.s.paging.Kind {
	case "none":
		if err := w.fetch(ctx, s, nil); err != nil {
			return nil, err
		}
		return nil, w.finish(ctx, s)
	case "cursor":
		return nil, w.readTokens(ctx, s)
	}
	return w.readPages(ctx, s, depth, pieces)
}

// finish hands over the last page, which completes the span.
func (w *worker) finish(ctx context.Context, s span) error {
	if err := w.settle(); err != nil {
		return err
	}
	return w.l.complete(ctx, s, w.spare())
}

// A span is cut into parts once it shows to be long: a part of another after
// its first page, a whole interval after a few more, so that small accounts pay
// nothing for it; one whose rows come in no order, and show no density, late.
const (
	wholePages     = 3
	unorderedPages = 10
)

func (w *worker) readPages(ctx context.Context, s span, depth, pieces int) ([]span, error) {
	l := w.l
	l.mu.Lock()
	p := newPager(l.s.paging.MaxSize, l.trust)
	l.mu.Unlock()
	p.calm = l.s.def.Order == "created"
	var times bounds
	for {
		a := p.asked
		err := w.fetch(ctx, s, &a)
		if errors.Is(err, errStuck) {
			l.mu.Lock()
			again := p.refuse(err.Error())
			l.mu.Unlock()
			if again == goOn {
				continue
			}
			return w.halve(s, p, &times)
		}
		if err != nil {
			return nil, err
		}
		buf := w.spare()
		l.mu.Lock()
		p.until = l.started()
		o, used := p.take(buf.ids, buf.fresh)
		l.mu.Unlock()
		times.add(buf.ids)
		if o == done {
			return nil, w.finish(ctx, s)
		}
		if o == goOn && l.sliced() && p.phase == reading {
			if parts := w.shorten(s, p, &times, depth, pieces); parts != nil {
				return parts, nil // the page's rows come again with the parts
			}
		}
		if used {
			if err := w.hand(ctx); err != nil {
				return nil, err
			}
		}
		if o == split {
			return w.halve(s, p, &times)
		}
	}
}

// shorten returns the parts of a span that has shown to be long.
func (w *worker) shorten(s span, p *pager, times *bounds, depth, pieces int) []span {
	switch {
	case p.pages == unorderedPages && !p.order.steady() && pieces > 2 && depth == 0:
		if parts := scatter(s, times.all, 2*pieces); len(parts) > 1 {
			return parts
		}
	case p.order.steady() && (p.pages == wholePages || p.pages == 1 && depth > 0):
		if parts, rest := carve(s, &p.order, w.l.started(), pieces); parts != nil {
			return append(parts, rest)
		}
	}
	return nil
}

// bounds collects times of creation.
type bounds struct {
	low, high int64
	all       []int64 // of the first pages
}

func (b *bounds) add(ids []rowID) {
	for _, id := range ids {
		if id.made == 0 {
			continue
		}
		if b.low == 0 {
			b.low, b.high = id.made, id.made
		}
		b.low, b.high = min(b.low, id.made), max(b.high, id.made)
		if len(b.all) < 100*unorderedPages {
			b.all = append(b.all, id.made)
		}
	}
}

func (l *listing) sliced() bool { return l.s.def.Slice != nil }

// halve returns the halves of a span that cannot be read in one piece, or why
// that is if it has none.
func (w *worker) halve(s span, p *pager, times *bounds) ([]span, error) {
	if w.l.sliced() && times.low != 0 {
		if parts, ok := s.halves(times.low, max(times.high, w.l.started())); ok {
			return parts, nil
		}
	}
	if p.pages == 0 {
		return nil, &syncline.Error{
			Code: syncline.CodeSourceContract, Class: syncline.Permanent, Where: w.l.s.def.Name,
			What: fmt.Sprintf("GET %s is refused: %s", w.l.path, p.why),
		}
	}
	return nil, &syncline.Error{
		Code: syncline.CodePagingStuck, Class: syncline.Transient, Where: w.l.s.def.Name,
		What: fmt.Sprintf("the listing GET %s cannot be proven complete at page_number %d: %s", w.l.path, p.asked.number, p.why),
		Fix:  "Nothing was skipped silently; run again at a quieter time, or report it to the vendor",
	}
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
	a, err := w.l.c.get(ctx, &request{path: w.l.path, query: q, where: w.l.s.def.Name, progress: w.l.progress, accept: p.scan}, p.body)
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
