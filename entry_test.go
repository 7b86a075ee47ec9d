package syncline

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/synclinehq/syncline/batch"
)

func drawRecord(t *rapid.T) Record {
	r := Record{Key: rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "key"), Data: rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "data"),
		Version: rapid.Int64().Draw(t, "version"), Tie: rapid.Int64().Draw(t, "tie"),
		Op: Op(rapid.IntRange(0, 1).Draw(t, "op")), Reject: rapid.String().Draw(t, "reject")}
	copy(r.Hash[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "hash"))
	return r
}

func TestBlockRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recs := rapid.SliceOf(rapid.Custom(drawRecord)).Draw(t, "records")
		block := AppendBlock(nil, recs)
		var got []Record
		if err := ReadBlock(block, func(r Record) error { got = append(got, r); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(recs) || len(recs) > 0 && !cmp.Equal(got, recs) {
			t.Fatalf("got %v, want %v", got, recs)
		}
		// Cut anywhere, a block gives the records before the cut and an error,
		// or ends exactly between two records.
		cut := rapid.IntRange(0, len(block)).Draw(t, "cut")
		n := 0
		err := ReadBlock(block[:cut], func(r Record) error {
			if !cmp.Equal(r, recs[n]) {
				t.Fatalf("record %d of a cut block is another", n)
			}
			n++
			return nil
		})
		if err == nil && !bytes.Equal(AppendBlock(nil, recs[:n]), block[:cut]) {
			t.Fatal("a cut inside a record went unnoticed")
		}
	})
}

func FuzzReadBlock(f *testing.F) {
	f.Add(AppendBlock(nil, []Record{{Key: Key("k"), Data: []byte("{}"), Version: 5}}))
	f.Fuzz(func(t *testing.T, block []byte) {
		var recs []Record
		if ReadBlock(block, func(r Record) error { recs = append(recs, r); return nil }) != nil {
			return
		}
		var again []Record
		if err := ReadBlock(AppendBlock(nil, recs), func(r Record) error { again = append(again, r); return nil }); err != nil || !cmp.Equal(recs, again) {
			t.Fatalf("does not survive a second round: %v", err)
		}
	})
}

func TestBatchIDTellsPartsApart(t *testing.T) {
	id := func(pipeline, stream string, keys ...string) string {
		b := newBatchID(pipeline, stream, 1, 2)
		for _, k := range keys {
			b.record(Key(k), 1, batch.Hash{})
		}
		return b.sum([]byte("s"))
	}
	seen := map[string]string{}
	for name, v := range map[string]string{
		"ab|c": id("ab", "c"), "a|bc": id("a", "bc"), "x,y": id("p", "s", "x", "y"), "xy": id("p", "s", "xy"), "y,x": id("p", "s", "y", "x"),
	} {
		if other, ok := seen[v]; ok {
			t.Errorf("%s and %s have one id", name, other)
		}
		seen[v] = name
	}
}

// E-23: never negative, never overflowing, never above the limit, for any n and
// any configured numbers.
func TestBackoffBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(-10, 1_000_000).Draw(t, "n")
		base := time.Duration(rapid.Int64().Draw(t, "base"))
		limit := time.Duration(rapid.Int64().Draw(t, "limit"))
		d := Backoff(n, base, limit)
		if d < 0 || limit > 0 && d > limit {
			t.Fatalf("Backoff(%d, %v, %v) = %v", n, base, limit, d)
		}
		if n >= 1 && base > 0 && limit > base && Backoff(n+1, base, limit) < d {
			t.Fatal("a later wait is shorter")
		}
	})
	for n, want := range []time.Duration{0, 5, 10, 20, 40, 60, 60} {
		if d := Backoff(n, 5, 60); d != want {
			t.Errorf("Backoff(%d) = %d, want %d", n, d, want)
		}
	}
}

func TestCountsBalance(t *testing.T) {
	c := Counts{Fetched: 10, Carried: 2, Events: 1, Swept: 1, Inserted: 3, Updated: 2, Deleted: 1, Unchanged: 4, Duplicate: 1, Superseded: 1, Rejected: 1, DeadLettered: 1}
	if c.In() != c.Out() {
		t.Errorf("in %d, out %d", c.In(), c.Out())
	}
	var sum Counts
	sum.Add(c)
	sum.Add(c)
	if sum.In() != 2*c.In() || sum.Out() != 2*c.Out() {
		t.Error("Add forgets a field")
	}
	s := StreamReceipt{Counts: c}
	if !s.Green() {
		t.Error("balanced and not green")
	}
	for name, spoil := range map[string]func(*StreamReceipt){
		"lost":    func(s *StreamReceipt) { s.Counts.Inserted-- },
		"invent":  func(s *StreamReceipt) { s.Counts.Inserted++ },
		"pending": func(s *StreamReceipt) { s.Counts.Inserted--; s.Counts.Pending++ },
		"missing": func(s *StreamReceipt) { s.Missing = 1 },
		"error":   func(s *StreamReceipt) { s.Error = "x" },
	} {
		bad := s
		spoil(&bad)
		r := Receipt{Streams: []StreamReceipt{bad}}
		if bad.Green() || r.Green() || r.Err() == nil {
			t.Errorf("%s: green", name)
		}
	}
}

func TestSumIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hashes := rapid.SliceOf(rapid.Custom(func(t *rapid.T) [16]byte {
			return [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "h"))
		})).Draw(t, "hashes")
		var a, b Sum
		for _, h := range hashes {
			a.Add(h)
		}
		for i := len(hashes) - 1; i >= 0; i-- {
			b.Add(hashes[i])
		}
		if a != b {
			t.Fatal("the order matters")
		}
		text, _ := a.MarshalText()
		var c Sum
		if err := c.UnmarshalText(text); err != nil || c != a {
			t.Fatalf("text form: %v", err)
		}
	})
}

func TestErrorSaysWhatWhereAndWhatToDo(t *testing.T) {
	err := &Error{Code: CodeDestDown, Where: "payments", What: "cannot reach the database", Fix: "Start it", Err: ErrUnknownCommit}
	want := "payments: cannot reach the database: outcome of the commit is not known. Start it. [destination_down]"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	r := Receipt{Error: err.Error(), Code: CodeDestDown}
	if got := r.Err().Error(); got != want {
		t.Errorf("through a receipt: %s", got)
	}
}

func TestMergeObjects(t *testing.T) {
	for _, c := range []struct{ base, extra, want string }{
		{`{"id":1,"a":null}`, `{"id":2,"b":9007199254740993}`, `{"id":1,"a":null,"b":9007199254740993}`},
		{`{}`, `{"b": [1, 2]}`, `{"b":[1, 2]}`},
		{"{\"a\":1}\n", `{}`, `{"a":1}`},
		{`{"a":1 }`, `{"\u0061":2,"c\"":3}`, `{"a":1,"c\"":3}`},
	} {
		got, err := mergeObjects([]byte(c.base), []byte(c.extra))
		if err != nil || string(got) != c.want {
			t.Errorf("%s + %s = %s, %v; want %s", c.base, c.extra, got, err, c.want)
		}
	}
	if _, err := mergeObjects([]byte(`{}`), []byte(`[]`)); err == nil {
		t.Error("a list merged into an object")
	}
}
