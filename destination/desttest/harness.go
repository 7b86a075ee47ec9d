package desttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// Null is how [Database.Query] shows a null.
const Null = "\x00null"

// Database is an empty database of one test, seen without Syncline.
type Database interface {
	// Open opens a destination on it. The test closes it.
	Open(t testing.TB) syncline.Destination
	// Query runs SQL with an independent program and returns the rows' values
	// as text, nulls as [Null].
	Query(t testing.TB, sql string) [][]string
}

// Network is implemented by databases that are reached over TCP.
type Network interface {
	// Addr is the server's address, OpenAt opens through another one.
	Addr() string
	OpenAt(t testing.TB, addr string) syncline.Destination
	// Restart ends the server and starts it again; hard means without warning.
	Restart(t testing.TB, hard bool)
}

// Harness says how to run the suite on a destination.
type Harness struct {
	// Database makes an empty database.
	Database func(t testing.TB) Database
	// Private is like Database on a server that the test may restart; nil if
	// there is no server.
	Private func(t testing.TB) Database
	// Dialect is the identifiers' dialect.
	Dialect sqltext.Dialect
	// Text returns an SQL expression for a column's value as text as
	// [batch.Column.Text] has it, Bytes in lower-case hex. JSON may differ in
	// form, numbers in trailing zeros.
	Text func(column string, t batch.Type) string
	// ForeignTable makes a table that is not Syncline's, DocumentTable one as
	// dodo-sync makes it with a row ('old', {"v":1}).
	ForeignTable, DocumentTable func(name string) string
	// RefuseTrigger returns SQL after which rows of the table whose text column
	// note is 'poison' are refused.
	RefuseTrigger func(table string) string
	// HistoryTrigger returns SQL after which every version that a row of the
	// table gets is kept as a row (id, version) of the table history.
	HistoryTrigger func(table string) string
	// InterfereTrigger returns SQL after which every attempt to insert into the
	// table first gives the stored row 'a' the version 9 and the note 'theirs',
	// as another program would between our looking and our writing.
	InterfereTrigger func(table string) string
	// RowVersion is an SQL expression that changes whenever a row is written;
	// empty if there is none: then HistoryTrigger tells.
	RowVersion string
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for _, s := range []struct {
		name string
		test func(*fixture)
	}{
		{"types at their extremes", testTypes},
		{"names of fields are kept and distinct", testNames},
		{"columns are added and widened", testGrow},
		{"columns not in the batch stay", testPartialColumns},
		{"composite and numeric keys", testKeys},
		{"same batch twice", testTwice},
		{"P-13 older after newer", testOlder},
		{"F-36 all orders end in one state", testOrders},
		{"P-13 decided in the statement", testGuard},
		{"P-15 ties", testTies},
		{"P-17 deletes", testDeletes},
		{"unchanged rows are not rewritten", testUnchanged},
		{"batch beyond the limits", testLarge},
		{"empty write moves the position", testEmpty},
		{"P-27 refused rows are named", testRefused},
		{"L-04 fence", testFence},
		{"position and journal", testPosition},
		{"P-08 tampered state", testTampered},
		{"ledger adds up", testLedger},
		{"dead letters are kept once", testDeadLetters},
		{"P-02 rows, position and dead letters or none", testAtomic},
		{"foreign table", testForeign},
		{"table of another stream", testOwner},
		{"dropped table", testDropped},
		{"altered table", testAltered},
		{"two prepare at once", testPrepareRace},
		{"document layout", testDocument},
		{"document layout takes over", testTakeOver},
		{"drop", testDrop},
		{"text of all kinds", testText},
		{"I4 versions never go down", testHistory},
		{"canceled", testCanceled},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.test(newFixture(t, h, h.Database(t)))
		})
	}
	if h.Private != nil {
		runFaults(t, h)
	}
}

// fixture is one destination with one stream.
type fixture struct {
	testing.TB
	h     Harness
	db    Database
	d     syncline.Destination
	state syncline.State
	table *syncline.Table
	pos   syncline.Position
}

func newFixture(t testing.TB, h Harness, db Database) *fixture {
	f := &fixture{TB: t, h: h, db: db}
	f.d = db.Open(t)
	t.Cleanup(func() { _ = f.d.Close() })
	return f
}

// field makes a declared field; a name that begins with "*" is a key.
func field(name string, t batch.Type) batch.Field {
	key := strings.HasPrefix(name, "*")
	return batch.Field{Name: strings.TrimPrefix(name, "*"), Type: t, Key: key, Declared: true}
}

