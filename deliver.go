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
	free := make(chan *delivery, 3) // one being decoded, one waiting, one being written
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

func (sr *streamRun) readAhead(ctx context.Context, collected <-chan struct{}, out chan<- *delivery, free <-chan *delivery) error {
	pos := sr.state.Position
	schemas := sr.startSchemas()
	intent, err := sr.e.Journal.Intended(ctx, sr.e.Pipeline, sr.s.Name)
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-sr.e.stop:
			return ErrStopped
		default:
		}
		ended := isClosed(collected) // before the read, so that nothing slips between
		entries, err := sr.readRange(ctx, pos, intent)
		if err != nil {
			return err
		}
		if len(entries) == 0 && ended {
			return nil
		}
		if records(entries) < sr.e.MaxBatchRows && !ended && (intent == nil || intent.From != pos) {
			if sr.awaitEntries(ctx, collected, len(entries) == 0) {
				continue
			}
		}
		if len(entries) == 0 {
			continue
		}
		d := <-free
		fixed := intent
		if fixed != nil && fixed.From != pos {
			fixed = nil
		}
		if err := sr.decode(ctx, d, pos, entries, schemas, fixed); err != nil {
			return err
		}
		pos, intent = d.through, nil
		select {
		case out <- d:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// awaitEntries waits for entries to be appended and reports whether to read
// again: always if there were none, else only if more came before the linger.
func (sr *streamRun) awaitEntries(ctx context.Context, collected <-chan struct{}, none bool) bool {
	var late <-chan time.Time
	if !none {
		t := time.NewTimer(linger)
		defer t.Stop()
		late = t.C
	}
	for {
		select {
		case <-sr.grown:
			sr.mu.Lock()
			enough := sr.backlog >= int64(sr.e.MaxBatchBytes)
			sr.mu.Unlock()
			if none || enough {
				return true
			}
		case <-late:
			return false
		case <-collected:
			return true
		case <-sr.e.stop:
			return true
		case <-ctx.Done():
			return true
		}
	}
}

// readRange reads the entries of the next batch: those an unfinished intent
// names, or as many as make a batch.
func (sr *streamRun) readRange(ctx context.Context, pos Position, intent *Intent) ([]*Entry, error) {
	if intent == nil || intent.From != pos {
		entries, err := sr.e.Journal.Read(ctx, sr.s.Name, pos, sr.e.MaxBatchBytes)
		if err != nil {
			return nil, err
		}
		n := 0
		for i, en := range entries {
			if n += en.Records; n > sr.e.MaxBatchRows && i > 0 {
				return entries[:i], nil
			}
		}
		return entries, nil
	}
	var out []*Entry
	for at := pos; at < intent.Through; at = out[len(out)-1].Position {
		entries, err := sr.e.Journal.Read(ctx, sr.s.Name, at, sr.e.MaxBatchBytes)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			return nil, &Error{Code: CodeJournalCorrupt, Class: Fatal, Where: sr.s.Name, What: fmt.Sprintf("entries up to %d were to be sent and the journal ends at %d", intent.Through, at)}
		}
		for _, en := range entries {
			if en.Position <= intent.Through {
				out = append(out, en)
			}
		}
	}
	return out, nil
}

func records(entries []*Entry) (n int) {
	for _, en := range entries {
		n += en.Records
	}
	return n
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
		case en.Position <= sr.before:
			d.carried += en.Records
		case en.Kind == KindEvent || en.Kind == KindTrigger:
			d.events += en.Records
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
	if len(r.Key) > 0 {
		sr.mu.Lock()
		sr.dead[keyset.Hash(r.Key)] = true
		sr.mu.Unlock()
	}
}

// resolve reads the object a trigger names and journals it: the trigger itself
// is superseded by that reading. Reading again after a crash is harmless.
func (sr *streamRun) resolve(ctx context.Context, en *Entry, r Record, d *delivery) error {
	if err := sr.refetch(ctx, r.Key, r.Tie); err != nil {
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
func (sr *streamRun) refetch(ctx context.Context, key Key, tie int64) error {
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
