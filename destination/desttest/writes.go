package desttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/google/go-cmp/cmp"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/sqltext"
)

func testLarge(f *fixture) {
	limits := f.d.Capabilities()
	if limits.MaxBatchRows <= 0 || limits.MaxBatchBytes <= 0 || limits.Guarantee == "" || limits.Name == "" {
		f.Fatalf("capabilities %+v", limits)
	}
	f.prepared(notes())
	for _, n := range []int{1, limits.MaxBatchRows, limits.MaxBatchRows + 1} {
		var list []row
		for i := range n {
			list = append(list, row{version: int64(n), hash: uint64(i + 1), values: []any{fmt.Sprintf("%d/%d", n, i), i, "x"}})
		}
		f.want(f.write(list...), syncline.WriteResult{Inserted: n})
	}
	big := strings.Repeat("x", limits.MaxBatchBytes)
	f.want(f.write(row{version: 1, hash: 1, values: []any{"big", 1, big}}, row{version: 1, hash: 2, values: []any{"big2", 1, big[:1000]}}), syncline.WriteResult{Inserted: 2})
	if got := f.db.Query(f, `SELECT length("note") FROM "items" WHERE "id" = 'big'`)[0][0]; got != fmt.Sprint(len(big)) {
		f.Errorf("length %s, want %d", got, len(big))
	}
	f.count(2*limits.MaxBatchRows + 4)
}

func testEmpty(f *fixture) {
	f.prepared(notes())
	at := f.checkpoint()
	if r, err := f.d.Write(f.Context(), f.table, batch.New(schema(field("*id", batch.String))), at); err != nil || r.Applied() != 0 {
		f.Fatal(r, err)
	}
	at = f.checkpoint()
	if _, err := f.d.Write(f.Context(), f.table, nil, at); err != nil {
		f.Fatal(err)
	}
	f.attach()
	if f.state.Position != at.Through || f.state.BatchID != at.BatchID || f.state.Empty {
		f.Fatalf("%+v", f.state)
	}
}

// testRefused writes rows that can never be stored among good ones: they are
// named, nothing is stored, and without them the others land.
func testRefused(f *fixture) {
	s := notes()
	s.Fields = append(s.Fields, field("x", batch.Float64), field("j", batch.JSON), field("d", batch.Decimal))
	f.prepared(s)
	f.db.Query(f, f.h.RefuseTrigger(sqltext.Quote("items")))
	bad := map[string][]any{"nan": {1, "", math.NaN(), nil, nil}, "inf": {1, "", math.Inf(-1), nil, nil}, "poison": {1, "poison", nil, nil, nil}, "poison2": {1, "poison", nil, nil, nil}}
	if !f.d.Capabilities().NUL {
		bad["nul"] = []any{1, "a\x00b", nil, nil, nil}
		bad["json nul"] = []any{1, "", nil, `{"a":"\u0000"}`, nil}
		bad["huge"] = []any{1, "", nil, nil, "1e200000"}
	}
	b := batch.New(s.Clone())
	want := map[int]bool{}
	add := func(id string, values []any) {
		put(b.Column(0), id)
		for j, v := range values {
			put(b.Column(j+1), v)
		}
		b.EndRow(row{version: 1, hash: uint64(b.Len() + 1)}.meta(b.Len()))
	}
	for id, values := range bad {
		for i := range 30 {
			add(fmt.Sprint(id, " good ", i), []any{i, "fine", 1.5, "[]", "1"})
		}
		want[b.Len()] = true
		add(id, values)
	}
	_, err := f.d.Write(f.Context(), f.table, b, f.checkpoint())
	var refused *syncline.RowErrors
	if !errors.As(err, &refused) {
		f.Fatalf("got %v, want row errors", err)
	}
	got := map[int]bool{}
	for _, r := range refused.Rows {
		got[r.Row] = true
		if r.Reason == "" {
			f.Errorf("row %d is refused without a reason", r.Row)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		f.Fatalf("rows refused: %s\n%v", d, refused.Rows)
	}
	f.count(0)
	f.attach()
	if !f.state.Empty || f.state.Position != 0 {
		f.Errorf("a refused write moved the state: %+v", f.state)
	}
	var keep []int
	for i := range b.Len() {
		if !want[i] {
			keep = append(keep, i)
		}
	}
	f.want(f.writeBatch(b.Select(keep)), syncline.WriteResult{Inserted: len(keep)})
	f.count(len(keep))
}

func testFence(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "old"}})
	old := f.state
	other := f.db.Open(f)
	defer func() { _ = other.Close() }()
	state, err := other.Attach(f.Context(), "main", "items", "journal-1")
	if err != nil || state.Epoch <= old.Epoch || state.Position != 1 {
		f.Fatal(state, err)
	}
	at := f.checkpoint()
	at.Dead = []syncline.DeadLetter{{ID: "dead", Pipeline: "main", Stream: "items", Reason: "x"}}
	_, err = f.d.Write(f.Context(), f.table, rows(f.table.Schema, row{version: 2, hash: 2, values: []any{"a", 2, "new"}}), at)
	if !errors.Is(err, syncline.ErrFenced) || syncline.ClassOf(err) != syncline.Fatal {
		f.Fatalf("got %v, want fenced", err)
	}
	f.expect(`"id", "n"`, "a|1")
	if dead, err := f.d.DeadLetters(f.Context(), "main", 0); err != nil || len(dead) != 0 {
		f.Error(dead, err)
	}
	f.state = state
	if _, err := other.Write(f.Context(), f.table, rows(f.table.Schema, row{version: 2, hash: 2, values: []any{"a", 2, "new"}}), f.checkpoint()); err != nil {
		f.Fatal(err)
	}
	f.expect(`"id", "n"`, "a|2")
	// A stream that was never attached has no fence to hold.
	at = f.checkpoint()
	at.Stream = "never"
	_, err = f.d.Write(f.Context(), f.table, rows(f.table.Schema), at)
	f.code(err, syncline.CodeStateInvalid)
}

