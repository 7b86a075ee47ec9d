package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

func TestPath(t *testing.T) {
	for uri, want := range map[string]string{
		"data.db": "data.db", "sqlite:data.db": "data.db", "sqlite:///var/x.db": "/var/x.db", "sqlite://x.db": "x.db",
		"file:/a%20b.db?mode=rw": "/a b.db", "./a//b.db": "a/b.db", "100%.db": "100%.db", "what?.db": "what?.db",
		"sqlite:/var/x.db": "/var/x.db", "a:b.db": "a:b.db", "postgres.db": "postgres.db", "postgres/x.db": "postgres/x.db", "C:/x.db": "C:/x.db", "my//x.db": "my/x.db",
	} {
		if got, err := Path(uri); err != nil || got != want {
			t.Errorf("Path(%q) = %q, %v; want %q", uri, got, err, want)
		}
	}
	for uri, fix := range map[string]string{
		"": "sqlite:data.db", "sqlite:": "sqlite:data.db", ":memory:": "sqlite:data.db", "sqlite::memory:": "sqlite:data.db", "a\x00b": "sqlite:data.db",
		"postgres//x": "postgres://x ", "postgres:/u@h/x": "postgres://***@h/x ", "postgres://u:hunter2@h/x": "postgres://***@h/x ", "Postgresql:///x": "postgres://x ",
		"sqlite//x.db": "sqlite://x.db", "sqlite///var/x.db": "sqlite:///var/x.db", "SQLite:/var/x.db": "sqlite:///var/x.db", "File:x.db": "file://x.db",
		"mysql:/x": "sqlite://x", "other:/x": "sqlite://x", "other:///x:hunter2@y": "sqlite://***@y",
	} {
		_, err := Path(uri)
		var e *syncline.Error
		if !errors.As(err, &e) || e.Code != syncline.CodeConfigInvalid || !strings.Contains(e.Fix+" ", fix) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Path(%q): %v", uri, err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		code syncline.Code
	}{
		"no directory":   {filepath.Join(dir, "none", "x.db"), syncline.CodeConfigInvalid},
		"is a directory": {dir, syncline.CodeDestPermission},
		"no database":    {text, syncline.CodeConfigInvalid},
	} {
		_, err := Open(t.Context(), Options{Path: c.path})
		var e *syncline.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Class != syncline.Fatal || e.Fix == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	d := open(t, path)
	defer d.Close()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v, want 0600", info.Mode(), err)
	}
	for _, with := range []func(context.Context, func(*conn) error) error{d.writing, d.reading} {
		err := with(t.Context(), func(c *conn) error {
			for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
				got := ""
				if err := c.query("PRAGMA "+pragma, nil, func(s *stmt) error { got = s.text(0); return nil }); err != nil || got != want {
					t.Errorf("%s is %s, want %s; %v", pragma, got, want, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// small is a destination with a table of an id and a number.
type small struct {
	d     *DB
	db    *database
	state syncline.State
	table *syncline.Table
	at    syncline.Checkpoint
}

func prepared(t testing.TB, o Options, typ batch.Type) *small {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "data.db")
	}
	f := &small{db: &database{o.Path}}
	var err error
	if f.d, err = Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.d.Close() })
	if f.state, err = f.d.Attach(t.Context(), "p", "s", "j"); err != nil {
		t.Fatal(err)
	}
	f.table = &syncline.Table{Stream: "s", Name: "items", Layout: syncline.LayoutColumns,
		Schema: &batch.Schema{Fields: []batch.Field{{Name: "id", Type: batch.String, Key: true, Declared: true}, {Name: "n", Type: typ, Declared: true}}}}
	if err := f.d.Prepare(t.Context(), f.table, f.state); err != nil {
		t.Fatal(err)
	}
	f.at = syncline.Checkpoint{Pipeline: "p", Stream: "s", Journal: "j", Epoch: f.state.Epoch, Through: 1, At: time.Unix(1, 0)}
	return f
}

func (f *small) batch(version int64, n int) *batch.Batch {
	b := batch.New(f.table.Schema.Clone())
	for i := range n {
		b.Column(0).AppendBytes([]byte(fmt.Sprintf("%05d", i)))
		b.Column(1).AppendInt64(version)
		b.EndRow(batch.Meta{Version: version, Hash: batch.Hash{byte(version), byte(version >> 8), 1}})
	}
	return b
}

// TestLocked: another program's transaction makes a write wait and then fail
// for now.
func TestLocked(t *testing.T) {
	f := prepared(t, Options{Wait: 30 * time.Millisecond}, batch.Int64)
	other := open(t, f.db.path)
	defer other.Close()
	err := other.writing(t.Context(), func(c *conn) error {
		return other.transaction(t.Context(), c, func() error {
			_, err := f.d.Write(t.Context(), f.table, f.batch(1, 1), f.at)
			if syncline.CodeOf(err) != syncline.CodeDestDown || syncline.ClassOf(err) != syncline.Transient {
				t.Errorf("got %v", err)
			}
			// Readers are not in the way.
			if n, err := f.d.Count(t.Context(), f.table); n != 0 || err != nil {
				t.Error(n, err)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.d.Write(t.Context(), f.table, f.batch(1, 1), f.at); err != nil {
		t.Fatal(err)
	}
}

// TestFull: a full disk stops the pipeline, keeps what was there, and ends when
// there is space.
func TestFull(t *testing.T) {
	f := prepared(t, Options{}, batch.Int64)
	limit := func(pages string) {
		if err := f.d.writing(t.Context(), func(c *conn) error { return c.exec("PRAGMA max_page_count=" + pages) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.d.Write(t.Context(), f.table, f.batch(1, 10), f.at); err != nil {
		t.Fatal(err)
	}
	limit("1") // as many as there are
	f.at.Through = 2
	_, err := f.d.Write(t.Context(), f.table, f.batch(2, 5000), f.at)
	if syncline.CodeOf(err) != syncline.CodeDestFull || syncline.ClassOf(err) != syncline.Fatal {
		t.Fatalf("got %v", err)
	}
	if got := f.db.Query(t, "SELECT count(*), max(n), (SELECT position FROM _syncline_state) FROM items")[0]; fmt.Sprint(got) != "[10 1 1]" {
		t.Fatalf("after a full disk: %v", got)
	}
	limit("1000000")
	if r, err := f.d.Write(t.Context(), f.table, f.batch(2, 5000), f.at); err != nil || r.Inserted != 4990 || r.Updated != 10 {
		t.Fatal(r, err)
	}
}

// TestWidenKeepsDependents widens a column that an index, a trigger and a view
// use.
func TestWidenKeepsDependents(t *testing.T) {
	f := prepared(t, Options{}, batch.Int64)
	if _, err := f.d.Write(t.Context(), f.table, f.batch(7, 3), f.at); err != nil {
		t.Fatal(err)
	}
	f.db.Query(t, `CREATE INDEX by_n ON items(n); CREATE TABLE log (n); CREATE VIEW v AS SELECT n FROM items;
		CREATE TRIGGER logged AFTER UPDATE OF n ON items BEGIN INSERT INTO log VALUES (NEW.n); END`)
	f.table.Schema.Fields[1].Type = batch.Decimal
	if err := f.d.Prepare(t.Context(), f.table, f.state); err != nil {
		t.Fatal(err)
	}
	got := f.db.Query(t, "SELECT (SELECT group_concat(n) FROM v), (SELECT group_concat(name) FROM sqlite_schema WHERE name IN ('by_n', 'logged')), (SELECT count(*) FROM log), (SELECT group_concat(typeof(n)) FROM items)")[0]
	if fmt.Sprint(got) != "[7,7,7 by_n,logged 0 text,text,text]" {
		t.Fatalf("%v", got)
	}
	if got := f.db.Query(t, "PRAGMA integrity_check")[0][0]; got != "ok" {
		t.Fatal(got)
	}
}

// TestWidenFloats: numbers that were doubles are, as text, the same doubles.
func TestWidenFloats(t *testing.T) {
	f := prepared(t, Options{}, batch.Float64)
	rnd := rand.New(rand.NewPCG(3, 4))
	b := batch.New(f.table.Schema.Clone())
	var want []float64
	for i := range 2000 {
		v := math.Float64frombits(rnd.Uint64())
		if math.IsNaN(v) || math.IsInf(v, 0) {
			v = 0.1
		}
		want = append(want, v)
		b.Column(0).AppendBytes([]byte(fmt.Sprintf("%05d", i)))
		b.Column(1).AppendFloat64(v)
		b.EndRow(batch.Meta{Version: 1})
	}
	if _, err := f.d.Write(t.Context(), f.table, b, f.at); err != nil {
		t.Fatal(err)
	}
	f.table.Schema.Fields[1].Type = batch.Decimal
	if err := f.d.Prepare(t.Context(), f.table, f.state); err != nil {
		t.Fatal(err)
	}
	for i, r := range f.db.Query(t, "SELECT n FROM items ORDER BY id") {
		if v, err := strconv.ParseFloat(r[0], 64); err != nil || v != want[i] {
			t.Fatalf("%v became %s", want[i], r[0])
		}
	}
}

// TestNamesReadBack: what package sqltext makes of any name is an identifier
// that SQLite takes as it is.
func TestNamesReadBack(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "names.db"))
	defer d.Close()
	tables := 0
	rapid.Check(t, func(rt *rapid.T) {
		schema := &batch.Schema{Fields: []batch.Field{{Name: "id", Type: batch.String, Key: true}}}
		for _, f := range rapid.SliceOfNDistinct(rapid.String(), 1, 20, rapid.ID[string]).Draw(rt, "fields") {
			if f != "id" {
				schema.Fields = append(schema.Fields, batch.Field{Name: f, Type: batch.Int64})
			}
		}
		tables++
		state, err := d.Attach(t.Context(), "p", fmt.Sprint(tables), "j")
		if err != nil {
			rt.Fatal(err)
		}
		table := &syncline.Table{Stream: fmt.Sprint(tables), Name: fmt.Sprint(rapid.String().Draw(rt, "table"), tables), Layout: syncline.LayoutColumns, Schema: schema}
		for range 2 { // the second time it reads the columns back
			if err := d.Prepare(t.Context(), table, state); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// TestKilled kills a process that writes, twenty times, and finds each time the
// rows of just the batch that the position says.
func TestKilled(t *testing.T) {
	const rows = 400
	if path := os.Getenv("SYNCLINE_TEST_CHILD"); path != "" {
		f := prepared(t, Options{Path: path}, batch.Int64)
		for n := int64(f.state.Position) + 1; ; n++ {
			f.at.Through = syncline.Position(n)
			if _, err := f.d.Write(t.Context(), f.table, f.batch(n, rows), f.at); err != nil {
				t.Fatal(err)
			}
			os.Stdout.WriteString(".") // one more is confirmed
		}
	}
	db := &database{filepath.Join(t.TempDir(), "data.db")}
	last := 0
	for life := range 20 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "SYNCLINE_TEST_CHILD="+db.path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		confirmed := 0
		for confirmed <= life%3 {
			n, err := out.Read(make([]byte, 100))
			if err != nil {
				t.Fatalf("the child ended: %v", err)
			}
			confirmed += n
		}
		time.Sleep(time.Duration(life) * 700 * time.Microsecond) // where in the next write it dies
		child.Process.Kill()
		child.Wait()
		got := db.Query(t, "SELECT (SELECT position FROM _syncline_state), (SELECT coalesce(min(n), 0) FROM items), (SELECT coalesce(max(n), 0) FROM items), (SELECT count(*) FROM items)")[0]
		position, _ := strconv.Atoi(got[0])
		if position < last+confirmed || got[1] != got[0] || got[2] != got[0] || position > 0 && got[3] != strconv.Itoa(rows) {
			t.Fatalf("life %d: position, smallest, largest, rows: %v", life, got)
		}
		last = position
	}
	if got := db.Query(t, "PRAGMA integrity_check")[0][0]; got != "ok" {
		t.Fatal(got)
	}
	if last < 20 {
		t.Fatalf("only %d batches in 20 lives", last)
	}
}
