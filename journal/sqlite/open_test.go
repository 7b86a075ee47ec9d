package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline"
)

func mustOpen(t *testing.T, o Options) *Journal {
	t.Helper()
	j, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func entry(stream string, block int) *syncline.Entry {
	return &syncline.Entry{Source: "s", Stream: stream, Kind: syncline.KindPage, ReceivedAt: time.Now(), Block: make([]byte, block)}
}

func wantCode(t *testing.T, err error, code syncline.Code, words ...string) {
	t.Helper()
	var e *syncline.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v, want code %s", err, code)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in: %v", w, err)
		}
	}
}

func TestFilesAreForThisUserOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "dir #1 100%? é", "journal.db")
	j := mustOpen(t, Options{Path: path})
	if err := j.Append(ctx, []*syncline.Entry{entry("payments", 100)}); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".lock": 0o600,
		filepath.Dir(path): 0o700 | os.ModeDir, filepath.Dir(filepath.Dir(path)): 0o700 | os.ModeDir} {
		if st, err := os.Stat(p); err != nil || st.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", p, st.Mode(), err, want)
		}
	}
}

func TestInsecurePermissionsWarn(t *testing.T) {
	var log bytes.Buffer
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := mustOpen(t, Options{Path: path}).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, Options{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if !strings.Contains(log.String(), "insecure_permissions") || !strings.Contains(log.String(), path+" ") {
		t.Errorf("log: %s", log.String())
	}
}

// TestCloseLeavesNothingOpen: a connection left behind would keep its locks, its
// descriptors and the log file.
func TestCloseLeavesNothingOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	for range 2 {
		j := mustOpen(t, Options{Path: path})
		if err := j.Append(ctx, []*syncline.Entry{entry("payments", 100)}); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Read(ctx, "payments", 0, 1); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path + "-wal"); !os.IsNotExist(err) {
			t.Errorf("the log is still there: %v", err)
		}
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc on this system")
	}
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasPrefix(to, path) {
			t.Errorf("still open: %s", to)
		}
	}
}

func TestOneProcessWrites(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "journal.db")
	if os.Getenv("JOURNAL_CHILD") != "" { // tries from another process, through a link
		_, err := Open(ctx, Options{Path: os.Getenv("JOURNAL_CHILD")})
		fmt.Println(err)
		os.Exit(0)
	}
	j := mustOpen(t, Options{Path: path})
	_, err := Open(ctx, Options{Path: path})
	wantCode(t, err, syncline.CodeLocked, "this process")
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestOneProcessWrites$")
	cmd.Env = append(os.Environ(), "JOURNAL_CHILD="+link)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("process %d is working", os.Getpid())) || !strings.Contains(string(out), "[locked]") {
		t.Errorf("other process: %s, %v", out, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, Options{Path: path})
}

func TestReadOnlyBesideTheWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	_, err := Open(ctx, Options{Path: path, ReadOnly: true})
	wantCode(t, err, syncline.CodeJournalDown, "no such file")
	j := mustOpen(t, Options{Path: path})
	r := mustOpen(t, Options{Path: path, ReadOnly: true})
	if err := j.Append(ctx, []*syncline.Entry{entry("payments", 100)}, syncline.StreamCursor{Source: "s", Stream: "payments", Cursor: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	check := func(r *Journal) {
		t.Helper()
		es, err := r.Read(ctx, "payments", 0, 1)
		c, cerr := r.Cursor(ctx, "s", "payments")
		st, serr := r.Stats(ctx)
		if err = errors.Join(err, cerr, serr); err != nil || len(es) != 1 || string(c) != "1" || st.Entries != 1 || r.ID() != j.ID() {
			t.Errorf("%d entries, cursor %s, %+v, %v", len(es), c, st, err)
		}
	}
	check(r)
	_, pruneErr := r.Prune(ctx, time.Now())
	for _, err := range []error{r.Append(ctx, []*syncline.Entry{entry("payments", 1)}), r.Intend(ctx, syncline.Intent{}),
		r.Delivered(ctx, "c", "payments", 1), r.Reset(ctx, "s", "c", "payments"), r.SaveRun(ctx, &syncline.Receipt{}), pruneErr} {
		if err == nil || !strings.Contains(err.Error(), "read only") {
			t.Errorf("change through a read-only journal: %v", err)
		}
	}
	if err := errors.Join(r.Close(), j.Close()); err != nil {
		t.Fatal(err)
	}
	check(mustOpen(t, Options{Path: path, ReadOnly: true})) // without a writer
}

// TestReadOnlyAfterCrash: what a killed process left in the log is seen before
// anyone has opened the journal to write.
func TestReadOnlyAfterCrash(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "journal.db")
	j := mustOpen(t, Options{Path: path})
	if err := j.Append(ctx, []*syncline.Entry{entry("payments", 100)}); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(t.TempDir(), "journal.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err == nil {
			err = os.WriteFile(left+suffix, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r := mustOpen(t, Options{Path: left, ReadOnly: true})
	if es, err := r.Read(ctx, "payments", 0, 1); len(es) != 1 || err != nil {
		t.Errorf("%d entries, %v", len(es), err)
	}
}

func TestForeignAndNewerFilesAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		code   syncline.Code
		words  string
	}{
		"foreign":   {"CREATE TABLE invoices (id INTEGER)", syncline.CodeConfigInvalid, "not a Syncline journal"},
		"other app": {"PRAGMA application_id = 7", syncline.CodeConfigInvalid, "not a Syncline journal"},
		"newer":     {fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 999", applicationID), syncline.CodeStateInvalid, "version 999"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			db, err := sql.Open("sqlite", dsn(path, "rwc", nil))
			if err == nil {
				_, err = db.Exec(tt.script)
			}
			if err = errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{false, true} {
				_, err = Open(ctx, Options{Path: path, ReadOnly: readOnly})
				wantCode(t, err, tt.code, tt.words)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("not a database "), 400), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(ctx, Options{Path: path})
	wantCode(t, err, syncline.CodeJournalCorrupt)
}

// TestMigrationIsAllOrNothing: a schema half made is not taken for a whole one.
func TestMigrationIsAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	_, err := Open(ctx, Options{Path: path, Rand: strings.NewReader("short")})
	if err == nil || !strings.Contains(err.Error(), "random id") {
		t.Fatalf("Open: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Open(cancelled, Options{Path: path}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Open: %v", err)
	}
	if j := mustOpen(t, Options{Path: path}); len(j.ID()) != 32 {
		t.Errorf("id %q", j.ID())
	}
}