func testPosition(f *fixture) {
	f.attach()
	if !f.state.Empty || f.state.Position != 0 || f.state.Epoch < 1 {
		f.Fatalf("first state %+v", f.state)
	}
	f.prepared(notes())
	at := f.checkpoint()
	at.Partial, at.Through = true, 99
	if _, err := f.d.Write(f.Context(), f.table, rows(f.table.Schema, row{version: 1, hash: 1, values: []any{"a", 1, "x"}}), at); err != nil {
		f.Fatal(err)
	}
	f.attach()
	if f.state.Position != 0 || f.state.Empty {
		f.Fatalf("after a partial write: %+v", f.state)
	}
	f.pos = 41
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "x"}})
	// Another journal's positions mean nothing here, until it writes.
	other, err := f.d.Attach(f.Context(), "main", "items", "journal-2")
	if err != nil || other.Position != 0 || other.BatchID != "" || other.Empty {
		f.Fatalf("%+v %v", other, err)
	}
	f.attach()
	if f.state.Position != 42 || f.state.BatchID != "batch42" {
		f.Fatalf("%+v", f.state)
	}
	other, _ = f.d.Attach(f.Context(), "main", "items", "journal-2")
	at = f.checkpoint()
	at.Journal, at.Epoch, at.Through, at.BatchID = "journal-2", other.Epoch, 3, "b3"
	if _, err := f.d.Write(f.Context(), f.table, rows(f.table.Schema), at); err != nil {
		f.Fatal(err)
	}
	if other, err = f.d.Attach(f.Context(), "main", "items", "journal-2"); err != nil || other.Position != 3 {
		f.Fatal(other, err)
	}
	f.attach()
	if f.state.Position != 0 {
		f.Fatalf("%+v", f.state)
	}
	// Another pipeline and another stream begin on their own.
	if s, err := f.d.Attach(f.Context(), "second", "items", "journal-1"); err != nil || !s.Empty || s.Position != 0 {
		f.Fatal(s, err)
	}
}

func testTampered(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "x"}})
	good := f.db.Query(f, "SELECT position, batch_id, journal, format, writes, epoch, digest FROM _syncline_state")[0]
	for _, change := range []string{"position = 500", "position = -1", "position = 0", "batch_id = 'x'", "journal = 'journal-3'", "format = 2", "writes = 0", "epoch = -7", "digest = ''"} {
		f.db.Query(f, "UPDATE _syncline_state SET "+change)
		_, err := f.d.Attach(f.Context(), "main", "items", "journal-1")
		f.code(err, syncline.CodeStateInvalid)
		if syncline.ClassOf(err) != syncline.Fatal {
			f.Errorf("%s: class %v", change, syncline.ClassOf(err))
		}
		at := f.checkpoint()
		if _, err = f.d.Write(f.Context(), f.table, rows(f.table.Schema), at); err == nil {
			f.Errorf("%s: written", change)
		}
		f.db.Query(f, fmt.Sprintf("UPDATE _syncline_state SET position = %s, batch_id = '%s', journal = '%s', format = %s, writes = %s, epoch = %s, digest = '%s'", good[0], good[1], good[2], good[3], good[4], good[5], good[6]))
	}
	f.attach()
	if f.state.Position != 1 {
		f.Errorf("%+v", f.state)
	}
}

