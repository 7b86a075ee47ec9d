package syncline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/keyset"
)

// write sends one delivery: rows in groups of one column set, the last of which
// moves the position and carries the dead letters. The intent is stored first,
// so that a retry after any crash sends the same.
func (sr *streamRun) write(ctx context.Context, d *delivery) error {
	e := sr.e
	if err := hit("deliver.before_intend"); err != nil {
		return err
	}
	if err := e.retry(ctx, func() error { return e.Journal.Intend(ctx, d.intent) }); err != nil {
		return err
	}
	if err := hit("deliver.after_intend"); err != nil {
		return err
	}
	parts, err := sr.parts(ctx, d)
	if err != nil {
		return err
	}
	var total WriteResult
	for i, b := range parts {
		if i == len(parts)-1 {
			break
		}
		at := sr.checkpoint()
		at.Partial = true
		if err := sr.writeRows(ctx, d, b, at, &total); err != nil {
			return err
		}
	}
	if err := hit("deliver.before_write"); err != nil {
		return err
	}
	if err := sr.writeLast(ctx, d, parts[len(parts)-1], &total); err != nil {
		return err
	}
	if err := hit("deliver.after_write"); err != nil {
		return err
	}
	sr.delivered(d, total)
	if err := e.retry(ctx, func() error { return e.Journal.Delivered(ctx, e.Pipeline, sr.s.Name, d.through) }); err != nil {
		return err
	}
	if err := hit("deliver.after_delivered"); err != nil {
		return err
	}
	return sr.refetchTied(ctx, d, total.Tied)
}

// parts collapses and splits the delivery's rows and makes sure that the table
// has their columns. There is always at least one part, possibly of no rows.
func (sr *streamRun) parts(ctx context.Context, d *delivery) ([]*batch.Batch, error) {
	var parts []*batch.Batch
	for _, sb := range d.shapes {
		if sb.b.Len() == 0 {
			continue
		}
		b, duplicates, superseded := sb.b.Collapse()
		d.counts.Duplicate += duplicates
		d.counts.Superseded += superseded
		if sr.e.Layout == LayoutDocument {
			b = b.As(documentSchema())
		}
		if err := sr.grow(ctx, b.Schema()); err != nil {
			return nil, err
		}
		parts = append(parts, b.SplitByShape()...)
	}
	if len(parts) == 0 {
		parts = append(parts, batch.New(&batch.Schema{Fields: sr.currentTable().Schema.Clone().Keys()}))
	}
	return parts, nil
}

// grow adds the columns the table lacks and widens those that became wider.
func (sr *streamRun) grow(ctx context.Context, s *batch.Schema) error {
	t := *sr.currentTable()
	t.Schema = t.Schema.Clone()
	changed := false
	for _, f := range s.Fields {
		i := t.Schema.Index(f.Name)
		switch {
		case i < 0:
			t.Schema.Fields = append(t.Schema.Fields, f)
			changed = true
		case batch.Widens(t.Schema.Fields[i].Type, f.Type):
			t.Schema.Fields[i].Type = f.Type
			changed = true
		}
	}
	if !changed {
		return nil
	}
	if err := sr.e.retry(ctx, func() error { return sr.e.Destination.Prepare(ctx, &t, sr.state) }); err != nil {
		return err
	}
	sr.mu.Lock()
	sr.table = &t
	sr.mu.Unlock()
	return nil
}

// writeRows writes rows without moving the position. Rows that can never be
// written are set aside: those the destination names, or those that halving the
// batch again and again isolates.
func (sr *streamRun) writeRows(ctx context.Context, d *delivery, b *batch.Batch, at Checkpoint, total *WriteResult) error {
	res, err := sr.send(ctx, b, at)
	var rows *RowErrors
	switch {
	case err == nil:
		addResult(total, res, b)
		return nil
	case errors.As(err, &rows) && len(rows.Rows) > 0:
		return sr.writeRows(ctx, d, sr.without(d, b, rows), at, total)
	case ClassOf(err) != Permanent || b.Len() == 0:
		return err
	case b.Len() == 1:
		sr.without(d, b, &RowErrors{Rows: []RowError{{Row: 0, Reason: err.Error()}}})
		return sr.tooManyRejects(d)
	}
	half := b.Len() / 2
	if err := sr.writeRows(ctx, d, b.Select(span(0, half)), at, total); err != nil {
		return err
	}
	return sr.writeRows(ctx, d, b.Select(span(half, b.Len())), at, total)
}

