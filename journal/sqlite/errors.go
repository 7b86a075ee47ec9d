package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/synclinehq/syncline"
)

// errClosed is returned after Close.
var errClosed = &syncline.Error{Code: syncline.CodeJournalDown, Class: syncline.Fatal, What: "the journal is closed"}

// storeError says what a failure of SQLite means for the journal. doing
// completes "cannot ...".
func storeError(path, doing string, err error) error {
	var known *syncline.Error
	var sq *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case !errors.As(err, &sq):
		return &syncline.Error{Code: syncline.CodeJournalDown, Class: syncline.Transient, Where: "journal " + path,
			What: "cannot " + doing, Err: err}
	}
	e := &syncline.Error{Where: "journal " + path, What: "cannot " + doing, Err: err}
	switch code := sq.Code(); {
	case code&0xff == sqlite3.SQLITE_FULL, code == sqlite3.SQLITE_IOERR_SHMSIZE:
		e.Code, e.Class = syncline.CodeJournalFull, syncline.Transient
		e.Fix = "Nothing that was confirmed is lost. Free space on the disk of the journal; work goes on by itself then"
	case code&0xff == sqlite3.SQLITE_CORRUPT, code&0xff == sqlite3.SQLITE_NOTADB:
		e.Code, e.Class = syncline.CodeJournalCorrupt, syncline.Fatal
		e.Fix = "Check the disk, keep a copy of the file, and restore the journal from a backup"
	case code&0xff == sqlite3.SQLITE_BUSY, code&0xff == sqlite3.SQLITE_LOCKED:
		e.Code, e.Class = syncline.CodeLocked, syncline.Transient
		e.Fix = "Another program holds a lock on the file; close it"
	case code&0xff == sqlite3.SQLITE_READONLY, code&0xff == sqlite3.SQLITE_PERM, code&0xff == sqlite3.SQLITE_CANTOPEN:
		e.Code, e.Class = syncline.CodeJournalDown, syncline.Fatal
		e.Fix = "Check that the file and its directory exist and that this user may write to them"
	default:
		e.Code, e.Class = syncline.CodeJournalDown, syncline.Transient
		e.Fix = "Check the disk and the system's log"
	}
	return e
}

// corrupt names an entry that is not what was appended.
func (j *Journal) corrupt(stream string, p syncline.Position, what string) error {
	return &syncline.Error{Code: syncline.CodeJournalCorrupt, Class: syncline.Fatal, Where: "journal " + j.path,
		What: fmt.Sprintf("entry %d of stream %q %s", p, stream, what),
		Fix:  "Check the disk, then restore the journal from a backup, or reset the stream to read it from the source again"}
}

// badState names stored state that cannot be trusted.
func (j *Journal) badState(what string, err error) error {
	return &syncline.Error{Code: syncline.CodeStateInvalid, Class: syncline.Fatal, Where: "journal " + j.path, What: what, Err: err,
		Fix: "Check the disk, then restore the journal from a backup, or run syncline reset for the stream"}
}

// misuse is a request that can never succeed.
func misuse(format string, args ...any) error {
	return &syncline.Error{Code: syncline.CodeStateInvalid, Class: syncline.Permanent, Where: "journal",
		What: fmt.Sprintf(format, args...)}
}
