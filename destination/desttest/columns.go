package desttest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// extremes are the values that each type must give back exactly.
var extremes = map[batch.Type][]any{
	batch.Bool:    {true, false},
	batch.Int64:   {int64(math.MinInt64), int64(math.MaxInt64), 0, -1, int64(9007199254740993)},
	batch.Float64: {math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 0.1, 1e22, 123456789.123456789, 2.5e-323},
	batch.Decimal: {"0", "-0.00", "12.50", "-12.345678901234567890123456789", "123456789012345678901234567890.01", "1e400", "1.5E-40", "99999.9999", "1000000000000",
		"0.0001", "-0.00010", "10000.00001", "9" + strings.Repeat("0", 300) + ".5", "4611686018427387904e3"},
	batch.String: {"", " ", "a'b\"c\\d", "0", "null", "客户名称", "😀👩‍👩‍👧‍👦", "مرحبا\u202eabc", "line\nbreak\r\ttab", "\u00e9 and e\u0301", strings.Repeat("长", 5000), "\\N", "{}"},
	batch.Bytes:  {[]byte{}, []byte{0, 1, 255, 254}, []byte("text"), bytes.Repeat([]byte{0}, 1000)},
	batch.Time: {time.Unix(0, 0), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Date(2026, 3, 29, 1, 30, 0, 1000, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(2000, 2, 29, 12, 0, 0, 0, time.UTC)},
	batch.Date: {"0001-01-01", "1970-01-01", "1969-12-31", "2000-02-29", "9999-12-31"},
	batch.JSON: {`{}`, `[]`, `null`, `0`, `"text"`, `{"a":{"b":[1,2.50,-1e3,true,null,"\"\\\n"]}}`, `{"客":"😀"}`, `[9007199254740993,12345678901234567890.123456789]`, `"\ud83d\ude00"`},
}

func testTypes(f *fixture) {
	fields := []batch.Field{field("*id", batch.String)}
	for t := batch.Bool; t <= batch.JSON; t++ {
		fields = append(fields, field("c_"+t.String(), t))
	}
	f.prepared(schema(fields...))
	most := 0
	for _, v := range extremes {
		most = max(most, len(v))
	}
	b := batch.New(f.table.Schema.Clone())
	for i := range most + 1 {
		put(b.Column(0), fmt.Sprintf("row%03d", i))
		for j := 1; j < len(fields); j++ {
			if v := extremes[fields[j].Type]; i < len(v) {
				put(b.Column(j), v[i])
			} else {
				put(b.Column(j), nil)
			}
		}
		b.EndRow(row{version: 1, hash: uint64(i + 1)}.meta(i))
	}
	if r := f.writeBatch(b); r.Inserted != b.Len() {
		f.Fatalf("%+v", r)
	}
	f.sameValues(b)
	// The same again through the statement that updates.
	for i := range b.Len() {
		b.Meta(i).Version, b.Meta(i).Hash[3] = 2, 77
	}
	if r := f.writeBatch(b); r.Updated != b.Len() {
		f.Fatalf("%+v", r)
	}
	f.sameValues(b)
}

// sameValues compares the table with a batch that holds all of its rows, in the
// order of the key.
func (f *fixture) sameValues(b *batch.Batch) {
	f.Helper()
	var exprs []string
	for _, c := range b.Schema().Fields {
		exprs = append(exprs, f.h.Text(sqltext.Quote(c.Name), c.Type))
	}
	got := f.db.Query(f, "SELECT "+strings.Join(exprs, ", ")+` FROM "items" ORDER BY 1`)
	if len(got) != b.Len() {
		f.Fatalf("%d rows, want %d", len(got), b.Len())
	}
	for i := range got {
		for j, c := range b.Schema().Fields {
			want := b.Column(j).Text(i)
			if c.Type == batch.Bytes {
				want = hex.EncodeToString(b.Column(j).Bytes(i))
			}
			if b.Column(j).Null(i) {
				want = Null
			}
			if !sameText(got[i][j], want, c.Type) {
				f.Errorf("row %d, column %s: got %.80q, want %.80q", i, c.Name, got[i][j], want)
			}
		}
	}
}

func sameText(got, want string, t batch.Type) bool {
	if got == want || got == Null || want == Null {
		return got == want
	}
	switch t {
	case batch.Float64:
		a, errA := strconv.ParseFloat(got, 64)
		b, errB := strconv.ParseFloat(want, 64)
		return errA == nil && errB == nil && a == b
	case batch.Decimal:
		a, okA := new(big.Rat).SetString(got)
		b, okB := new(big.Rat).SetString(want)
		return okA && okB && a.Cmp(b) == 0
	case batch.JSON:
		return cmp.Equal(decode(got), decode(want))
	}
	return false
}

// decode reads JSON with exact numbers in one form.
func decode(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err.Error()
	}
	return exactNumbers(v)
}

func exactNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if r, ok := new(big.Rat).SetString(v.String()); ok {
			return r.RatString()
		}
	case []any:
		for i := range v {
			v[i] = exactNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = exactNumbers(v[k])
		}
	}
	return v
}

func testNames(f *fixture) {
	long := strings.Repeat("n", 200)
	names := []string{"select", "order", "user", "_syncline_hash", "_SYNCLINE_version", "xmin", "ctid", "rowid", "客户名称", strings.Repeat("客", 70), strings.Repeat("客", 70) + "!",
		long, long + "2", "Name", "name", "NAME", "with space", " lead", `quo"te`, "it's", "semi;colon--", "dotted.name", "per%cent %s", "new\nline", "emoji😀", "a\x00b", "", "$1", "?1", "é", "e\u0301"}
	fields := []batch.Field{field("*id", batch.String)}
	values := []any{"x"}
	for i, n := range names {
		fields = append(fields, field(n, batch.Int64))
		values = append(values, i)
	}
	f.prepared(schema(fields...))
	f.want(f.write(row{version: 1, hash: 1, values: values}), syncline.WriteResult{Inserted: 1})
	// Each column by its name, found in another process's view of the mapping.
	cols, _, _, err := f.h.Dialect.Extend(nil, f.table.Schema)
	if err != nil {
		f.Fatal(err)
	}
	var list []string
	for _, c := range cols[1:] {
		list = append(list, sqltext.Quote(c.Name))
	}
	got := f.db.Query(f, "SELECT "+strings.Join(list, ", ")+` FROM "items"`)[0]
	for i, n := range names {
		if got[i] != strconv.Itoa(i) {
			f.Errorf("field %q has %q, want %d", n, got[i], i)
		}
	}
	// A later process finds the same columns, also for a field that collides
	// with one that came in between.
	_ = f.d.Close()
	f.d = f.db.Open(f)
	f.attach()
	if len(f.state.Fields) != len(fields) {
		f.Fatalf("state knows %d fields, want %d", len(f.state.Fields), len(fields))
	}
	f.table.Schema = schema(append([]batch.Field{fields[0], field("nAME", batch.Int64)}, fields[1:]...)...)
	f.prepare()
	values = append([]any{"x", 1000}, values[1:]...)
	f.want(f.write(row{version: 2, hash: 2, values: values}), syncline.WriteResult{Updated: 1})
	if again := f.db.Query(f, "SELECT "+strings.Join(list, ", ")+` FROM "items"`)[0]; !cmp.Equal(again, got) {
		f.Error(cmp.Diff(got, again))
	}
}

func testGrow(f *fixture) {
	f.prepared(schema(field("*id", batch.String), field("n", batch.Int64), field("x", batch.Float64), field("day", batch.Date)))
	f.write(row{version: 1, hash: 1, values: []any{"a", int64(math.MaxInt64), 0.1, "2026-02-03"}}, row{version: 1, hash: 2, values: []any{"b", -5, 1e300, nil}})
	old := f.table.Schema
	grown := schema(field("*id", batch.String), field("n", batch.Decimal), field("x", batch.Decimal), field("day", batch.Time), field("late", batch.String))
	f.table = &syncline.Table{Stream: "items", Name: "items", Layout: syncline.LayoutColumns, Schema: grown}
	f.prepare()
	f.prepare() // again changes nothing
	f.write(row{version: 2, hash: 3, values: []any{"b", "18446744073709551616.5", "1e-30", time.Date(2026, 1, 1, 1, 2, 3, 4000, time.UTC), "new"}})
	// A batch of before the change still fits.
	f.writeBatch(rows(old, row{version: 2, hash: 4, values: []any{"c", 7, 2.5, "2026-03-04"}}))
	want := rows(grown,
		row{values: []any{"a", "9223372036854775807", "0.1", time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC), nil}},
		row{values: []any{"b", "18446744073709551616.5", "1e-30", time.Date(2026, 1, 1, 1, 2, 3, 4000, time.UTC), "new"}},
		row{values: []any{"c", "7", "2.5", time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), nil}})
	f.sameValues(want)
	f.attach()
	got := map[string]batch.Type{}
	for _, c := range f.state.Fields {
		got[c.Name] = c.Type
	}
	if d := cmp.Diff(map[string]batch.Type{"id": batch.String, "n": batch.Decimal, "x": batch.Decimal, "day": batch.Time, "late": batch.String}, got); d != "" {
		f.Error(d)
	}
	// What is no widening is refused.
	f.table = &syncline.Table{Stream: "items", Name: "items", Layout: syncline.LayoutColumns, Schema: schema(field("*id", batch.String), field("late", batch.Bool))}
	f.code(f.d.Prepare(f.Context(), f.table, f.state), syncline.CodeTableChanged)
}

