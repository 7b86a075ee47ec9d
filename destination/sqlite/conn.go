package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// conn is one connection to the file. It is used by one goroutine at a time.
type conn struct {
	tls   *libc.TLS
	db    uintptr
	stmts map[string]*stmt
	room  scratch
}

// scratch is memory outside Go's heap for what SQLite is handed by address.
type scratch struct {
	p    uintptr
	mem  []byte
	used int
}

// memory views n bytes at an address outside Go's heap.
func memory(p uintptr, n int) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p))), n)
}

func openConn(path string, readOnly bool) (*conn, error) {
	mode := int32(sqlite3.SQLITE_OPEN_READWRITE)
	if readOnly {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, errAbsent
		}
		mode = sqlite3.SQLITE_OPEN_READONLY
	} else if err := create(path); err != nil {
		return nil, err
	}
	c := &conn{tls: libc.NewTLS(), stmts: map[string]*stmt{}}
	name, err := libc.CString(path)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	pp := libc.Xmalloc(c.tls, 8)
	defer libc.Xfree(c.tls, pp)
	flags := mode | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_EXRESCODE
	rc := sqlite3.Xsqlite3_open_v2(c.tls, name, pp, flags, 0)
	c.db = *(*uintptr)(unsafe.Pointer(&memory(pp, 8)[0]))
	if rc != sqlite3.SQLITE_OK {
		err := c.failed(rc, "open "+path)
		_ = c.close()
		return nil, err
	}
	sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, 5000)
	return c, nil
}

// create makes the file so that only its owner can read it; SQLite gives the
// files beside it the same permissions. A file that exists is not opened here:
// closing it would drop the locks that other connections of this process hold.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return openError(path, err)
	}
	return f.Close()
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		sqlite3.Xsqlite3_finalize(c.tls, s.p)
	}
	c.stmts = nil
	rc := sqlite3.Xsqlite3_close_v2(c.tls, c.db)
	if c.room.p != 0 {
		libc.Xfree(c.tls, c.room.p)
	}
	c.tls.Close()
	if rc != sqlite3.SQLITE_OK {
		return fmt.Errorf("sqlite: close: code %d", rc)
	}
	return nil
}

// reserve makes the scratch at least n bytes large and empties it. Values bound
// from it before are no longer valid.
func (c *conn) reserve(n int) error {
	r := &c.room
	r.used = 0
	if n <= len(r.mem) {
		return nil
	}
	n = max(n, 2*len(r.mem), 4096)
	if r.p != 0 {
		libc.Xfree(c.tls, r.p)
	}
	r.p, r.mem = libc.Xmalloc(c.tls, types.Size_t(n)), nil
	if r.p == 0 {
		return fmt.Errorf("sqlite: no memory for a row of %d bytes", n)
	}
	r.mem = memory(r.p, n)
	return nil
}

// keep returns the address of a copy of b in the scratch, which has room.
func (c *conn) keep(b []byte) uintptr {
	r := &c.room
	p := r.p + uintptr(r.used)
	r.used += copy(r.mem[r.used:], b)
	return p
}

// stmt is a prepared statement. It belongs to its connection.
type stmt struct {
	c   *conn
	p   uintptr
	sql string
}

// prepare returns the statement, kept for the connection's life.
func (c *conn) prepare(sql string) (*stmt, error) {
	if s := c.stmts[sql]; s != nil {
		return s, nil
	}
	text, err := libc.CString(sql)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	pp := libc.Xmalloc(c.tls, 8)
	defer libc.Xfree(c.tls, pp)
	rc := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, text, int32(len(sql)+1), sqlite3.SQLITE_PREPARE_PERSISTENT, pp, 0)
	if rc != sqlite3.SQLITE_OK {
		return nil, c.failed(rc, sql)
	}
	s := &stmt{c: c, p: *(*uintptr)(unsafe.Pointer(&memory(pp, 8)[0])), sql: sql}
	c.stmts[sql] = s
	return s, nil
}

// forget drops the kept statements, for when tables change.
func (c *conn) forget() {
	for sql, s := range c.stmts {
		sqlite3.Xsqlite3_finalize(c.tls, s.p)
		delete(c.stmts, sql)
	}
}

// transient tells SQLite to copy the value before the call returns.
const transient = ^uintptr(0)

