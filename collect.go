package syncline

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/mutant"
)

// collect is hop 1: it pulls the stream and puts the changed records of each
// page into the journal together with the cursor.
func (sr *streamRun) collect(ctx context.Context) error {
	e := sr.e
	cursor, err := e.Journal.Cursor(ctx, e.Source.Name(), sr.s.Name)
	if err != nil {
		return err
	}
	if sr.fresh {
		// An empty table that never had a batch needs everything, whatever a
		// cursor kept from another destination says.
		cursor = nil
	}
	return e.Source.Pull(ctx, PullRequest{Stream: sr.s.Name, After: cursor, Full: sr.full, Now: e.Now, Progress: sr.pulled}, sr.page)
}

func (sr *streamRun) pulled(p PullProgress) {
	sr.mu.Lock()
	defer sr.mu.Unlock()
	sr.rec.Requests += p.Requests
	sr.rec.Retries += p.Retries
	sr.rec.Waited += p.Waited
	sr.remain = p.Remaining
	sr.progressLocked(false)
}

// asked counts a request for one object.
func (sr *streamRun) asked() {
	sr.mu.Lock()
	defer sr.mu.Unlock()
	sr.rec.Requests++
	sr.progressLocked(false)
}

// page handles one page; sources call it from several goroutines.
func (sr *streamRun) page(ctx context.Context, p *Page) error {
	if p.Fetched != len(p.Records)+p.Duplicates {
		return &Error{Code: CodeUnbalanced, Class: Fatal, Where: sr.s.Name, What: fmt.Sprintf("the source listed %d records and handed over %d with %d duplicates", p.Fetched, len(p.Records), p.Duplicates)}
	}
	if err := sr.awaitRoom(ctx); err != nil {
		return err
	}
	sr.remember(p)
	changed, err := sr.changed(ctx, p.Records)
	if err != nil {
		return err
	}
	unchanged := len(p.Records) - len(changed)
	shape := p.Shape
	if sr.s.Detail && shape == ShapeList && len(changed) > 0 {
		if changed, err = sr.complete(ctx, changed); err != nil {
			return err
		}
		shape = ShapeMerged
	}
	next := p.Next
	if mutant.On("cursor_before_data") {
		if changed, next, err = sr.cursorFirst(ctx, changed, next); err != nil {
			return err
		}
	}
	if err := sr.append(ctx, KindPage, shape, changed, next); err != nil {
		return err
	}
	sr.account(func(c *Counts) {
		c.Fetched += p.Fetched
		c.Duplicate += p.Duplicates
		c.Unchanged += unchanged
	})
	return nil
}

// remember adds the page's keys to the set of those the source listed.
func (sr *streamRun) remember(p *Page) {
	sr.mu.Lock()
	defer sr.mu.Unlock()
	sr.pages++
	sr.partial = sr.partial || !p.Sweep
	for i := range p.Records {
		if r := &p.Records[i]; len(r.Key) > 0 && r.Op == Upsert {
			sr.seen.Add(r.Key, r.Hash)
		}
	}
}

// changed returns the records that differ from the destination's live rows. The
// destination is asked every time: an index kept elsewhere could hide a row
// that the destination has lost.
func (sr *streamRun) changed(ctx context.Context, recs []Record) ([]Record, error) {
	if sr.fresh && !mutant.On("index_in_memory") || len(recs) == 0 {
		return recs, nil
	}
	keys := make([]Key, 0, len(recs))
	for i := range recs {
		if recs[i].Reject == "" {
			keys = append(keys, recs[i].Key)
		}
	}
	var hashes []batch.Hash
	err := sr.e.retry(ctx, func() (err error) {
		hashes, err = sr.e.Destination.Hashes(ctx, sr.currentTable(), keys)
		return err
	})
	if err != nil {
		return nil, err
	}
	if mutant.On("index_in_memory") {
		hashes = sr.indexed(recs, hashes)
	}
	out := recs[:0:0]
	for i := range recs {
		if recs[i].Reject != "" {
			out = append(out, recs[i])
			continue
		}
		h := hashes[0]
		hashes = hashes[1:]
		if recs[i].Op == Delete || h == (batch.Hash{}) || h != recs[i].Hash {
			out = append(out, recs[i])
		}
	}
	return out, nil
}

const fetchParallel = 8

// complete replaces list rows by the object read by key, completed by what only
// the list row has. The hash stays the list row's. An object that is gone by
// now becomes a deletion.
func (sr *streamRun) complete(ctx context.Context, recs []Record) ([]Record, error) {
	f, ok := sr.e.Source.(Fetcher)
	if !ok {
		return nil, &Error{Code: CodeConfigInvalid, Class: Fatal, Where: sr.s.Name, What: "detail is asked for and the source cannot read single objects"}
	}
	out := make([]Record, len(recs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchParallel)
	for i := range recs {
		out[i] = recs[i]
		if recs[i].Reject != "" || recs[i].Op == Delete {
			continue
		}
		g.Go(func() error {
			d, err := f.Fetch(ctx, sr.s.Name, recs[i].Key)
			sr.asked()
			switch {
			case errors.Is(err, ErrGone):
				out[i] = Record{Key: recs[i].Key, Op: Delete, Version: recs[i].Version, Tie: sr.e.Now().UnixMicro()}
			case err != nil:
				return err
			default:
				if out[i].Data, err = mergeObjects(d.Data, recs[i].Data); err != nil {
					return err
				}
				out[i].Version, out[i].Tie = max(recs[i].Version, d.Version), max(recs[i].Tie, d.Tie)
			}
			return nil
		})
	}
	return out, g.Wait()
}

// append journals records of one shape with the cursor, in one step.
func (sr *streamRun) append(ctx context.Context, kind, shape string, recs []Record, next Cursor) error {
	var entries []*Entry
	if len(recs) > 0 {
		entries = []*Entry{{Source: sr.e.Source.Name(), Stream: sr.s.Name, Kind: kind, Shape: shape,
			ReceivedAt: sr.e.Now().UTC(), Records: len(recs), Block: AppendBlock(nil, recs)}}
	}
	var cursors []StreamCursor
	if next != nil {
		cursors = []StreamCursor{{Source: sr.e.Source.Name(), Stream: sr.s.Name, Cursor: next}}
	}
	if len(entries)+len(cursors) == 0 {
		return nil
	}
	if err := hit("collect.before_append"); err != nil {
		return err
	}
	err := sr.e.retry(ctx, func() error { return sr.e.Journal.Append(ctx, entries, cursors...) })
	if err != nil {
		return err
	}
	if err := hit("collect.after_append"); err != nil {
		return err
	}
	if len(entries) > 0 {
		sr.mu.Lock()
		sr.backlog += int64(len(entries[0].Block))
		sr.mu.Unlock()
		signal(sr.grown)
	}
	return nil
}

// signal wakes one waiter without blocking.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// awaitRoom waits while too much is journalled and not delivered.
func (sr *streamRun) awaitRoom(ctx context.Context) error {
	for {
		sr.mu.Lock()
		full := sr.backlog > sr.e.MaxBacklog
		sr.mu.Unlock()
		if !full {
			signal(sr.room) // one after the other
			return nil
		}
		select {
		case <-sr.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (sr *streamRun) currentTable() *Table {
	sr.mu.Lock()
	defer sr.mu.Unlock()
	return sr.table
}
