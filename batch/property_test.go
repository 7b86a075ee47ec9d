package batch

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// node is a JSON value that can be written in many ways.
type node struct {
	scalar  string // JSON text, "" for string, object and array
	text    string
	kind    kind
	names   []string // of an object, nil for an array
	members []node
}

func genText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringN(0, 12, -1), rapid.StringOfN(rapid.RuneFrom([]rune("ab\"\\/\x00\n\u007fé世😀\u2028")), 0, 9, -1))
}

func genNumber() *rapid.Generator[string] {
	return rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?`)
}

func genNode(depth int) *rapid.Generator[node] {
	return rapid.Custom(func(t *rapid.T) node {
		switch n := rapid.IntRange(0, 9).Draw(t, "kind"); {
		case n < 3:
			return node{text: genText().Draw(t, "text")}
		case n < 5:
			return node{scalar: genNumber().Draw(t, "number"), kind: kindNumber}
		case n < 7 || depth == 0:
			return node{scalar: rapid.SampledFrom([]string{"true", "false", "null"}).Draw(t, "word"), kind: kindBool}
		case n < 8:
			return node{kind: kindJSON, members: rapid.SliceOfN(genNode(depth-1), 0, 4).Draw(t, "elements")}
		}
		return genObject(depth-1, 5).Draw(t, "object")
	})
}

func genObject(depth, most int) *rapid.Generator[node] {
	return rapid.Custom(func(t *rapid.T) node {
		names := rapid.SliceOfNDistinct(genText(), 0, most, rapid.ID).Draw(t, "names")
		n := node{kind: kindJSON, names: append([]string{}, names...)}
		for range names {
			n.members = append(n.members, genNode(depth).Draw(t, "value"))
		}
		return n
	})
}

// write appends the node in one of its many forms.
func (n node) write(t *rapid.T, dst []byte) []byte {
	space := func() {
		dst = append(dst, rapid.SampledFrom([]string{"", "", "", " ", "\n\t", "\r "}).Draw(t, "space")...)
	}
	space()
	switch {
	case n.scalar != "":
		dst = append(dst, n.scalar...)
	case n.kind == kindString:
		dst = writeText(t, dst, n.text)
	case n.names == nil:
		dst = append(dst, '[')
		for i, m := range n.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = m.write(t, dst)
		}
		space()
		dst = append(dst, ']')
	default:
		dst = append(dst, '{')
		order := rapid.Permutation(indexes(len(n.names))).Draw(t, "order")
		for k, i := range order {
			if k > 0 {
				dst = append(dst, ',')
			}
			space()
			dst = writeText(t, dst, n.names[i])
			space()
			dst = n.members[i].write(t, append(dst, ':'))
		}
		space()
		dst = append(dst, '}')
	}
	space()
	return dst
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func writeText(t *rapid.T, dst []byte, s string) []byte {
	if rapid.Bool().Draw(t, "plain") {
		return append(appendEscaped(append(dst, '"'), []byte(s)), '"')
	}
	dst = append(dst, '"')
	for _, r := range s {
		switch form := rapid.IntRange(0, 2).Draw(t, "form"); {
		case form == 0 && r >= 0x10000:
			dst = fmt.Appendf(dst, `\u%04x\u%04X`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		case form == 0:
			dst = fmt.Appendf(dst, `\u%04X`, r)
		default:
			dst = appendEscaped(dst, []byte(string(r)))
		}
	}
	return append(dst, '"')
}

// equal compares two nodes as values.
func (n node) equal(o node) bool {
	if n.scalar != o.scalar || n.text != o.text || n.kind != o.kind || (n.names == nil) != (o.names == nil) || len(n.members) != len(o.members) {
		return false
	}
	if n.names == nil {
		for i := range n.members {
			if !n.members[i].equal(o.members[i]) {
				return false
			}
		}
		return true
	}
	byName := map[string]node{}
	for i, name := range o.names {
		byName[name] = o.members[i]
	}
	for i, name := range n.names {
		m, ok := byName[name]
		if !ok || !n.members[i].equal(m) {
			return false
		}
	}
	return true
}

// The hash does not depend on how a record is written, nor on what the scanner
// read before.
func TestHashIgnoresForm(t *testing.T) {
	warm := NewScanner(Spec{})
	rapid.Check(t, func(t *rapid.T) {
		obj := genObject(3, 8).Draw(t, "object")
		a, b := obj.write(t, nil), obj.write(t, nil)
		ra := scanOne2(t, warm, a)
		rb := scanOne2(t, NewScanner(Spec{}), b)
		if ra.Hash != rb.Hash || ra.Hash == (Hash{}) {
			t.Errorf("%s and %s: %x and %x", a, b, ra.Hash, rb.Hash)
		}
	})
}

func scanOne2(t *rapid.T, s *Scanner, obj []byte) Record {
	r, err := s.One(obj)
	if err != nil || r.Err != nil {
		t.Fatalf("%s: %v, %v", obj, err, r.Err)
	}
	return r
}

// Every change of a value or a name changes the hash.
func TestHashSeesEveryChange(t *testing.T) {
	warm := NewScanner(Spec{})
	rapid.Check(t, func(t *rapid.T) {
		obj := genObject(3, 6).Draw(t, "object")
		other := genObject(1, 2).Draw(t, "fresh")
		if len(obj.members) > 0 {
			other = mutate(t, obj)
		}
		a, b := obj.write(t, nil), other.write(t, nil)
		same := obj.equal(other)
		if got := scanOne2(t, warm, a).Hash == scanOne2(t, warm, b).Hash; got != same {
			t.Errorf("%s and %s: same hash %v, same value %v", a, b, got, same)
		}
	})
}

// mutate changes one place of a node.
func mutate(t *rapid.T, n node) node {
	if n.kind != kindJSON || len(n.members) == 0 {
		return genNode(1).Draw(t, "other")
	}
	n.members = append([]node{}, n.members...)
	n.names = append(n.names[:0:0], n.names...)
	i := rapid.IntRange(0, len(n.members)-1).Draw(t, "place")
	if n.names != nil && rapid.Bool().Draw(t, "rename") {
		fresh := genText().Draw(t, "name")
		for _, name := range n.names {
			if name == fresh {
				return n
			}
		}
		n.names[i] = fresh
		return n
	}
	n.members[i] = mutate(t, n.members[i])
	return n
}

// P-20, P-23: what was sent is what is stored, whatever column it went to.
func TestDecodeKeepsScalars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(fields("id:int64! s:string i:int64 n:decimal b:bool j:json"))
		d := NewDecoder(b, Policy{NUL: NULKeep, Drift: DriftPolicy(rapid.SampledFrom([]int{0, 2}).Draw(t, "drift")), MaxFields: rapid.IntRange(6, 12).Draw(t, "max")})
		names := []string{"s", "i", "n", "b", "j", "x", "y"}
		var sent []map[string]node
		for i := range rapid.IntRange(1, 8).Draw(t, "rows") {
			row := map[string]node{}
			obj := node{kind: kindJSON, names: []string{"id"}, members: []node{{scalar: strconv.Itoa(i), kind: kindNumber}}}
			for _, name := range names {
				if rapid.Bool().Draw(t, "mention") {
					row[name] = genNode(0).Draw(t, "value")
					obj.names, obj.members = append(obj.names, name), append(obj.members, row[name])
				}
			}
			sent = append(sent, row)
			if _, err := d.Decode(obj.write(t, nil), Meta{}); err != nil {
				t.Fatal(err)
			}
		}
		check(t, b)
		for i, row := range sent {
			for _, name := range names {
				v, mentioned := row[name]
				want, got := wanted(v, mentioned), stored(b, i, name)
				if text, ok := strings.CutPrefix(want, "text "); ok && got == text && (name == "n" || name == "i") {
					// A declared decimal, also one widened to it, takes strings that hold one.
					if c := b.Column(b.Schema().Index(name)); c.Type() == Decimal && !c.Null(i) {
						continue
					}
				}
				if !same(want, got) {
					t.Errorf("row %d, %s: stored %q, want %q in\n%s", i, name, got, want, strings.Join(dump(b), "\n"))
				}
			}
		}
	})
}

func wanted(v node, mentioned bool) string {
	switch {
	case !mentioned || v.scalar == "null":
		return ""
	case v.kind == kindString:
		return "text " + v.text
	}
	return v.scalar
}

// same compares the text of scalars; integers may have lost their exponent.
func same(want, got string) bool {
	if want == got {
		return true
	}
	w, err := strconv.ParseInt(got, 10, 64)
	if err != nil || strings.HasPrefix(want, "text") || want == "" {
		return false
	}
	v, ok := exactInt([]byte(want))
	return ok && v == w
}

// stored finds the value of a member wherever the decoder put it.
func stored(b *Batch, row int, name string) string {
	found := ""
	for j, f := range b.Schema().Fields {
		c := b.Column(j)
		if c.Null(row) {
			continue
		}
		v := c.Text(row)
		switch {
		case f.Name == ExtraField:
			raw, ok := Lookup([]byte(v), name)
			if !ok {
				continue
			}
			v = string(raw)
		case f.Name != name && f.VariantOf != name:
			continue
		}
		if c.Type() == String {
			v = "text " + v
		} else if c.Type() == JSON && v[0] == '"' {
			v = "text " + string(appendUnescaped(nil, []byte(v[1:len(v)-1])))
		}
		if v == "null" {
			v = ""
		}
		found += v
	}
	return found
}

// Widening keeps all rows there were.
func TestWideningKeepsRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]string{"int64", "float64"}).Draw(t, "type")
		b := New(fields("id:int64! n:" + typ))
		d := NewDecoder(b, Policy{})
		var want []string
		for i := range rapid.IntRange(1, 20).Draw(t, "rows") {
			v := rapid.SampledFrom([]string{"null", strconv.FormatInt(rapid.Int64().Draw(t, "int"), 10), "7", "-1"}).Draw(t, "v")
			if typ == "float64" && v != "null" {
				v = strconv.FormatFloat(rapid.Float64().Draw(t, "float"), 'g', -1, 64)
			}
			if _, err := d.Decode(fmt.Appendf(nil, `{"id":%d,"n":%s}`, i, v), Meta{}); err != nil {
				t.Fatal(err)
			}
			want = append(want, strings.ReplaceAll(v, "null", ""))
		}
		if _, err := d.Decode([]byte(`{"id":-1,"n":1e999}`), Meta{}); err != nil {
			t.Fatal(err)
		}
		want = append(want, "1e999")
		check(t, b)
		var got []string
		for i := range b.Len() {
			got = append(got, b.Column(1).Text(i))
		}
		if diff := cmp.Diff(want, got); diff != "" || b.Schema().Fields[1].Type != Decimal {
			t.Error(diff)
		}
	})
}

// SplitByShape loses no row and no value, and leaves nothing absent.
func TestSplitByShapeReconstructs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(fields("id:int64! d:string"))
		d := NewDecoder(b, Policy{})
		for i := range rapid.IntRange(0, 12).Draw(t, "rows") {
			obj := map[string]any{"id": i}
			for _, name := range []string{"d", "x", "y"} {
				if rapid.Bool().Draw(t, "mention") {
					obj[name] = rapid.SampledFrom([]any{nil, 1, "s", 2.5, true}).Draw(t, "v")
				}
			}
			raw, _ := json.Marshal(obj)
			if _, err := d.Decode(raw, Meta{Index: i, Deleted: rapid.IntRange(0, 5).Draw(t, "deleted") == 0}); err != nil {
				t.Fatal(err)
			}
		}
		want, got := cells(b, b), map[string]string{}
		for _, part := range b.SplitByShape() {
			check2(t, part)
			for k, v := range cells(b, part) {
				got[k] = v
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func check2(t *rapid.T, b *Batch) {
	for j := range b.Schema().Fields {
		for i := range b.Len() {
			if b.Column(j).Absent(i) {
				t.Errorf("absent value in %q", dump(b))
			}
		}
	}
}

// cells lists the values of a part of whole by row and field, those of deleted
// rows for the key only.
func cells(whole, part *Batch) map[string]string {
	out := map[string]string{}
	for i := range part.Len() {
		for j, f := range part.Schema().Fields {
			c, m := part.Column(j), part.Meta(i)
			if c.Absent(i) || m.Deleted && !f.Key {
				continue
			}
			v := fmt.Sprint(whole.Column(whole.Schema().Index(f.Name)).Type(), c.Null(i), c.Text(i))
			out[fmt.Sprintf("%d.%s", m.Index, f.Name)] = v
		}
	}
	return out
}
