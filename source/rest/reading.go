package rest

import (
	"context"
	"errors"
	"fmt"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// When a span is cut. Cutting loses nothing of what has been read: the reader
// goes on in the part it is in, and the rest is read by others. It costs the
// first and last request of the rest, so a small account is left in one piece.
const (
	// quickPages is after how many pages a whole interval is cut that is dense:
	// targetRows of it were made within quickWidth.
	quickPages = 3
	quickWidth = int64(365 * 24 * time.Hour / time.Microsecond)
	// cutPages is after how many pages, again and again, any other is.
	cutPages = 20
	// unorderedPages is after how many pages an interval is given up and cut
	// whose rows come in no order and show no density.
	unorderedPages = 10
	// spareRows is how many rows must be ahead for another reader to take half
	// of them.
	spareRows = 600
	// headRows is after how many rows bounds are used in a span that may end
	// anywhere, and in one that is known to be long.
	headRows     = 900
	headRowsLong = 500
)

// reading is a span under way.
type reading struct {
	depthSpan
	p     *pager
	times bounds
	past  *rowSet // rows of the base, once its zone is read
	zone  span
}

func (w *worker) begin(s depthSpan) *reading {
	r := &reading{depthSpan: s}
	w.start(r)
	r.p.head.after = headRows
	if !w.l.sliced() {
		r.p.head.after = 0
	}
	return r
}

// start begins with a new pager.
func (w *worker) start(r *reading) {
	l := w.l
	l.mu.Lock()
	r.p = newPager(l.s.paging.MaxSize, l.trust)
	l.mu.Unlock()
	r.p.calm = l.s.def.Order == "created"
	if l.sliced() {
		r.p.head.unit = time.Duration(l.s.def.Slice.Unit).Microseconds()
	}
}

// readPages reads a span by page numbers: what the head bounds left of it, then
// the zone, see head.go.
func (w *worker) readPages(ctx context.Context, s depthSpan) ([]span, error) {
	r := w.begin(s)
	for {
		o, used, err := w.step(ctx, r)
		if err != nil {
			return nil, err
		}
		if o == done && !w.next(r) {
			return nil, w.finish(ctx, r.span)
		}
		if o == goOn && r.past == nil && w.l.sliced() && r.p.phase == onward {
			if parts := w.scatter(r); parts != nil {
				return parts, nil // the page's rows come again with the parts
			}
			w.shorten(r)
		}
		if used {
			if err := w.hand(ctx); err != nil {
				return nil, err
			}
		}
		if o == split {
			return w.halve(r)
		}
	}
}

// step requests a page and has the pager take it in.
func (w *worker) step(ctx context.Context, r *reading) (o outcome, used bool, err error) {
	l, p := w.l, r.p
	s := r.span
	if r.past != nil {
		s = r.zone
	}
	err = w.fetch(ctx, p.within(s), &p.asked)
	buf := w.spare()
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(err, errStuck) {
		return p.refuse(err.Error()), false, nil
	}
	if err != nil {
		return split, false, err
	}
	p.until = l.started()
	o, used = p.take(buf.ids, buf.fresh)
	r.times.add(buf.ids)
	if r.past != nil {
		for i, id := range buf.ids {
			if was, ok := r.past.get(id.key); ok && was.hash == id.hash {
				buf.fresh[i] = false
			}
		}
	}
	w.estimate(r)
	return o, used, nil
}

// next begins with the zone once the base has been read. It returns false if
// there is nothing more to read.
func (w *worker) next(r *reading) bool {
	zone, ok := r.p.zone(r.span)
	if !ok || r.past != nil {
		return false
	}
	r.zone, r.past = zone, &r.p.known
	w.start(r)
	return true
}

// scatter returns the parts of a span whose rows have shown to be in no order.
func (w *worker) scatter(r *reading) []span {
	if r.p.pages != unorderedPages || r.p.order.steady() || r.depth > 0 || w.q.workers < 2 {
		return nil
	}
	if parts := scatter(r.span, r.times.all, 4*w.q.workers); len(parts) > 1 {
		return parts
	}
	return nil
}

// shorten cuts a span that has shown to be long behind what is read, and leaves
// half of what is ahead to a reader that has nothing to do.
func (w *worker) shorten(r *reading) {
	p, now := r.p, w.l.started()
	if !p.order.sloping() {
		return
	}
	density := p.order.density()
	if p.pages == 1 && r.density > 0 {
		density = min(density, r.density) // a burst tells nothing about the rest
	}
	ahead, ok := r.ahead(&p.order, now)
	rows := w.target()
	distance := int64(min(rows/density, 1e18))
	due := p.pages == 1 && r.depth > 0 || p.pages == quickPages && distance < quickWidth || p.pages%cutPages == 0
	if due && (!ok || float64(ahead)*density > 1.5*rows) {
		w.cut(r, now, distance, density)
		return
	}
	if left := float64(ahead) * density; ok && left > spareRows {
		if p.pages >= 2 && left+float64(p.end) > 2*headRows {
			p.head.after = headRowsLong
		}
		if w.q.hungry() {
			w.cut(r, now, ahead/2, density)
		}
	}
}

// cut leaves what is beyond the given distance to others.
func (w *worker) cut(r *reading, now, distance int64, density float64) {
	own, rest, ok := r.cut(&r.p.order, now, distance)
	if !ok {
		return
	}
	rows := -1.0
	if ahead, known := r.ahead(&r.p.order, now); known {
		rows = float64(ahead-distance) * density
	}
	r.span = own
	w.q.add(depthSpan{span: rest, depth: r.depth + 1, density: density, rows: rows})
}

// target is the number of rows a span should have: no more than the page numbers
// allow, if they are known to be limited.
func (w *worker) target() float64 {
	w.l.mu.Lock()
	defer w.l.mu.Unlock()
	if n := w.l.trust.Pages; n > 0 {
		return min(targetRows, float64(max(n, 1)*w.l.s.paging.MaxSize)*0.8)
	}
	return targetRows
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
func (w *worker) halve(r *reading) ([]span, error) {
	l, p := w.l, r.p
	if l.sliced() && r.times.low != 0 {
		if parts, ok := r.halves(r.times.low, max(r.times.high, l.started())); ok {
			return parts, nil
		}
	}
	if p.pages == 0 {
		return nil, &syncline.Error{
			Code: syncline.CodeSourceContract, Class: syncline.Permanent, Where: l.s.def.Name,
			What: fmt.Sprintf("GET %s is refused: %s", l.path, p.why),
		}
	}
	return nil, &syncline.Error{
		Code: syncline.CodePagingStuck, Class: syncline.Transient, Where: l.s.def.Name,
		What: fmt.Sprintf("the listing GET %s cannot be proven complete at page_number %d: %s", l.path, p.asked.number, p.why),
		Fix:  "Nothing was skipped silently; run again at a quieter time, or report it to the vendor",
	}
}

// estimate notes how many rows are left of the span.
func (w *worker) estimate(r *reading) {
	if w.q == nil {
		return
	}
	left := -1.0
	if d, ok := r.ahead(&r.p.order, w.l.started()); r.past != nil {
		left = 0
	} else if ok && r.p.order.sloping() {
		left = float64(d) * r.p.order.density()
	}
	w.q.note(w, left)
}

// report adds what is known of the rows still to come to what happened.
func (w *worker) report(p syncline.PullProgress) {
	if w.l.progress == nil {
		return
	}
	if w.q != nil {
		p.Remaining = w.q.remaining()
	}
	w.l.progress(p)
}
