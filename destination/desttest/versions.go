package desttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/google/go-cmp/cmp"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/sqltext"
)

func testTwice(f *fixture) {
	f.prepared(notes()).watched()
	b := rows(f.table.Schema, row{version: 5, hash: 1, values: []any{"a", 1, "x"}}, row{version: 5, hash: 2, values: []any{"b", 2, "y"}})
	f.want(f.writeBatch(b), syncline.WriteResult{Inserted: 2})
	before := f.stamp()
	f.want(f.writeBatch(b), syncline.WriteResult{Unchanged: 2})
	f.expect(`"id", "n", "note"`, "a|1|x", "b|2|y")
	if after := f.stamp(); after != before {
		f.Errorf("rows were rewritten: %s, before %s", after, before)
	}
	// Half of it new.
	b = rows(f.table.Schema, row{version: 5, hash: 2, values: []any{"b", 2, "y"}}, row{version: 5, hash: 3, values: []any{"c", 3, "z"}}, row{version: 6, hash: 4, values: []any{"a", 9, "x"}})
	f.want(f.writeBatch(b), syncline.WriteResult{Inserted: 1, Updated: 1, Unchanged: 1})
	f.expect(`"id", "n"`, "a|9", "b|2", "c|3")
	f.count(3)
}

// stamp is what changes when a row is written: the rows' versions in the
// database, or the times of writing.
func (f *fixture) stamp() string {
	f.Helper()
	if f.h.RowVersion != "" {
		return fmt.Sprint(f.read(`"id", "_syncline_synced_at", ` + f.h.RowVersion))
	}
	return fmt.Sprint(f.read(`"id", "_syncline_synced_at"`), f.db.Query(f, "SELECT count(*) FROM history"))
}

// watched lets stamp see every time a row is written.
func (f *fixture) watched() {
	if f.h.RowVersion == "" {
		f.db.Query(f, f.h.HistoryTrigger(sqltext.Quote("items")))
	}
}

func testOlder(f *fixture) {
	f.prepared(notes()).watched()
	f.write(row{version: 5, hash: 5, values: []any{"a", 5, "five"}})
	before := f.stamp()
	f.want(f.write(row{version: 4, hash: 4, values: []any{"a", 4, "four"}}), syncline.WriteResult{Superseded: 1})
	f.want(f.write(row{version: 5, tie: -1, hash: 9, values: []any{"a", 4, "four"}}), syncline.WriteResult{Superseded: 1})
	f.expect(`"id", "n", "note", "_syncline_version"`, "a|5|five|5")
	if f.stamp() != before {
		f.Error("the row was rewritten")
	}
	f.want(f.write(row{version: 5, tie: 1, hash: 9, values: []any{"a", 6, "six"}}), syncline.WriteResult{Updated: 1})
	f.want(f.write(row{version: 7, hash: 7, values: []any{"a", 7, nil}}), syncline.WriteResult{Updated: 1})
	f.expect(`"id", "n", "note", "_syncline_version"`, "a|7|-|7")
}

// testGuard has the stored row become newer after it was looked at and before
// it is written. Whatever the write says, the newer row stays.
func testGuard(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "ours"}})
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "ours"}})
	f.db.Query(f, f.h.InterfereTrigger(sqltext.Quote("items")))
	_, err := f.d.Write(f.Context(), f.table, rows(f.table.Schema, row{version: 5, hash: 5, values: []any{"a", 5, "late"}}), f.checkpoint())
	got := f.read(`"id", "n", "note", "_syncline_version"`)
	// The database may undo the interference together with the refused write.
	if s := fmt.Sprint(got); s != "[a|1|theirs|9]" && (err == nil || s != "[a|1|ours|1]") {
		f.Errorf("the row is %v (write: %v)", got, err)
	}
}

