package batch

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// P-16: of rows with one key the newest stays.
func TestCollapse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(fields("a:string! n:int64! row:int64"))
		d := NewDecoder(b, Policy{})
		type key struct {
			a string
			n int
		}
		best, count := map[key]int{}, rapid.IntRange(0, 30).Draw(t, "rows")
		keys := make([]key, count)
		for i := range count {
			k := key{rapid.SampledFrom([]string{"", "a", "ab", "A", "a "}).Draw(t, "a"), rapid.IntRange(-1, 11).Draw(t, "n")}
			m := Meta{Version: rapid.Int64Range(0, 2).Draw(t, "v"), Tie: rapid.Int64Range(0, 1).Draw(t, "t"), Hash: Hash{rapid.Byte().Draw(t, "h") % 3}}
			m.Deleted = rapid.IntRange(0, 4).Draw(t, "deleted") == 0
			if _, err := d.Decode(fmt.Appendf(nil, `{"a":%q,"n":%d,"row":%d}`, k.a, k.n, i), m); err != nil {
				t.Fatal(err)
			}
			keys[i] = k
			if w, ok := best[k]; !ok || m.Newer(b.Meta(w)) {
				best[k] = i
			}
		}
		var want, got []string
		duplicates, superseded := 0, 0
		for i, k := range keys {
			switch w := best[k]; {
			case w == i:
				want = append(want, dump(b)[i])
			case sameContent(b.Meta(i), b.Meta(w)):
				duplicates++
			default:
				superseded++
			}
		}
		out, dup, sup := b.Collapse()
		got = dump(out)
		check(t, out)
		if diff := cmp.Diff(want, got); diff != "" || dup != duplicates || sup != superseded {
			t.Errorf("%d and %d, want %d and %d\n%s", dup, sup, duplicates, superseded, diff)
		}
		if len(best) == count && out != b {
			t.Error("distinct keys, but a copy")
		}
		if again, dup, sup := out.Collapse(); again != out || dup+sup != 0 {
			t.Error("collapsing twice changes more")
		}
	})
}

func TestCollapseOrderDoesNotMatter(t *testing.T) {
	metas := []Meta{{Version: 1}, {Version: 2, Tie: 1}, {Version: 2, Tie: 2, Hash: Hash{1}}, {Version: 2, Tie: 2, Hash: Hash{2}}}
	for n := range 24 {
		order := slices.Clone(metas)
		for i, m := 4, n; i > 1; i, m = i-1, m/i {
			order[i-1], order[m%i] = order[m%i], order[i-1]
		}
		b := New(fields("id:string!"))
		d := NewDecoder(b, Policy{})
		for _, m := range order {
			if _, err := d.Decode([]byte(`{"id":"x"}`), m); err != nil {
				t.Fatal(err)
			}
		}
		out, _, superseded := b.Collapse()
		if out.Len() != 1 || *out.Meta(0) != metas[3] || superseded != 3 {
			t.Errorf("order %d: %d rows, %+v", n, out.Len(), out.Meta(0))
		}
	}
}

func TestCollapseHashes(t *testing.T) {
	for _, c := range []struct {
		older, newer Meta
		duplicate    bool
	}{
		{Meta{Hash: Hash{1}}, Meta{Version: 1, Hash: Hash{1}}, true},
		{Meta{Hash: Hash{1}}, Meta{Version: 1, Hash: Hash{2}}, false},
		{Meta{}, Meta{Version: 1}, false}, // unknown is not equal
		{Meta{Deleted: true}, Meta{Version: 1, Deleted: true}, true},
		{Meta{Hash: Hash{1}}, Meta{Version: 1, Hash: Hash{1}, Deleted: true}, false},
	} {
		b := New(fields("id:string!"))
		d := NewDecoder(b, Policy{})
		for _, m := range []Meta{c.older, c.newer} {
			if _, err := d.Decode([]byte(`{"id":"x"}`), m); err != nil {
				t.Fatal(err)
			}
		}
		if out, dup, sup := b.Collapse(); out.Len() != 1 || (dup == 1) != c.duplicate || dup+sup != 1 {
			t.Errorf("%+v: %d duplicates, %d superseded", c, dup, sup)
		}
	}
}