// bind sets parameter i, counted from 1. Values are int64, float64, string,
// []byte and nil.
func (s *stmt) bind(i int, v any) error {
	var rc int32
	switch v := v.(type) {
	case nil:
		rc = sqlite3.Xsqlite3_bind_null(s.c.tls, s.p, int32(i))
	case int64:
		rc = sqlite3.Xsqlite3_bind_int64(s.c.tls, s.p, int32(i), v)
	case float64:
		rc = sqlite3.Xsqlite3_bind_double(s.c.tls, s.p, int32(i), v)
	case string:
		p, err := s.c.copy([]byte(v))
		if err != nil {
			return err
		}
		rc = sqlite3.Xsqlite3_bind_text(s.c.tls, s.p, int32(i), p, int32(len(v)), transient)
		libc.Xfree(s.c.tls, p)
	case []byte:
		p, err := s.c.copy(v)
		if err != nil {
			return err
		}
		rc = sqlite3.Xsqlite3_bind_blob(s.c.tls, s.p, int32(i), p, int32(len(v)), transient)
		libc.Xfree(s.c.tls, p)
	default:
		return fmt.Errorf("sqlite: cannot bind %T", v)
	}
	if rc != sqlite3.SQLITE_OK {
		return s.c.failed(rc, s.sql)
	}
	return nil
}

func (c *conn) copy(b []byte) (uintptr, error) {
	p := libc.Xmalloc(c.tls, types.Size_t(len(b)+1))
	if p == 0 {
		return 0, fmt.Errorf("sqlite: no memory for a value of %d bytes", len(b))
	}
	copy(memory(p, len(b)+1), b)
	return p, nil
}

// step runs the statement to its next row and reports whether there is one.
func (s *stmt) step() (bool, error) {
	switch rc := sqlite3.Xsqlite3_step(s.c.tls, s.p); rc {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, s.c.failed(rc, s.sql)
	}
}

// reset makes the statement ready to run again; parameters keep their values.
func (s *stmt) reset() { sqlite3.Xsqlite3_reset(s.c.tls, s.p) }

func (s *stmt) null(i int) bool {
	return sqlite3.Xsqlite3_column_type(s.c.tls, s.p, int32(i)) == sqlite3.SQLITE_NULL
}

func (s *stmt) int64(i int) int64 { return sqlite3.Xsqlite3_column_int64(s.c.tls, s.p, int32(i)) }

func (s *stmt) float64(i int) float64 { return sqlite3.Xsqlite3_column_double(s.c.tls, s.p, int32(i)) }

// bytes returns column i as bytes, valid until the next step.
func (s *stmt) bytes(i int) []byte {
	p := sqlite3.Xsqlite3_column_blob(s.c.tls, s.p, int32(i))
	n := sqlite3.Xsqlite3_column_bytes(s.c.tls, s.p, int32(i))
	if p == 0 || n == 0 {
		return nil
	}
	return memory(p, int(n))
}

func (s *stmt) text(i int) string { return string(s.bytes(i)) }

// query runs a statement and calls row for each row of the result.
func (c *conn) query(sql string, args []any, row func(*stmt) error) error {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	defer s.reset()
	for i, v := range args {
		if err := s.bind(i+1, v); err != nil {
			return err
		}
	}
	for {
		more, err := s.step()
		if err != nil || !more {
			return err
		}
		if row != nil {
			if err := row(s); err != nil {
				return err
			}
		}
	}
}

func (c *conn) exec(sql string, args ...any) error { return c.query(sql, args, nil) }

// changed is the number of rows the last statement wrote.
func (c *conn) changed() int { return int(sqlite3.Xsqlite3_changes64(c.tls, c.db)) }

// interruptible lets a canceled ctx stop the running statement. The returned
// function ends that and must be called.
func (c *conn) interruptible(ctx context.Context) (end func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		tls := libc.NewTLS()
		sqlite3.Xsqlite3_interrupt(tls, c.db)
		tls.Close()
		close(done)
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// begin starts a write transaction, waiting for other writers at most that
// long.
func (c *conn) begin(ctx context.Context, wait time.Duration) error {
	waited := time.Duration(0)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, 0)
		err := c.exec("BEGIN IMMEDIATE")
		sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, 5000)
		if !isBusy(err) || waited >= wait {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			waited += pause
		}
	}
}

// rollback ends a transaction without effect; one that an error has ended
// already is no error.
func (c *conn) rollback() {
	if sqlite3.Xsqlite3_get_autocommit(c.tls, c.db) == 0 {
		_ = c.exec("ROLLBACK")
	}
}