func testTies(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 5, tie: 5, hash: 5, values: []any{"a", 5, "x"}}, row{version: 5, tie: 5, hash: 5, values: []any{"b", 5, "x"}}, row{version: 5, tie: 5, hash: 5, values: []any{"c", 5, "x"}}, row{version: 5, tie: 5, hash: 5, values: []any{"d", 5, "x"}})
	r := f.write(
		row{version: 6, tie: 5, hash: 6, values: []any{"d", 6, "newer, no tie"}},
		row{version: 5, tie: 5, hash: 5, values: []any{"c", 5, "x"}}, // the same
		row{version: 5, tie: 6, hash: 6, values: []any{"b", 6, "wins"}},
		row{version: 5, tie: 4, hash: 7, values: []any{"a", 7, "loses"}})
	f.want(r, syncline.WriteResult{Updated: 2, Unchanged: 1, Superseded: 1})
	tied := map[int]bool{}
	for _, i := range r.Tied {
		tied[i] = true
	}
	if len(r.Tied) != 2 || !tied[2] || !tied[3] {
		f.Errorf("ties %v, want rows 2 and 3", r.Tied)
	}
	f.expect(`"id", "n"`, "a|5", "b|6", "c|5", "d|6")
	// Hardly older is doubtful too, clearly older is not; the largest difference
	// there is does no harm.
	const v = 100 * syncline.DoubtfulMicros
	f.write(row{version: v, hash: 1, values: []any{"x", 0, ""}}, row{version: v, hash: 1, values: []any{"y", 0, ""}}, row{version: math.MaxInt64, hash: 1, values: []any{"z", 0, ""}})
	r = f.write(row{version: v - syncline.DoubtfulMicros + 1, hash: 2, values: []any{"x", 1, ""}}, row{version: v - syncline.DoubtfulMicros, hash: 2, values: []any{"y", 1, ""}}, row{version: math.MinInt64, hash: 2, values: []any{"z", 1, ""}})
	f.want(r, syncline.WriteResult{Superseded: 3})
	if fmt.Sprint(r.Tied) != "[0]" {
		f.Errorf("ties %v, want row 0", r.Tied)
	}
	f.write(row{version: v + 9, deleted: true, values: []any{"x"}}, row{version: v + 9, deleted: true, values: []any{"y"}}, row{version: math.MaxInt64, tie: 1, deleted: true, values: []any{"z"}})
	// Equal versions and ties: the larger hash wins, in either order.
	f.write(row{version: 9, hash: 1, values: []any{"e", 1, ""}}, row{version: 9, hash: 2, values: []any{"g", 2, ""}})
	if r := f.write(row{version: 9, hash: 2, values: []any{"e", 2, ""}}, row{version: 9, hash: 1, values: []any{"g", 1, ""}}); len(r.Tied) != 2 {
		f.Errorf("%+v", r)
	}
	f.expect(`"id", "n"`, "a|5", "b|6", "c|5", "d|6", "e|2", "g|2", "x|0", "y|0", "z|0")
}

func testDeletes(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 5, hash: 5, values: []any{"a", 5, "x"}}, row{version: 5, hash: 6, values: []any{"b", 6, "y"}})
	del := func(id string, version int64) row { return row{version: version, deleted: true, values: []any{id}} }
	f.want(f.write(del("a", 4)), syncline.WriteResult{Superseded: 1}) // an older one deletes nothing
	f.count(2)
	// Deleted and live rows in one batch; the deleted keep their content.
	f.want(f.write(del("a", 7), row{version: 6, hash: 7, values: []any{"c", 7, "z"}}), syncline.WriteResult{Inserted: 1, Deleted: 1})
	f.count(2)
	f.expect(`"id", "n", "note", "_syncline_deleted_at" IS NULL`, "a|5|x|"+f.no(), "b|6|y|"+f.yes(), "c|7|z|"+f.yes())
	hashes, err := f.d.Hashes(f.Context(), f.table, []syncline.Key{key("a"), key("b")})
	if err != nil || hashes[0] != (batch.Hash{}) || hashes[1] == (batch.Hash{}) {
		f.Errorf("hashes %v %v", hashes, err)
	}
	f.want(f.write(row{version: 6, hash: 8, values: []any{"a", 6, "late"}}), syncline.WriteResult{Superseded: 1})
	f.want(f.write(del("a", 7)), syncline.WriteResult{Unchanged: 1})
	f.want(f.write(del("a", 9)), syncline.WriteResult{Unchanged: 1})
	f.want(f.write(row{version: 8, hash: 8, values: []any{"a", 8, "between"}}), syncline.WriteResult{Superseded: 1})
	f.want(f.write(row{version: 10, hash: 5, values: []any{"a", 10, "back"}}), syncline.WriteResult{Updated: 1})
	f.count(3)
	// A key that was never seen: a late older state does not bring it to life.
	f.want(f.write(del("ghost", 7)), syncline.WriteResult{Deleted: 1})
	f.want(f.write(row{version: 6, hash: 1, values: []any{"ghost", 1, ""}}), syncline.WriteResult{Superseded: 1})
	f.count(3)
	f.want(f.write(row{version: 8, hash: 1, values: []any{"ghost", 1, ""}}), syncline.WriteResult{Updated: 1})
	f.count(4)
	// Only the key, as the engine sends it.
	keys := rows(schema(field("*id", batch.String)), del("ghost", 20), del("b", 20))
	f.want(f.writeBatch(keys), syncline.WriteResult{Deleted: 2})
	f.count(2)
}

// yes and no are the database's texts for true and false.
func (f *fixture) yes() string { return f.db.Query(f, "SELECT 1 = 1")[0][0] }
func (f *fixture) no() string  { return f.db.Query(f, "SELECT 1 = 0")[0][0] }

func testUnchanged(f *fixture) {
	f.prepared(notes()).watched()
	var list []row
	for i := range 300 {
		list = append(list, row{version: 1, hash: uint64(i + 1), values: []any{fmt.Sprintf("k%03d", i), i, "x"}})
	}
	f.write(list...)
	f.write(list[0]) // so that the destination no longer expects new rows
	before := f.stamp()
	f.want(f.write(list...), syncline.WriteResult{Unchanged: 300})
	if f.stamp() != before {
		f.Error("unchanged rows were rewritten")
	}
	// Newer, with the same content: the content stays and the time of writing,
	// the version moves on.
	f.want(f.write(row{version: 8, hash: 1, values: []any{"k000", 0, "x"}}), syncline.WriteResult{Unchanged: 1})
	at := `(SELECT count(DISTINCT "_syncline_synced_at") FROM "items")`
	if got := f.db.Query(f, "SELECT "+at+`, (SELECT "_syncline_version" FROM "items" WHERE "id" = 'k000')`)[0]; !cmp.Equal(got, []string{"1", "8"}) {
		f.Errorf("distinct times and version %v, want 1 and 8", got)
	}
	f.want(f.write(row{version: 7, hash: 999, values: []any{"k000", 7, "late"}}), syncline.WriteResult{Superseded: 1})
}

