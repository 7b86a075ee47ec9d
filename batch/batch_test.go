package batch

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSchemaAsJSON(t *testing.T) {
	s := fields("a:bool! b:int64 c:float64 d:decimal e:string f:bytes g:time h:date i:json?")
	s.Fields = append(s.Fields, Field{Name: "b__string", Type: String, VariantOf: "b"})
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got Schema
	if err := json.Unmarshal(raw, &got); err != nil || !got.Equal(s) {
		t.Errorf("%s: %v", raw, err)
	}
	if err := json.Unmarshal([]byte(`{"fields":[{"type":"number"}]}`), &got); err == nil || !strings.Contains(err.Error(), "one of bool") {
		t.Errorf("unknown type: %v", err)
	}
	if got := Type(99).String(); got != "batch.Type(99)" {
		t.Error(got)
	}
}

func TestWidens(t *testing.T) {
	want := map[[2]Type]bool{{Int64, Decimal}: true, {Float64, Decimal}: true, {Date, Time}: true}
	for from := Bool; from <= JSON; from++ {
		for to := Bool; to <= JSON; to++ {
			if got := Widens(from, to); got != want[[2]Type{from, to}] {
				t.Errorf("%s to %s: %v", from, to, got)
			}
		}
	}
}

// Rows of a narrower batch fit a widened one.
func TestAppendRowWidens(t *testing.T) {
	from, _ := decodeAll(t, fields("id:int64! n:int64 f:float64 d:date"), Policy{}, `{"id":1,"n":-7,"f":0.5,"d":"2024-01-02"}`, `{"id":2,"n":null}`)
	to := New(fields("id:int64! n:decimal f:decimal d:time x:string"))
	for i := range 2 {
		to.AppendRow(from, i)
	}
	check(t, to)
	want := []string{
		"id:int64=1 n:decimal=-7 f:decimal=0.5 d:time=2024-01-02T00:00:00.000000Z x:string=null",
		"id:int64=2 n:decimal=null f:decimal=null d:time=null x:string=null",
	}
	if diff := cmp.Diff(want, dump(to)); diff != "" {
		t.Error(diff)
	}
}

func TestSplitByShapeCases(t *testing.T) {
	b, _ := decodeAll(t, fields("id:int64! d:string late:int64?"), Policy{}, `{"id":1,"d":"x"}`, `{"id":2}`)
	parts := b.SplitByShape()
	if len(parts) != 1 || len(parts[0].Schema().Fields) != 2 || parts[0].Len() != 2 {
		t.Errorf("column without values: %d parts, %q", len(parts), dump(parts[0]))
	}
	b, _ = decodeAll(t, fields("id:int64! d:string"), Policy{}, `{"id":1,"d":"x"}`)
	if parts := b.SplitByShape(); len(parts) != 1 || parts[0] != b {
		t.Error("plain batch was copied")
	}
	b = New(fields("id:int64! d:string"))
	d := NewDecoder(b, Policy{})
	if err := d.DecodeKey(AppendKeyPart(nil, []byte("7")), Meta{}); err != nil {
		t.Fatal(err)
	}
	if parts := b.SplitByShape(); len(parts) != 1 || dump(parts[0])[0] != "id:int64=7" {
		t.Errorf("deleted row: %q", dump(parts[0]))
	}
}

func TestAs(t *testing.T) {
	b, _ := decodeAll(t, fields("payment_id:string!"), Policy{Document: "doc"}, `{"payment_id":"a"}`)
	view := b.As(fields("id:string! data:json"))
	if got := dump(view.Select([]int{0})); got[0] != `id:string=a data:json={"payment_id":"a"}` {
		t.Error(got)
	}
}

func TestColumnAccess(t *testing.T) {
	b, _ := decodeAll(t, fields("id:int64! t:time s:string"), Policy{}, `{"id":5,"t":"2024-01-02T03:04:05.000006Z","s":"x"}`)
	if got := b.Column(1).Time(0); !got.Equal(time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC)) || b.Column(0).Int64(0) != 5 {
		t.Error(got)
	}
	c := b.AddField(Field{Name: "made", Type: String, Declared: true})
	if !c.Absent(0) || !c.HasNulls() || b.Column(2).HasNulls() {
		t.Error("a new field is not absent in the rows there are")
	}
	c.SetArena(append(c.Arena(), "made"...))
	c.EndValue()
	b.Column(0).AppendInt64(6)
	b.EndRow(Meta{})
	check(t, b)
	if got := c.Text(1); got != "made" || b.Size() < 100 {
		t.Error(got, b.Size())
	}
}

func TestDecodeKeyTypes(t *testing.T) {
	for typ, want := range map[string]struct{ good, bad string }{
		"bool": {"true", "True"}, "decimal": {"-1.50", "1,5"}, "float64": {"0.5", "Inf"}, "date": {"2024-01-02", "2024-13-02"},
		"time": {"2024-01-02T03:04:05.000000Z", "2024"}, "json": {"1", ""}, "string": {"x", "\xff"},
	} {
		b := New(fields("k:" + typ + "!"))
		d := NewDecoder(b, Policy{})
		if err := d.DecodeKey(AppendKeyPart(nil, []byte(want.good)), Meta{}); err != nil || b.Column(0).Text(0) != want.good {
			t.Errorf("%s: %v, %q", typ, err, dump(b))
		}
		err := d.DecodeKey(AppendKeyPart(nil, []byte(want.bad)), Meta{})
		if (err == nil) != (typ == "json") {
			t.Errorf("%s %q: %v", typ, want.bad, err)
		}
		check(t, b)
	}
}

func TestErrorsNeverQuoteData(t *testing.T) {
	b := New(fields("id:int64!"))
	_, err := NewDecoder(b, Policy{}).Decode([]byte(`{"id":"secret"}`), Meta{})
	if err == nil || err.Error() != `record refused: key_type at "id": want int64, got a string` {
		t.Error(err)
	}
	_, err = NewScanner(Spec{}).Scan(nil, []byte(`{"a":"secret`))
	if err == nil || err.Error() != "page refused: truncated at byte 12" {
		t.Error(err)
	}
}