func schema(fields ...batch.Field) *batch.Schema { return &batch.Schema{Fields: fields} }

// notes is the schema of most tests.
func notes() *batch.Schema {
	return schema(field("*id", batch.String), field("n", batch.Int64), field("note", batch.String))
}

// prepared attaches and prepares the table "items".
func (f *fixture) prepared(s *batch.Schema) *fixture {
	f.Helper()
	f.attach()
	f.table = &syncline.Table{Stream: "items", Name: "items", Layout: syncline.LayoutColumns, Schema: s}
	f.prepare()
	return f
}

func (f *fixture) attach() {
	f.Helper()
	var err error
	if f.state, err = f.d.Attach(f.Context(), "main", "items", "journal-1"); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) prepare() {
	f.Helper()
	if err := f.d.Prepare(f.Context(), f.table, f.state); err != nil {
		f.Fatal(err)
	}
}

// row is a row of a batch. Its hash is made of hash, 0 of none.
type row struct {
	version, tie int64
	hash         uint64
	deleted      bool
	values       []any
}

func (r row) meta(i int) batch.Meta {
	m := batch.Meta{Version: r.version, Tie: r.tie, Deleted: r.deleted, Index: i}
	for k := range 8 {
		m.Hash[k], m.Hash[15-k] = byte(r.hash>>(8*k)), byte(r.hash>>(8*k))
	}
	return m
}

// rows makes a batch.
func rows(s *batch.Schema, list ...row) *batch.Batch {
	b := batch.New(s.Clone())
	for i, r := range list {
		for j, v := range r.values {
			put(b.Column(j), v)
		}
		b.EndRow(r.meta(i))
	}
	return b
}

func (f *fixture) checkpoint() syncline.Checkpoint {
	f.pos++
	return syncline.Checkpoint{Pipeline: "main", Stream: "items", Journal: "journal-1", Epoch: f.state.Epoch, Through: f.pos,
		BatchID: fmt.Sprint("batch", f.pos), Run: "run-1", At: time.Date(2026, 11, 21, 0, 0, int(f.pos), 0, time.UTC)}
}

func (f *fixture) write(list ...row) syncline.WriteResult {
	f.Helper()
	return f.writeBatch(rows(f.table.Schema, list...))
}

func (f *fixture) writeBatch(b *batch.Batch) syncline.WriteResult {
	f.Helper()
	r, err := f.d.Write(f.Context(), f.table, b, f.checkpoint())
	if err != nil {
		f.Fatal(err)
	}
	if n := r.Applied() + r.Unchanged + r.Superseded; n != b.Len() {
		f.Fatalf("%d rows and the result accounts for %d: %+v", b.Len(), n, r)
	}
	return r
}

// want compares a result without its ties.
func (f *fixture) want(got, want syncline.WriteResult) {
	f.Helper()
	got.Tied, want.Tied = nil, nil
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.Fatalf("result %+v, want %+v", got, want)
	}
}

// code checks an error's code.
func (f *fixture) code(err error, want syncline.Code) {
	f.Helper()
	if syncline.CodeOf(err) != want {
		f.Fatalf("error %v, want code %s", err, want)
	}
	var e *syncline.Error
	if errors.As(err, &e) && (e.What == "" && e.Err == nil || e.Fix == "") {
		f.Fatalf("error does not say what happened and what to do: %+v", e)
	}
}

// read returns the table's values of columns and conditions in order of its
// first column, each row joined by "|".
func (f *fixture) read(columns string) []string {
	f.Helper()
	var out []string
	for _, r := range f.db.Query(f, "SELECT "+columns+` FROM "items" ORDER BY 1`) {
		out = append(out, strings.ReplaceAll(strings.Join(r, "|"), Null, "-"))
	}
	return out
}

// expect compares what read returns.
func (f *fixture) expect(columns string, want ...string) {
	f.Helper()
	if got := f.read(columns); fmt.Sprint(got) != fmt.Sprint(want) {
		f.Fatalf("%s:\n got %q\nwant %q", columns, got, want)
	}
}

func (f *fixture) count(want int) {
	f.Helper()
	if n, err := f.d.Count(f.Context(), f.table); err != nil || n != want {
		f.Fatalf("count %d %v, want %d", n, err, want)
	}
}

func key(parts ...string) syncline.Key {
	var k syncline.Key
	for _, p := range parts {
		k = batch.AppendKeyPart(k, []byte(p))
	}
	return k
}

func background() context.Context { return context.Background() }
