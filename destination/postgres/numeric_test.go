package postgres

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/sqltext"
	"github.com/synclinehq/syncline/internal/testserver"
)

// TestNumericIsWhatTheServerReads compares our binary form of many numbers with
// what the server itself makes of their text.
func TestNumericIsWhatTheServerReads(t *testing.T) {
	d := open(t, testserver.Postgres(t).NewDatabase(t))
	defer d.Close()
	schema := &batch.Schema{Fields: []batch.Field{{Name: "text", Type: batch.String}, {Name: "n", Type: batch.Decimal}}}
	b := batch.New(schema)
	for _, n := range append(numbers(3000), "0", "-0", "0.000", "0e-5", "0e99999999999999999999", "1e131071", "9.9e-16382", "-1e-16383", "1E+4", "10000", "9999", "0.0001", "0.00001", "123e-7", "1e-4", "1e-5") {
		b.Column(0).AppendBytes([]byte(n))
		b.Column(1).AppendBytes([]byte(n))
		b.EndRow(batch.Meta{})
	}
	var rows []int
	for i := range b.Len() {
		rows = append(rows, i)
	}
	cols := []sqltext.Column{{Name: "text", Field: schema.Fields[0]}, {Name: "n", Field: schema.Fields[1]}}
	err := d.session(t.Context(), func(s *session) error {
		stage, err := s.stage(t.Context(), cols)
		if err != nil {
			return err
		}
		_, err = s.transaction(t.Context(), func() error {
			if err := s.load(t.Context(), stage, &copier{b: b, cols: cols, rows: rows}); err != nil {
				return err
			}
			// 0e999... is beyond what the server reads, and 0 all the same.
			r, err := s.Query(t.Context(), "SELECT c0, c1::text, c0::numeric::text FROM "+stage+" WHERE c0 NOT LIKE '0e9%' AND c1::text <> c0::numeric::text")
			if err != nil {
				return err
			}
			for r.Next() {
				var text, ours, theirs string
				if err := r.Scan(&text, &ours, &theirs); err != nil {
					return err
				}
				t.Errorf("%.60s: ours %.60s, the server's %.60s", text, ours, theirs)
			}
			return r.Err()
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"1e131072", "1e-16384", "1e99999999999999999999", "-1e-99999999999999999999", "0." + strings.Repeat("1", 16384)} {
		if _, ok := appendNumeric(nil, []byte(n)); ok {
			t.Errorf("%.40s is taken", n)
		}
	}
}

func numbers(n int) []string {
	rnd := rand.New(rand.NewPCG(7, 7))
	digits := func(most int) string {
		var b strings.Builder
		for range 1 + rnd.IntN(most) {
			b.WriteByte("0000123456789"[rnd.IntN(13)])
		}
		return b.String()
	}
	var out []string
	for range n {
		s := strings.TrimLeft(digits(30), "0")
		if s == "" {
			s = "0"
		}
		if rnd.IntN(2) == 0 {
			s = "-" + s
		}
		if rnd.IntN(2) == 0 {
			s += "." + digits(30)
		}
		if rnd.IntN(3) == 0 {
			s += fmt.Sprintf("e%+d", rnd.IntN(120)-60)
		}
		out = append(out, s)
	}
	return out
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

func FuzzNumericDoesNotPanic(f *testing.F) {
	for _, s := range []string{"0", "-1.5e10", "1e", "..", "-", "1e-"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if jsonNumber.Match(b) {
			appendNumeric(nil, b)
		}
	})
}

// TestNamesReadBack: what package sqltext makes of any name is an identifier
// that the server takes as it is.
func TestNamesReadBack(t *testing.T) {
	d := open(t, testserver.Postgres(t).NewDatabase(t))
	defer d.Close()
	tables := 0
	rapid.Check(t, func(rt *rapid.T) {
		fields := rapid.SliceOfNDistinct(rapid.String(), 1, 20, rapid.ID[string]).Draw(rt, "fields")
		schema := &batch.Schema{Fields: []batch.Field{{Name: "id", Type: batch.String, Key: true}}}
		for _, f := range fields {
			if f != "id" {
				schema.Fields = append(schema.Fields, batch.Field{Name: f, Type: batch.Int64})
			}
		}
		tables++
		stream := fmt.Sprint(rapid.String().Draw(rt, "table"), tables)
		state, err := d.Attach(t.Context(), "p", fmt.Sprint(tables), "j")
		if err != nil {
			rt.Fatal(err)
		}
		table := &syncline.Table{Stream: fmt.Sprint(tables), Name: stream, Layout: syncline.LayoutColumns, Schema: schema}
		// Prepare reads the table back and finds each column under its name.
		for range 2 {
			if err := d.Prepare(t.Context(), table, state); err != nil {
				rt.Fatal(err)
			}
		}
	})
}