func testPartialColumns(f *fixture) {
	f.prepared(notes())
	f.write(row{version: 1, hash: 1, values: []any{"a", 1, "first"}})
	f.writeBatch(rows(schema(field("*id", batch.String), field("note", batch.String)), row{version: 2, hash: 2, values: []any{"a", "second"}}, row{version: 2, hash: 3, values: []any{"b", "other"}}))
	f.expect(`"id", "n", "note"`, "a|1|second", "b|-|other")
}

func testKeys(f *fixture) {
	f.prepared(schema(field("*shop", batch.String), field("*number", batch.Int64), field("note", batch.String)))
	// F-35: parts that look alike when joined are different keys.
	f.write(row{version: 1, hash: 1, values: []any{"a", 11, "x"}}, row{version: 1, hash: 2, values: []any{"a1", 1, "y"}}, row{version: 1, hash: 3, values: []any{"A", 11, "z"}}, row{version: 1, hash: 4, values: []any{"a ", 11, "sp"}})
	f.count(4)
	keys := []syncline.Key{key("a", "11"), key("a1", "1"), key("a", "1"), key("A", "11"), key("a", "no number"), key("\x00", "1"), key("a", "11")}
	got, err := f.d.Hashes(f.Context(), f.table, keys)
	if err != nil {
		f.Fatal(err)
	}
	want := []batch.Hash{row{hash: 1}.meta(0).Hash, row{hash: 2}.meta(0).Hash, {}, row{hash: 3}.meta(0).Hash, {}, {}, row{hash: 1}.meta(0).Hash}
	if d := cmp.Diff(want, got); d != "" {
		f.Error(d)
	}
	seen := map[string]syncline.RowKey{}
	err = f.d.Keys(f.Context(), f.table, func(r syncline.RowKey) error {
		seen[r.Key.String()] = r
		return nil
	})
	if err != nil || len(seen) != 4 || seen["a1/1"].Hash != want[1] || seen["a1/1"].Version != 1 || seen["a /11"].Key == nil {
		f.Fatalf("%v %v", seen, err)
	}
	if _, err := f.d.Hashes(f.Context(), f.table, nil); err != nil {
		f.Error(err)
	}
	errStop := fmt.Errorf("stop")
	if err := f.d.Keys(f.Context(), f.table, func(syncline.RowKey) error { return errStop }); err == nil || !strings.Contains(err.Error(), "stop") {
		f.Errorf("the callback's error is lost: %v", err)
	}
	f.write(row{version: 2, deleted: true, values: []any{"a", 11}})
	f.count(3)
}

// testText writes texts as keys and values; U+0000 where it is promised.
func testText(f *fixture) {
	f.prepared(notes())
	texts := []string{"ABC", "abc", "abc ", "é", "e\u0301", "ß", "ss", "ﬀ", "ff", "客户", "😀", "\u202eabc", "a\nb", "'", `"`, `\`, "%", "?", "$1", strings.Repeat("k", 500)}
	if f.d.Capabilities().NUL {
		texts = append(texts, "a\x00b", "a\x00c", "\x00")
	}
	var list []row
	var keys []syncline.Key
	for i, s := range texts {
		list = append(list, row{version: 1, hash: uint64(i + 1), values: []any{s, i, s}})
		keys = append(keys, key(s))
	}
	f.want(f.write(list...), syncline.WriteResult{Inserted: len(texts)})
	hashes, err := f.d.Hashes(f.Context(), f.table, keys)
	if err != nil {
		f.Fatal(err)
	}
	back := map[string]string{}
	for _, r := range f.db.Query(f, `SELECT "n", "note", "id" FROM "items"`) {
		back[r[0]] = r[1]
		if r[1] != r[2] {
			f.Errorf("key %q, note %q", r[2], r[1])
		}
	}
	for i, s := range texts {
		if back[strconv.Itoa(i)] != s || hashes[i] != list[i].meta(0).Hash {
			f.Errorf("text %q came back as %q, hash %x", s, back[strconv.Itoa(i)], hashes[i])
		}
	}
}
