package desttest

import (
	"fmt"
	"strings"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

func testForeign(f *fixture) {
	f.db.Query(f, f.h.ForeignTable("items"))
	f.attach()
	for _, layout := range []syncline.Layout{syncline.LayoutColumns, syncline.LayoutDocument} {
		t := &syncline.Table{Stream: "items", Name: "items", Layout: layout, Schema: notes()}
		if layout == syncline.LayoutDocument {
			t.Schema = document()
		}
		before := fmt.Sprint(f.db.Query(f, `SELECT * FROM "items"`))
		err := f.d.Prepare(f.Context(), t, f.state)
		f.code(err, syncline.CodeTableForeign)
		if syncline.ClassOf(err) != syncline.Fatal {
			f.Errorf("class of %v", err)
		}
		if after := fmt.Sprint(f.db.Query(f, `SELECT * FROM "items"`)); after != before {
			f.Errorf("the table was changed: %s, before %s", after, before)
		}
	}
	// Dropping the stream leaves the foreign table alone.
	if err := f.d.Drop(f.Context(), "main", "items", &syncline.Table{Stream: "items", Name: "items", Layout: syncline.LayoutColumns, Schema: notes()}); err != nil {
		f.Fatal(err)
	}
	f.db.Query(f, `SELECT * FROM "items"`)
}

func testOwner(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "x"}})
	other := *f.table
	other.Stream = "others"
	f.code(f.d.Prepare(f.Context(), &other, syncline.State{}), syncline.CodeTableForeign)
	second, err := f.d.Attach(f.Context(), "second", "items", "journal-1")
	if err != nil {
		f.Fatal(err)
	}
	f.code(f.d.Prepare(f.Context(), f.table, second), syncline.CodeTableForeign)
	layout := *f.table
	layout.Layout, layout.Schema = syncline.LayoutDocument, document()
	f.code(f.d.Prepare(f.Context(), &layout, f.state), syncline.CodeTableForeign)
}

func testDropped(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "x"}})
	f.db.Query(f, `DROP TABLE "items"`)
	_, err := f.d.Write(f.Context(), f.table, rows(f.table.Schema, row{version: 2, hash: 2, values: []any{"a", 1, "x"}}), f.checkpoint())
	f.code(err, syncline.CodeTableMissing)
	f.attach()
	f.code(f.d.Prepare(f.Context(), f.table, f.state), syncline.CodeTableMissing)
	// After a reset of the position it is made anew, with the same columns.
	f.prepareFresh()
	f.want(f.write(row{version: 2, hash: 2, values: []any{"a", 1, "x"}}), syncline.WriteResult{Inserted: 1})
}

func (f *fixture) prepareFresh() {
	f.Helper()
	fresh := f.state
	fresh.Position = 0
	if err := f.d.Prepare(f.Context(), f.table, fresh); err != nil {
		f.Fatal(err)
	}
}

func testAltered(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "x"}})
	// A column more does no harm, whether prepared before or after.
	f.db.Query(f, `ALTER TABLE "items" ADD COLUMN "mine" TEXT`)
	f.prepare()
	f.want(f.write(row{version: 2, hash: 2, values: []any{"a", 2, "x"}}), syncline.WriteResult{Updated: 1})
	// But it is not taken for a field of the same name.
	grown := *f.table
	grown.Schema = notes()
	grown.Schema.Fields = append(grown.Schema.Fields, field("mine", batch.String))
	f.code(f.d.Prepare(f.Context(), &grown, f.state), syncline.CodeTableChanged)
	f.db.Query(f, `ALTER TABLE "items" RENAME COLUMN "note" TO "noted"`)
	f.code(f.d.Prepare(f.Context(), f.table, f.state), syncline.CodeTableChanged)
	_, err := f.d.Write(f.Context(), f.table, rows(f.table.Schema, row{version: 3, hash: 3, values: []any{"a", 3, "x"}}), f.checkpoint())
	f.code(err, syncline.CodeTableChanged)
	f.db.Query(f, `ALTER TABLE "items" RENAME COLUMN "noted" TO "note"`)
	f.prepare()
	f.want(f.write(row{version: 3, hash: 3, values: []any{"a", 3, "x"}}), syncline.WriteResult{Updated: 1})
	f.db.Query(f, `ALTER TABLE "items" DROP COLUMN "_syncline_tie"`)
	f.code(f.d.Prepare(f.Context(), f.table, f.state), syncline.CodeTableChanged)
}

func document() *batch.Schema {
	return schema(field("*id", batch.String), field("data", batch.JSON))
}

