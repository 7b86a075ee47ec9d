package batch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPaymentIsRealistic(t *testing.T) {
	rec := []byte(payment(1234))
	names := 0
	for _, f := range paymentSchema().Fields {
		if _, ok := Lookup(rec, f.Name); ok {
			names++
		}
	}
	if len(rec) < 570 || len(rec) > 610 || names != 22 {
		t.Errorf("%d bytes, %d fields; want about 590 and 22", len(rec), names)
	}
}

func scanOne(t testing.TB, s *Scanner, obj string) Record {
	t.Helper()
	r, err := s.One([]byte(obj))
	if err != nil {
		t.Fatalf("%s: %v", obj, err)
	}
	return r
}

func TestScanPage(t *testing.T) {
	page := paymentPage(3)
	recs, err := NewScanner(paymentSpec()).Scan(nil, page)
	if err != nil {
		t.Fatal(err)
	}
	if len(recs) != 3 {
		t.Fatalf("got %d records", len(recs))
	}
	for i, r := range recs {
		parts, err := KeyParts(r.Key)
		want := []string{fmt.Sprintf("pay_%08dAbCd", i)}
		if r.Err != nil || err != nil || !cmp.Equal(parts, want) {
			t.Errorf("record %d: key %q, %v, %v", i, parts, err, r.Err)
		}
		if string(r.Data) != payment(i) {
			t.Errorf("record %d: data %s", i, r.Data)
		}
		if string(r.Cursor) != "2026-04-01T10:20:30Z" {
			t.Errorf("record %d: cursor %q", i, r.Cursor)
		}
		if r.Hash == (Hash{}) {
			t.Errorf("record %d: no hash", i)
		}
	}
}

// The hash is part of the stored state: if this test fails, every stored record
// counts as changed.
func TestHashIsStable(t *testing.T) {
	s := NewScanner(Spec{Salt: []byte("salt"), Exclude: []string{"files.url"}})
	r := scanOne(t, s, ` { "b" : [1, {"y":2,"x":1.50}, "\u00e9\/\u000A"], "a\"": null, "files": [{"url":"u","n":1}], "":{} }`)
	canonical := `{"":{},"a\"":null,"b":[1,{"x":1.50,"y":2},"é/\u000a"],"files":[{"n":1}]}` + "salt"
	sum := sha256.Sum256([]byte(canonical))
	if r.Err != nil || r.Hash != Hash(sum[:16]) {
		t.Errorf("hash %x, want %x; %v", r.Hash, sum[:16], r.Err)
	}
}

func TestHashEquality(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		spec       Spec
		same       bool
	}{
		{"order", `{"a":1,"b":2}`, `{"b":2,"a":1}`, Spec{}, true},
		{"space", `{"a":1,"b":[1,2]}`, " {\t\"a\" :\n1 , \"b\": [ 1 ,2 ]\r}", Spec{}, true},
		{"escapes", `{"a":"é/😀","é":1}`, `{"a":"\u00e9\/\ud83D\uDE00","\u00E9":1}`, Spec{}, true},
		{"nested order", `{"a":[{"x":1,"y":{"p":1,"q":2}}]}`, `{"a":[{"y":{"q":2,"p":1},"x":1}]}`, Spec{}, true},
		{"array order", `{"a":[1,2]}`, `{"a":[2,1]}`, Spec{}, false},
		{"number text", `{"a":1}`, `{"a":1.0}`, Spec{}, false},
		{"kind", `{"a":1}`, `{"a":"1"}`, Spec{}, false},
		{"null", `{"a":null}`, `{}`, Spec{}, false},
		{"null as absent", `{"a":null,"b":{"c":null,"d":1}}`, `{"b":{"d":1}}`, Spec{NullEqualsAbsent: true}, true},
		{"null in array", `{"a":[null]}`, `{"a":[]}`, Spec{NullEqualsAbsent: true}, false},
		{"excluded", `{"a":1,"x":{"y":1,"z":2}}`, `{"a":1,"x":{"z":2}}`, Spec{Exclude: []string{"x.y"}}, true},
		{"excluded whole", `{"a":1,"x":{"y":1}}`, `{"a":1}`, Spec{Exclude: []string{"x"}}, true},
		{"excluded in arrays", `{"c":{"f":[[{"u":1,"n":1}],{"u":2,"n":2}]}}`, `{"c":{"f":[[{"n":1}],{"u":9,"n":2}]}}`, Spec{Exclude: []string{"c.f.u"}}, true},
		{"excluded by another place", `{"u":1}`, `{"u":2}`, Spec{Exclude: []string{"c.u"}}, false},
		{"excluded key", `{"id":1,"a":1}`, `{"id":2,"a":1}`, Spec{Key: []string{"id"}, Exclude: []string{"id"}}, true},
		{"name and value", `{"a":"b,c:1"}`, `{"a":"b","c":1}`, Spec{}, false},
		{"empty object and array", `{"a":{}}`, `{"a":[]}`, Spec{}, false},
	} {
		s := NewScanner(c.spec)
		a, b := scanOne(t, s, c.a), scanOne(t, s, c.b)
		if a.Err != nil || b.Err != nil || (a.Hash == b.Hash) != c.same {
			t.Errorf("%s: same = %v, want %v (%v, %v)", c.name, a.Hash == b.Hash, c.same, a.Err, b.Err)
		}
	}
}

