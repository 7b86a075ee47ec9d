package syncline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/failpoint"
	"github.com/synclinehq/syncline/internal/keyset"
)

// streamRun is one stream's part of a run: attach, deliver what is left over,
// collect and deliver side by side, sweep, account.
type streamRun struct {
	e      *Engine
	s      *Stream
	run    string
	pull   bool
	start  time.Time
	fresh  bool     // nothing was ever delivered: nothing to compare with
	full   bool     // a full sweep is due, whatever the source's plan says
	before Position // last entry when the run began
	state  State
	// Only the writing side uses these: whether it has appended entries, and
	// how often a key was read again because its order was doubtful.
	reread  bool
	rereads map[[16]byte]int

	mu       sync.Mutex
	table    *Table // replaced, never changed
	rec      StreamReceipt
	phase    string
	remain   int
	seen     *keyset.Set // keys listed, with their content hash
	partial  bool        // some page was not part of a full sweep
	pages    int
	backlog  int64             // bytes appended and not delivered
	room     chan struct{}     // signalled when backlog shrinks
	grown    chan struct{}     // signalled when entries were appended
	excused  map[[16]byte]bool // listed keys that need no row: set aside, or deleted since
	ledgered Counts            // what the destination's run ledger has been told
	meter    meter
	held     []Record // by a planted bug
}

func newStreamRun(e *Engine, run string, s *Stream, pull bool) *streamRun {
	sr := &streamRun{e: e, s: s, run: run, pull: pull, start: e.Now(), phase: PhaseStarting,
		room: make(chan struct{}, 1), grown: make(chan struct{}, 1), excused: map[[16]byte]bool{}, rereads: map[[16]byte]int{}}
	name := orDefault(s.Table, s.Name)
	if n := e.Tables[s.Name]; n != "" {
		name = n
	}
	sr.table = &Table{Stream: s.Name, Name: e.TablePrefix + name, Layout: e.Layout, Schema: sr.tableSchema()}
	sr.rec = StreamReceipt{Stream: s.Name, Table: sr.table.Name}
	return sr
}

// documentSchema is the columns of [LayoutDocument].
func documentSchema() *batch.Schema {
	return &batch.Schema{Fields: []batch.Field{
		{Name: "id", Type: batch.String, Key: true, Declared: true},
		{Name: "data", Type: batch.JSON, Declared: true},
	}}
}

func (sr *streamRun) tableSchema() *batch.Schema {
	if sr.e.Layout == LayoutDocument {
		return documentSchema()
	}
	return sr.s.Schema()
}

// do works the stream and returns its receipt, whatever happens.
func (sr *streamRun) do(ctx context.Context) StreamReceipt {
	sr.seen = keyset.New(sr.e.TempDir, 0)
	defer sr.seen.Close() //nolint:errcheck // temporary file
	sr.progress(true)
	err := sr.steps(ctx)
	if lerr := sr.ledger(context.WithoutCancel(ctx)); err == nil {
		err = lerr
	}
	sr.mu.Lock()
	defer sr.mu.Unlock()
	sr.rec.Elapsed = sr.e.Now().Sub(sr.start)
	sr.phase = PhaseDone
	if err != nil {
		sr.phase = PhaseFailed
		sr.rec.Error, sr.rec.Code = err.Error(), endCode(err)
		sr.rec.Counts.Pending = sr.rec.Counts.In() - sr.rec.Counts.Out()
	}
	sr.progressLocked(true)
	return sr.rec
}

// endCode is the code of an error that ended a stream, or a run as a whole.
func endCode(err error) Code {
	if errors.Is(err, ErrStopped) || errors.Is(err, context.Canceled) {
		return CodeInterrupted
	}
	return CodeOf(err)
}

