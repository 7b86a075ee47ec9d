package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	syncline "github.com/synclinehq/syncline"
)

// Check tells what keeps a run from writing the file, and changes nothing. A
// file that does not exist is in order if it can be made.
func (d *DB) Check(ctx context.Context) error {
	info, err := os.Stat(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, err = os.Stat(filepath.Dir(d.path))
	case err == nil && info.IsDir():
		err = &failure{code: sqlite3.SQLITE_CANTOPEN, text: "it is a directory"}
	case err == nil && !writableFile(d.path):
		err = fs.ErrPermission
	case err == nil:
		err = d.look(ctx)
	}
	if err == nil && !writableFile(filepath.Dir(d.path)) {
		err = fs.ErrPermission // the write-ahead log lies beside the file
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return openError(d.path, err)
	}
	return d.classed(err, d.path)
}

// look opens the file, which shows whether it is a database.
func (d *DB) look(ctx context.Context) error {
	c, err := openConn(d.path, true)
	if err != nil {
		return err
	}
	end := c.interruptible(ctx)
	err = c.exec("SELECT count(*) FROM sqlite_schema")
	end()
	return errors.Join(err, c.close())
}

// errAbsent is a file that does not exist, in a destination that was opened for
// looking only.
var errAbsent = errors.New("sqlite: there is no such file")

// absent reports whether an error means that nothing was made yet, in a
// destination that was opened for looking only.
func (d *DB) absent(err error) bool {
	var f *failure
	return d.readOnly && (errors.Is(err, errAbsent) || errors.As(err, &f) && strings.Contains(f.text, "no such table"))
}

// writable refuses to change a file that was opened for looking only.
func (d *DB) writable() error {
	if !d.readOnly {
		return nil
	}
	return &syncline.Error{Code: syncline.CodeDestPermission, Class: syncline.Fatal, Where: d.path,
		What: "the destination was opened for reading only", Fix: "Open it for writing"}
}