func TestScanRefusesPages(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
	for _, c := range []struct {
		page   string
		path   string
		kind   PageKind
		offset int
	}{
		{"", "items", PageEmpty, 0},
		{" \n", "items", PageEmpty, 2},
		{"\ufeff{}", "items", PageBOM, 0},
		{"<!doctype html>", "items", PageHTML, 0},
		{"  <html>", "items", PageHTML, 2},
		{"hello", "items", PageNotJSON, 0},
		{"\x1f\x8b\x08", "items", PageNotJSON, 0},
		{`{"items":[{"id":1}`, "items", PageTruncated, 18},
		{`{"items":[{"id":1}]`, "items", PageTruncated, 19},
		{`{"items":[]}}`, "items", PageTrailing, 12},
		{`{"items":[]} {"items":[]}`, "items", PageTrailing, 13},
		{`{"items":[]}` + "\x00", "items", PageTrailing, 12},
		{`{"items":null}`, "items", PageNoRecords, 9},
		{`{"items":5}`, "items", PageNoRecords, 9},
		{`{"error":"no"}`, "items", PageNoRecords, 13},
		{`{}`, "items", PageNoRecords, 1},
		{`[]`, "items", PageNoRecords, 0},
		{`"text"`, "", PageNoRecords, 0},
		{`{"data":[]}`, "data.items", PageNoRecords, 8},
		{`{"items":[],"items":[]}`, "items", PageDuplicateMember, 12},
		{`{"items":[],"\u0069tems":[]}`, "items", PageDuplicateMember, 12},
		{`{"x":{"a":1,"a":2},"items":[]}`, "items", PageDuplicateMember, 12},
		{"{\"x\":\"\xff\",\"items\":[]}", "items", PageInvalidUTF8, 5},
		{`{"x":"\ud800","items":[]}`, "items", PageLoneSurrogate, 5},
		{`{"x":` + deep + `,"items":[]}`, "items", PageTooDeep, 5 + 63*5},
		{`{"items":[1,]}`, "items", PageSyntax, 12},
		{`{"items":[{"a":1,}]}`, "items", PageSyntax, 17},
		{`{"items":[],}`, "items", PageSyntax, 12},
		{`{"items":[01]}`, "items", PageSyntax, 11},
		{`{"items":[{"a":"` + "\n" + `"}]}`, "items", PageSyntax, 16},
		{`{"items":[{"a":"\x"}]}`, "items", PageSyntax, 17},
		{`{"items":[{"a":nul}]}`, "items", PageSyntax, 18},
		{`{"items":[{"a":NaN}]}`, "items", PageSyntax, 15},
		{`{"items":[{'a':1}]}`, "items", PageSyntax, 11},
		{`{"items" [1]}`, "items", PageSyntax, 9},
		// A faulty record before the fault of grammar does not hide it.
		{`{"items":[{"a":1,"a":2},{"a":tru`, "items", PageTruncated, 32},
	} {
		var path []string
		if c.path != "" {
			path = strings.Split(c.path, ".")
		}
		s := NewScanner(Spec{Records: path})
		recs, err := s.Scan(make([]Record, 1, 9), []byte(c.page))
		var pe *PageError
		if !errors.As(err, &pe) || pe.Kind != c.kind || pe.Offset != c.offset || len(recs) != 1 {
			t.Errorf("%.40q: got %v, want %s at %d", c.page, err, c.kind, c.offset)
		}
		if _, err := s.Scan(nil, paymentPage(1)); c.path == "items" && err != nil {
			t.Errorf("%.40q: scanner is spoiled: %v", c.page, err)
		}
	}
}

// P-21: a page cut short anywhere is refused as truncated.
func TestScanTruncatedEverywhere(t *testing.T) {
	page := []byte(`{"total":3,"items":[{"id":"\ud83d\ude00\u00e9","n":-1.5e+10,"t":true,"a":[[],{}]},{"id":"ü","z":null}],"next":"x"}`)
	s := NewScanner(Spec{Records: []string{"items"}, Key: []string{"id"}})
	if _, err := s.Scan(nil, page); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(page); n++ {
		_, err := s.Scan(nil, page[:n])
		var pe *PageError
		if !errors.As(err, &pe) || pe.Kind != PageTruncated || pe.Offset != n {
			t.Errorf("%s: %v", page[:n], err)
		}
	}
}

