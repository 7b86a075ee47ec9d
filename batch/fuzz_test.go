package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"testing"
	"time"
)

var seeds = []string{
	"", "[]", "{}", "null", "[null]", `[{"id":"a","n":-1.5e+3},{"\u0069d":"b"}]`, `{"a":{"b":[1,{"c":"\ud83d\ude00"}]},"":""}`,
	`{"a":"\ud800"}`, `{"a":"\ud800\ud83d\ude00"}`, `[{"a":1,"\u0061":2}]`, "[{\"a\":\"\xff\"}]", "[{\"a\":\"\xed\xa0\x80\"}]", `[{"a":"` + "\x01" + `"}]`,
	`{"a":12345678901234567890123456789.50}`, `{"a":-0,"b":1e400,"c":9223372036854775808}`, "\ufeff[]", "<html>", `[{"a":01}]`, `[1,]`,
	`[{"a":1},{"a":2,"b":null},{"b":[],"a":{}},{"c":true}]`, `{"a":"\\\u0000","b\u0000":1}`, `{"a":[[[[[[[[[[1]]]]]]]]]]}`,
	` { "id" : 1 , "t" : "2024-01-02T03:04:05.123456Z" } `, `{"id":1,"id__string":2,"x":"y"}`,
}

// FuzzScan compares with encoding/json: a page is taken if it is one array or
// object, and a record is if its names are distinct and its text is whole.
func FuzzScan(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		if depthOf(page) > 5000 {
			t.Skip("json.Valid knows a limit of depth")
		}
		s := NewScanner(Spec{Key: []string{"id"}, Cursor: "t", Exclude: []string{"x.y"}})
		recs, err := s.Scan(nil, page)
		trimmed := bytes.Trim(page, " \t\r\n")
		composite := len(trimmed) > 0 && (trimmed[0] == '[' || trimmed[0] == '{')
		if want := validValue(page) && composite; (err == nil) != want {
			t.Fatalf("%q: err %v, want accepted %v", page, err, want)
		}
		if err != nil {
			var pe *PageError
			if !errors.As(err, &pe) || pe.Offset < 0 || pe.Offset > len(page) || len(recs) != 0 {
				t.Fatalf("%q: %v, %d records", page, err, len(recs))
			}
			return
		}
		spans := []json.RawMessage{trimmed}
		if trimmed[0] == '[' {
			spans = nil
			if err := json.Unmarshal(page, &spans); err != nil {
				t.Fatal(err)
			}
		}
		if len(spans) != len(recs) {
			t.Fatalf("%q: %d records, want %d", page, len(recs), len(spans))
		}
		for i, r := range recs {
			if !bytes.Equal(r.Data, bytes.Trim(spans[i], " \t\r\n")) {
				t.Fatalf("%q: record %d is %q, want %q", page, i, r.Data, spans[i])
			}
			checkRecord(t, s, r)
		}
	})
}

func checkRecord(t *testing.T, s *Scanner, r Record) {
	var re *RecordError
	if r.Err != nil && !errors.As(r.Err, &re) {
		t.Fatalf("%q: %v", r.Data, r.Err)
	}
	keyOnly := re != nil && (re.Reason == ReasonKeyMissing || re.Reason == ReasonKeyNull || re.Reason == ReasonKeyType)
	if want := r.Data[0] == '{' && wholesome(r.Data); want != (re == nil || keyOnly) {
		t.Fatalf("%q: err %v, want usable %v", r.Data, r.Err, want)
	}
	var members map[string]json.RawMessage
	if re == nil {
		if err := json.Unmarshal(r.Data, &members); err != nil {
			t.Fatal(err)
		}
		var text string
		if json.Unmarshal(members["id"], &text) != nil {
			text = string(members["id"])
		}
		if parts, err := KeyParts(r.Key); err != nil || len(parts) != 1 || parts[0] != text {
			t.Fatalf("%q: key %q, %v", r.Data, parts, err)
		}
		if len(s.exclude.next) > 0 {
			compact := &bytes.Buffer{}
			_ = json.Compact(compact, r.Data)
			key := append([]byte{}, r.Key...)
			again, err := NewScanner(s.spec).One(compact.Bytes())
			if err != nil || again.Err != nil || again.Hash != r.Hash || !bytes.Equal(again.Key, key) {
				t.Fatalf("%q: %v, %v, other hash when compact", r.Data, err, again.Err)
			}
		}
	}
}

