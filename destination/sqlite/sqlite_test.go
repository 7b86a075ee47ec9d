package sqlite

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/destination/desttest"
	"github.com/synclinehq/syncline/internal/sqltext"
)

func TestConformance(t *testing.T) {
	desttest.Run(t, desttest.Harness{
		Database: func(t testing.TB) desttest.Database { return newDatabase(t) },
		Dialect:  sqltext.SQLite,
		Text: func(column string, typ batch.Type) string {
			switch typ {
			case batch.Bool:
				return "CASE " + column + " WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE " + column + " END"
			case batch.Bytes:
				return "CASE WHEN " + column + " IS NOT NULL THEN lower(hex(" + column + ")) END"
			}
			return column
		},
		ForeignTable: func(name string) string {
			return `CREATE TABLE ` + name + ` (id TEXT PRIMARY KEY, secret TEXT); INSERT INTO ` + name + ` VALUES ('a', 'mine')`
		},
		DocumentTable: func(name string) string {
			return `CREATE TABLE ` + name + ` (id TEXT PRIMARY KEY, data TEXT NOT NULL); INSERT INTO ` + name + ` VALUES ('old', '{"v":1}')`
		},
		RefuseTrigger: func(table string) string {
			return `CREATE TRIGGER refuse BEFORE INSERT ON ` + table + ` WHEN NEW.note = 'poison' BEGIN SELECT RAISE(ABORT, 'poisoned'); END`
		},
		HistoryTrigger: func(table string) string {
			return `CREATE TABLE history (seq INTEGER PRIMARY KEY, id TEXT, version INTEGER);
				CREATE TRIGGER inserted AFTER INSERT ON ` + table + ` BEGIN INSERT INTO history (id, version) VALUES (NEW.id, NEW._syncline_version); END;
				CREATE TRIGGER updated AFTER UPDATE ON ` + table + ` BEGIN INSERT INTO history (id, version) VALUES (NEW.id, NEW._syncline_version); END`
		},
		InterfereTrigger: func(table string) string {
			return `CREATE TRIGGER interfere BEFORE INSERT ON ` + table + ` BEGIN UPDATE items SET _syncline_version = 9, note = 'theirs' WHERE id = 'a'; END`
		},
	})
}

// database is a test database seen through Python's sqlite3 module, which has
// an SQLite of its own, in C.
type database struct{ path string }

func newDatabase(t testing.TB) *database {
	return &database{filepath.Join(t.TempDir(), "data.db")}
}

func (d *database) Open(t testing.TB) syncline.Destination { return open(t, d.path) }

func open(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

const reader = `
import sys, json, sqlite3
path, sql = json.load(sys.stdin)
db = sqlite3.connect(path, timeout=30, isolation_level=None)
head = sql.lstrip().upper()
if head.startswith(("SELECT", "PRAGMA")):
    rows = db.execute(sql).fetchall()
    text = lambda v: None if v is None else v if isinstance(v, str) else repr(v)
    print(json.dumps([[text(v) for v in r] for r in rows]))
else:
    db.executescript(sql)
    print("[]")
`

func (d *database) Query(t testing.TB, sql string) [][]string {
	t.Helper()
	in, err := json.Marshal([]string{d.path, sql})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-c", reader)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("reading with python3 and its sqlite3 module (needed as an independent witness): %v %s", err, &stderr)
	}
	var values [][]*string
	if err := json.Unmarshal(out, &values); err != nil {
		t.Fatal(err)
	}
	rows := make([][]string, len(values))
	for i, r := range values {
		for _, v := range r {
			if v == nil {
				rows[i] = append(rows[i], desttest.Null)
			} else {
				rows[i] = append(rows[i], *v)
			}
		}
	}
	return rows
}
