package syncline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/keyset"
)

// linger is how long delivering waits for a batch to fill while pages are still
// coming in.
const linger = 100 * time.Millisecond

// deliver is hop 2: it brings the journal's entries after the destination's
// position in, until collected is closed and nothing is left, objects read again
// because of a tie included.
func (sr *streamRun) deliver(ctx context.Context, collected <-chan struct{}) error {
	for {
		sr.reread = false
		if err := sr.deliverPass(ctx, collected); err != nil || !sr.reread {
			return err
		}
	}
}

// deliverPass decodes and writes batch by batch. The next batch is read and
// decoded while one is written.
func (sr *streamRun) deliverPass(ctx context.Context, collected <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan *delivery, 1)
	free := make(chan *delivery, 2) // one being decoded or waiting, one being written
	for range cap(free) {
		free <- &delivery{}
	}
	var readErr error
	go func() {
		defer close(batches)
		readErr = sr.readAhead(ctx, collected, batches, free)
	}()
	var err error
	for d := range batches {
		if err == nil {
			if err = sr.write(ctx, d); err != nil {
				cancel(err)
			}
		}
		free <- d
	}
	if err != nil {
		return err
	}
	return readErr
}

// readAhead reads entries, cuts them into batches and decodes these.
func (sr *streamRun) readAhead(ctx context.Context, collected <-chan struct{}, out chan<- *delivery, free <-chan *delivery) error {
	pos := sr.state.Position
	schemas := sr.startSchemas()
	intent, err := sr.e.Journal.Intended(ctx, sr.e.Pipeline, sr.s.Name)
	if err != nil {
		return err
	}
	if intent != nil && intent.From != pos {
		intent = nil
	}
	var held []*Entry // read and not yet in a batch
	var late *time.Timer
	for {
		if err := sr.stopped(ctx); err != nil {
			return err
		}
		ended := isClosed(collected) // before the read, so that nothing slips between
		if held, err = sr.readMore(ctx, pos, held, intent); err != nil {
			return err
		}
		if len(held) == 0 && ended {
			return nil
		}
		n, full := sr.cut(held, intent)
		if !full && !ended {
			if late == nil && len(held) > 0 {
				late = time.NewTimer(linger)
			}
			if sr.awaitEntries(ctx, collected, late) {
				continue
			}
		}
		if late != nil {
			late.Stop()
			late = nil
		}
		d := <-free
		if err := sr.decode(ctx, d, pos, held[:n], schemas, intent); err != nil {
			return err
		}
		pos, held, intent = d.through, append([]*Entry(nil), held[n:]...), nil
		select {
		case out <- d:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// stopped returns why there is nothing more to begin, nil to go on.
func (sr *streamRun) stopped(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-sr.e.stop:
		return ErrStopped
	default:
		return nil
	}
}

// readMore adds the entries after those held, as far as a batch needs them.
func (sr *streamRun) readMore(ctx context.Context, pos Position, held []*Entry, intent *Intent) ([]*Entry, error) {
	for {
		if len(held) > 0 {
			pos = held[len(held)-1].Position
		}
		if _, full := sr.cut(held, intent); full {
			return held, nil
		}
		more, err := sr.e.Journal.Read(ctx, sr.s.Name, pos, sr.e.MaxBatchBytes)
		if err != nil {
			return nil, err
		}
		held = append(held, more...)
		switch {
		case intent == nil:
			return held, nil
		case len(more) == 0:
			return nil, &Error{Code: CodeJournalCorrupt, Class: Fatal, Where: sr.s.Name, What: fmt.Sprintf("entries up to %d were to be sent and the journal ends at %d", intent.Through, pos)}
		}
	}
}

// cut returns how many of the entries make the next batch: those that the
// intent names, or as many as the limits allow. full says that waiting for more
// would not change it.
func (sr *streamRun) cut(held []*Entry, intent *Intent) (n int, full bool) {
	if intent != nil {
		for n < len(held) && held[n].Position <= intent.Through {
			n++
		}
		return n, n > 0 && held[n-1].Position == intent.Through
	}
	rows, bytes := 0, 0
	for _, en := range held {
		rows, bytes = rows+en.Records, bytes+len(en.Block)
		if n > 0 && (rows > sr.e.MaxBatchRows || bytes > sr.e.MaxBatchBytes) {
			return n, true
		}
		n++
	}
	return n, rows >= sr.e.MaxBatchRows || bytes >= sr.e.MaxBatchBytes
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// awaitEntries waits until there may be more to read. It returns false when the
// batch has waited long enough.
func (sr *streamRun) awaitEntries(ctx context.Context, collected <-chan struct{}, late *time.Timer) bool {
	var end <-chan time.Time
	if late != nil {
		end = late.C
	}
	select {
	case <-sr.grown:
	case <-collected:
	case <-sr.e.stop:
	case <-ctx.Done():
	case <-end:
		return false
	}
	return true
}

// startSchemas returns the columns by shape that decoding begins with.
func (sr *streamRun) startSchemas() map[string]*batch.Schema {
	out := map[string]*batch.Schema{}
	for shape := range sr.s.Schemas {
		out[shape] = sr.shapeSchema(shape)
	}
	return out
}

func (sr *streamRun) shapeSchema(shape string) *batch.Schema {
	declared := sr.s.Schemas[shape]
	if declared == nil {
		declared = sr.s.Schema()
	}
	if sr.e.Layout == LayoutDocument {
		s := &batch.Schema{Fields: append([]batch.Field(nil), declared.Keys()...)}
		s.Fields = append(s.Fields, batch.Field{Name: "data", Type: batch.JSON, Declared: true})
		return s
	}
	s := declared.Clone()
	mergeStored(s, sr.state.Fields, true)
	return s
}

// delivery is one batch on its way: the records of a range of entries, decoded.
type delivery struct {
	from, through Position
	recs          []Record
	kinds         []string // kind of the entry a record came from
	carried       int
	events        int
	bytes         int64
	shapes        []*shapeBatch
	dead          []DeadLetter
	counts        Counts
	intent        Intent
}

type shapeBatch struct {
	shape string
	b     *batch.Batch
	dec   *batch.Decoder
}

func (d *delivery) reset(from Position) {
	*d = delivery{from: from, through: from, recs: d.recs[:0], kinds: d.kinds[:0], shapes: d.shapes}
	for _, s := range d.shapes {
		s.b.Reset()
	}
}

// batchFor returns the delivery's batch for a shape with at least the columns
// of the schema.
func (d *delivery) batchFor(shape string, schema *batch.Schema, p batch.Policy) *shapeBatch {
	for i, s := range d.shapes {
		if s.shape == shape {
			if !s.b.Schema().Equal(schema) {
				b := batch.New(schema.Clone())
				d.shapes[i] = &shapeBatch{shape, b, batch.NewDecoder(b, p)}
			}
			return d.shapes[i]
		}
	}
	b := batch.New(schema.Clone())
	d.shapes = append(d.shapes, &shapeBatch{shape, b, batch.NewDecoder(b, p)})
	return d.shapes[len(d.shapes)-1]
}

// decode fills d with the entries' records. schemas, the columns known so far,
// grows with what the data shows. An intent fixes the columns to start from.
func (sr *streamRun) decode(ctx context.Context, d *delivery, from Position, entries []*Entry, schemas map[string]*batch.Schema, intent *Intent) error {
	d.reset(from)
	if intent != nil {
		var fixed map[string]*batch.Schema
		if err := json.Unmarshal(intent.Schemas, &fixed); err != nil {
			return &Error{Code: CodeStateInvalid, Class: Fatal, Where: sr.s.Name, What: "the intended batch's schema cannot be read", Err: err}
		}
		for shape, s := range fixed {
			schemas[shape] = s
		}
	}
	start, err := json.Marshal(schemas)
	if err != nil {
		return err
	}
	id := newBatchID(sr.e.Pipeline, sr.s.Name, from, entries[len(entries)-1].Position)
	policy := sr.s.Decode
	if sr.e.Layout == LayoutDocument {
		policy.Document = "data"
	}
	ready := map[string]*shapeBatch{}
	for _, en := range entries {
		shape := orDefault(en.Shape, ShapeList)
		if schemas[shape] == nil {
			schemas[shape] = sr.shapeSchema(shape)
		}
		sb := ready[shape]
		if sb == nil {
			sb = d.batchFor(shape, schemas[shape], policy)
			ready[shape] = sb
		}
		d.through = en.Position
		d.bytes += int64(len(en.Block))
		switch {
		case en.Kind == KindEvent || en.Kind == KindTrigger:
			d.events += en.Records
		case en.Position <= sr.before:
			d.carried += en.Records
		}
		n := 0
		err := ReadBlock(en.Block, func(r Record) error {
			n++
			id.record(r.Key, r.Version, r.Hash)
			if en.Kind == KindTrigger {
				return sr.resolve(ctx, en, r, d)
			}
			sr.decodeRecord(d, sb, en, r)
			return nil
		})
		if err != nil {
			return fmt.Errorf("entry %d: %w", en.Position, err)
		}
		if n != en.Records {
			return &Error{Code: CodeJournalCorrupt, Class: Fatal, Where: sr.s.Name, What: fmt.Sprintf("entry %d holds %d records and says %d", en.Position, n, en.Records)}
		}
	}
	for shape, sb := range ready {
		schemas[shape] = sb.b.Schema().Clone()
	}
	d.intent = Intent{Consumer: sr.e.Pipeline, Stream: sr.s.Name, From: from, Through: d.through, BatchID: id.sum(start), Schemas: start}
	if intent != nil && intent.BatchID != d.intent.BatchID {
		return &Error{Code: CodeJournalCorrupt, Class: Fatal, Where: sr.s.Name, What: fmt.Sprintf("the batch after entry %d is not the one that was to be sent", from)}
	}
	return nil
}

func (sr *streamRun) decodeRecord(d *delivery, sb *shapeBatch, en *Entry, r Record) {
	index := len(d.recs)
	d.recs = append(d.recs, r)
	d.kinds = append(d.kinds, en.Kind)
	if r.Reject != "" {
		sr.setAside(d, r, en.Position, "rejected", r.Reject)
		return
	}
	var repairs int
	var err error
	if r.Op == Delete {
		sr.excuse(r.Key)
		err = sb.dec.DecodeKey(r.Key, r.Meta(index))
	} else {
		repairs, err = sb.dec.Decode(r.Data, r.Meta(index))
	}
	if err != nil {
		sr.setAside(d, r, en.Position, "rejected", err.Error())
		return
	}
	d.counts.Repaired += repairs
}

// setAside makes a dead letter of a record.
func (sr *streamRun) setAside(d *delivery, r Record, pos Position, class, reason string) {
	if class == "rejected" {
		d.counts.Rejected++
	} else {
		d.counts.DeadLettered++
	}
	d.dead = append(d.dead, DeadLetter{
		ID:       deadLetterID(sr.e.Pipeline, sr.s.Name, &r),
		Pipeline: sr.e.Pipeline, Stream: sr.s.Name, Key: r.Key.String(), Class: class, Reason: reason,
		Data: append([]byte(nil), r.Data...), Position: pos, Run: sr.run, At: sr.e.Now().UTC()})
	sr.excuse(r.Key)
}

// excuse notes that a key may be listed and have no live row.
func (sr *streamRun) excuse(key Key) {
	sr.mu.Lock()
	sr.excused[keyset.Hash(key)] = true
	sr.mu.Unlock()
}

// resolve reads the object a trigger names and journals it: the trigger itself
// is superseded by that reading. Reading again after a crash is harmless.
func (sr *streamRun) resolve(ctx context.Context, en *Entry, r Record, d *delivery) error {
	if err := sr.refetch(ctx, r.Key); err != nil {
		var se *Error
		if errors.As(err, &se) && se.Class == Permanent {
			sr.setAside(d, r, en.Position, "refused", err.Error())
			return nil
		}
		return err
	}
	d.counts.Superseded++
	return nil
}

// refetch reads an object by key and journals what the source says now.
func (sr *streamRun) refetch(ctx context.Context, key Key) error {
	f, ok := sr.e.Source.(Fetcher)
	if !ok {
		return &Error{Class: Permanent, Where: sr.s.Name, What: "the source cannot read single objects"}
	}
	var rec Record
	shape := ShapeDetail
	err := sr.e.retry(ctx, func() (err error) {
		rec, err = f.Fetch(ctx, sr.s.Name, key)
		return err
	})
	sr.asked()
	if errors.Is(err, ErrGone) {
		now := sr.e.Now().UnixMicro()
		rec, err = Record{Key: append(Key(nil), key...), Op: Delete, Version: now, Tie: now}, nil
	}
	if err != nil {
		return err
	}
	if err := sr.append(ctx, KindPage, shape, []Record{rec}, nil); err != nil {
		return err
	}
	sr.account(func(c *Counts) { c.Fetched++ })
	return nil
}
