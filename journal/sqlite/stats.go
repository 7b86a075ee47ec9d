package sqlite

import (
	"context"
	"database/sql"
	"os"
	"time"

	"github.com/synclinehq/syncline"
)

// Stats counts what is kept. Pending and OldestAge are about entries of named
// streams that some known consumer has not had, or that have no consumer yet.
// Events counts identities, which outlive their entries.
func (j *Journal) Stats(ctx context.Context) (st syncline.JournalStats, err error) {
	if j.w != nil && j.deliveries.waiting() {
		if err := j.w.submit(&change{ctx: ctx, apply: (*writer).begin}); err != nil {
			return st, err
		}
	}
	if err := j.countStreams(ctx, &st); err != nil {
		return st, storeError(j.path, "count", err)
	}
	if err := j.stmts.events.QueryRowContext(ctx).Scan(&st.Events); err != nil {
		return st, storeError(j.path, "count", err)
	}
	for _, suffix := range []string{"", "-wal"} {
		if f, err := os.Stat(j.path + suffix); err == nil {
			st.Bytes += f.Size()
		}
	}
	return st, nil
}

// countStreams needs no scan: positions have no gaps.
func (j *Journal) countStreams(ctx context.Context, st *syncline.JournalStats) error {
	rows, err := j.stmts.streams.QueryContext(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	now := j.opts.Now()
	for rows.Next() {
		var name string
		var pruned, last, delivered syncline.Position
		var oldest sql.NullInt64 // received_at of the first entry not delivered
		if err := rows.Scan(&name, &pruned, &last, &delivered, &oldest); err != nil {
			return err
		}
		st.Entries += int(last - pruned)
		if n := int(last - max(pruned, delivered)); name != "" && n > 0 {
			st.Pending += n
			if oldest.Valid {
				st.OldestAge = max(st.OldestAge, now.Sub(time.UnixMicro(oldest.Int64)))
			}
		}
	}
	return rows.Err()
}