func span(from, to int) []int {
	out := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// writeLast writes the last rows together with the new position and all dead
// letters of the delivery. If rows of it are refused, the others go first.
func (sr *streamRun) writeLast(ctx context.Context, d *delivery, b *batch.Batch, total *WriteResult) error {
	at := sr.checkpoint()
	for {
		if err := sr.tooManyRejects(d); err != nil {
			return err
		}
		at.Through, at.BatchID, at.Dead, at.Counts = d.through, d.intent.BatchID, d.dead, d.counts
		at.Counts.Carried, at.Counts.Events = d.carried, d.events
		res, err := sr.send(ctx, b, at)
		var rows *RowErrors
		switch {
		case err == nil:
			addResult(total, res, b)
			sr.state.Position = d.through
			return nil
		case errors.As(err, &rows) && len(rows.Rows) > 0:
			b = sr.without(d, b, rows)
		case ClassOf(err) == Permanent && b.Len() > 0:
			part := at
			part.Partial, part.Dead, part.Counts, part.Through = true, nil, Counts{}, sr.state.Position
			if err := sr.writeRows(ctx, d, b, part, total); err != nil {
				return err
			}
			b = b.Select(nil)
		default:
			return err
		}
	}
}

func (sr *streamRun) send(ctx context.Context, b *batch.Batch, at Checkpoint) (res WriteResult, err error) {
	err = sr.e.retry(ctx, func() error {
		res, err = sr.e.Destination.Write(ctx, sr.currentTable(), b, at)
		return err
	})
	if err == nil && res.Applied()+res.Unchanged+res.Superseded != b.Len() {
		err = &Error{Code: CodeUnbalanced, Class: Fatal, Where: sr.currentTable().Name,
			What: fmt.Sprintf("%d rows were written and the destination accounts for %d", b.Len(), res.Applied()+res.Unchanged+res.Superseded)}
	}
	return res, err
}

// without sets the refused rows aside and returns the others.
func (sr *streamRun) without(d *delivery, b *batch.Batch, refused *RowErrors) *batch.Batch {
	bad := map[int]string{}
	for _, r := range refused.Rows {
		bad[r.Row] = r.Reason
	}
	var keep []int
	for i := range b.Len() {
		if reason, ok := bad[i]; ok {
			sr.setAside(d, d.recs[b.Meta(i).Index], d.through, "refused", reason)
		} else {
			keep = append(keep, i)
		}
	}
	return b.Select(keep)
}

const (
	rejectsAlways = 20 // never stop below this many
)

// tooManyRejects stops the stream when more than RejectRatio of its records are
// set aside: then it is the mapping that is wrong, not the records.
func (sr *streamRun) tooManyRejects(d *delivery) error {
	sr.mu.Lock()
	c := sr.rec.Counts
	sr.mu.Unlock()
	bad := c.Rejected + c.DeadLettered + d.counts.Rejected + d.counts.DeadLettered
	seen := max(c.Fetched+c.Carried+c.Events, c.Out()+len(d.recs))
	if bad <= rejectsAlways || float64(bad) <= sr.e.RejectRatio*float64(seen) {
		return nil
	}
	reason := ""
	if len(d.dead) > 0 {
		reason = ", the last one because " + d.dead[len(d.dead)-1].Reason
	}
	return &Error{Code: CodeRejectRatio, Class: Fatal, Where: sr.s.Name,
		What: fmt.Sprintf("%d of %d records could not be used%s", bad, seen, reason),
		Fix:  "Nothing is lost: the records stay in the journal. Mend the cause, or raise reject_ratio, and run again"}
}

func addResult(t *WriteResult, r WriteResult, b *batch.Batch) {
	t.Inserted += r.Inserted
	t.Updated += r.Updated
	t.Deleted += r.Deleted
	t.Unchanged += r.Unchanged
	t.Superseded += r.Superseded
	for _, row := range r.Tied {
		t.Tied = append(t.Tied, b.Meta(row).Index)
	}
}

// delivered books what became of the delivery's records.
func (sr *streamRun) delivered(d *delivery, r WriteResult) {
	c := d.counts
	c.Carried, c.Events = d.carried, d.events
	c.Inserted, c.Updated, c.Deleted = r.Inserted, r.Updated, r.Deleted
	c.Unchanged += r.Unchanged
	c.Superseded += r.Superseded
	c.VersionTies = len(r.Tied)
	sr.mu.Lock()
	sr.backlog = max(0, sr.backlog-d.bytes)
	sr.rec.Counts.Add(c)
	sr.ledgered.Unchanged += c.Unchanged
	sr.ledgered.Duplicate += c.Duplicate
	sr.progressLocked(false)
	sr.mu.Unlock()
	signal(sr.room)
}

// Webhooks carry their time in whole seconds and clocks differ a little, so that
// for a few seconds it is doubtful which of two states is the later one.
const (
	rereadPause = time.Second
	maxRereads  = 6 // of one key in a run
)

// refetchTied asks the source about rows whose order against the stored state
// is doubtful: the truth decides, not the order of arrival. A pulled row that
// was written needs no second look. One that was not is read again once the
// doubtful second is over.
func (sr *streamRun) refetchTied(ctx context.Context, d *delivery, tied []int) error {
	if !sr.s.Fetchable {
		return nil
	}
	paused := false
	for _, i := range tied {
		r := &d.recs[i]
		if key := keyset.Hash(r.Key); sr.rereads[key] < maxRereads {
			sr.rereads[key]++
		} else {
			continue
		}
		if d.kinds[i] == KindPage {
			stored, err := sr.e.Destination.Hashes(ctx, sr.currentTable(), []Key{r.Key})
			if err != nil {
				return err
			}
			if stored[0] == r.Hash {
				continue
			}
			if !paused {
				if err := sr.e.sleep(ctx, rereadPause); err != nil {
					return err
				}
				paused = true
			}
		}
		if err := sr.refetch(ctx, r.Key); err != nil && ClassOf(err) != Permanent {
			return err
		}
		sr.reread = true
	}
	return nil
}
