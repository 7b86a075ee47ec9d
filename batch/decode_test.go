package batch

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fields makes a schema from words like "id:int64!" (key), "n:decimal"
// (declared) and "x:string?" (undeclared).
func fields(words string) *Schema {
	s := &Schema{}
	for _, w := range strings.Fields(words) {
		name, kind, _ := strings.Cut(w, ":")
		f := Field{Name: name, Declared: true}
		if n, ok := strings.CutSuffix(kind, "!"); ok {
			kind, f.Key = n, true
		}
		if n, ok := strings.CutSuffix(kind, "?"); ok {
			kind, f.Declared = n, false
		}
		var err error
		if f.Type, err = ParseType(kind); err != nil {
			panic(err)
		}
		s.Fields = append(s.Fields, f)
	}
	return s
}

// dump shows a batch as one line per row, "-" for absent.
func dump(b *Batch) []string {
	var rows []string
	for i := range b.Len() {
		var cells []string
		for j, f := range b.Schema().Fields {
			c := b.Column(j)
			v := c.Text(i)
			if c.Absent(i) {
				v = "-"
			} else if c.Null(i) {
				v = "null"
			}
			cells = append(cells, fmt.Sprintf("%s:%s=%s", f.Name, c.Type(), v))
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	return rows
}

// check reports broken invariants of a batch.
func check(t interface{ Errorf(string, ...any) }, b *Batch) {
	for j, f := range b.schema.Fields {
		c := b.cols[j]
		nulls, absents := 0, 0
		for _, s := range c.state {
			if s != set {
				nulls++
			}
			if s == absent {
				absents++
			}
		}
		if c.Len() != b.Len() || c.typ != f.Type || c.nulls != nulls || c.absent != absents {
			t.Errorf("column %s: %d values of %d rows, type %s in schema %s, nulls %d (%d), absent %d (%d)",
				f.Name, c.Len(), b.Len(), c.typ, f.Type, c.nulls, nulls, c.absent, absents)
		}
		if n := len(c.ends); c.typ.variable() && n > 0 && int(c.ends[n-1]) != len(c.arena) {
			t.Errorf("column %s: arena of %d bytes ends at %d", f.Name, len(c.arena), c.ends[n-1])
		}
		if len(b.schema.Fields) != len(b.cols) || len(b.base) != len(b.cols) {
			t.Errorf("%d fields, %d columns, %d bases", len(b.schema.Fields), len(b.cols), len(b.base))
		}
	}
}

func decodeAll(t *testing.T, s *Schema, p Policy, objs ...string) (*Batch, int) {
	t.Helper()
	b := New(s)
	d := NewDecoder(b, p)
	repairs := 0
	for i, obj := range objs {
		n, err := d.Decode([]byte(obj), Meta{Index: i})
		if err != nil {
			t.Fatalf("%s: %v", obj, err)
		}
		repairs += n
	}
	check(t, b)
	return b, repairs
}

// P-20: numbers are exact, whatever their size and form.
func TestDecodeTypes(t *testing.T) {
	const k = "id:int64=1 "
	for _, c := range []struct{ schema, value, want string }{
		{"v:int64", "9223372036854775807", "v:int64=9223372036854775807"},
		{"v:int64", "-9223372036854775808", "v:int64=-9223372036854775808"},
		{"v:int64", "9223372036854775808", "v:decimal=9223372036854775808"},
		{"v:int64", "-9223372036854775809", "v:decimal=-9223372036854775809"},
		{"v:int64", "123456789012345678901234567890", "v:decimal=123456789012345678901234567890"},
		{"v:int64", "18446744073709551616", "v:decimal=18446744073709551616"},
		{"v:int64", "-0", "v:int64=0"},
		{"v:int64", "0", "v:int64=0"},
		{"v:int64", "1.0", "v:int64=1"},
		{"v:int64", "1e2", "v:int64=100"},
		{"v:int64", "-1.50E+1", "v:int64=-15"},
		{"v:int64", "0.00e9", "v:int64=0"},
		{"v:int64", "0e99999999999999999999", "v:int64=0"},
		{"v:int64", "100e-2", "v:int64=1"},
		{"v:int64", "92233720368547758070e-1", "v:int64=9223372036854775807"},
		{"v:int64", "1e400", "v:decimal=1e400"},
		{"v:int64", "1e-400", "v:decimal=1e-400"},
		{"v:int64", "1e99999999999999999999", "v:decimal=1e99999999999999999999"},
		{"v:int64", "1.5", "v:decimal=1.5"},
		{"v:int64", `"1"`, "v:int64=null v__string:string=1"},
		{"v:int64", "true", "v:int64=null v__bool:bool=true"},
		{"v:int64", "[1, 2]", "v:int64=null v__json:json=[1, 2]"},
		{"v:decimal", "1.50", "v:decimal=1.50"},
		{"v:decimal", "-0", "v:decimal=-0"},
		{"v:decimal", "1E400", "v:decimal=1E400"},
		{"v:decimal", `"12.50"`, "v:decimal=12.50"},
		{"v:decimal", `"\u0031"`, "v:decimal=1"},
		{"v:decimal", `"1,50"`, "v:decimal=null v__string:string=1,50"},
		{"v:decimal", `" 1"`, "v:decimal=null v__string:string= 1"},
		{"v:decimal", `""`, "v:decimal=null v__string:string="},
		{"v:decimal", `"NaN"`, "v:decimal=null v__string:string=NaN"},
		{"v:decimal?", `"12.50"`, "v:decimal=null v__string:string=12.50"},
		{"v:float64", "1.5", "v:float64=1.5"},
		{"v:float64", "0.1", "v:float64=0.1"},
		{"v:float64", "9007199254740992", "v:float64=9.007199254740992e+15"},
		{"v:float64", "9007199254740993", "v:decimal=9007199254740993"},
		{"v:float64", "1e400", "v:decimal=1e400"},
		{"v:float64", `"1.5"`, "v:float64=null v__string:string=1.5"},
		{"v:string", `"x\"\/\n\ud83d\ude00é"`, "v:string=x\"/\n😀é"},
		{"v:string", `""`, "v:string="},
		{"v:string", "null", "v:string=null"},
		{"v:string", "1.50", "v:string=null v__decimal:decimal=1.50"},
		{"v:string", "7", "v:string=null v__decimal:decimal=7"},
		{"v:string", "false", "v:string=null v__bool:bool=false"},
		{"v:string", `{"a" : 1}`, `v:string=null v__json:json={"a" : 1}`},
		{"v:bool", "true", "v:bool=true"},
		{"v:bool", `"true"`, "v:bool=null v__string:string=true"},
		{"v:bool", "1", "v:bool=null v__decimal:decimal=1"},
		{"v:json", `"x\u00e9"`, `v:json="x\u00e9"`},
		{"v:json", "1.0", "v:json=1.0"},
		{"v:json", "true", "v:json=true"},
		{"v:json", "null", "v:json=null"},
		{"v:json", `{"b":1,"b":2}`, `v:json={"b":1,"b":2}`},
		{"v:bytes", `"AP8="`, "v:bytes=\x00\xff"},
		{"v:bytes", `"AP8"`, "v:bytes=null v__string:string=AP8"},
		{"v:bytes", `"AP\n8="`, "v:bytes=null v__string:string=AP\n8="},
		{"v:date", `"2024-02-29"`, "v:date=2024-02-29"},
		{"v:date", `"2023-02-29"`, "v:date=null v__string:string=2023-02-29"},
		{"v:date", `"2024-02-29T00:00:00Z"`, "v:date=null v__string:string=2024-02-29T00:00:00Z"},
		{"v:date", `"0000-01-01"`, "v:date=null v__string:string=0000-01-01"},
		{"v:date", "20240229", "v:date=null v__decimal:decimal=20240229"},
		{"v:time", `"2024-01-02T03:04:05.678901+02:00"`, "v:time=2024-01-02T01:04:05.678901Z"},
		{"v:time", `"2024-01-02T03:04:05\u005a"`, "v:time=2024-01-02T03:04:05.000000Z"},
		{"v:time", `"2016-12-31T23:59:60Z"`, "v:time=null v__string:string=2016-12-31T23:59:60Z"},
		{"v:time", `"2024-01-02 03:04:05"`, "v:time=null v__string:string=2024-01-02 03:04:05"},
		{"v:time", "1704164645", "v:time=null v__decimal:decimal=1704164645"},
		// Found in the data.
		{"", "true", "v:bool=true"},
		{"", "12", "v:int64=12"},
		{"", "9223372036854775808", "v:decimal=9223372036854775808"},
		{"", "12.0", "v:decimal=12.0"},
		{"", "1e2", "v:decimal=1e2"},
		{"", `"2024-01-02T03:04:05Z"`, "v:string=2024-01-02T03:04:05Z"},
		{"", "[]", "v:json=[]"},
		{"", "null", ""},
	} {
		b, repairs := decodeAll(t, fields("id:int64! "+c.schema), Policy{}, `{"id":1,"v":`+c.value+`}`)
		want := strings.TrimSpace(k + c.want)
		if got := dump(b)[0]; got != want || repairs != 0 {
			t.Errorf("%s of %s: got %s, want %s (%d repairs)", c.value, c.schema, got, want, repairs)
		}
	}
}

// P-26: drift never drops a column or data.
func TestDecodeDrift(t *testing.T) {
	for _, c := range []struct {
		name, schema string
		policy       Policy
		objs, want   []string
	}{
		{
			"new field", "id:int64! d:string", Policy{},
			[]string{`{"id":1}`, `{"id":2,"n":null}`, `{"id":3,"n":5,"d":"x"}`, `{"n":null,"id":4}`, `{"id":5}`},
			[]string{
				"id:int64=1 d:string=null n:int64=-", "id:int64=2 d:string=null n:int64=-", "id:int64=3 d:string=x n:int64=5",
				"id:int64=4 d:string=null n:int64=null", "id:int64=5 d:string=null n:int64=-",
			},
		},
		{
			"widening keeps rows", "id:int64! n:int64", Policy{},
			[]string{`{"id":1,"n":-5}`, `{"id":2,"n":null}`, `{"id":3,"n":1e30}`, `{"id":4,"n":1.0}`},
			[]string{"id:int64=1 n:decimal=-5", "id:int64=2 n:decimal=null", "id:int64=3 n:decimal=1e30", "id:int64=4 n:decimal=1.0"},
		},
		{
			"variants", "id:int64!", Policy{},
			[]string{`{"id":1,"n":5}`, `{"id":2}`, `{"id":3,"n":"x"}`, `{"id":4,"n":{}}`, `{"id":5,"n":6}`, `{"id":6}`},
			[]string{
				"id:int64=1 n:int64=5 n__string:string=null n__json:json=null",
				"id:int64=2 n:int64=- n__string:string=- n__json:json=-",
				"id:int64=3 n:int64=null n__string:string=x n__json:json=null",
				"id:int64=4 n:int64=null n__string:string=null n__json:json={}",
				"id:int64=5 n:int64=6 n__string:string=null n__json:json=null",
				"id:int64=6 n:int64=- n__string:string=- n__json:json=-",
			},
		},
		{
			"name of the variant is taken", "id:int64! n:int64 n__string:string", Policy{},
			[]string{`{"id":1,"n":"x","n__string":"y"}`},
			[]string{"id:int64=1 n:int64=null n__string:string=y n__string_2:string=x"},
		},
		{
			"variant has the name", "id:int64! n:int64", Policy{},
			[]string{`{"id":1,"n__string":null,"n":"x"}`, `{"id":2,"n__string":"y"}`},
			[]string{
				"id:int64=1 n:int64=null n__string:string=x _extra:json=-",
				`id:int64=2 n:int64=null n__string:string=null _extra:json={"n__string":"y"}`,
			},
		},
		{
			"ignore", "id:int64! n:int64", Policy{Drift: DriftIgnore},
			[]string{`{"id":1,"x":{"y":[1]},"n":2}`, `{"x":1,"id":2}`},
			[]string{"id:int64=1 n:int64=2", "id:int64=2 n:int64=null"},
		},
		{
			"extra", "id:int64! n:int64", Policy{Drift: DriftExtra},
			[]string{`{"id":1,"x":{"y": [1]},"n":2,"\u00e9\"":null}`, `{"id":2}`, `{"_extra":"e","id":3}`},
			[]string{
				`id:int64=1 n:int64=2 _extra:json={"x":{"y": [1]},"é\"":null}`,
				"id:int64=2 n:int64=null _extra:json=null", `id:int64=3 n:int64=null _extra:json={"_extra":"e"}`,
			},
		},
		{
			"more than MaxFields", "id:int64!", Policy{MaxFields: 2},
			[]string{`{"id":1,"a":1,"b":2}`, `{"a":"x","id":2,"_extra":3}`},
			[]string{`id:int64=1 a:int64=1 _extra:json={"b":2}`, `id:int64=2 a:int64=null _extra:json={"a":"x","_extra":3}`},
		},
		{
			"document", "id:string!", Policy{Document: "data"},
			[]string{` {"x" : 1, "id":"a","data":"\\u0000"} `},
			[]string{`id:string=a data:json={"x" : 1, "id":"a","data":"\\u0000"}`},
		},
		{
			"escaped name", "id:int64!", Policy{},
			[]string{`{"\u0069d":1,"":2,"a\"b":3}`, `{"a\u0022b":4,"id":2,"":5}`},
			[]string{`id:int64=1 :int64=2 a"b:int64=3`, `id:int64=2 :int64=5 a"b:int64=4`},
		},
	} {
		b, _ := decodeAll(t, fields(c.schema), c.policy, c.objs...)
		if diff := cmp.Diff(c.want, dump(b)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}

// P-23: U+0000 is never changed without being counted.
func TestDecodeNUL(t *testing.T) {
	const obj = `{"id":"k","s":"a\u0000b\\u0000","j":["\u0000\u0000c","\\u0000"],"x":"\\\u0000"}`
	for _, c := range []struct {
		nul     NULPolicy
		want    string
		repairs int
	}{
		{NULStrip, `id:string=k s:string=ab\u0000 j:json=["c","\\u0000"] x:string=\`, 3},
		{NULEscape, `id:string=k s:string=a\u0000b\u0000 j:json=["\\u0000\\u0000c","\\u0000"] x:string=\\u0000`, 3},
		{NULKeep, "id:string=k s:string=a\x00b\\u0000 j:json=[\"\\u0000\\u0000c\",\"\\\\u0000\"] x:string=\\\x00", 0},
	} {
		b, repairs := decodeAll(t, fields("id:string! s:string j:json"), Policy{NUL: c.nul}, obj)
		if got := dump(b)[0]; got != c.want || repairs != c.repairs {
			t.Errorf("policy %d: got %q, want %q; %d repairs", c.nul, got, c.want, repairs)
		}
	}
	b, repairs := decodeAll(t, fields("id:string!"), Policy{Document: "d"}, `{"id":"k","s":"\u0000\\u0000","t":"\u0000"}`)
	if got := dump(b)[0]; got != `id:string=k d:json={"id":"k","s":"\\u0000","t":""}` || repairs != 1 {
		t.Errorf("document: %s, %d repairs", got, repairs)
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat("[", 64) + strings.Repeat("]", 64)
	for _, c := range []struct {
		schema, obj string
		policy      Policy
		reason      Reason
		field       string
	}{
		{"id:int64!", "", Policy{}, ReasonSyntax, ""},
		{"id:int64!", `{"id":1`, Policy{}, ReasonSyntax, ""},
		{"id:int64!", `{"id":1}}`, Policy{}, ReasonSyntax, ""},
		{"id:int64!", `{"id":1,}`, Policy{}, ReasonSyntax, ""},
		{"id:int64!", `{"id":01}`, Policy{}, ReasonSyntax, ""},
		{"id:int64!", `{"id":1,"a":nul}`, Policy{}, ReasonSyntax, ""},
		{"id:int64!", `[1]`, Policy{}, ReasonNotObject, ""},
		{"id:int64!", `{"id":1,"a":1,"a":1}`, Policy{}, ReasonDuplicateMember, "a"},
		{"id:int64!", `{"id":1,"a":null,"\u0061":null}`, Policy{}, ReasonDuplicateMember, "a"},
		{"id:int64!", `{"id":1,"a":1,"a":1}`, Policy{Drift: DriftIgnore}, ReasonDuplicateMember, "a"},
		{"id:int64!", "{\"id\":1,\"a\":\"\xff\"}", Policy{}, ReasonInvalidUTF8, "a"},
		{"id:int64!", "{\"id\":1,\"a\":[\"\xff\"]}", Policy{Drift: DriftIgnore}, ReasonInvalidUTF8, "a"},
		{"id:int64!", "{\"id\":1,\"\xff\":1}", Policy{}, ReasonInvalidUTF8, ""},
		{"id:int64!", `{"id":1,"a":{"b":"\udead"}}`, Policy{}, ReasonLoneSurrogate, "a"},
		{"id:int64!", `{"id":1,"a":` + deep + `}`, Policy{}, ReasonTooDeep, "a"},
		{"id:int64!", `{}`, Policy{}, ReasonKeyMissing, "id"},
		{"a:string! b:string!", `{"a":"x"}`, Policy{}, ReasonKeyMissing, "b"},
		{"id:int64!", `{"id":null}`, Policy{}, ReasonKeyNull, "id"},
		{"id:int64!", `{"id":"1"}`, Policy{}, ReasonKeyType, "id"},
		{"id:int64!", `{"id":1.0}`, Policy{}, ReasonKeyType, "id"},
		{"id:int64!", `{"id":-0}`, Policy{}, ReasonKeyType, "id"},
		{"id:int64!", `{"id":9223372036854775808}`, Policy{}, ReasonKeyType, "id"},
		{"id:int64!", `{"id":[]}`, Policy{}, ReasonKeyType, "id"},
		{"id:string!", `{"id":1}`, Policy{}, ReasonKeyType, "id"},
		{"id:string!", `{"id":true}`, Policy{}, ReasonKeyType, "id"},
		{"id:time!", `{"id":"soon"}`, Policy{}, ReasonKeyType, "id"},
		{"id:string!", `{"id":"a\u0000"}`, Policy{}, ReasonNUL, "id"},
		{"id:int64!", `{"id":1,"a":"\u0000"}`, Policy{NUL: NULReject}, ReasonNUL, "a"},
		{"id:int64!", `{"id":1,"a":["\u0000"]}`, Policy{NUL: NULReject}, ReasonNUL, "a"},
		{"id:int64!", `{"id":1,"a\u0000":1}`, Policy{}, ReasonNUL, ""},
		{"id:int64!", `{"id":1,"a":{"\u0000":1}}`, Policy{}, ReasonNUL, "a"},
		{"id:int64! n:int64", `{"id":1,"n":"x"}`, Policy{Flip: FlipReject}, ReasonTypeFlip, "n"},
		{"id:int64! _extra:string", `{"id":1,"x":2}`, Policy{Drift: DriftExtra}, ReasonTooLarge, "_extra"},
	} {
		b := New(fields(c.schema))
		d := NewDecoder(b, c.policy)
		_, err := d.Decode([]byte(c.obj), Meta{})
		var re *RecordError
		if !errors.As(err, &re) || re.Reason != c.reason || re.Field != c.field {
			t.Errorf("%.40q: got %v, want %s at %q", c.obj, err, c.reason, c.field)
		}
		check(t, b)
	}
}

// A refused record leaves no trace, in the schema neither.
func TestDecodeUndoes(t *testing.T) {
	b := New(fields("id:int64! n:int64 f:float64 s:string"))
	d := NewDecoder(b, Policy{})
	good := []string{`{"id":1,"n":5,"f":0.1,"s":"x"}`, `{"id":2,"n":null,"f":null}`, `{"id":3,"n":7,"f":2,"u":1}`}
	for _, obj := range good {
		if _, err := d.Decode([]byte(obj), Meta{}); err != nil {
			t.Fatal(err)
		}
	}
	rows, schema := dump(b), b.Schema().Clone()
	for range 2 {
		_, err := d.Decode([]byte(`{"id":4,"n":1.5,"f":1e400,"s":true,"new":1,"u":2.5,"more":[],"id":4}`), Meta{})
		if err == nil {
			t.Fatal("no error")
		}
		check(t, b)
		if diff := cmp.Diff(rows, dump(b)) + cmp.Diff(schema, b.Schema()); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := d.Decode([]byte(`{"id":5,"new":"x"}`), Meta{}); err != nil {
		t.Fatal(err)
	}
	check(t, b)
	if got := dump(b)[3]; got != "id:int64=5 n:int64=null f:float64=null s:string=null u:int64=- new:string=x" {
		t.Error(got)
	}
}

func TestDecodeFull(t *testing.T) {
	b := New(fields("id:int64! s:string"))
	d := NewDecoder(b, Policy{})
	d.limit = 10
	var re *RecordError
	if _, err := d.Decode([]byte(`{"id":1,"s":"more than ten"}`), Meta{}); !errors.As(err, &re) || re.Reason != ReasonTooLarge {
		t.Error(err)
	}
	if _, err := d.Decode([]byte(`{"id":1,"s":"eight888"}`), Meta{}); err != nil {
		t.Error(err)
	}
	if _, err := d.Decode([]byte(`{"id":2,"s":"eight888"}`), Meta{}); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if got := dump(b); len(got) != 1 || got[0] != "id:int64=1 s:string=eight888" {
		t.Error(got)
	}
	check(t, b)
}

func TestDecodeKey(t *testing.T) {
	b := New(fields("a:string! n:int64! t:time! v:string"))
	d := NewDecoder(b, Policy{})
	obj := `{"v":"x","n":-5,"a":"\u00e9\n","t":"2024-01-02T03:04:05.000000Z"}`
	if _, err := d.Decode([]byte(obj), Meta{}); err != nil {
		t.Fatal(err)
	}
	r := scanOne(t, NewScanner(Spec{Key: []string{"a", "n", "t"}}), obj)
	if err := d.DecodeKey(r.Key, Meta{Version: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decode([]byte(obj), Meta{Version: 3, Deleted: true}); err != nil {
		t.Fatal(err)
	}
	check(t, b)
	for i := range 3 {
		if got := b.AppendKey(nil, i); string(got) != string(r.Key) {
			t.Errorf("row %d: key %q, want %q", i, got, r.Key)
		}
		if !b.Column(3).Null(i) != (i == 0) || b.Meta(i).Deleted != (i > 0) {
			t.Errorf("row %d: %s", i, dump(b)[i])
		}
	}
	for _, bad := range [][]string{
		{"a", "5"}, {"a", "5", "2024-01-02T03:04:05Z", ""}, {"a", "05", "2024-01-02T03:04:05Z"}, {"a", "-0", "2024-01-02T03:04:05Z"},
		{"a", "5", "x"}, {"\xff", "5", "2024-01-02T03:04:05Z"}, {"\x00", "5", "2024-01-02T03:04:05Z"},
	} {
		var key []byte
		for _, p := range bad {
			key = AppendKeyPart(key, []byte(p))
		}
		var re *RecordError
		if err := d.DecodeKey(key, Meta{}); !errors.As(err, &re) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	check(t, b)
	if b.Len() != 3 {
		t.Errorf("%d rows", b.Len())
	}
}

func TestDecodeAfterReset(t *testing.T) {
	b := New(fields("id:int64!"))
	d := NewDecoder(b, Policy{})
	for range 3 {
		for i := range 3 {
			if _, err := d.Decode(fmt.Appendf(nil, `{"id":%d,"n":%d.5}`, i, i), Meta{}); err != nil {
				t.Fatal(err)
			}
		}
		check(t, b)
		b.Reset()
	}
	b.AddField(Field{Name: "late", Type: Time, Declared: true})
	if _, err := d.Decode([]byte(`{"id":1,"late":"2024-01-02T03:04:05Z"}`), Meta{}); err != nil {
		t.Fatal(err)
	}
	if got := dump(b)[0]; got != "id:int64=1 n:decimal=- late:time=2024-01-02T03:04:05.000000Z" {
		t.Error(got)
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	b := New(paymentSchema())
	d := NewDecoder(b, Policy{})
	obj := []byte(payment(1))
	run := func() {
		b.Reset()
		for range 50 {
			if _, err := d.Decode(obj, Meta{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n > 0 {
		t.Errorf("%v allocations per 50 rows", n)
	}
}