func (sr *streamRun) steps(ctx context.Context) error {
	if err := sr.attach(ctx); err != nil {
		return err
	}
	// What earlier runs journalled comes before anything new is fetched.
	sr.setPhase(PhaseDelivering)
	if err := sr.deliver(ctx, closedChannel); err != nil {
		return err
	}
	if !sr.pull {
		return nil
	}
	sr.setPhase(PhasePulling)
	if err := sr.collectAndDeliver(ctx); err != nil {
		return err
	}
	if again, err := sr.emptied(ctx); err != nil {
		return err
	} else if again {
		sr.full, sr.partial, sr.pages = true, false, 0
		if err := sr.collectAndDeliver(ctx); err != nil {
			return err
		}
	}
	return sr.verify(ctx)
}

// emptied reports whether a table that had rows has none now, without a listing
// that says so: it was emptied behind our back and is to be filled again at once.
func (sr *streamRun) emptied(ctx context.Context) (bool, error) {
	if sr.state.Empty || sr.full || !sr.partial {
		return false, nil
	}
	var rows int
	err := sr.e.retry(ctx, func() (err error) {
		rows, err = sr.e.Destination.Count(ctx, sr.currentTable())
		return err
	})
	return rows == 0, err
}

var closedChannel = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// attach takes the stream in the destination and checks that its position and
// the journal belong together.
func (sr *streamRun) attach(ctx context.Context) error {
	e := sr.e
	if e.Layout == LayoutDocument && len(sr.s.Schema().Keys()) != 1 {
		return &Error{Code: CodeConfigInvalid, Class: Fatal, Where: sr.s.Name, What: "the document layout needs a key of one field", Fix: "Use the columns layout for this stream"}
	}
	err := e.retry(ctx, func() (err error) {
		sr.state, err = e.Destination.Attach(ctx, e.Pipeline, sr.s.Name, e.Journal.ID())
		return err
	})
	if err != nil {
		return err
	}
	sr.table = sr.withStored(sr.table)
	var rows int
	err = e.retry(ctx, func() (err error) {
		// Counting a large table takes longer than a run may take to begin.
		if err = e.Destination.Prepare(ctx, sr.table, sr.state); err == nil && sr.state.Empty {
			rows, err = e.Destination.Count(ctx, sr.table)
		}
		return err
	})
	if err != nil {
		return err
	}
	return sr.checkPosition(ctx, rows)
}

// withStored returns the table with the types its columns have by now and the
// columns found in earlier runs.
func (sr *streamRun) withStored(t *Table) *Table {
	out := *t
	out.Schema = t.Schema.Clone()
	if sr.e.Layout == LayoutColumns {
		mergeStored(out.Schema, sr.state.Fields, true)
	}
	return &out
}

// mergeStored widens the schema's fields to the stored types and, if all is
// set, appends the stored fields it lacks as undeclared ones.
func mergeStored(s *batch.Schema, stored []batch.Field, all bool) {
	for _, f := range stored {
		if i := s.Index(f.Name); i >= 0 {
			if batch.Widens(s.Fields[i].Type, f.Type) {
				s.Fields[i].Type = f.Type
			}
		} else if all {
			f.Declared, f.Key = false, false
			s.Fields = append(s.Fields, f)
		}
	}
}

// checkPosition decides from where the stream goes on. rows is the number of
// live rows of a table that this pipeline has not written to yet.
func (sr *streamRun) checkPosition(ctx context.Context, rows int) error {
	e := sr.e
	pruned, last, err := e.Journal.Bounds(ctx, sr.s.Name)
	if err != nil {
		return err
	}
	intent, err := e.Journal.Intended(ctx, e.Pipeline, sr.s.Name)
	if err != nil {
		return err
	}
	sr.before = last
	pos := sr.state.Position
	sr.fresh = sr.state.Empty && rows == 0 && pruned == last
	sr.full = e.Full
	if pos > last {
		return &Error{Code: CodeStateInvalid, Class: Fatal, Where: sr.s.Name,
			What: fmt.Sprintf("the destination has applied entry %d and the journal ends at %d: the journal was restored from an older copy", pos, last),
			Fix:  "Move the journal file away: with a new one everything is read again, and unchanged rows are not rewritten"}
	}
	// The journal has entries delivered that this database does not have: it is
	// another one, or was restored to a state older than the journal reaches
	// back. What is kept is replayed; the rest must be read again.
	behind := pos < pruned || sr.state.Empty && intent != nil && intent.Done
	if !behind {
		return nil
	}
	if !sr.state.Empty {
		e.Logger.Warn("the destination is older than the journal reaches back: reading the whole stream again",
			"stream", sr.s.Name, "code", CodeStateGap, "position", pos, "pruned", pruned)
	}
	sr.state.Position = max(pos, pruned)
	return e.Journal.Reset(ctx, e.Source.Name(), e.Pipeline, sr.s.Name)
}

