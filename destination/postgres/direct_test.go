package postgres

import (
	"fmt"
	"strings"
	"testing"

	syncline "github.com/synclinehq/syncline"
)

func ids(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("%05d", i))
	}
	return out
}

func (f *small) direct() bool {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return f.d.tables[f.table.Name].direct
}

// TestDirect: a new table is filled directly; a key that is there leads to the
// stage with exact counts, and many new rows lead back.
func TestDirect(t *testing.T) {
	f := prepared(t, Options{})
	for _, c := range []struct {
		version  int64
		from, to int
		want     syncline.WriteResult
		direct   bool // from now on
	}{
		{1, 0, 10, syncline.WriteResult{Inserted: 10}, true},
		{1, 10, 20, syncline.WriteResult{Inserted: 10}, true},
		{1, 5, 1000, syncline.WriteResult{Inserted: 980, Unchanged: 15}, false},
		{2, 990, 1010, syncline.WriteResult{Inserted: 10, Updated: 10}, false},
		{2, 2000, 2010, syncline.WriteResult{Inserted: 10}, false},
		{2, 3000, 3000 + directRows, syncline.WriteResult{Inserted: directRows}, true},
		{1, 3000 + directRows - 1, 3000 + directRows, syncline.WriteResult{Superseded: 1, Tied: []int{0}}, false},
	} {
		r, err := f.d.Write(t.Context(), f.table, f.batch(c.version, ids(c.from, c.to)...), f.at)
		if err != nil || fmt.Sprint(r) != fmt.Sprint(c.want) || f.direct() != c.direct {
			t.Errorf("%+v: got %+v, direct %v, %v", c, r, f.direct(), err)
		}
	}
	got := f.db.Query(t, "SELECT count(*), sum(n), min(_syncline_synced_at)::text, count(_syncline_deleted_at) FROM items")
	if want := fmt.Sprintf("[[%d %d 1970-01-01 00:00:01+00 0]]", 1010+10+directRows, 990+2*(20+10+directRows)); fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestDirectIsUsed asks the server which statement brought the row.
func TestDirectIsUsed(t *testing.T) {
	f := prepared(t, Options{})
	f.db.Query(t, `CREATE TABLE seen (sql text); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (current_query()); RETURN NEW; END $$;
		CREATE TRIGGER see BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION see()`)
	if _, err := f.d.Write(t.Context(), f.table, f.batch(1, "a"), f.at); err != nil {
		t.Fatal(err)
	}
	if got := f.db.Query(t, "SELECT sql FROM seen"); len(got) != 1 || !strings.HasPrefix(got[0][0], `COPY "public"."items"`) {
		t.Errorf("statement %q", got)
	}
}

// TestDirectLooksFirst: what someone did to the table since it was prepared is
// never met with bytes that mean something else there.
func TestDirectLooksFirst(t *testing.T) {
	for name, c := range map[string]struct {
		change, want string
		code         syncline.Code
	}{
		"wider type":    {"ALTER TABLE items ALTER n TYPE double precision", "[[00000 7]]", ""},
		"other type":    {"ALTER TABLE items ALTER n TYPE timestamptz USING NULL", "[]", syncline.CodeTableChanged},
		"no key":        {"ALTER TABLE items DROP CONSTRAINT items_pkey", "[]", "any"},
		"deferred key":  {"ALTER TABLE items DROP CONSTRAINT items_pkey, ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED", "[]", "any"},
		"no column":     {"ALTER TABLE items DROP n", "[]", syncline.CodeTableChanged},
		"no table":      {"DROP TABLE items", "", syncline.CodeTableMissing},
		"dropping rows": {"CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER x BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION drop_it()", "[]", "any"},
		"redirecting":   {"CREATE TABLE other (LIKE items); CREATE RULE r AS ON INSERT TO items DO INSTEAD INSERT INTO other SELECT NEW.*", "[]", "any"},
	} {
		t.Run(name, func(t *testing.T) {
			f := prepared(t, Options{})
			f.db.Query(t, c.change)
			r, err := f.d.Write(t.Context(), f.table, f.batch(7, "00000"), f.at)
			if c.code == "" && (err != nil || r.Inserted != 1) || c.code != "" && err == nil || c.code != "any" && syncline.CodeOf(err) != c.code {
				t.Errorf("%+v %v", r, err)
			}
			if c.want != "" {
				list := "id, n"
				if name == "no column" {
					list = "id"
				}
				if got := f.db.Query(t, "SELECT "+list+" FROM items"); fmt.Sprint(got) != c.want {
					t.Errorf("rows %v, want %s", got, c.want)
				}
			}
			if got := f.db.Query(t, "SELECT writes FROM _syncline_state"); err != nil && got[0][0] != "0" {
				t.Errorf("the position moved: %v", got)
			}
		})
	}
}
