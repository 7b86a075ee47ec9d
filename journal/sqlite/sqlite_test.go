package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/journal/journaltest"
)

var ctx = context.Background()

func openAt(dir string, now func() time.Time, pragmas ...string) (syncline.Journal, error) {
	j, err := Open(ctx, Options{Path: filepath.Join(dir, "journal.db"), Now: now, Pragmas: pragmas})
	if err != nil {
		return nil, err
	}
	return j, nil
}

func harness() journaltest.Harness {
	h := journaltest.Harness{
		Open:   func(dir string, now func() time.Time) (syncline.Journal, error) { return openAt(dir, now) },
		Damage: damage,
		Check:  checkIntegrity,
		Weak:   map[string]func(string) (syncline.Journal, error){},
		OnDisk: true, LogSuffix: "-wal",
	}
	for name, pragma := range map[string]string{
		"synchronous=NORMAL":     "synchronous(NORMAL)",
		"synchronous=OFF":        "synchronous(OFF)",
		"journal_mode=DELETE":    "journal_mode(DELETE)",
		"journal_mode=MEMORY":    "journal_mode(MEMORY)",
		"journal_mode=OFF":       "journal_mode(OFF)",
		"fullfsync=0":            "fullfsync(0)",
		"checkpoint_fullfsync=0": "checkpoint_fullfsync(0)",
	} {
		h.Weak[name] = func(dir string) (syncline.Journal, error) { return openAt(dir, time.Now, pragma) }
	}
	return h
}

func TestConformance(t *testing.T) { journaltest.Run(t, harness()) }

func BenchmarkJournal(b *testing.B) { journaltest.Benchmark(b, harness()) }

// damage writes through a connection of its own. Bits are flipped in the middle
// of a value, so the file stays a sound SQLite file.
func damage(t *testing.T, dir string, d journaltest.Damage) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(filepath.Join(dir, "journal.db"), "rw", []string{"busy_timeout(5000)"}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(text string, args ...any) {
		t.Helper()
		res, err := db.Exec(text, args...)
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := res.RowsAffected(); n != 1 && text[0] != 'D' {
			t.Fatalf("%d rows were damaged", n)
		}
	}
	flip := func(table, column, where string, args ...any) {
		t.Helper()
		var v []byte
		if err := db.QueryRow("SELECT "+column+" FROM "+table+" WHERE "+where, args...).Scan(&v); err != nil {
			t.Fatal(err)
		}
		v[len(v)/2] ^= 0x10
		exec("UPDATE "+table+" SET "+column+" = ? WHERE "+where, append([]any{v}, args...)...)
	}
	switch {
	case d.Cursor:
		flip("cursors", "cursor", "stream = ?", d.Stream)
	case d.Intent:
		flip("intents", "intent", "stream = ?", d.Stream)
	case d.Remove:
		exec("DELETE FROM entries WHERE id = (SELECT id << 40 FROM streams WHERE name = ?) + ?", d.Stream, d.Position)
	default:
		exec("DROP TRIGGER entries_immutable")
		flip("entries", "payload", "id = (SELECT id << 40 FROM streams WHERE name = ?) + ?", d.Stream, d.Position)
	}
}

func checkIntegrity(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(filepath.Join(dir, "journal.db"), "ro", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var result string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
		t.Errorf("integrity_check: %s, %v", result, err)
	}
}
