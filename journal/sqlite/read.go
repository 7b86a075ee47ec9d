package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/synclinehq/syncline"
)

// Read returns the entries of a stream after a position, see
// [syncline.Journal]. The result is the caller's own. Entries before a damaged
// one are returned without error; the Read that would begin with it fails with
// CodeJournalCorrupt and names it.
func (j *Journal) Read(ctx context.Context, stream string, after syncline.Position, limit int) ([]*syncline.Entry, error) {
	after = max(after, 0)
	if es := j.tail.read(stream, after, limit); es != nil {
		return es, nil
	}
	last := j.tail.lastOf(stream) // before the query: it must show at least this
	rows, err := j.stmts.entries.QueryContext(ctx, int64(after), stream)
	if err != nil {
		return nil, storeError(j.path, "read", err)
	}
	defer rows.Close()
	var out []*syncline.Entry
	size := 0
	for rows.Next() {
		e, err := j.scanEntry(rows, stream, after)
		if err != nil {
			if len(out) > 0 && syncline.CodeOf(err) == syncline.CodeJournalCorrupt {
				return out, nil
			}
			return nil, err
		}
		if size += payloadSize(e); len(out) > 0 && size > limit {
			return out, nil
		}
		out = append(out, e)
		after = e.Position
	}
	if err := rows.Err(); err != nil {
		if len(out) > 0 && syncline.CodeOf(storeError(j.path, "read", err)) == syncline.CodeJournalCorrupt {
			return out, nil
		}
		return nil, storeError(j.path, "read", err)
	}
	if len(out) == 0 && last > after {
		return nil, j.checkPruned(ctx, stream, after, last)
	}
	return out, nil
}

// scanEntry reads the row and checks that it is the next entry after a position
// and what was appended.
func (j *Journal) scanEntry(rows *sql.Rows, stream string, after syncline.Position) (*syncline.Entry, error) {
	var p, pruned syncline.Position
	var received int64
	var block, body, encoding int
	var want, payload sql.RawBytes
	e := &syncline.Entry{Stream: stream}
	err := rows.Scan(&p, &pruned, &received, &e.Source, &e.Kind, &e.Shape, &e.EventID, &e.Records,
		&block, &body, &encoding, &want, &payload)
	if err != nil {
		return nil, storeError(j.path, "read", err)
	}
	if p != max(after, pruned)+1 {
		return nil, j.corrupt(stream, max(after, pruned)+1, "is missing")
	}
	e.Position, e.ReceivedAt = p, time.UnixMicro(received).UTC()
	if block < 0 || body < 0 || block > maxPayload || body > maxPayload {
		return nil, j.corrupt(stream, p, "has an impossible size")
	}
	raw, err := decode(payload, encoding, block+body)
	if err != nil {
		return nil, j.corrupt(stream, p, "cannot be unpacked: "+err.Error())
	}
	setPayload(e, raw, block)
	if d := digest(e, raw); !bytes.Equal(d[:], want) {
		return nil, j.corrupt(stream, p, "does not match its digest")
	}
	return e, nil
}

// checkPruned tells whether entries after a position, which are known to have
// existed, are missing because they were pruned.
func (j *Journal) checkPruned(ctx context.Context, stream string, after, last syncline.Position) error {
	pruned, _, err := j.Bounds(ctx, stream)
	if err != nil {
		return err
	}
	if pruned < last {
		return j.corrupt(stream, max(after, pruned)+1, "is missing")
	}
	return nil
}

// Bounds returns the last entry pruned and the last ever appended of a stream,
// see [syncline.Journal].
func (j *Journal) Bounds(ctx context.Context, stream string) (pruned, last syncline.Position, err error) {
	err = j.stmts.bounds.QueryRowContext(ctx, stream).Scan(&pruned, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, storeError(j.path, "read the bounds of a stream", err)
	}
	return pruned, last, nil
}
