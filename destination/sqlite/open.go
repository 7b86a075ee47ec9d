package sqlite

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/ledger"
)

// Options say where the database is.
type Options struct {
	// Path is the file, made if it does not exist. A URI of the form
	// sqlite:PATH, sqlite://PATH or file:PATH is taken as well.
	Path string
	// Wait is how long to wait for another program's write transaction before
	// giving up for now; 0 means 30 seconds.
	Wait time.Duration
	// ReadOnly opens the file for looking: it is not made, nothing is made in
	// it, and methods that change something are refused. Where nothing was made
	// yet, there are no dead letters, and asking for a table's rows gives
	// CodeTableMissing.
	ReadOnly bool
}

// DB is a destination in an SQLite file. It is safe for concurrent use; one
// write runs at a time, reads run beside it.
type DB struct {
	path     string
	wait     time.Duration
	readOnly bool

	write chan *conn // holds the writing connection while nobody writes
	reads chan *conn // idle reading connections

	mu     sync.Mutex
	closed bool
	tables map[string]*table // by name of the stream's table
}

var _ syncline.Destination = (*DB)(nil)

// maxIdleReaders is how many connections wait for the next read. The engine
// compares pages from several goroutines, and opening is dearer than reading.
const maxIdleReaders = 8

// The page caches in KiB: what a connection may come to hold of memory.
const (
	writerCache = 4000
	readerCache = 2000
)

// Open opens or, unless o.ReadOnly is set, makes the database.
func Open(ctx context.Context, o Options) (*DB, error) {
	path, err := Path(o.Path)
	if err != nil {
		return nil, err
	}
	d := &DB{path: path, wait: o.Wait, readOnly: o.ReadOnly, write: make(chan *conn, 1), reads: make(chan *conn, maxIdleReaders), tables: map[string]*table{}}
	if d.wait == 0 {
		d.wait = 30 * time.Second
	}
	if d.readOnly {
		return d, nil // each read opens what it needs
	}
	c, err := d.connect(writerCache)
	if err != nil {
		return nil, d.classed(err, path)
	}
	if err := d.setUp(ctx, c); err != nil {
		_ = c.close()
		return nil, d.classed(err, path)
	}
	d.write <- c
	return d, nil
}

// connect opens a connection with the settings the guarantees rest on and a
// page cache of so many KiB.
func (d *DB) connect(cache int) (*conn, error) {
	c, err := openConn(d.path, d.readOnly)
	if err != nil {
		return nil, err
	}
	if d.readOnly {
		if err := errors.Join(c.exec("PRAGMA query_only=ON"), c.exec("PRAGMA cache_size=-"+strconv.Itoa(cache))); err != nil {
			_ = c.close()
			return nil, err
		}
		c.forget()
		return c, nil
	}
	mode := ""
	err = c.query("PRAGMA journal_mode=WAL", nil, func(s *stmt) error { mode = s.text(0); return nil })
	for _, p := range []string{"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=OFF", "PRAGMA cache_size=-" + strconv.Itoa(cache),
		"PRAGMA temp_store=MEMORY", "PRAGMA wal_autocheckpoint=4000", "PRAGMA journal_size_limit=67108864"} {
		if err == nil {
			err = c.exec(p)
		}
	}
	if err == nil && mode != "wal" {
		err = &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: d.path,
			What: "the database cannot use a write-ahead log (journal mode " + mode + ")", Fix: "Put it on a local disk"}
	}
	if err != nil {
		_ = c.close()
		return nil, err
	}
	c.forget()
	return c, nil
}

// setUp makes the bookkeeping tables.
func (d *DB) setUp(ctx context.Context, c *conn) error {
	have := 0
	err := c.query("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN (?, ?, ?, ?)",
		[]any{ledger.States, ledger.Runs, ledger.DeadLetters, ledger.Tables}, func(s *stmt) error { have = int(s.int64(0)); return nil })
	if err != nil || have == 4 {
		return err
	}
	return d.transaction(ctx, c, func() error {
		for _, sql := range bookkeeping {
			if err := c.exec(sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// transaction runs fn in a write transaction and commits it if fn returns nil.
func (d *DB) transaction(ctx context.Context, c *conn, fn func() error) error {
	if err := c.begin(ctx, d.wait); err != nil {
		return err
	}
	end := c.interruptible(ctx)
	err := fn()
	end()
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = c.exec("COMMIT")
	}
	if err != nil {
		c.rollback()
	}
	return err
}

var errClosed = errors.New("sqlite: the destination is closed")

// writing runs fn with the writing connection.
func (d *DB) writing(ctx context.Context, fn func(*conn) error) error {
	if err := d.writable(); err != nil {
		return err
	}
	select {
	case c, ok := <-d.write:
		if !ok {
			return errClosed
		}
		defer func() { d.write <- c }()
		return fn(c)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reading runs fn with a reading connection.
func (d *DB) reading(ctx context.Context, fn func(*conn) error) error {
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return errClosed
	}
	var c *conn
	select {
	case c = <-d.reads:
		if c == nil {
			return errClosed
		}
	default:
		var err error
		if c, err = d.connect(readerCache); err != nil {
			return err
		}
	}
	end := c.interruptible(ctx)
	err := fn(c)
	end()
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	d.release(c)
	return err
}

func (d *DB) release(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		select {
		case d.reads <- c:
			return
		default:
		}
	}
	_ = c.close()
}

// Capabilities says what an SQLite file can do.
func (d *DB) Capabilities() syncline.Capabilities {
	return syncline.Capabilities{Name: "sqlite", Transactional: true, NUL: true, MaxBatchRows: 5000, MaxBatchBytes: 8 << 20,
		Guarantee: "Each record once, in its newest state: rows and position are one durable transaction."}
}

// Close waits for a running write and closes the file.
func (d *DB) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	close(d.reads)
	d.mu.Unlock()
	var err error
	for c := range d.reads {
		err = errors.Join(err, c.close())
	}
	if d.readOnly {
		return err
	}
	c := <-d.write
	close(d.write)
	return errors.Join(err, c.close())
}