func TestScanKeepsGoodRecords(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		record string
		reason Reason
		field  string
		key    string
	}{
		{"{\"id\":\"k\",\"a\":{\"b\":[\"\xff\"]}}", ReasonInvalidUTF8, "a.b", "k"},
		{"{\"id\":\"k\",\"\xff\":1}", ReasonInvalidUTF8, "", "k"},
		{"{\"id\":\"\xc0\x80\",\"a\":1}", ReasonInvalidUTF8, "id", ""},
		{`{"id":"k","a":"\ud800"}`, ReasonLoneSurrogate, "a", "k"},
		{`{"id":"k","a":"\udc00\ud800"}`, ReasonLoneSurrogate, "a", "k"},
		{`{"id":"k","a":"\ud800\u0041"}`, ReasonLoneSurrogate, "a", "k"},
		{`{"id":"k","a":"\ud800\uffff"}`, ReasonLoneSurrogate, "a", "k"},
		{`{"id":"k","a":1,"a":1}`, ReasonDuplicateMember, "a", "k"},
		{`{"id":"k","a":1,"\u0061":1}`, ReasonDuplicateMember, "a", "k"},
		{`{"id":"k","":1,"":1}`, ReasonDuplicateMember, "", "k"},
		{`{"id":"k","a":[{"b":{"c":1,"c":2}}]}`, ReasonDuplicateMember, "a.b.c", "k"},
		{`{"id":"k","\u0069d":"l"}`, ReasonDuplicateMember, "id", ""},
		{`{"a":1}`, ReasonKeyMissing, "id", ""},
		{`{"id":null}`, ReasonKeyNull, "id", ""},
		{`{"id":{}}`, ReasonKeyType, "id", ""},
		{`{"id":["k"]}`, ReasonKeyType, "id", ""},
		{`null`, ReasonNotObject, "", ""},
		{`[{"id":"k"}]`, ReasonNotObject, "", ""},
		{`"id"`, ReasonNotObject, "", ""},
		{`{"id":"k","a":` + deep(64) + `}`, ReasonTooDeep, "a", "k"},
		{`{"id":"k","a":` + deep(100_000) + `}`, ReasonTooDeep, "a", "k"},
	} {
		page := fmt.Sprintf(`{"items":[{"id":"first"},%s,{"id":"last"}]}`, c.record)
		s := NewScanner(Spec{Records: []string{"items"}, Key: []string{"id"}})
		recs, err := s.Scan(nil, []byte(page))
		if err != nil || len(recs) != 3 {
			t.Errorf("%.50q: %v, %d records", c.record, err, len(recs))
			continue
		}
		var re *RecordError
		if !errors.As(recs[1].Err, &re) || re.Reason != c.reason || re.Field != c.field {
			t.Errorf("%.50q: got %v, want %s at %q", c.record, recs[1].Err, c.reason, c.field)
		}
		if string(recs[1].Data) != c.record {
			t.Errorf("%.50q: data %.50q", c.record, recs[1].Data)
		}
		if parts, _ := KeyParts(recs[1].Key); strings.Join(parts, "|") != c.key || recs[1].Hash != (Hash{}) {
			t.Errorf("%.50q: key %q, want %q; hash %x", c.record, parts, c.key, recs[1].Hash)
		}
		if recs[0].Err != nil || recs[2].Err != nil || recs[0].Hash == recs[2].Hash {
			t.Errorf("%.50q: neighbours: %v, %v", c.record, recs[0].Err, recs[2].Err)
		}
	}
}

func TestScanDepthLimit(t *testing.T) {
	nested := func(n int) string {
		return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1)
	}
	s := NewScanner(Spec{})
	if r := scanOne(t, s, nested(64)); r.Err != nil {
		t.Errorf("64 levels: %v", r.Err)
	}
	if r := scanOne(t, s, nested(65)); r.Err == nil {
		t.Error("65 levels: no error")
	}
}

