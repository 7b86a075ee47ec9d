package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/synclinehq/syncline"
)

// Options say which journal to open and how.
type Options struct {
	// Path is the file. It and its directory are created if missing, for this
	// user only. PATH-wal, PATH-shm and PATH.lock lie beside it.
	Path string
	// ReadOnly opens an existing journal beside the process that writes it.
	// Methods that change it fail.
	ReadOnly bool
	// Now is the clock, time.Now if nil. Pruning compares it with the time
	// that is given to Prune.
	Now func() time.Time
	// Rand gives the id of a new journal, crypto/rand if nil.
	Rand io.Reader
	// Log gets warnings, such as of a file that others may read. Nil discards.
	Log *slog.Logger
	// KeepRuns is how many receipts are kept per pipeline, 1,000 if 0.
	KeepRuns int
	// TailBytes is the memory for the latest entries, which Read returns
	// without touching the disk: 8 MiB if 0, none if negative.
	TailBytes int
	// Pragmas are further settings of the writing connection, for example
	// "cache_size(-65536)". Settings that weaken durability are refused.
	Pragmas []string
}

func (o *Options) withDefaults() {
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the default of the parameter
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.KeepRuns <= 0 {
		o.KeepRuns = 1000
	}
	if o.TailBytes == 0 {
		o.TailBytes = 8 << 20
	}
}

// Journal is a journal in a SQLite file. It is safe for concurrent use.
type Journal struct {
	opts       Options
	path       string
	id         string
	lock       *processLock // nil if read only, like the next two
	w          *writer
	deliveries *deliveries
	read       *sql.DB
	stmts      readStatements
	tail       *tail
	closing    sync.Once
	closeErr   error
}

var _ syncline.Journal = (*Journal)(nil)

// Open opens the journal, and creates it unless o.ReadOnly is set. Errors:
// CodeLocked if another process writes it, CodeJournalWeak if the settings or
// the file system cannot keep what Append promises, CodeConfigInvalid if the
// file is something else, CodeStateInvalid if a newer program wrote it.
func Open(ctx context.Context, o Options) (*Journal, error) {
	o.withDefaults()
	if o.Path == "" {
		return nil, &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: "journal",
			What: "no path given", Fix: "Set the path of the journal file"}
	}
	path, err := realPath(o.Path)
	if err != nil {
		return nil, unusable(o.Path, "find its absolute path", err)
	}
	j := &Journal{opts: o, path: path, tail: newTail(o.TailBytes)}
	if !o.ReadOnly {
		err = j.openWriter(ctx)
	} else if _, statErr := os.Stat(path); statErr != nil {
		err = unusable(path, "open it for reading", statErr)
	}
	if err == nil {
		err = j.openReader(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// realPath resolves links, so that one file has one lock.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range 16 {
		to, err := os.Readlink(abs)
		if err != nil {
			break // not a link, or not there yet
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(abs), to)
		}
		abs = to
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		abs = filepath.Join(dir, filepath.Base(abs))
	}
	return abs, nil
}

func (j *Journal) openWriter(ctx context.Context) (err error) {
	if err := prepareFiles(j.path, j.opts.Log); err != nil {
		return err
	}
	if j.lock, err = lockJournal(j.path); err != nil {
		return err
	}
	if err := createFile(j.path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(j.path, "rw", []string{"busy_timeout(5000)"}))
	if err != nil {
		return storeError(j.path, "open it", err)
	}
	db.SetMaxOpenConns(1)
	j.deliveries = newDeliveries()
	j.w = &writer{path: j.path, db: db, deliveries: j.deliveries, tail: j.tail, bounds: normalBounds}
	return j.w.start(ctx, j.opts)
}

// prepareFiles makes the directory and checks where it is. Each new directory
// is made durable in its parent: a file that is synced in a directory that is
// not is lost all the same.
func prepareFiles(path string, log *slog.Logger) error {
	dir := filepath.Dir(path)
	if err := makeDir(dir); err != nil {
		return unusable(path, "create its directory", err)
	}
	name, err := remoteFilesystem(dir)
	if err != nil {
		return unusable(path, "see which file system it is on", err)
	}
	if name != "" {
		return &syncline.Error{Code: syncline.CodeJournalWeak, Class: syncline.Fatal, Where: "journal " + path,
			What: fmt.Sprintf("setting file system is %s, but needed is a local disk: locks and syncing cannot be relied on elsewhere", name),
			Fix:  "Put the journal on a local disk"}
	}
	for _, p := range []string{dir, path} {
		if st, err := os.Stat(p); err == nil && runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
			log.Warn("insecure_permissions: others may read the journal; chmod go-rwx it",
				"path", p, "mode", fmt.Sprintf("%04o", st.Mode().Perm()))
		}
	}
	return nil
}

func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// createFile makes the file with safe permissions; SQLite gives the same to
// the files beside it. SQLite is not to find out by itself, and the file is not
// to be opened again: closing any descriptor of it drops SQLite's locks.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err == nil {
		err = f.Sync()
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return unusable(path, "create it", err)
	}
	return nil
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (j *Journal) openReader(ctx context.Context) (err error) {
	if j.read, err = sql.Open("sqlite", dsn(j.path, "ro", readerPragmas)); err != nil {
		return storeError(j.path, "open it for reading", err)
	}
	j.read.SetMaxOpenConns(4)
	c, err := j.read.Conn(ctx)
	if err != nil {
		return storeError(j.path, "open it for reading", err)
	}
	defer c.Close()
	version, err := checkSchema(ctx, c, j.path)
	if err != nil {
		return err
	}
	if version < len(migrations) {
		return j.badState(fmt.Sprintf("the journal has schema version %d and is read only, this program needs %d", version, len(migrations)), nil)
	}
	if err := c.QueryRowContext(ctx, "SELECT id FROM journal").Scan(&j.id); err != nil {
		return storeError(j.path, "read its id", err)
	}
	return storeError(j.path, "prepare to read", j.stmts.prepare(ctx, j.read))
}

// ID returns the id the journal was created with.
func (j *Journal) ID() string { return j.id }

// Path returns the absolute path of the file.
func (j *Journal) Path() string { return j.path }

// Capabilities says what this journal promises.
func (j *Journal) Capabilities() syncline.JournalCapabilities {
	return syncline.JournalCapabilities{
		Name: "sqlite", StrictDurable: true, Ordered: true, AtomicDedupe: true,
		DurabilityNote: "one local file, one writing process; WAL with synchronous=FULL: a confirmed entry survives a power cut if the disk keeps what it has synced",
	}
}

// Close waits for appends that are under way, empties the write-ahead log into
// the file and gives the lock back. Later calls fail with CodeJournalDown.
func (j *Journal) Close() error {
	j.closing.Do(func() {
		var errs []error
		if j.read != nil {
			errs = append(errs, j.stmts.close(), j.read.Close())
		}
		if j.w != nil {
			errs = append(errs, j.w.stop())
		}
		if j.lock != nil {
			errs = append(errs, j.lock.release())
		}
		j.closeErr = storeError(j.path, "close it", errors.Join(errs...))
	})
	return j.closeErr
}
