package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline"
)

func testRoundTrip(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	bare := &syncline.Entry{Source: "s", Stream: "empty", Kind: syncline.KindPage, ReceivedAt: c.now()}
	noise := page("payments", 0, c.now().Add(123456*time.Microsecond))
	noise.Block = []byte{0, 1, 2, 0xff, '"', 0}
	other := mustAppend(t, j, page("refunds", 3, c.now()), bare)
	want := mustAppend(t, j, page("payments", 100, c.now()), noise)
	want = append(want, mustAppend(t, j, event("payments", "evt_1", "{\"a\": \x00\xff}", c.now()))...)
	for i, e := range want {
		if e.Position <= 0 || i > 0 && e.Position <= want[i-1].Position || e.Duplicate {
			t.Fatalf("entry %d: position %d, duplicate %v", i, e.Position, e.Duplicate)
		}
	}
	check := func(j syncline.Journal) {
		t.Helper()
		checkEntries(t, j, "payments", want)
		checkEntries(t, j, "refunds", other[:1])
		checkEntries(t, j, "empty", other[1:])
		checkEntries(t, j, "never", nil)
		checkBounds(t, j, "payments", 0, want[2].Position)
		checkBounds(t, j, "never", 0, 0)
	}
	check(j)
	check(reopen(t, h, j, dir, c)) // not from memory now
}

// reopen closes the journal and opens it again.
func reopen(t *testing.T, h Harness, j syncline.Journal, dir string, c *clock) syncline.Journal {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return open(t, h, dir, c.now)
}

func testImmutable(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	want, e := page("payments", 5, c.now()), page("payments", 5, c.now())
	mustAppend(t, j, e)
	want.Position = e.Position
	e.Stream = "changed"
	for range 2 {
		for range 2 {
			got, err := j.Read(ctx, "payments", 0, 1)
			if err != nil || cmp.Diff([]*syncline.Entry{want}, got) != "" {
				t.Fatalf("changed: %v %v", got, err)
			}
			got[0].Stream = "changed"
		}
		j = reopen(t, h, j, dir, c)
	}
}

func testAtomic(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	checkCursor(t, j, "payments", "")
	if err := j.Append(ctx, nil); err != nil {
		t.Fatalf("nothing: %v", err)
	}
	e := page("payments", 1, c.now())
	if err := j.Append(ctx, []*syncline.Entry{e}, cursor("payments", `{"page":1}`), cursor("refunds", `{"page":7}`)); err != nil {
		t.Fatal(err)
	}
	// A cursor that cannot be stored: neither it nor what came with it.
	bad := page("payments", 2, c.now())
	if err := j.Append(ctx, []*syncline.Entry{bad}, cursor("refunds", `{"page":8}`), cursor("payments", `{"page":`)); err == nil {
		t.Fatal("a cursor that is not JSON was taken")
	}
	for range 3 { // a cursor alone, and again
		if err := j.Append(ctx, nil, cursor("customers", `{"page":9}`)); err != nil {
			t.Fatal(err)
		}
	}
	j = reopen(t, h, j, dir, c)
	checkEntries(t, j, "payments", []*syncline.Entry{e})
	checkCursor(t, j, "payments", `{"page":1}`)
	checkCursor(t, j, "refunds", `{"page":7}`)
	checkCursor(t, j, "customers", `{"page":9}`)
	if got, err := j.Cursor(ctx, "another/source", "payments"); got != nil || err != nil {
		t.Fatalf("cursor of another source: %s, %v", got, err)
	}
}

func testReadLimit(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	for range 5 {
		e := page("payments", 0, c.now())
		e.Block, e.Body = make([]byte, 600), make([]byte, 400)
		mustAppend(t, j, e)
	}
	for range 2 {
		for limit, want := range map[int]int{0: 1, 999: 1, 1000: 1, 1999: 1, 2000: 2, 3500: 3, 1 << 20: 5} {
			got, err := j.Read(ctx, "payments", 0, limit)
			if err != nil || len(got) == 0 || len(got) > want {
				t.Errorf("limit %d: %d entries, want at most %d: %v", limit, len(got), want, err)
			}
		}
		j = reopen(t, h, j, dir, c)
	}
}

func testRestart(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	id := j.ID()
	var want []*syncline.Entry
	for i := range 5 {
		want = append(want, mustAppend(t, j, page("payments", i, c.now()))...)
		checkEntries(t, j, "payments", want)
		j = reopen(t, h, j, dir, c)
		checkEntries(t, j, "payments", want)
		if j.ID() != id || id == "" {
			t.Fatalf("id %q, was %q", j.ID(), id)
		}
	}
	if o := open(t, h, t.TempDir(), c.now); o.ID() == id {
		t.Fatal("two journals have the same id")
	}
}

func testBadOneFailsAlone(t *testing.T, h Harness) {
	c := newClock()
	j := open(t, h, t.TempDir(), c.now)
	const n = 64
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			cur := cursor(fmt.Sprint("stream", i), `{}`)
			if i%8 == 3 {
				cur.Cursor = []byte("{")
			}
			errs[i] = j.Append(ctx, []*syncline.Entry{page("payments", i, c.now())}, cur)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if (err != nil) != (i%8 == 3) {
			t.Errorf("append %d: %v", i, err)
		}
	}
	got, err := readAll(j, "payments", 0, 1<<20)
	if err != nil || len(got) != n-n/8 {
		t.Errorf("%d entries, want %d: %v", len(got), n-n/8, err)
	}
	if slices.ContainsFunc(got, func(e *syncline.Entry) bool { return e.Records%8 == 3 }) {
		t.Error("an entry was stored though its append failed")
	}
}

// testReaderMissesNothing follows a stream while many write: what has a lower
// position must not become visible later.
func testReaderMissesNothing(t *testing.T, h Harness) {
	c := newClock()
	j := open(t, h, t.TempDir(), c.now)
	const writers, each = 8, 50
	var wg sync.WaitGroup
	errs := make(chan error, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				e := page("payments", 0, c.now())
				e.Shape = fmt.Sprintf("%d-%d", w, i)
				if err := j.Append(ctx, []*syncline.Entry{e, page("other", 1, c.now())}); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	seen := map[string]bool{}
	var after syncline.Position
	for ended := false; len(seen) < writers*each; {
		es, err := j.Read(ctx, "payments", after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(es) == 0 && ended {
			break
		}
		for _, e := range es {
			if seen[e.Shape] || e.Position <= after {
				t.Fatalf("entry %s at %d again or out of order after %d", e.Shape, e.Position, after)
			}
			seen[e.Shape], after = true, e.Position
		}
		select {
		case err := <-errs:
			t.Fatal(err)
		case <-done:
			ended = true
		default:
		}
	}
	if len(seen) != writers*each {
		t.Errorf("the reader saw %d of %d entries", len(seen), writers*each)
	}
}

func testClosed(t *testing.T, h Harness) {
	c := newClock()
	j := open(t, h, t.TempDir(), c.now)
	mustAppend(t, j, page("payments", 1, c.now()))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for j.Append(ctx, []*syncline.Entry{page("payments", 1, c.now())}) == nil {
			}
		})
	}
	if err := errors.Join(j.Close(), j.Close()); err != nil {
		t.Errorf("Close: %v", err)
	}
	wg.Wait() // every append ended, with an error in the end
	if _, err := j.Read(ctx, "refunds", 0, 1); err == nil {
		t.Error("Read of a closed journal")
	}
}