func (f *fixture) documents() {
	f.Helper()
	f.attach()
	f.table = &syncline.Table{Stream: "items", Name: "items", Layout: syncline.LayoutDocument, Schema: document()}
	f.prepare()
}

func testDocument(f *fixture) {
	f.documents()
	f.want(f.write(row{version: 1, hash: 1, values: []any{"a", `{"v":1}`}}, row{version: 1, hash: 2, values: []any{"b", `{"v":2.50}`}}), syncline.WriteResult{Inserted: 2})
	f.want(f.write(row{version: 2, hash: 3, values: []any{"a", `{"v":3}`}}), syncline.WriteResult{Updated: 1})
	// A deleted row keeps its data, since the column must not be null; a
	// deletion of an unknown key keeps an empty object.
	f.writeBatch(rows(schema(field("*id", batch.String)), row{version: 3, deleted: true, values: []any{"a"}}, row{version: 3, deleted: true, values: []any{"ghost"}}))
	f.count(1)
	var got []string
	for _, r := range f.db.Query(f, `SELECT "id", `+f.h.Text(`"data"`, batch.JSON)+`, "_syncline_deleted_at" IS NULL FROM "items" ORDER BY 1`) {
		got = append(got, r[0]+strings.ReplaceAll(r[1], " ", "")+r[2])
	}
	want := []string{`a{"v":3}` + f.no(), `b{"v":2.50}` + f.yes(), `ghost{}` + f.no()}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.Errorf("got %q, want %q", got, want)
	}
	// A key that is a number in the batch is text in the table.
	b := batch.New(schema(field("*number", batch.Int64), field("data", batch.JSON)))
	put(b.Column(0), 42)
	put(b.Column(1), `{}`)
	b.EndRow(row{version: 1, hash: 9}.meta(0))
	f.want(f.writeBatch(b.As(document())), syncline.WriteResult{Inserted: 1})
	if h, err := f.d.Hashes(f.Context(), f.table, []syncline.Key{key("42")}); err != nil || h[0] == (batch.Hash{}) {
		f.Error(h, err)
	}
	bad := *f.table
	bad.Schema = notes()
	f.code(f.d.Prepare(f.Context(), &bad, f.state), syncline.CodeConfigInvalid)
}

func testTakeOver(f *fixture) {
	f.db.Query(f, f.h.DocumentTable("items"))
	f.attach()
	columns := &syncline.Table{Stream: "items", Name: "items", Layout: syncline.LayoutColumns, Schema: notes()}
	f.code(f.d.Prepare(f.Context(), columns, f.state), syncline.CodeTableForeign)
	f.documents()
	f.prepare()
	f.count(1)
	h, err := f.d.Hashes(f.Context(), f.table, []syncline.Key{key("old")})
	if err != nil || h[0] != (batch.Hash{}) {
		f.Fatal(h, err)
	}
	n := 0
	err = f.d.Keys(f.Context(), f.table, func(r syncline.RowKey) error {
		if n++; r.Key.String() != "old" || r.Hash != (batch.Hash{}) || r.Version != 0 {
			f.Errorf("%+v", r)
		}
		return nil
	})
	if err != nil || n != 1 {
		f.Fatal(n, err)
	}
	// Any record replaces what was there, however old.
	f.want(f.write(row{version: -5, hash: 1, values: []any{"old", `{"v":2}`}}, row{version: 1, hash: 2, values: []any{"new", `{}`}}), syncline.WriteResult{Inserted: 1, Updated: 1})
	f.want(f.write(row{version: -6, hash: 3, values: []any{"old", `{"v":3}`}}), syncline.WriteResult{Superseded: 1})
	// The tool that made the table can still write to it; its rows are replaced
	// by the next record.
	f.db.Query(f, `INSERT INTO "items" ("id", "data") VALUES ('theirs', '{}')`)
	f.count(3)
	f.want(f.write(row{version: 1, hash: 5, values: []any{"theirs", `{"v":1}`}}), syncline.WriteResult{Updated: 1})
}

func testDrop(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "x"}})
	if err := f.d.Drop(f.Context(), "main", "items", f.table); err != nil {
		f.Fatal(err)
	}
	f.attach()
	if !f.state.Empty || f.state.Position != 0 || len(f.state.Fields) != 0 {
		f.Fatalf("%+v", f.state)
	}
	f.prepare()
	f.want(f.write(row{version: 1, hash: 1, values: []any{"a", 1, "x"}}), syncline.WriteResult{Inserted: 1})
	if err := f.d.Drop(f.Context(), "main", "items", f.table); err != nil {
		f.Fatal(err)
	}
	if err := f.d.Drop(f.Context(), "main", "items", f.table); err != nil {
		f.Errorf("second drop: %v", err)
	}
}