// testOrders applies six events of one object in all 720 orders, one key for
// each order, and wants one end state. There are equal versions, equal seconds,
// a deletion, an undeletion and a return to an earlier content among them.
func testOrders(f *fixture) {
	f.prepared(notes())
	for name, events := range map[string][]row{
		"updates":        {{version: 1, hash: 10}, {version: 2, hash: 20}, {version: 2, tie: 1, hash: 21}, {version: 2, tie: 1, hash: 22}, {version: 3, hash: 10}, {version: 3, hash: 10}},
		"ends deleted":   {{version: 1, hash: 10}, {version: 2, deleted: true}, {version: 3, hash: 10}, {version: 4, hash: 40}, {version: 5, deleted: true}, {version: 3, tie: 2, deleted: true}},
		"ends undeleted": {{version: 1, hash: 10}, {version: 3, deleted: true}, {version: 3, tie: 1, hash: 10}, {version: 2, hash: 40}, {version: 2, deleted: true}, {version: 3, hash: 41}},
	} {
		all := orders(len(events))
		for step := range events {
			b := batch.New(f.table.Schema.Clone())
			for i, order := range all {
				e := events[order[step]]
				put(b.Column(0), name+strconv.Itoa(i))
				if !e.deleted {
					put(b.Column(1), int(e.hash))
					put(b.Column(2), "content "+strconv.Itoa(int(e.hash)))
				}
				b.EndRow(e.meta(i))
			}
			f.writeBatch(b)
		}
		got := f.db.Query(f, `SELECT DISTINCT "_syncline_version", "_syncline_tie", "_syncline_deleted_at" IS NULL, CASE WHEN "_syncline_deleted_at" IS NULL THEN "n" END, CASE WHEN "_syncline_deleted_at" IS NULL THEN "note" END FROM "items" WHERE "id" LIKE '`+name+`%'`)
		if len(got) != 1 {
			f.Errorf("%s: %d orders end in %d states: %q", name, len(all), len(got), got)
		}
	}
}

func orders(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, o := range orders(n - 1) {
		for at := 0; at < n; at++ {
			out = append(out, append(append(append([]int{}, o[:at]...), n-1), o[at:]...))
		}
	}
	return out
}

// testHistory has two writers of different streams of events race on one key
// set and reads the history that a trigger kept.
func testHistory(f *fixture) {
	f.prepared(notes())
	f.db.Query(f, f.h.HistoryTrigger(sqltext.Quote("items")))
	rnd := rand.New(rand.NewPCG(1, 2))
	newest := map[string]int64{}
	for range 40 {
		var list []row
		for _, k := range rnd.Perm(8)[:5] {
			id := fmt.Sprint("k", k)
			r := row{version: rnd.Int64N(50), hash: 1 + rnd.Uint64N(3), deleted: rnd.IntN(6) == 0, values: []any{id}}
			if !r.deleted {
				r.values = append(r.values, int(r.version), "x")
			} else {
				r.hash = 0
			}
			newest[id] = max(newest[id], r.version)
			list = append(list, r)
		}
		f.write(list...)
	}
	last := map[string]int64{}
	n := 0
	for _, r := range f.db.Query(f, "SELECT id, version FROM history ORDER BY seq") {
		v, _ := strconv.ParseInt(r[1], 10, 64)
		if v < last[r[0]] {
			f.Fatalf("version of %s went from %d down to %d", r[0], last[r[0]], v)
		}
		last[r[0]] = v
		n++
	}
	if n < 20 {
		f.Fatalf("only %d changes were recorded", n)
	}
	if !cmp.Equal(last, newest) {
		f.Error(cmp.Diff(newest, last))
	}
}

func testPrepareRace(f *fixture) {
	f.attach()
	grown := notes()
	grown.Fields = append(grown.Fields, field("late", batch.JSON))
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		d := f.db.Open(f)
		defer func() { _ = d.Close() }()
		wg.Go(func() {
			s := notes()
			if i%2 == 0 {
				s = grown.Clone()
			}
			errs[i] = d.Prepare(background(), &syncline.Table{Stream: "items", Name: "items", Layout: syncline.LayoutColumns, Schema: s}, f.state)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			f.Errorf("process %d: %v", i, err)
		}
	}
	f.table = &syncline.Table{Stream: "items", Name: "items", Layout: syncline.LayoutColumns, Schema: grown}
	f.prepare()
	f.want(f.write(row{version: 1, hash: 1, values: []any{"a", 1, "x", "{}"}}), syncline.WriteResult{Inserted: 1})
}
