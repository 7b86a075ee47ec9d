package sqlite

import (
	"context"
	"errors"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/failpoint"
	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/mutant"
)

// Write brings the rows in and moves the position, in one transaction.
func (d *DB) Write(ctx context.Context, t *syncline.Table, b *batch.Batch, at syncline.Checkpoint) (syncline.WriteResult, error) {
	tab, err := d.table(ctx, t)
	if err != nil {
		return syncline.WriteResult{}, d.classed(err, t.Name)
	}
	var res syncline.WriteResult
	var before *ledger.State
	err = d.writing(ctx, func(c *conn) error {
		err := d.transaction(ctx, c, func() error {
			before, res, err = d.apply(ctx, c, tab, b, at)
			return err
		})
		if err != nil && before != nil && committed(c, before, at) {
			err = nil
		}
		return err
	})
	if err != nil {
		return syncline.WriteResult{}, d.classed(err, tab.Name)
	}
	if b != nil && b.Len() > 0 {
		d.mu.Lock()
		tab.filling = 2*res.Inserted > b.Len()
		d.mu.Unlock()
	}
	return res, failpoint.Hit("destination.after_commit")
}

// apply is the transaction of a write. It returns the state row as it was.
func (d *DB) apply(ctx context.Context, c *conn, tab *table, b *batch.Batch, at syncline.Checkpoint) (before *ledger.State, res syncline.WriteResult, err error) {
	if err := failpoint.Hit("destination.begin"); err != nil {
		return nil, res, err
	}
	row, err := readState(c, at.Pipeline, at.Stream)
	if err != nil {
		return nil, res, err
	}
	if err := ledger.Fence(row, at); err != nil {
		return nil, res, err
	}
	if mutant.On("position_before_rows") {
		if err := errors.Join(moveState(c, row, at), c.exec("COMMIT"), c.exec("BEGIN IMMEDIATE")); err != nil {
			return nil, res, err
		}
		if row, err = readState(c, at.Pipeline, at.Stream); err != nil {
			return nil, res, err
		}
	}
	if b != nil && b.Len() > 0 {
		if res, err = d.writeRows(ctx, c, tab, b, at); err != nil {
			return nil, res, err
		}
	}
	if err := failpoint.Hit("destination.after_rows"); err != nil {
		return nil, res, err
	}
	if mutant.On("dead_after_position") {
		err := errors.Join(moveState(c, row, at), c.exec("COMMIT"), c.exec("BEGIN IMMEDIATE"), saveDead(c, at.Dead), saveRun(c, at, res))
		return row, res, err
	}
	if err := saveDead(c, at.Dead); err != nil {
		return nil, res, err
	}
	if err := saveRun(c, at, res); err != nil {
		return nil, res, err
	}
	if err := failpoint.Hit("destination.before_state"); err != nil {
		return nil, res, err
	}
	if err := moveState(c, row, at); err != nil {
		return nil, res, err
	}
	if err := failpoint.Hit("destination.before_commit"); err != nil {
		return nil, res, err
	}
	return row, res, nil
}

// committed finds out whether a COMMIT that failed happened all the same: its
// error may come from the disk after the log was written.
func committed(c *conn, before *ledger.State, at syncline.Checkpoint) bool {
	row, err := readState(c, at.Pipeline, at.Stream)
	return err == nil && row != nil && row.Writes == before.Writes+1 && row.Epoch == at.Epoch
}

// maxRefused bounds how many bad rows one write names; the next write names
// more.
const maxRefused = 1000

func (d *DB) writeRows(ctx context.Context, c *conn, tab *table, b *batch.Batch, at syncline.Checkpoint) (syncline.WriteResult, error) {
	var res syncline.WriteResult
	live, deleted := ledger.Order(b)
	d.mu.Lock()
	filling := tab.filling
	d.mu.Unlock()
	var refused []syncline.RowError
	for _, part := range [][]int{live, deleted} {
		if len(part) == 0 {
			continue
		}
		w, err := newRowWriter(c, tab, b, len(deleted) > 0 && &part[0] == &deleted[0], at.At)
		if err != nil {
			return res, err
		}
		w.filling = filling && !w.deleted
		for n, i := range part {
			if n%1024 == 0 && ctx.Err() != nil {
				return res, ctx.Err()
			}
			o, tied, err := w.row(i)
			if aboutRow(err) || errors.Is(err, errUnfit) {
				refused = append(refused, syncline.RowError{Row: i, Reason: err.Error()})
				if len(refused) == maxRefused {
					return res, &syncline.RowErrors{Rows: refused}
				}
				continue
			} else if err != nil {
				return res, err
			}
			ledger.Add(&res, o, w.deleted)
			if tied {
				res.Tied = append(res.Tied, i)
			}
		}
	}
	if len(refused) > 0 {
		return res, &syncline.RowErrors{Rows: refused}
	}
	return res, nil
}
