package rest_test

import (
	"encoding/json"
	"testing"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/connectors"
	"github.com/synclinehq/syncline/sandbox/dodo"
)

// TestDeclaredFields decodes every row of every stream, list and detail, by the
// declared fields: no field may be missing from the declaration, none may be of
// another type, and what is not declared optional must be there.
func TestDeclaredFields(t *testing.T) {
	w := newWorld(t, dodo.Options{Counts: dodo.Scaled(150)}, nil)
	streams, err := w.src.Streams(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		def := connectors.Dodo().Stream(s.Name)
		if def.Path == "" || s.Name == "customer_credit_entitlements" || s.Name == "webhook_endpoints" {
			continue // the reference has no field table for the first, the sandbox no rows of the second
		}
		t.Run(s.Name, func(t *testing.T) {
			m := newMirror()
			if err := m.pull(t, w.src, s.Name, false); err != nil {
				t.Fatal(err)
			}
			if len(m.rows) == 0 {
				t.Skip("no rows")
			}
			var list, detail [][]byte
			for id, row := range m.rows {
				list = append(list, row)
				if s.Fetchable {
					r, err := w.src.Fetch(t.Context(), s.Name, keyOf(id))
					if err != nil {
						t.Fatal(err)
					}
					detail = append(detail, r.Data)
				}
			}
			optional := map[string]bool{}
			for _, f := range def.Fields {
				optional[f.Name] = f.Optional
			}
			if def.Detail != nil {
				for _, f := range def.Detail.Add {
					optional[f.Name] = f.Optional
				}
			}
			decodeAll(t, s.Schemas[syncline.ShapeList], list, optional, nil)
			known := map[string]bool{}
			if s.Name == "products" {
				known["price__json"] = true
			}
			if s.Name == "subscriptions" {
				optional["past_due_ends_at"] = true
			}
			decodeAll(t, s.Schemas[syncline.ShapeDetail], detail, optional, known)
		})
	}
}

func decodeAll(t *testing.T, schema *batch.Schema, rows [][]byte, optional, known map[string]bool) {
	t.Helper()
	if len(rows) == 0 {
		return
	}
	b := batch.New(schema.Clone())
	d := batch.NewDecoder(b, batch.Policy{})
	for _, row := range rows {
		if _, err := d.Decode(row, batch.Meta{}); err != nil {
			t.Fatalf("%v: %s", err, row)
		}
		var obj map[string]json.RawMessage
		if err := json.Unmarshal(row, &obj); err != nil {
			t.Fatal(err)
		}
		for _, f := range schema.Fields {
			if v, ok := obj[f.Name]; !optional[f.Name] && (!ok || string(v) == "null") {
				t.Errorf("%s is not declared optional and missing or null", f.Name)
			}
		}
	}
	for i, f := range b.Schema().Fields {
		if i >= len(schema.Fields) && !known[f.Name] {
			t.Errorf("field %s (%s) is not declared", f.Name, f.Type)
		} else if i < len(schema.Fields) && f.Type != schema.Fields[i].Type {
			t.Errorf("field %s is declared %s and became %s", f.Name, schema.Fields[i].Type, f.Type)
		}
	}
}

// TestPull_DirtyData has everything in the data that the reference does not
// promise to be clean: rows that cannot be used are set aside, each by itself.
func TestPull_DirtyData(t *testing.T) {
	const n = 800
	dirty := dodo.Dirty{Every: 7, MissingFields: true, UnknownEnum: true, ExtraField: true, NullMetadata: true, NULNames: true,
		EmojiNames: true, InvalidUTF8: true, LoneSurrogate: true, DuplicateKeys: true, BigNumbers: true, TypeChange: true}
	w := newWorld(t, dodo.Options{Counts: map[string]int{"customers": n, "payments": n}, Dirty: dirty}, nil)
	for _, stream := range []string{"customers", "payments"} {
		m := newMirror()
		if err := m.pull(t, w.src, stream, false); err != nil {
			t.Fatal(err)
		}
		if m.rejects == 0 || len(m.rows)+m.rejects < n || m.fetched != len(m.rows)+m.rejects+m.dups {
			t.Errorf("%s: %d rows, %d rejected, %d fetched, %d duplicates", stream, len(m.rows), m.rejects, m.fetched, m.dups)
		}
		w.ResetCounters()
		if err := m.pull(t, w.src, stream, false); err != nil || w.Counters().Requests > 2 {
			t.Errorf("%s again: %v, %d requests", stream, err, w.Counters().Requests)
		}
	}
}
