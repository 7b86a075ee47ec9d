package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/failpoint"
	"github.com/synclinehq/syncline/internal/mutant"
)

// groupMax bounds how many changes one commit takes, and so how long the first
// of them waits for the others.
const groupMax = 512

// restAfter is how long the writer is idle before it empties the log.
const restAfter = 200 * time.Millisecond

// change is one caller's request to the writer.
type change struct {
	ctx context.Context
	// apply runs the statements. It is called by the writer, again if the
	// group it was in failed, so it must not depend on what it did before
	// and leave no trace but through writer.undo.
	apply func(w *writer) error
	// committed, if set, publishes the result once it is durable, before the
	// caller is answered.
	committed func()
	append    bool // passes the append fail points
	result    chan error
}

// writer is the one goroutine that changes the file. What it knows of the
// stored state (streams, cursors) is its own; changes to that are undone when
// the transaction is.
type writer struct {
	path       string
	db         *sql.DB
	conn       *sql.Conn
	stmt       writeStatements
	now        func() time.Time
	keepRuns   int
	deliveries *deliveries
	tail       *tail

	streams map[string]*stream
	cursors map[cursorKey][]byte
	began   bool     // in a transaction
	undo    []func() // takes back the transaction's changes to the fields above
	bounds  logBounds
	wal     int64 // bytes written since the last checkpoint, about
	commits int   // for tests

	changes chan *change
	quit    chan struct{}
	done    chan struct{}
}

// stream is what the writer knows about a stream.
type stream struct {
	id     int64
	last   syncline.Position // ever appended
	pruned syncline.Position // removed up to here
}

func (s *stream) row(p syncline.Position) int64 { return s.id<<positionBits + int64(p) }

// start opens the connection, checks and migrates the file, loads the state and
// begins to work.
func (w *writer) start(ctx context.Context, o Options) (err error) {
	w.now, w.keepRuns = o.Now, o.KeepRuns
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return storeError(w.path, "open it", err)
	}
	// Before any setting: one of them would switch a foreign file to WAL.
	if _, err := checkSchema(ctx, w.conn, w.path); err != nil {
		return err
	}
	if err := configure(ctx, w.conn, w.path, o.Pragmas); err != nil {
		return err
	}
	if err := preflight(ctx, w.conn, w.path); err != nil {
		return err
	}
	if mutant.On("sync_normal") {
		_, _ = w.conn.ExecContext(ctx, "PRAGMA synchronous = NORMAL")
	}
	if err := migrate(ctx, w.conn, w.path, w.now(), o.Rand); err != nil {
		return err
	}
	if err := w.stmt.prepare(ctx, w.conn); err != nil {
		return storeError(w.path, "prepare to write", err)
	}
	if err := w.load(ctx); err != nil {
		return storeError(w.path, "read its state", err)
	}
	w.changes, w.quit, w.done = make(chan *change), make(chan struct{}), make(chan struct{})
	go w.run()
	return nil
}

// load reads the streams and how far their consumers are.
func (w *writer) load(ctx context.Context) error {
	w.streams, w.cursors = map[string]*stream{}, map[cursorKey][]byte{}
	rows, err := w.conn.QueryContext(ctx, "SELECT s.name, s.id, s.pruned, "+lastOf+" FROM streams s")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		s := &stream{}
		if err := rows.Scan(&name, &s.id, &s.pruned, &s.last); err != nil {
			return err
		}
		w.streams[name] = s
		w.tail.setLast(name, s.last)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return w.deliveries.load(ctx, w.conn)
}

