package rest

import (
	"context"
	"errors"
	"sync"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

// children reads the list that each row of the parent stream has. The parent's
// rows are listed page by page and handed to workers, so that memory does not
// grow with their number.
func (p *pull) children(ctx context.Context, t *task) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rows := make(chan []byte)
	var wg sync.WaitGroup
	for range p.src.concurrency {
		wg.Go(func() {
			l := p.listing(t)
			l.complete = func(ctx context.Context, _ span, pg *page) error { return l.page(ctx, pg) }
			w := newWorker(l)
			for row := range rows {
				if err := l.ofParent(ctx, w, row); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := p.walk(ctx, p.s.parent, func(row []byte) error {
		select {
		case rows <- append([]byte(nil), row...):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(rows)
	wg.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	return p.completed(ctx, t, everything, &syncline.Page{Stream: p.s.def.Name, Shape: syncline.ShapeList, Sweep: p.sweep})
}

// ofParent reads the list of one row of the parent. A row that is gone by now
// has no list.
func (l *listing) ofParent(ctx context.Context, w *worker, row []byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	path, ok := expand(l.s.def.Path, func(ref string) (string, bool) {
		name, _ := cutScope(ref)
		v, ok := batch.Lookup(row, name)
		return string(unquote(v)), ok
	})
	if !ok {
		return &syncline.Error{Code: syncline.CodeSourceContract, Class: syncline.Permanent, Where: l.s.def.Name,
			What: "a row of " + l.s.def.Parent + " lacks what the path " + l.s.def.Path + " needs"}
	}
	l.path, l.parent = path, row
	_, err := w.read(ctx, depthSpan{span: everything})
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// walk lists a stream for its rows alone. each may be called from several
// goroutines; the row is valid until it returns.
func (p *pull) walk(ctx context.Context, s *stream, each func(row []byte) error) error {
	rows := func(_ context.Context, pg *page) error {
		for i := range pg.rows {
			if pg.fresh[i] && pg.rows[i].Err == nil {
				if err := each(pg.rows[i].Data); err != nil {
					return err
				}
			}
		}
		return nil
	}
	list := func(q map[string]string) *listing {
		return &listing{s: s, c: p.src.client, path: s.def.Path, query: q, progress: p.req.Progress, started: p.started,
			mu: new(sync.Mutex), trust: new(trust), page: rows,
			complete: func(ctx context.Context, _ span, pg *page) error { return rows(ctx, pg) }}
	}
	if s.parent != nil {
		l := list(nil)
		w := newWorker(l)
		var one sync.Mutex // a parent's pages may come from several workers
		return p.walk(ctx, s.parent, func(row []byte) error {
			one.Lock()
			defer one.Unlock()
			return l.ofParent(ctx, w, row)
		})
	}
	for _, q := range s.variants() {
		if err := list(q).readAll(ctx, []span{everything}, p.src.workers()); err != nil {
			return err
		}
	}
	return nil
}
