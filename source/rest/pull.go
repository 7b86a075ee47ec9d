package rest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// pull is one call of [Source.Pull].
type pull struct {
	src   *Source
	s     *stream
	req   syncline.PullRequest
	emit  func(context.Context, *syncline.Page) error
	now   func() time.Time
	sweep bool

	order   sync.Mutex // held while a cursor is handed over
	mu      sync.Mutex // guards cur and largest
	largest int64      // latest time of creation seen
	cur     *cursor

	startMu sync.Mutex
	start   time.Time     // of the run, by the source's clock if settled
	assumed time.Duration // skew that is in start
	settled bool
}

// Pull reads what is due of a stream, see [syncline.Source].
//
// A run that an earlier Pull left unfinished is finished first, then what has
// become due since is read.
func (src *Source) Pull(ctx context.Context, req syncline.PullRequest, emit func(context.Context, *syncline.Page) error) error {
	s := src.streams[req.Stream]
	if s == nil {
		return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: req.Stream, What: "no such stream in connector " + src.conn.Name}
	}
	if s.def.Path == "" {
		return nil // arrives by webhook only
	}
	// The source's own clock is learnt relative to the client's, so that one
	// counts here, not the engine's.
	now := src.client.now
	cur, err := openCursor(req.After, src.name, s.def.Name, now())
	if err != nil {
		return err
	}
	p := &pull{src: src, s: s, req: req, emit: emit, now: now, cur: cur}
	if cur.Run != nil && (req.Full || p.superseded()) {
		cur.Run = nil
	}
	resumed := cur.Run != nil
	if resumed {
		p.start, p.settled = cur.Run.Started, true
		if err := p.execute(ctx); err != nil {
			return err
		}
	}
	p.assumed, p.settled = src.client.clock.skew(), false
	p.start = now().Add(p.assumed)
	r, sweep := s.plan(cur, p.start, p.assumed, req.Full)
	if r == nil || resumed && sweep {
		return nil // a sweep wants a Pull of its own
	}
	cur.Run, p.sweep = r, sweep
	if sweep && !cur.Watermark.IsZero() {
		cur.Trust = trust{Pages: cur.Trust.Pages} // to be earned again
	}
	return p.execute(ctx)
}

// superseded reports whether the unfinished run is part of a sweep that is due
// anyway.
func (p *pull) superseded() bool {
	if slices.Contains(p.cur.Run.Means, meansSweep) {
		return false
	}
	skew := p.src.client.clock.skew()
	_, sweep := p.s.plan(p.cur, p.now().Add(skew), skew, false)
	return sweep
}

// execute reads what is left of the run.
func (p *pull) execute(ctx context.Context) error {
	for i := range p.cur.Run.Tasks {
		t := &p.cur.Run.Tasks[i]
		if len(t.Todo) == 0 {
			continue
		}
		var err error
		if p.s.parent != nil {
			err = p.children(ctx, t)
		} else {
			err = p.listing(t).readAll(ctx, t.Todo, p.src.workers())
		}
		if err != nil {
			return p.explain(err)
		}
	}
	return nil
}

// explain turns the errors that steer a listing into errors for people.
func (p *pull) explain(err error) error {
	if errors.Is(err, errGone) {
		return &syncline.Error{Code: syncline.CodeSourceContract, Class: syncline.Permanent, Where: p.s.def.Name,
			What: "the API says that the list " + p.s.def.Path + " does not exist", Fix: "Check the base URL; the account may lack this feature: leave the stream out"}
	}
	return err
}

// listing returns the listing of a task.
func (p *pull) listing(t *task) *listing {
	return &listing{
		s: p.s, c: p.src.client, path: p.s.def.Path, query: t.Query, progress: p.req.Progress,
		started: p.started, mu: &p.mu, trust: &p.cur.Trust,
		page: func(ctx context.Context, pg *page) error { return p.emit(ctx, p.build(pg)) },
		complete: func(ctx context.Context, s span, pg *page) error {
			return p.completed(ctx, t, s, p.build(pg))
		},
	}
}

// build makes a page to emit.
func (p *pull) build(pg *page) *syncline.Page {
	p.mu.Lock()
	for _, id := range pg.ids {
		p.largest = max(p.largest, id.made)
	}
	p.mu.Unlock()
	return pg.build(p.sweep)
}

// started returns the start of the run by the source's clock, in microseconds.
func (p *pull) started() int64 { return p.startedAt().UnixMicro() }

// startedAt corrects the start by the source's clock once that is known: from
// the first answer on.
func (p *pull) startedAt() time.Time {
	p.startMu.Lock()
	defer p.startMu.Unlock()
	if !p.settled && p.src.client.clock.isKnown() {
		p.start = p.start.Add(p.src.client.clock.skew() - p.assumed)
		p.settled = true
		p.src.warnOfSkew()
	}
	return p.start
}

// completed hands over the last page of a span with the cursor that says that
// the span is complete. One span after the other: a cursor must not be
// overtaken by one that claims less.
func (p *pull) completed(ctx context.Context, t *task, s span, last *syncline.Page) error {
	p.order.Lock()
	defer p.order.Unlock()
	p.mu.Lock()
	p.cur.Run.Started = p.startedAt().UTC()
	t.Todo = subtract(t.Todo, s)
	end := !p.cur.Run.left()
	next := *p.cur
	if end {
		p.cur.finish(p.sweep, p.largest)
		next = *p.cur
	}
	last.Next = next.seal(p.src.name, p.now(), p.src.client.clock.skew())
	p.mu.Unlock()
	return p.emit(ctx, last)
}