// submit hands a change to the writer and waits until it is durable. If ctx
// ends first, whether it will be is not known.
func (w *writer) submit(c *change) error {
	c.result = make(chan error, 1)
	select {
	case w.changes <- c:
	case <-w.quit:
		return errClosed
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
	select {
	case err := <-c.result:
		return err
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

func (w *writer) run() {
	defer close(w.done)
	rest := time.NewTimer(restAfter)
	defer rest.Stop()
	for {
		select {
		case c := <-w.changes:
			w.commitGroup(w.gather(c))
			rest.Reset(restAfter)
		case <-rest.C:
			w.rest()
		case <-w.quit:
			return
		}
	}
}

// gather takes what is waiting beside the first change. It does not wait for
// more: while one group commits, the next one forms by itself.
func (w *writer) gather(first *change) []*change {
	group := []*change{first}
	for len(group) < groupMax {
		select {
		case c := <-w.changes:
			group = append(group, c)
		default:
			return group
		}
	}
	return group
}

// commitGroup makes the changes durable together. If that fails, each is tried
// alone, so that one that cannot be stored fails alone.
func (w *writer) commitGroup(group []*change) {
	group = slices.DeleteFunc(group, func(c *change) bool {
		err := c.ctx.Err()
		if err != nil {
			c.answer(err)
		}
		return err != nil
	})
	err := w.attempt(group)
	if err != nil && len(group) > 1 {
		for _, c := range group {
			c.answer(w.attempt([]*change{c}))
		}
		return
	}
	for _, c := range group {
		c.answer(err)
	}
}

func (c *change) answer(err error) {
	if err == nil && c.append {
		err = failpoint.Hit("journal.append.after_commit")
	}
	c.result <- err
}

// attempt applies the changes in one transaction and commits it. If nothing was
// to be written there is no transaction and no sync.
func (w *writer) attempt(group []*change) error {
	err := w.applyAll(group)
	if err == nil && w.began {
		err = w.commit()
	}
	if err != nil {
		w.rollback()
		return err
	}
	w.undo = w.undo[:0]
	for _, c := range group {
		if c.committed != nil {
			c.committed()
		}
	}
	w.checkpointIfLarge()
	return nil
}

func (w *writer) applyAll(group []*change) error {
	appends := false
	for _, c := range group {
		if err := c.apply(w); err != nil {
			return storeError(w.path, "write", err)
		}
		appends = appends || c.append
	}
	if appends && w.began {
		return failpoint.Hit("journal.append.before_commit")
	}
	return nil
}

// begin opens the transaction if there is none yet.
func (w *writer) begin() error {
	if w.began {
		return nil
	}
	if _, err := w.stmt.begin.ExecContext(background); err != nil {
		return err
	}
	w.began = true
	return nil
}

func (w *writer) commit() error {
	if err := w.deliveries.flush(w); err != nil {
		return storeError(w.path, "write", err)
	}
	if _, err := w.stmt.commit.ExecContext(background); err != nil {
		return storeError(w.path, "commit", err)
	}
	w.began = false
	w.commits++
	w.wal += 4 * pageSize
	w.deliveries.flushed()
	return nil
}

func (w *writer) rollback() {
	if w.began {
		// SQLite may have rolled back by itself, then this fails; either way
		// no transaction is open afterwards.
		_, _ = w.stmt.rollback.ExecContext(background)
		w.began = false
	}
	for i := len(w.undo) - 1; i >= 0; i-- {
		w.undo[i]()
	}
	w.undo = w.undo[:0]
}

// exec runs a statement in the transaction.
func (w *writer) exec(s *sql.Stmt, args ...any) (sql.Result, error) {
	if err := w.begin(); err != nil {
		return nil, err
	}
	return s.ExecContext(background, args...)
}

// background is for the writer's statements: a caller that stops waiting must
// not abort a transaction that others share.
var background = context.Background()

// stop finishes the change in hand and closes the connection. It is called
// once, also after a start that failed.
func (w *writer) stop() (err error) {
	if w.quit != nil {
		close(w.quit)
		<-w.done
		err = w.close()
	}
	err = errors.Join(err, w.stmt.close())
	if w.conn != nil {
		err = errors.Join(err, w.conn.Close())
	}
	return errors.Join(err, w.db.Close())
}