// FuzzDecode compares with encoding/json and the scanner, and checks that a
// refused record leaves no trace.
func FuzzDecode(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), uint8(i))
	}
	f.Fuzz(func(t *testing.T, obj []byte, mode uint8) {
		if depthOf(obj) > 5000 {
			t.Skip("json.Valid knows a limit of depth")
		}
		p := Policy{Drift: DriftPolicy(mode % 3), NUL: NULPolicy(mode / 3 % 4), MaxFields: 8}
		if mode >= 200 {
			p.Document = "doc"
		}
		b := New(fields("s:string i:int64 n:decimal f:float64 b:bool t:time d:date j:json"))
		d := NewDecoder(b, p)
		if _, err := d.Decode([]byte(`{"s":"x","i":1,"f":0.5,"u":1}`), Meta{}); err != nil {
			t.Fatal(err)
		}
		schema, rows := b.Schema().Clone(), dump(b)
		trimmed := bytes.Trim(obj, " \t\r\n")
		whole := validValue(obj) && trimmed[0] == '{' && wholesome(obj)
		for range 2 {
			_, err := d.Decode(obj, Meta{})
			check(t, b)
			if err == nil && !validValue(obj) || err != nil && whole && p.NUL == NULKeep {
				t.Fatalf("%q: %v, whole %v", obj, err, whole)
			}
			if err == nil {
				checkStored(t, b, trimmed)
				continue
			}
			if !schema.Equal(b.Schema()) || len(dump(b)) != 1 || dump(b)[0] != rows[0] {
				t.Fatalf("%q: %v, but the batch changed: %q", obj, err, dump(b))
			}
		}
	})
}

// checkStored checks that text and documents of the last row are what JSON says
// they are.
func checkStored(t *testing.T, b *Batch, obj []byte) {
	var members map[string]any
	dec := json.NewDecoder(bytes.NewReader(obj))
	dec.UseNumber() // 1e400 is no float64
	if err := dec.Decode(&members); err != nil {
		t.Fatal(err)
	}
	row := b.Len() - 1
	for j, f := range b.Schema().Fields {
		c := b.Column(j)
		if c.Null(row) {
			continue
		}
		switch v := c.Bytes; c.Type() {
		case JSON:
			if !json.Valid(v(row)) {
				t.Fatalf("%q: %s is %q", obj, f.Name, v(row))
			}
		case String:
			name := f.Name
			if f.VariantOf != "" {
				name = f.VariantOf
			}
			if want, ok := members[name].(string); !ok || !bytes.Contains([]byte(want), []byte{0}) && want != string(v(row)) {
				t.Fatalf("%q: %s is %q, want %q", obj, f.Name, v(row), want)
			}
		}
	}
}

var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// FuzzTime compares with time.Parse.
func FuzzTime(f *testing.F) {
	for _, s := range []string{
		"2024-01-02T03:04:05Z", "2024-02-29T23:59:59.999999+14:00", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.9999990-00:01",
		"2023-02-29T00:00:00Z", "2024-01-02t03:04:05z", "2024-01-02 03:04:05-23:59", "2016-12-31T23:59:60Z", "2024-01-02T24:00:00Z",
		"2024-01-02T03:04:05.Z", "2024-01-02T03:04:05,1Z", "2024-01-02T3:04:05Z", "0000-01-01T00:00:00Z", "1900-02-29T00:00:00Z", "2024-01-02T03:04:05.123456700Z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, zoned, ok := parseTime([]byte(s))
		ok = ok && zoned
		// time.Parse is laxer about form, and stricter about letters.
		norm := []byte(s)
		if len(norm) > 10 && (norm[10] == ' ' || norm[10] == 't') {
			norm[10] = 'T'
		}
		norm = bytes.Replace(norm, []byte("z"), []byte("Z"), 1)
		want, err := time.Parse(time.RFC3339, string(norm))
		year := want.UTC().Year()
		fits := err == nil && timeForm.Match(norm) && s[:4] != "0000" && year >= 1 && year <= 9999 && want.Nanosecond()%1000 == 0
		if ok != fits || ok && got != want.UnixMicro() {
			t.Fatalf("%q: %d %v, want %v %v (%v)", s, got, ok, want.UnixMicro(), fits, err)
		}
	})
}