func testLedger(f *fixture) {
	f.prepared(notes())
	write := func(run string, counts syncline.Counts, list ...row) {
		at := f.checkpoint()
		at.Run, at.Counts = run, counts
		if _, err := f.d.Write(f.Context(), f.table, rows(f.table.Schema, list...), at); err != nil {
			f.Fatal(err)
		}
	}
	a := row{version: 1, hash: 1, values: []any{"a", 1, "x"}}
	write("r1", syncline.Counts{Fetched: 3, Rejected: 1}, a, row{version: 1, hash: 2, values: []any{"b", 1, "x"}})
	write("r1", syncline.Counts{Fetched: 2, Duplicate: 1, Repaired: 4}, a)
	write("r2", syncline.Counts{Events: 1}, row{version: 1, hash: 3, values: []any{"a", 2, "y"}})
	got := f.db.Query(f, "SELECT run, stream, pipeline, "+strings.Join(ledger.CountColumns, ", ")+" FROM _syncline_runs ORDER BY run")
	want := [][]string{
		{"r1", "items", "main", "5", "0", "0", "0", "2", "0", "0", "1", "1", "0", "1", "0", "0", "4", "0"},
		{"r2", "items", "main", "0", "0", "1", "0", "0", "1", "0", "0", "0", "0", "0", "0", "0", "0", "1"},
	}
	if d := cmp.Diff(want, got); d != "" {
		f.Error(d)
	}
}

func testDeadLetters(f *fixture) {
	f.prepared(notes())
	at := f.checkpoint()
	first := syncline.DeadLetter{ID: "d1", Pipeline: "main", Stream: "items", Key: "a\x00b", Class: "rejected", Reason: "bad: \xff", Data: []byte("{\x00\xff}"), Position: 7, Run: "run-1", At: at.At}
	second := first
	second.ID, second.Data, second.At = "d2", nil, at.At.Add(1000000000)
	for range 2 {
		at.Dead = []syncline.DeadLetter{first, second, first}
		if _, err := f.d.Write(f.Context(), f.table, nil, at); err != nil {
			f.Fatal(err)
		}
		at.Through++
	}
	got, err := f.d.DeadLetters(f.Context(), "main", 10)
	if err != nil || len(got) != 2 || got[0].ID != "d2" || string(got[1].Data) != "{\x00\xff}" || got[1].Position != 7 || !got[1].At.Equal(first.At) || !strings.HasPrefix(got[1].Key, "a") || got[1].Stream != "items" {
		f.Fatalf("%+v %v", got, err)
	}
	if got, err := f.d.DeadLetters(f.Context(), "main", 1); err != nil || len(got) != 1 {
		f.Fatal(got, err)
	}
	if got, err := f.d.DeadLetters(f.Context(), "other", 10); err != nil || len(got) != 0 {
		f.Fatal(got, err)
	}
}

// testAtomic takes away, one at a time, the tables a write needs. It fails, and
// nothing of it is there.
func testAtomic(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "x"}})
	for _, table := range []string{ledger.DeadLetters, ledger.Runs, "items"} {
		f.db.Query(f, fmt.Sprintf(`ALTER TABLE "%s" RENAME TO "away"`, table))
		at := f.checkpoint()
		at.Dead = []syncline.DeadLetter{{ID: "d" + table, Pipeline: "main", Stream: "items", Key: "k", Class: "rejected", Reason: "r", At: at.At}}
		_, err := f.d.Write(f.Context(), f.table, rows(f.table.Schema, row{version: 2, hash: 2, values: []any{"a", 2, "y"}}), at)
		if err == nil {
			f.Errorf("written without %s", table)
		}
		f.db.Query(f, fmt.Sprintf(`ALTER TABLE "away" RENAME TO "%s"`, table))
		f.expect(`"id", "n"`, "a|1")
		f.attach()
		if dead, err := f.d.DeadLetters(f.Context(), "main", 0); err != nil || len(dead) != 0 || f.state.Position != 1 {
			f.Fatalf("without %s: position %d, dead letters %v %v", table, f.state.Position, dead, err)
		}
	}
}

func testCanceled(f *fixture) {
	f.prepared(notes())
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	if _, err := f.d.Write(ctx, f.table, rows(f.table.Schema, row{version: 1, hash: 1, values: []any{"a", 1, "x"}}), f.checkpoint()); err == nil {
		f.Fatal("written with a canceled context")
	}
	f.count(0)
	f.want(f.write(row{version: 1, hash: 1, values: []any{"a", 1, "x"}}), syncline.WriteResult{Inserted: 1})
	if err := f.d.Close(); err != nil {
		f.Fatal(err)
	}
	if err := f.d.Close(); err != nil {
		f.Errorf("second close: %v", err)
	}
	if _, err := f.d.Count(f.Context(), f.table); err == nil {
		f.Error("counted after close")
	}
}
