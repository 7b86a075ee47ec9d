package syncline

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/synclinehq/syncline/internal/keyset"
)

// verify closes a pull. It counts what the source listed, and after a complete
// listing compares the keys with the destination's: rows the listing does not
// show are gone at the source, listed keys without a row are a lie that turns
// the run red.
func (sr *streamRun) verify(ctx context.Context) error {
	if err := sr.seen.Seal(); err != nil {
		return err
	}
	sr.rec.Keys = sr.seen.Len()
	sr.rec.ContentHash = Sum(sr.seen.Sum())
	sr.rec.Sweep = sr.pages > 0 && !sr.partial
	var err error
	count := func() error {
		return sr.e.retry(ctx, func() error {
			sr.rec.Rows, err = sr.e.Destination.Count(ctx, sr.currentTable())
			return err
		})
	}
	if err := count(); err != nil || !sr.rec.Sweep {
		return err
	}
	if sr.fresh && sr.rec.Rows == sr.rec.Keys && len(sr.excused) == 0 {
		return nil // the table was empty and holds just as many keys as were listed
	}
	sr.setPhase(PhaseSweeping)
	gone, err := sr.compareKeys(ctx)
	if err != nil {
		return err
	}
	if sr.s.Deletes.Absent && len(gone) > 0 {
		if err := sr.markGone(ctx, gone); err != nil {
			return err
		}
		return count()
	}
	return nil
}

// compareKeys lists the destination's keys, sets Missing to the number of
// listed keys that are not there, and returns the rows that were not listed.
// More than the brake allows is an error, and nothing is marked.
func (sr *streamRun) compareKeys(ctx context.Context) ([]RowKey, error) {
	live := keyset.New(sr.e.TempDir, 0)
	defer live.Close() //nolint:errcheck // temporary file
	t := sr.currentTable()
	err := sr.e.Destination.Keys(ctx, t, func(r RowKey) error {
		live.Add(r.Key, r.Hash)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := live.Seal(); err != nil {
		return nil, err
	}
	limit := sr.s.Deletes.Limit(live.Len())
	absent := map[[16]byte]bool{}
	missing, extra := 0, 0
	err = keyset.Diff(sr.seen, live, func(key [16]byte) error {
		if !sr.excused[key] {
			missing++
		}
		return nil
	}, func(key [16]byte) error {
		if extra++; extra <= limit {
			absent[key] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	sr.rec.Missing = missing
	if !sr.s.Deletes.Absent || extra == 0 {
		return nil, nil
	}
	if sr.seen.Len() == 0 {
		return nil, &Error{Code: CodeDeleteGuard, Class: Fatal, Where: sr.s.Name,
			What: fmt.Sprintf("the source's listing is empty and table %s has %d rows; none was marked deleted", t.Name, live.Len()),
			Fix:  "If all of them are really gone, run `syncline reset --drop " + sr.s.Name + "`"}
	}
	if extra > limit {
		return nil, &Error{Code: CodeDeleteGuard, Class: Fatal, Where: sr.s.Name,
			What: fmt.Sprintf("%d of %d rows are not in the source's listing any more, more than the brake of %d allows; none was marked deleted", extra, live.Len(), limit),
			Fix:  "If they are really gone, raise max_delete_rows of this stream for one run"}
	}
	return sr.rowsOf(ctx, t, absent)
}

// rowsOf finds the rows of the key hashes.
func (sr *streamRun) rowsOf(ctx context.Context, t *Table, want map[[16]byte]bool) ([]RowKey, error) {
	var out []RowKey
	err := sr.e.Destination.Keys(ctx, t, func(r RowKey) error {
		if want[keyset.Hash(r.Key)] {
			r.Key = append(Key(nil), r.Key...)
			out = append(out, r)
		}
		return nil
	})
	return out, err
}

// markGone journals a deletion for each row after a second look: where the
// source can be asked for the object, it must say that there is none. A row it
// still has (hidden from the listing, or made meanwhile) is brought up to date.
func (sr *streamRun) markGone(ctx context.Context, rows []RowKey) error {
	now := sr.start.UnixMicro()
	gone := make([]bool, len(rows))
	f, _ := sr.e.Source.(Fetcher)
	var g errgroup.Group
	g.SetLimit(fetchParallel)
	for i, r := range rows {
		switch {
		case r.Version >= now || r.Tie >= now:
			// A webhook brought it while the listing was under way.
		case !sr.s.Fetchable || f == nil:
			gone[i] = true
		default:
			g.Go(func() error {
				err := sr.e.retry(ctx, func() error { _, err := f.Fetch(ctx, sr.s.Name, r.Key); return err })
				sr.asked()
				if gone[i] = errors.Is(err, ErrGone); gone[i] {
					return nil
				}
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var recs []Record
	for i, r := range rows {
		if !gone[i] {
			continue
		}
		d := Record{Key: r.Key, Op: Delete, Version: now}
		if sr.s.UpdateVersion {
			// A deletion has no update time of its own: it comes after the state
			// that is stored and before any later one.
			d.Version, d.Tie = r.Version, max(now, r.Tie+1)
		}
		recs = append(recs, d)
	}
	if len(recs) == 0 {
		return nil
	}
	if err := hit("sweep.before_deletes"); err != nil {
		return err
	}
	if err := sr.append(ctx, KindPage, ShapeList, recs, nil); err != nil {
		return err
	}
	sr.account(func(c *Counts) { c.Swept += len(recs) })
	if err := hit("sweep.after_deletes"); err != nil {
		return err
	}
	return sr.deliver(ctx, closedChannel)
}
