package sqltext

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/batch"
)

func TestName(t *testing.T) {
	long := strings.Repeat("x", 200)
	chinese := strings.Repeat("客户名称", 6) // 72 bytes
	for _, c := range []struct {
		dialect    Dialect
		name, want string
	}{
		{Postgres, "id", "id"},
		{Postgres, "客户 名称", "客户 名称"},
		{Postgres, `say "hi"`, `say "hi"`},
		{Postgres, "select", "select"},
		{Postgres, "ID", "ID"},
		{Postgres, "xmin", "xmin_eafb2f50"},
		{Postgres, "_syncline_hash", "x_syncline_hash_1b77c49b1281"},
		{Postgres, "", "_e3b0c442"},
		{Postgres, "a\x00b", "a?b_59b271ae"},
		{Postgres, "a\xffb", "a?b_01ce0241"},
		{Postgres, long, strings.Repeat("x", 54) + "_aa20c23e"},
		{Postgres, chinese, strings.Repeat("客户名称", 4) + "客户_dfc1a72c"},
		{SQLite, "SQLite_x", "xSQLite_x_de9bd8ba3c86"},
		{SQLite, long, long},
	} {
		got := c.dialect.Name(c.name, nil)
		if got != c.want {
			t.Errorf("Name(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}

// Property P-25: identifiers of one table are distinct, fit, are never
// reserved, and depend on nothing but the names and their order.
func TestNameIsInjectiveAndBounded(t *testing.T) {
	for label, d := range map[string]Dialect{"postgres": Postgres, "sqlite": SQLite, "tiny": {MaxBytes: 10, FoldCase: true}} {
		t.Run(label, func(t *testing.T) {
			piece := rapid.SampledFrom([]string{"a", "A", "id", "ID", "_", "\x00", "\xff", "é", "客", "?", "_syncline_", "xmin", `"`, strings.Repeat("n", 60), "sqlite_", "_ca978112", "_bd5c3b27"})
			rapid.Check(t, func(t *rapid.T) {
				names := rapid.SliceOfDistinct(rapid.Custom(func(t *rapid.T) string {
					return strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, "pieces"), "")
				}), rapid.ID[string]).Draw(t, "names")
				assign := func() map[string]string {
					seen := map[string]string{}
					for _, n := range names {
						id := d.Name(n, func(f string) bool { _, ok := seen[f]; return ok })
						checkIdentifier(t, d, id)
						if first, dup := seen[d.Fold(id)]; dup {
							t.Fatalf("%q and %q are both %q", first, n, id)
						}
						seen[d.Fold(id)] = n
					}
					return seen
				}
				if diff := cmp.Diff(assign(), assign()); diff != "" {
					t.Fatal(diff)
				}
			})
		})
	}
}

func checkIdentifier(t interface{ Fatalf(string, ...any) }, d Dialect, id string) {
	if id == "" || len(id) > d.MaxBytes || !utf8.ValidString(id) || strings.Contains(id, "\x00") || d.reserved(id) {
		t.Fatalf("%q is no identifier", id)
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"", "id", "a\x00", "\xff", "_SYNCLINE_x", strings.Repeat("客", 30)} {
		f.Add(s, s+"_")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, d := range []Dialect{Postgres, SQLite} {
			x := d.Name(a, nil)
			checkIdentifier(t, d, x)
			y := d.Name(b, func(folded string) bool { return folded == d.Fold(x) })
			checkIdentifier(t, d, y)
			if d.Fold(x) == d.Fold(y) {
				t.Fatalf("%q and %q are both %q", a, b, x)
			}
			if got := unquote(t, Quote(x)); got != x {
				t.Fatalf("quoted %q reads back as %q", x, got)
			}
		}
	})
}

// unquote reads a quoted identifier as the SQL standard says.
func unquote(t *testing.T, s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		t.Fatalf("%s is not quoted", s)
	}
	s = s[1 : len(s)-1]
	if strings.Contains(strings.ReplaceAll(s, `""`, ""), `"`) {
		t.Fatalf("%s ends early", s)
	}
	return strings.ReplaceAll(s, `""`, `"`)
}

func TestExtend(t *testing.T) {
	schema := &batch.Schema{Fields: []batch.Field{
		{Name: "id", Type: batch.String, Key: true}, {Name: "ID", Type: batch.Int64}, {Name: "day", Type: batch.Date},
	}}
	first, added, _, err := SQLite.Extend(nil, schema)
	if err != nil || len(added) != 3 || first[1].Name == "ID" {
		t.Fatalf("%+v %+v %v", first, added, err)
	}
	grown := schema.Clone()
	grown.Fields[1].Type = batch.Decimal
	grown.Fields = append(grown.Fields, batch.Field{Name: "note", Type: batch.String})
	all, added, widened, err := SQLite.Extend(first, grown)
	if err != nil || len(all) != 4 || len(added) != 1 || len(widened) != 1 || all[1].Name != first[1].Name || all[1].Type != batch.Decimal {
		t.Fatalf("%+v %+v %+v %v", all, added, widened, err)
	}
	// An older schema needs nothing.
	if again, added, widened, err := SQLite.Extend(all, schema); err != nil || len(added)+len(widened) != 0 || len(again) != 4 {
		t.Fatalf("%+v %+v %+v %v", again, added, widened, err)
	}
	for label, bad := range map[string]batch.Schema{
		"kind": {Fields: []batch.Field{schema.Fields[0], {Name: "day", Type: batch.Bool}}},
		"key":  {Fields: []batch.Field{{Name: "ID", Type: batch.Int64, Key: true}}},
	} {
		if _, _, _, err := SQLite.Extend(all, &bad); err == nil {
			t.Errorf("%s: accepted", label)
		}
	}
}
