package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/synclinehq/syncline"
)

type consumerKey struct{ consumer, stream string }

// delivery is how far a consumer has come and when it said so.
type delivery struct {
	through syncline.Position
	at      int64 // microseconds since 1970
}

// deliveries holds how far consumers are. Losing the latest report in a crash
// only keeps entries longer, so a report does not wait for the disk: it is
// stored with the next commit or when the writer rests.
type deliveries struct {
	mu    sync.Mutex
	known map[consumerKey]syncline.Position
	dirty map[consumerKey]delivery
	taken map[consumerKey]delivery // written in the open transaction
}

func newDeliveries() *deliveries {
	return &deliveries{known: map[consumerKey]syncline.Position{}, dirty: map[consumerKey]delivery{}}
}

func (d *deliveries) load(ctx context.Context, c *sql.Conn) error {
	rows, err := c.QueryContext(ctx, "SELECT consumer, stream, max(position) FROM deliveries GROUP BY consumer, stream")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k consumerKey
		var p syncline.Position
		if err := rows.Scan(&k.consumer, &k.stream, &p); err != nil {
			return err
		}
		d.known[k] = p
	}
	return rows.Err()
}

// report notes a delivery and tells whether the consumer is a new one.
func (d *deliveries) report(k consumerKey, now delivery) (isNew bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	was, ok := d.known[k]
	if ok && now.through <= was {
		return false
	}
	d.known[k], d.dirty[k] = now.through, now
	return !ok
}

// of returns how far a consumer is.
func (d *deliveries) of(k consumerKey) syncline.Position {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[k]
}

func (d *deliveries) waiting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.dirty) > 0
}

// flush writes what is waiting in the open transaction.
func (d *deliveries) flush(w *writer) error {
	d.mu.Lock()
	d.taken = maps.Clone(d.dirty)
	d.mu.Unlock()
	for k, v := range d.taken {
		if _, err := w.exec(w.stmt.register, k.consumer, k.stream); err != nil {
			return err
		}
		if _, err := w.exec(w.stmt.deliver, k.consumer, k.stream, v.at/hour, int64(v.through), v.at); err != nil {
			return err
		}
	}
	return nil
}

// hour in microseconds.
const hour = 3600 * 1e6

// flushed is called when the transaction of flush is durable.
func (d *deliveries) flushed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for k, v := range d.taken {
		if d.dirty[k] == v {
			delete(d.dirty, k)
		}
	}
	d.taken = nil
}

// reset sets the consumer back to the beginning, with the transaction that does
// it or before: a report that waits must not be stored after it. If that
// transaction fails, reports are only stored again.
func (d *deliveries) reset(k consumerKey) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[k] = 0
	delete(d.dirty, k)
}

// Delivered tells that a consumer needs nothing up to and including a position
// any more. It returns at once for a consumer that is known: a report that is
// lost in a crash only keeps entries longer. A position that was never appended
// gives CodeStateInvalid: then this journal is not the one, or not the state of
// the one, that the consumer has read.
func (j *Journal) Delivered(ctx context.Context, consumer, stream string, through syncline.Position) error {
	if j.w == nil {
		return j.readOnly()
	}
	if last := j.tail.lastOf(stream); through > last {
		return j.badState(fmt.Sprintf("consumer %q has had entry %d of stream %q, but the last one is %d", consumer, through, stream, last), nil)
	}
	now := delivery{max(through, 0), j.opts.Now().UnixMicro()}
	if !j.deliveries.report(consumerKey{consumer, stream}, now) {
		return nil
	}
	return j.w.submit(&change{ctx: ctx, apply: (*writer).begin})
}

// Intend stores which entries the consumer's next batch holds, durably, in
// place of its previous intent. From now on the consumer is known.
func (j *Journal) Intend(ctx context.Context, b syncline.Intent) error {
	if j.w == nil {
		return j.readOnly()
	}
	text, err := json.Marshal(b)
	if err != nil {
		return misuse("an intent cannot be written as JSON: %v", err)
	}
	sum := sha256.Sum256(text)
	apply := func(w *writer) error {
		if _, err := w.exec(w.stmt.register, b.Consumer, b.Stream); err != nil {
			return err
		}
		_, err := w.exec(w.stmt.intend, b.Consumer, b.Stream, text, sum[:])
		return err
	}
	return j.w.submit(&change{ctx: ctx, apply: apply})
}

// Intended returns the consumer's last intent, nil if there is none. One that is
// not what was stored gives CodeStateInvalid.
func (j *Journal) Intended(ctx context.Context, consumer, stream string) (*syncline.Intent, error) {
	var text, want []byte
	var had syncline.Position // as far as it is stored
	err := j.stmts.intent.QueryRowContext(ctx, consumer, stream).Scan(&text, &want, &had)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, storeError(j.path, "read an intent", err)
	}
	what := fmt.Sprintf("the intended batch of consumer %q for stream %q does not match its digest", consumer, stream)
	if sum := sha256.Sum256(text); !bytes.Equal(sum[:], want) {
		return nil, j.badState(what, nil)
	}
	b := &syncline.Intent{}
	if err := json.Unmarshal(text, b); err != nil {
		return nil, j.badState(what, err)
	}
	if j.deliveries != nil {
		had = j.deliveries.of(consumerKey{consumer, stream})
	}
	b.Done = had >= b.Through
	return b, nil
}
