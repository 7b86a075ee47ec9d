package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/failpoint"
)

// pending is an entry made ready to be stored, on memory of its own: the caller
// may stop waiting and reuse its buffers while the writer works.
type pending struct {
	entry    syncline.Entry
	digest   [sha256.Size]byte
	payload  []byte
	encoding int
	key      [sha256.Size]byte // of an event
	body     [sha256.Size]byte // digest of an event's body
}

// buffers holds memory for compressed payloads.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Append stores entries and cursors in one durable step, see
// [syncline.Journal]. A time of receipt is kept to the microsecond; the zero
// time becomes now. An entry whose cursor alone is given and equal to the
// stored one costs no write.
//
// Errors: CodeJournalFull when the disk is full, transient: everything
// confirmed is kept, and appends work again once there is space. When ctx ends
// while waiting, the entries may or may not be stored.
func (j *Journal) Append(ctx context.Context, entries []*syncline.Entry, cursors ...syncline.StreamCursor) error {
	if j.w == nil {
		return j.readOnly()
	}
	if err := failpoint.Hit("journal.append.begin"); err != nil {
		return err
	}
	cursors, err := checkCursors(cursors)
	if err != nil || len(entries)+len(cursors) == 0 {
		return err
	}
	buf := buffers.Get().(*[]byte)
	ready := make([]pending, len(entries))
	used := 0
	for i, e := range entries {
		if used, err = ready[i].prepare(e, j.opts.Now, buf, used); err != nil {
			return err
		}
	}
	c := &change{ctx: ctx, append: true,
		apply: func(w *writer) error { return w.append(ready, cursors) },
		committed: func() {
			for i := range ready {
				j.tail.add(&ready[i].entry)
			}
		},
	}
	if err := j.w.submit(c); err != nil {
		return err // buf is left to the writer
	}
	for i, e := range entries {
		got := &ready[i].entry
		e.Position, e.Duplicate, e.Conflict = got.Position, got.Duplicate, got.Conflict
	}
	buffers.Put(buf)
	return nil
}

func (j *Journal) readOnly() error {
	return misuse("the journal %s is open read only", j.path)
}

// prepare compresses an entry. Compressed payloads go one after the
// other into buf, from used on; the new end is returned.
func (p *pending) prepare(e *syncline.Entry, now func() time.Time, buf *[]byte, used int) (int, error) {
	if e.Source == "" {
		return used, misuse("an entry of stream %q has no source", e.Stream)
	}
	if len(e.Block)+len(e.Body) > maxPayload {
		return used, misuse("an entry of stream %q has %d bytes, the most is %d", e.Stream, len(e.Block)+len(e.Body), maxPayload)
	}
	raw := e.Block // the journal has taken it over
	if len(e.Body) > 0 || raw == nil {
		raw = append(append(make([]byte, 0, len(e.Block)+len(e.Body)), e.Block...), e.Body...) // not nil
	}
	p.entry = *e
	p.entry.Position, p.entry.Duplicate, p.entry.Conflict = 0, false, false
	setPayload(&p.entry, raw, len(e.Block))
	if e.ReceivedAt.IsZero() {
		p.entry.ReceivedAt = now()
	}
	p.entry.ReceivedAt = p.entry.ReceivedAt.UTC().Truncate(time.Microsecond)
	p.digest = digest(&p.entry, raw)
	if e.EventID != "" {
		p.key, p.body = eventKey(e.Source, e.EventID), sha256.Sum256(e.Body)
	}
	*buf = slices.Grow((*buf)[:used], s2.MaxEncodedLen(len(raw)))
	p.payload, p.encoding = encode((*buf)[used:used], raw)
	if p.encoding == encodingS2 {
		used += len(p.payload)
	}
	return used, nil
}

// setPayload sets block and body; an empty one is nil.
func setPayload(e *syncline.Entry, raw []byte, block int) {
	e.Block, e.Body = nil, nil
	if block > 0 {
		e.Block = raw[:block:block]
	}
	if block < len(raw) {
		e.Body = raw[block:]
	}
}

// append stores what Append was given. The results are in ready's entries.
func (w *writer) append(ready []pending, cursors []syncline.StreamCursor) error {
	for i := range ready {
		p := &ready[i]
		p.entry.Duplicate, p.entry.Conflict = false, false
		if p.entry.EventID != "" {
			if known, err := w.known(p); known || err != nil {
				if err != nil {
					return err
				}
				continue
			}
		}
		if err := w.insert(p); err != nil {
			return err
		}
	}
	for _, c := range cursors {
		if err := w.setCursor(c); err != nil {
			return err
		}
	}
	return nil
}

// known reports whether the event has been stored before, and completes the
// entry then. There is one writer, so nothing can come between this look and
// the insert; the UNIQUE key holds all the same.
func (w *writer) known(p *pending) (bool, error) {
	var n, row int64
	var first []byte
	err := w.stmt.event.QueryRowContext(background, p.key[:]).Scan(&n, &row, &first)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p.entry.Duplicate = true
	p.entry.Position = syncline.Position(row & (1<<positionBits - 1))
	p.entry.Conflict = !bytes.Equal(first, p.body[:])
	if !p.entry.Conflict {
		return true, nil
	}
	var seen int
	if err := w.stmt.conflict.QueryRowContext(background, n, p.body[:]).Scan(&seen); err == nil {
		return true, nil
	} else if !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	_, err = w.exec(w.stmt.addConflict, n, p.body[:], p.entry.ReceivedAt.UnixMicro())
	return true, err
}

func (w *writer) insert(p *pending) error {
	s, err := w.stream(p.entry.Stream)
	if err != nil {
		return err
	}
	e := &p.entry
	e.Position = s.last + 1
	row := s.row(e.Position)
	if e.EventID != "" {
		if _, err := w.exec(w.stmt.addEvent, p.key[:], row, p.body[:], e.ReceivedAt.UnixMicro()); err != nil {
			return err
		}
	}
	_, err = w.exec(w.stmt.addEntry, row, e.ReceivedAt.UnixMicro(), e.Source, e.Kind, e.Shape, e.EventID,
		e.Records, len(e.Block), len(e.Body), p.encoding, p.digest[:], p.payload)
	if err != nil {
		return err
	}
	s.last++
	w.undo = append(w.undo, func() { s.last-- })
	w.wal += int64(len(p.payload)) + pageSize
	return nil
}

// stream returns what is known of a stream, a new one if it is not stored yet.
func (w *writer) stream(name string) (*stream, error) {
	if s := w.streams[name]; s != nil {
		return s, nil
	}
	res, err := w.exec(w.stmt.addStream, name)
	if err != nil {
		return nil, err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return nil, err
	}
	s := &stream{id: id}
	w.streams[name] = s
	w.undo = append(w.undo, func() { delete(w.streams, name) })
	return s, nil
}

// checkCursors returns copies of cursors that are fit to be stored.
func checkCursors(cursors []syncline.StreamCursor) ([]syncline.StreamCursor, error) {
	out := slices.Clone(cursors)
	for i, c := range out {
		if !json.Valid(c.Cursor) {
			return nil, misuse("the cursor of stream %q of %q is not JSON: it is not stored, nor is anything that came with it", c.Stream, c.Source)
		}
		out[i].Cursor = bytes.Clone(c.Cursor)
	}
	return out, nil
}