func TestScanKeysAndCursor(t *testing.T) {
	for _, c := range []struct {
		obj    string
		key    []string
		cursor string // "-" is nil
	}{
		{`{"a":"x","b":1,"t":"2026"}`, []string{"x", "1"}, "2026"},
		{`{"b":1,"t":5,"a":"x"}`, []string{"x", "1"}, "5"},
		{`{"a":"\u0078\n\u0000é","b":9007199254740993,"t":null}`, []string{"x\n\x00é", "9007199254740993"}, "-"},
		{`{"a":"","b":true}`, []string{"", "true"}, "-"},
		{`{"a":"x","b":-0.10,"t":"a\"b"}`, []string{"x", "-0.10"}, `a"b`},
		{`{"a":"x","b":false,"t":{"n":1}}`, []string{"x", "false"}, `{"n":1}`},
		{`{"\u0061":"x","b":1,"\u0074":""}`, []string{"x", "1"}, ""},
	} {
		s := NewScanner(Spec{Key: []string{"a", "b"}, Cursor: "t"})
		r := scanOne(t, s, c.obj)
		parts, err := KeyParts(r.Key)
		if r.Err != nil || err != nil || !cmp.Equal(parts, c.key) {
			t.Errorf("%s: key %q, %v, %v", c.obj, parts, r.Err, err)
		}
		if got := string(r.Cursor); r.Cursor == nil && c.cursor != "-" || r.Cursor != nil && got != c.cursor {
			t.Errorf("%s: cursor %q, want %q", c.obj, r.Cursor, c.cursor)
		}
	}
}

func TestScanShapes(t *testing.T) {
	s := NewScanner(Spec{Records: []string{"data", "items"}})
	recs, err := s.Scan(nil, []byte(`{"ok":true,"data":{"n":[1],"items":{"id":1}},"z":{}}`))
	if err != nil || len(recs) != 1 || string(recs[0].Data) != `{"id":1}` {
		t.Errorf("single object: %v, %v", recs, err)
	}
	recs, err = NewScanner(Spec{}).Scan(recs[:0], []byte(" [ ] "))
	if err != nil || len(recs) != 0 {
		t.Errorf("empty page: %v, %v", recs, err)
	}
}

// Objects used as maps have ever new names, which must cost neither the memory
// of all of them nor a wrong order.
func TestScanManyNames(t *testing.T) {
	s := NewScanner(Spec{})
	for n := range 400 {
		var up, down []string
		for i := range 300 {
			member := fmt.Sprintf(`"n%d_%d":{"v":%d}`, n, i, i)
			up, down = append(up, member), append([]string{member}, down...)
		}
		a := scanOne(t, s, `{"m":{`+strings.Join(up, ",")+`}}`)
		b := scanOne(t, s, `{"m":{`+strings.Join(down, ",")+`}}`)
		if a.Err != nil || a.Hash != b.Hash {
			t.Fatalf("%d: %v, hashes %x and %x", n, a.Err, a.Hash, b.Hash)
		}
	}
	if s.names > keepNames+1000 {
		t.Errorf("%d names kept", s.names)
	}
	var page bytes.Buffer
	page.WriteString(`[{"m":{`)
	for i := range maxNames + keepNames + 10 {
		fmt.Fprintf(&page, `"%d":0,`, i)
	}
	page.WriteString(`"end":0}},{"id":1}]`)
	recs, err := s.Scan(nil, page.Bytes())
	var re *RecordError
	if err != nil || len(recs) != 2 || !errors.As(recs[0].Err, &re) || re.Reason != ReasonTooLarge || recs[1].Err != nil {
		t.Errorf("too many names: %v, %v", recs, err)
	}
}

func TestKeyParts(t *testing.T) {
	var key []byte
	want := []string{"", "a", strings.Repeat("x", 300), "\x00"}
	for _, p := range want {
		key = AppendKeyPart(key, []byte(p))
	}
	got, err := KeyParts(key)
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"\x02a", "\x80", "\x81\x00a", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if got, err := KeyParts([]byte(bad)); err == nil {
			t.Errorf("%q: no error, %q", bad, got)
		}
	}
}

func TestLookup(t *testing.T) {
	obj := []byte(` {"a":{"b":{"c":[1,{"x":2}]},"\u00e9":"v"},"n":null,"a.b":7,"":1, "last" : 1.5 }`)
	for path, want := range map[string]string{
		"a.b.c": `[1,{"x":2}]`, "a.b": `{"c":[1,{"x":2}]}`, "a.é": `"v"`, "n": "null", "last": "1.5", "": "1",
		"b": "-", "a.b.c.x": "-", "n.x": "-", "a.": "-", "last.": "-",
	} {
		raw, ok := Lookup(obj, path)
		if ok != (want != "-") || ok && string(raw) != want {
			t.Errorf("%s: %s, %v", path, raw, ok)
		}
	}
	for _, bad := range []string{"", "[]", `{"a"`, `{"a":`, `{"a" 1}`, `{"a":[1}`} {
		if raw, ok := Lookup([]byte(bad), "a"); ok {
			t.Errorf("%q: %q", bad, raw)
		}
	}
}

func TestScanDoesNotAllocate(t *testing.T) {
	page := paymentPage(50)
	s := NewScanner(paymentSpec())
	recs, _ := s.Scan(nil, page)
	if n := testing.AllocsPerRun(100, func() { recs, _ = s.Scan(recs[:0], page) }); n > 0 {
		t.Errorf("%v allocations per page", n)
	}
}
