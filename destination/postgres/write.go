package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/failpoint"
	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// part is the rows of a batch that are merged in one go: the live ones or the
// deleted ones.
type part struct {
	rows    []int
	cols    []sqltext.Column
	deleted bool
	stage   string
	merge   merge
}

// Write brings the rows in and moves the position, in one transaction.
func (d *DB) Write(ctx context.Context, t *syncline.Table, b *batch.Batch, at syncline.Checkpoint) (syncline.WriteResult, error) {
	w := &writing{d: d, b: b, at: at}
	err := d.writable()
	if err == nil {
		w.tab, err = d.table(ctx, t)
	}
	if err == nil {
		err = d.session(ctx, func(s *session) error {
			w.s = s
			return w.run(ctx)
		})
	}
	if w.unknown {
		err = d.resolve(ctx, w, err)
	}
	if err != nil {
		return syncline.WriteResult{}, d.classed(err, d.schema+"."+sqltext.Postgres.Name(t.Name, nil))
	}
	if b != nil && b.Len() > 0 {
		d.mu.Lock()
		w.tab.filling = 2*w.res.Inserted > b.Len()
		if w.refusedDirect {
			w.tab.direct = false
		} else if w.res.Inserted == b.Len() && b.Len() >= directRows {
			w.tab.direct = true
		}
		d.mu.Unlock()
	}
	return w.res, failpoint.Hit("destination.after_commit")
}

// writing is one call of Write.
type writing struct {
	d     *DB
	s     *session
	tab   *table
	b     *batch.Batch
	at    syncline.Checkpoint
	parts []part
	res   syncline.WriteResult

	refusedDirect bool // rows did not go into the table directly

	next    ledger.State // the state row as the transaction leaves it
	unknown bool         // COMMIT was sent and not answered
}

func (w *writing) run(ctx context.Context) error {
	if err := w.prepare(ctx); err != nil {
		return err
	}
	var err error
	w.unknown, err = w.s.transaction(ctx, func() error { return w.apply(ctx) })
	var bad *unfit
	if err == nil || w.unknown || !aboutRow(err) && !errors.As(err, &bad) {
		return err
	}
	rows, diagErr := w.refused(ctx)
	if diagErr != nil {
		return errors.Join(diagErr, err)
	}
	if len(rows) == 0 {
		return err // the engine looks for them by halves
	}
	return &syncline.RowErrors{Rows: rows}
}

// prepare orders the rows and makes the stages.
func (w *writing) prepare(ctx context.Context) error {
	if w.b == nil || w.b.Len() == 0 {
		return nil
	}
	cols, err := w.tab.Match(w.b.Schema())
	if err != nil {
		return err
	}
	keys := len(w.tab.Keys())
	live, deleted := ledger.Order(w.b)
	for _, p := range []part{{rows: live, cols: cols}, {rows: deleted, cols: cols[:keys], deleted: true}} {
		if len(p.rows) == 0 {
			continue
		}
		if p.stage, err = w.s.stage(ctx, p.cols); err != nil {
			return err
		}
		p.merge = mergeOf(w.d, w.tab, p.cols, keys, p.stage, p.deleted)
		w.parts = append(w.parts, p)
	}
	return nil
}

// apply is the transaction.
func (w *writing) apply(ctx context.Context) error {
	if err := failpoint.Hit("destination.begin"); err != nil {
		return err
	}
	row, err := w.d.readState(ctx, w.s, w.at.Pipeline, w.at.Stream)
	if err != nil {
		return err
	}
	if err := ledger.Fence(row, w.at); err != nil {
		return err
	}
	w.next = row.After(w.at)
	w.d.mu.Lock()
	filling, direct := w.tab.filling, w.tab.direct
	w.d.mu.Unlock()
	for _, p := range w.parts {
		if direct && !p.deleted {
			done, err := w.copyInto(ctx, p)
			if err != nil {
				return err
			}
			if done {
				w.res.Inserted += len(p.rows)
				continue
			}
			w.refusedDirect = true
		}
		if err := w.s.load(ctx, p.stage, &copier{b: w.b, cols: p.cols, rows: p.rows}); err != nil {
			return err
		}
		t, err := p.merge.run(ctx, w.s, 0, len(p.rows), w.at.At, filling && !p.deleted)
		if err != nil {
			return err
		}
		w.count(p, t)
	}
	if err := failpoint.Hit("destination.after_rows"); err != nil {
		return err
	}
	if err := w.d.saveDead(ctx, w.s, w.at.Dead); err != nil {
		return err
	}
	if err := w.d.saveRun(ctx, w.s, w.at, w.res); err != nil {
		return err
	}
	if err := failpoint.Hit("destination.before_state"); err != nil {
		return err
	}
	if err := w.d.moveState(ctx, w.s, w.next, w.at); err != nil {
		return err
	}
	return failpoint.Hit("destination.before_commit")
}

func (w *writing) count(p part, t tally) {
	for o, n := range t.outcome {
		for range n {
			ledger.Add(&w.res, ledger.Outcome(o), p.deleted)
		}
	}
	for _, place := range t.tied {
		w.res.Tied = append(w.res.Tied, p.rows[place])
	}
}

// resolve finds out what became of a transaction whose COMMIT was not answered
// (P-06). It reads the state row with a lock, so that it waits for a server
// process that is still committing.
func (d *DB) resolve(ctx context.Context, w *writing, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.options.ResolveTimeout)
	defer cancel()
	var row *ledger.State
	var err error
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err = d.session(ctx, func(s *session) error {
			_, err := s.transaction(ctx, func() (err error) {
				row, err = d.readState(ctx, s, w.at.Pipeline, w.at.Stream)
				return err
			})
			return err
		})
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return &syncline.Error{Code: syncline.CodeDestDown, Class: syncline.Transient, Where: d.address(),
				Err: fmt.Errorf("%w: %w", syncline.ErrUnknownCommit, cause), Fix: "The batch is sent again; rows that are there already stay as they are"}
		case <-time.After(pause):
		}
	}
	switch {
	case row == nil:
		return ledger.Fence(nil, w.at)
	case row.Writes == w.next.Writes && row.Digest == w.next.Digest:
		return nil // it was committed, by whomever the stream is held now
	case row.Epoch != w.at.Epoch:
		return syncline.ErrFenced
	}
	return &syncline.Error{Code: syncline.CodeDestDown, Class: syncline.Transient, Where: d.address(),
		What: "the connection was lost during COMMIT, and the transaction was not applied", Err: cause}
}
