//go:build unix

package crashtest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	_ "modernc.org/sqlite" // the driver
)

// row is one row by column.
type row = map[string]any

// query calls yield for every row of an SQL query.
type query func(sql string, yield func(row))

// database is the destination, seen with connections of the tests' own.
type database interface {
	// yaml is the destination's part of the configuration.
	yaml() string
	// look runs fn in one snapshot of the database as it is on disk, without
	// repairing anything there. fn is not called if there is none yet.
	look(t testing.TB, fn func(query))
	// tables is the query for the names of the tables.
	tables() string
	// exec changes the database itself.
	exec(t testing.TB, statement string)
	// guard makes the database record every row of the table that goes back to
	// an older version or is removed, in the table went_back.
	guard(t testing.TB, table string)
	// check lets the database look for damage.
	check(t testing.TB)
}

// sqliteFile is an SQLite destination.
type sqliteFile struct{ path string }

func (d sqliteFile) yaml() string { return "  type: sqlite\n  path: " + d.path }

func (d sqliteFile) tables() string { return `SELECT name FROM sqlite_schema WHERE type = 'table'` }

func (d sqliteFile) look(t testing.TB, fn func(query)) {
	t.Helper()
	if _, err := os.Stat(d.path); errors.Is(err, os.ErrNotExist) {
		return
	}
	// A copy, so that the program finds the write-ahead log as the kill left it.
	db := openSQLite(t, copyDatabase(t, d.path))
	defer db.Close()
	fn(func(sql string, yield func(row)) { eachSQLite(t, db, sql, yield) })
}

func (d sqliteFile) exec(t testing.TB, statement string) {
	t.Helper()
	db := openSQLite(t, d.path)
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (d sqliteFile) guard(t testing.TB, table string) {
	t.Helper()
	d.exec(t, `CREATE TABLE IF NOT EXISTS went_back (what TEXT)`)
	d.exec(t, fmt.Sprintf(`CREATE TRIGGER IF NOT EXISTS %[1]s_back BEFORE UPDATE ON %[1]s
		WHEN (NEW._syncline_version, NEW._syncline_tie, NEW._syncline_hash) < (OLD._syncline_version, OLD._syncline_tie, OLD._syncline_hash)
		BEGIN INSERT INTO went_back VALUES ('%[1]s: ' || OLD._syncline_version || '/' || OLD._syncline_tie || ' -> ' || NEW._syncline_version || '/' || NEW._syncline_tie); END`, table))
	d.exec(t, fmt.Sprintf(`CREATE TRIGGER IF NOT EXISTS %[1]s_gone BEFORE DELETE ON %[1]s BEGIN INSERT INTO went_back VALUES ('%[1]s: removed'); END`, table))
}

func (d sqliteFile) check(t testing.TB) {
	t.Helper()
	integrity(t, d.path)
}

// integrity lets SQLite check a copy of a file.
func integrity(t testing.TB, path string) {
	t.Helper()
	db := openSQLite(t, copyDatabase(t, path))
	defer db.Close()
	var answer string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&answer); err != nil || answer != "ok" {
		t.Fatalf("%s: integrity check: %s %v", path, answer, err)
	}
}

// openSQLite opens a file so that columns come back as they are stored.
func openSQLite(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

// copyDatabase copies a file with its write-ahead log and returns the copy.
func copyDatabase(t testing.TB, path string) string {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "look")
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, filepath.Base(path))
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(path+suffix, to+suffix); err != nil && (suffix == "" || !errors.Is(err, os.ErrNotExist)) {
			t.Fatal(err)
		}
	}
	return to
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// eachSQLite runs a query on a file that nobody else has open.
func eachSQLite(t testing.TB, db *sql.DB, sql string, yield func(row)) {
	t.Helper()
	rows, err := db.Query(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, places := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		out := row{}
		for i, n := range names {
			out[n] = values[i]
		}
		yield(out)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// postgres is a PostgreSQL destination.
type postgres struct{ uri string }

func (d postgres) yaml() string { return "  type: postgres\n  uri: " + d.uri }

func (d postgres) tables() string {
	return `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()`
}

// run executes statements on a connection of their own.
func (d postgres) run(t testing.TB, fn func(exec func(sql string) []*pgconn.Result)) {
	t.Helper()
	ctx := context.Background()
	c, err := pgconn.Connect(ctx, d.uri)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	fn(func(sql string) []*pgconn.Result {
		t.Helper()
		results, err := c.Exec(ctx, sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return results
	})
}

func (d postgres) look(t testing.TB, fn func(query)) {
	t.Helper()
	d.run(t, func(exec func(string) []*pgconn.Result) {
		exec("SET timezone = 'UTC'; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
		fn(func(sql string, yield func(row)) {
			t.Helper()
			for _, r := range exec("SELECT to_json(q)::text FROM (" + sql + ") q")[0].Rows {
				out, ok := decode(t, r[0]).(row)
				if !ok {
					t.Fatalf("row %s", r[0])
				}
				yield(out)
			}
		})
	})
}

func (d postgres) exec(t testing.TB, statement string) {
	t.Helper()
	d.run(t, func(exec func(string) []*pgconn.Result) { exec(statement) })
}

func (d postgres) guard(t testing.TB, table string) {
	t.Helper()
	d.exec(t, `CREATE TABLE IF NOT EXISTS went_back (what text)`)
	d.exec(t, `CREATE OR REPLACE FUNCTION note_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF TG_OP = 'DELETE' THEN INSERT INTO went_back VALUES (TG_TABLE_NAME || ': removed'); RETURN OLD; END IF;
		IF (NEW._syncline_version, NEW._syncline_tie, NEW._syncline_hash) < (OLD._syncline_version, OLD._syncline_tie, OLD._syncline_hash) THEN
			INSERT INTO went_back VALUES (TG_TABLE_NAME || ': ' || OLD._syncline_version || '/' || OLD._syncline_tie || ' -> ' || NEW._syncline_version || '/' || NEW._syncline_tie);
		END IF;
		RETURN NEW; END $$`)
	d.exec(t, fmt.Sprintf(`DROP TRIGGER IF EXISTS back ON %[1]s; CREATE TRIGGER back BEFORE UPDATE OR DELETE ON %[1]s FOR EACH ROW EXECUTE FUNCTION note_back()`, table))
}

func (d postgres) check(testing.TB) {}

// decode reads JSON with its numbers as they are written.
func decode(t testing.TB, data []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	return v
}
