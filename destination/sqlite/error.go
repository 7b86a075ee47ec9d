package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	syncline "github.com/synclinehq/syncline"
)

// failure is what SQLite said.
type failure struct {
	code int32 // extended
	text string
}

func (e *failure) Error() string { return fmt.Sprintf("SQLite: %s (%d)", e.text, e.code) }

// primary is the code without its extension.
func (e *failure) primary() int32 { return e.code & 0xff }

func (c *conn) failed(rc int32, sql string) error {
	text := libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, rc))
	if c.db != 0 && sqlite3.Xsqlite3_extended_errcode(c.tls, c.db)&0xff == rc&0xff {
		text = libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))
	}
	if rc&0xff == sqlite3.SQLITE_ERROR {
		text += " in " + shorten(sql)
	}
	return &failure{code: rc, text: text}
}

func shorten(sql string) string {
	if len(sql) > 200 {
		return strings.ToValidUTF8(sql[:200], "") + "..."
	}
	return sql
}

func isBusy(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.primary() == sqlite3.SQLITE_BUSY
}

// classed gives an error its class and code. Errors that have them stay.
func (d *DB) classed(err error, where string) error {
	var have *syncline.Error
	var rows *syncline.RowErrors
	var f *failure
	switch {
	case err == nil, errors.As(err, &have), errors.As(err, &rows), errors.Is(err, syncline.ErrFenced):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case !errors.As(err, &f):
		return &syncline.Error{Class: syncline.Transient, Where: where, Err: err}
	}
	e := &syncline.Error{Code: syncline.CodeDestDown, Class: syncline.Transient, Where: where, Err: err}
	kind := f.primary()
	if f.code == sqlite3.SQLITE_IOERR_SHMSIZE { // how a full disk shows where the log's index is to grow
		kind = sqlite3.SQLITE_FULL
	}
	switch kind {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		e.What, e.Fix = "another program keeps the database locked", "Find the program that has a write transaction open on "+d.path
	case sqlite3.SQLITE_FULL:
		e.Code, e.Class = syncline.CodeDestFull, syncline.Fatal
		e.What, e.Fix = "the disk (or the database's size limit) is full", "Free space for "+d.path+"; what was not stored is delivered by the next run"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		e.Code, e.Class = syncline.CodeDestPermission, syncline.Fatal
		e.What, e.Fix = "the database cannot be written", "Let this user write "+d.path+" and its directory"
	case sqlite3.SQLITE_CANTOPEN:
		e.Code, e.Class = syncline.CodeDestPermission, syncline.Fatal
		e.What, e.Fix = "the file cannot be opened", "Check that the directory exists and that this user can write in it"
	case sqlite3.SQLITE_NOTADB:
		e.Code, e.Class = syncline.CodeConfigInvalid, syncline.Fatal
		e.What, e.Fix = d.path+" is not an SQLite database", "Give another path"
	case sqlite3.SQLITE_CORRUPT:
		e.Code, e.Class = syncline.CodeStateInvalid, syncline.Fatal
		e.What, e.Fix = d.path+" is damaged", "Restore it from a backup, or delete it and run again"
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
		e.Code, e.Class, e.What = syncline.CodeRowRefused, syncline.Permanent, "the database refuses a row"
	case sqlite3.SQLITE_ERROR:
		e.Code = ""
		e.Class = syncline.Permanent
		if strings.Contains(f.text, "no such table") {
			e.Code, e.Class, e.What = syncline.CodeTableMissing, syncline.Fatal, "a table is gone"
			e.Fix = "Restore it, or run `syncline reset` for its stream to read everything again"
		} else if strings.Contains(f.text, "no such column") || strings.Contains(f.text, "has no column") {
			e.Code, e.Class, e.What = syncline.CodeTableChanged, syncline.Fatal, "the table was changed"
			e.Fix = "Change it back, or drop it and run `syncline reset` for its stream"
		}
	}
	return e
}

// aboutRow reports whether the error concerns the row being written and not the
// database.
func aboutRow(err error) bool {
	var f *failure
	if !errors.As(err, &f) {
		return false
	}
	switch f.primary() {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return true
	}
	return false
}

// openError explains why the operating system does not open the file.
func openError(path string, err error) error {
	e := &syncline.Error{Code: syncline.CodeDestPermission, Class: syncline.Fatal, Where: path, What: "the database file cannot be opened", Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Code, e.Fix = syncline.CodeConfigInvalid, "Create the directory, or give another path"
	case errors.Is(err, fs.ErrPermission):
		e.Fix = "Let this user write the file and its directory"
	}
	return e
}
