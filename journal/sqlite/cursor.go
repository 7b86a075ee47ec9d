package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/synclinehq/syncline"
)

type cursorKey struct{ source, stream string }

// setCursor stores a cursor unless it is the stored one already.
func (w *writer) setCursor(c syncline.StreamCursor) error {
	k := cursorKey{c.Source, c.Stream}
	old, cached := w.cursors[k]
	if !cached {
		err := w.stmt.cursor.QueryRowContext(background, c.Source, c.Stream).Scan(&old)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	if old != nil && bytes.Equal(old, c.Cursor) {
		w.cursors[k] = old
		return nil
	}
	d := sha256.Sum256(c.Cursor)
	if _, err := w.exec(w.stmt.setCursor, c.Source, c.Stream, []byte(c.Cursor), d[:]); err != nil {
		return err
	}
	w.cacheCursor(k, c.Cursor)
	return nil
}

// cacheCursor remembers a cursor (nil: none is stored) until the transaction is
// undone; then it is read again.
func (w *writer) cacheCursor(k cursorKey, c []byte) {
	w.cursors[k] = c
	w.undo = append(w.undo, func() { delete(w.cursors, k) })
}

// Cursor returns the stored cursor of a stream, nil if there is none. A cursor
// that is not what was stored gives CodeStateInvalid.
func (j *Journal) Cursor(ctx context.Context, source, stream string) (syncline.Cursor, error) {
	var c, d []byte
	err := j.stmts.cursor.QueryRowContext(ctx, source, stream).Scan(&c, &d)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, storeError(j.path, "read a cursor", err)
	}
	if sum := sha256.Sum256(c); !bytes.Equal(sum[:], d) || !json.Valid(c) {
		return nil, j.badState(fmt.Sprintf("the cursor of stream %q of %q does not match its digest", stream, source), nil)
	}
	return c, nil
}

// Reset forgets the cursor of a stream and the consumer's intent. The consumer
// stays known, as one that has had nothing: what is kept is not pruned before
// it has been delivered again.
func (j *Journal) Reset(ctx context.Context, source, consumer, stream string) error {
	if j.w == nil {
		return j.readOnly()
	}
	apply := func(w *writer) error {
		w.deliveries.reset(consumerKey{consumer, stream})
		if _, err := w.exec(w.stmt.dropCursor, source, stream); err != nil {
			return err
		}
		w.cacheCursor(cursorKey{source, stream}, nil)
		if _, err := w.exec(w.stmt.dropIntent, consumer, stream); err != nil {
			return err
		}
		if _, err := w.exec(w.stmt.dropDeliveries, consumer, stream); err != nil {
			return err
		}
		_, err := w.exec(w.stmt.register, consumer, stream)
		return err
	}
	return j.w.submit(&change{ctx: ctx, apply: apply})
}