// collectAndDeliver pulls and delivers at the same time. If the pull fails,
// what it has journalled is delivered all the same.
func (sr *streamRun) collectAndDeliver(ctx context.Context) error {
	pullCtx, cancelPull := context.WithCancelCause(ctx)
	defer cancelPull(nil)
	stopPull := make(chan struct{})
	defer close(stopPull)
	go func() {
		select {
		case <-sr.e.stop:
			cancelPull(ErrStopped)
		case <-stopPull:
		}
	}()
	collected := make(chan struct{})
	var pullErr error
	go func() {
		defer close(collected)
		pullErr = sr.collect(pullCtx)
		if pullErr != nil && context.Cause(pullCtx) != nil && ctx.Err() == nil {
			pullErr = context.Cause(pullCtx)
		}
	}()
	err := sr.deliver(ctx, collected)
	cancelPull(err)
	<-collected
	if err != nil {
		return err
	}
	return pullErr
}

// ledger tells the destination's run ledger what no batch has told it: the
// counts of the collecting side.
func (sr *streamRun) ledger(ctx context.Context) error {
	if sr.state.Epoch == 0 {
		return nil
	}
	sr.mu.Lock()
	c, t := sr.rec.Counts, sr.table
	d := Counts{Fetched: c.Fetched, Swept: c.Swept, Unchanged: c.Unchanged - sr.ledgered.Unchanged, Duplicate: c.Duplicate - sr.ledgered.Duplicate}
	sr.mu.Unlock()
	if d == (Counts{}) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	at := sr.checkpoint()
	at.Partial, at.Counts = true, d
	_, err := sr.e.Destination.Write(ctx, t, batch.New(&batch.Schema{Fields: t.Schema.Keys()}), at)
	return err
}

func (sr *streamRun) checkpoint() Checkpoint {
	return Checkpoint{Pipeline: sr.e.Pipeline, Stream: sr.s.Name, Journal: sr.e.Journal.ID(), Epoch: sr.state.Epoch,
		Through: sr.state.Position, Run: sr.run, At: sr.e.Now().UTC()}
}

func (sr *streamRun) setPhase(p string) {
	sr.mu.Lock()
	sr.phase = p
	sr.mu.Unlock()
	sr.progress(true)
}

func (sr *streamRun) progress(force bool) {
	sr.mu.Lock()
	defer sr.mu.Unlock()
	sr.progressLocked(force)
}

func (sr *streamRun) progressLocked(force bool) {
	now := sr.e.Now()
	if !sr.meter.due(now, force) {
		return
	}
	c := &sr.rec.Counts
	sr.e.Progress(Progress{Run: sr.run, Stream: sr.s.Name, Phase: sr.phase, Fetched: c.Fetched, Applied: c.Applied(),
		Unchanged: c.Unchanged, Rejected: c.Rejected + c.DeadLettered, Requests: sr.rec.Requests, Retries: sr.rec.Retries,
		Waited: sr.rec.Waited, Remaining: sr.remain, Elapsed: now.Sub(sr.start), Error: sr.rec.Error})
}

func (sr *streamRun) account(fn func(c *Counts)) {
	sr.mu.Lock()
	fn(&sr.rec.Counts)
	sr.progressLocked(false)
	sr.mu.Unlock()
}

// hit is a crash point of the kill tests; see package failpoint.
func hit(name string) error { return failpoint.Hit(name) }
