package sqlite

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
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
}

// DB is a destination in an SQLite file. It is safe for concurrent use; one
// write runs at a time, reads run beside it.
type DB struct {
	path string
	wait time.Duration

	write chan *conn // holds the writing connection while nobody writes
	reads chan *conn // idle reading connections

	mu     sync.Mutex
	closed bool
	tables map[string]*table // by name of the stream's table
}

var _ syncline.Destination = (*DB)(nil)

const maxIdleReaders = 2

// Open opens or makes the database.
func Open(ctx context.Context, o Options) (*DB, error) {
	path, err := Path(o.Path)
	if err != nil {
		return nil, err
	}
	d := &DB{path: path, wait: o.Wait, write: make(chan *conn, 1), reads: make(chan *conn, maxIdleReaders), tables: map[string]*table{}}
	if d.wait == 0 {
		d.wait = 30 * time.Second
	}
	c, err := d.connect()
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

// Path returns the file a URI or path means.
func Path(uri string) (string, error) {
	path, isURI := uri, false
	for _, scheme := range []string{"sqlite3:", "sqlite:", "file:"} {
		if rest, ok := strings.CutPrefix(uri, scheme); ok {
			path, isURI = strings.TrimPrefix(rest, "//"), true
			break
		}
	}
	if isURI {
		path, _, _ = strings.Cut(path, "?")
		if p, err := url.PathUnescape(path); err == nil {
			path = p
		}
	}
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.ContainsRune(path, 0) {
		return "", &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: "destination",
			What: "no path of an SQLite file in " + uri, Fix: "Write it as sqlite:data.db or sqlite:///var/lib/data.db"}
	}
	return filepath.Clean(path), nil
}

// connect opens a connection with the settings the guarantees rest on.
func (d *DB) connect() (*conn, error) {
	c, err := openConn(d.path)
	if err != nil {
		return nil, err
	}
	mode := ""
	err = c.query("PRAGMA journal_mode=WAL", nil, func(s *stmt) error { mode = s.text(0); return nil })
	for _, p := range []string{"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=OFF", "PRAGMA cache_size=-16000",
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
		if c, err = d.connect(); err != nil {
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
	c := <-d.write
	close(d.write)
	return errors.Join(err, c.close())
}
