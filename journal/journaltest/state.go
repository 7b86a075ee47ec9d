package journaltest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline"
)

func testDamage(t *testing.T, h Harness) {
	if h.Damage == nil {
		t.Skip("the harness has no Damage")
	}
	intent := syncline.Intent{Consumer: "pipe", Stream: "payments", Through: 3, BatchID: "b", Schemas: []byte(`{}`)}
	damaged := func(t *testing.T, d Damage, entry int) (syncline.Journal, syncline.Position) {
		dir, c := t.TempDir(), newClock()
		j := open(t, h, dir, c.now)
		for i := range 5 {
			es := mustAppend(t, j, page("payments", 20+i, c.now()), page("refunds", 20, c.now()))
			if i == entry {
				d.Position = es[0].Position
			}
		}
		if err := j.Append(ctx, nil, cursor("payments", `{"page":12345}`), cursor("refunds", `{}`)); err != nil {
			t.Fatal(err)
		}
		if err := j.Intend(ctx, intent); err != nil {
			t.Fatal(err)
		}
		h.Damage(t, dir, d)
		return reopen(t, h, j, dir, c), d.Position
	}
	for _, i := range []int{0, 2, 4} {
		for _, remove := range []bool{false, true} {
			if remove && i == 4 {
				continue // the last entry gone is what an older backup looks like
			}
			t.Run(fmt.Sprintf("entry %d remove %v", i, remove), func(t *testing.T) {
				j, p := damaged(t, Damage{Stream: "payments", Remove: remove}, i)
				got, err := readAll(j, "payments", 0, 1<<20)
				checkCode(t, err, syncline.CodeJournalCorrupt)
				if len(got) != i || !strings.Contains(err.Error(), fmt.Sprintf("entry %d ", p)) ||
					!strings.Contains(err.Error(), "payments") {
					t.Errorf("%d entries before it, error %v", len(got), err)
				}
				if syncline.ClassOf(err) != syncline.Fatal {
					t.Error("damage is not fatal")
				}
				if got, err := readAll(j, "refunds", 0, 1<<20); len(got) != 5 || err != nil {
					t.Errorf("another stream: %d entries, %v", len(got), err)
				}
			})
		}
	}
	t.Run("cursor", func(t *testing.T) {
		j, _ := damaged(t, Damage{Stream: "payments", Cursor: true}, -1)
		_, err := j.Cursor(ctx, "dodo/test_mode", "payments")
		checkCode(t, err, syncline.CodeStateInvalid)
		checkCursor(t, j, "refunds", `{}`)
	})
	t.Run("intent", func(t *testing.T) {
		j, _ := damaged(t, Damage{Stream: "payments", Intent: true}, -1)
		_, err := j.Intended(ctx, "pipe", "payments")
		checkCode(t, err, syncline.CodeStateInvalid)
	})
}

func testPrune(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	prune := func(before time.Time, want int) {
		t.Helper()
		if n, err := j.Prune(ctx, before); n != want || err != nil {
			t.Fatalf("pruned %d, %v; want %d", n, err, want)
		}
	}
	deliver := func(consumer string, through syncline.Position) {
		t.Helper()
		if err := j.Delivered(ctx, consumer, "payments", through); err != nil {
			t.Fatal(err)
		}
	}
	var es []*syncline.Entry
	for i := range 6 {
		es = append(es, mustAppend(t, j, page("payments", i, c.now()))...)
		c.add(24 * time.Hour)
	}
	late := c.now().Add(time.Hour)
	prune(late, 0) // nobody has had anything
	deliver("a", es[3].Position)
	c.add(time.Hour)
	if err := j.Intend(ctx, syncline.Intent{Consumer: "b", Stream: "payments", Through: es[0].Position}); err != nil {
		t.Fatal(err)
	}
	prune(late.Add(24*time.Hour), 0) // b is known and has had nothing
	deliver("b", es[2].Position)
	deliver("b", es[1].Position) // going back is no report
	c.add(time.Hour)
	prune(es[1].ReceivedAt, 0) // delivered, but not before that time
	j = reopen(t, h, j, dir, c)
	prune(c.now(), 3) // what both have had
	checkEntries(t, j, "payments", es[3:])
	checkBounds(t, j, "payments", es[2].Position, es[5].Position)
	deliver("b", es[5].Position)
	deliver("a", es[5].Position)
	c.add(time.Hour)
	prune(c.now(), 3)
	for range 2 {
		checkEntries(t, j, "payments", nil)
		checkBounds(t, j, "payments", es[5].Position, es[5].Position)
		j = reopen(t, h, j, dir, c)
	}
	if e := mustAppend(t, j, page("payments", 1, c.now()))[0]; e.Position <= es[5].Position {
		t.Errorf("position %d was used before", e.Position)
	}
}

func testPruneCountsFromDelivery(t *testing.T, h Harness) {
	c := newClock()
	j := open(t, h, t.TempDir(), c.now)
	e := mustAppend(t, j, page("payments", 1, c.now()))[0]
	mustAppend(t, j, page("", 1, c.now()))
	c.add(40 * 24 * time.Hour)
	if err := j.Delivered(ctx, "pipe", "payments", e.Position); err != nil {
		t.Fatal(err)
	}
	retained := func() time.Time { return c.now().Add(-35 * 24 * time.Hour) }
	if n, err := j.Prune(ctx, retained()); n != 1 || err != nil {
		t.Fatalf("pruned %d, %v; want the event of no stream only", n, err)
	}
	checkEntries(t, j, "", nil)
	c.add(36 * 24 * time.Hour)
	if n, err := j.Prune(ctx, retained()); n != 1 || err != nil {
		t.Fatalf("pruned %d, %v; want 1", n, err)
	}
}

func testDeliveredBeyondEnd(t *testing.T, h Harness) {
	c := newClock()
	j := open(t, h, t.TempDir(), c.now)
	e := mustAppend(t, j, page("payments", 1, c.now()))[0]
	checkCode(t, j.Delivered(ctx, "pipe", "payments", e.Position+1), syncline.CodeStateInvalid)
	checkCode(t, j.Delivered(ctx, "pipe", "never", 1), syncline.CodeStateInvalid)
}

func testIntent(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	a := syncline.Intent{Consumer: "pipe", Stream: "payments", From: 1, Through: 3, BatchID: "abc", Schemas: []byte(`{"list":[]}`)}
	b := a
	b.From, b.Through, b.BatchID = 3, 9, "def"
	other := a
	other.Consumer = "other"
	for _, in := range []syncline.Intent{a, other, b} {
		if err := j.Intend(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for consumer, want := range map[string]*syncline.Intent{"pipe": &b, "other": &other, "none": nil} {
			got, err := j.Intended(ctx, consumer, "payments")
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("intent of %s: %v %s", consumer, err, d)
			}
		}
		j = reopen(t, h, j, dir, c)
	}
}

func testIntentDone(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	check := func(want bool) {
		t.Helper()
		if got, err := j.Intended(ctx, "pipe", "payments"); err != nil || got.Done != want {
			t.Fatalf("intent %+v, %v; want done %v", got, err, want)
		}
	}
	intend := func(through syncline.Position) {
		t.Helper()
		if err := j.Intend(ctx, syncline.Intent{Consumer: "pipe", Stream: "payments", Through: through}); err != nil {
			t.Fatal(err)
		}
	}
	es := mustAppend(t, j, page("payments", 1, c.now()), page("payments", 1, c.now()), page("payments", 1, c.now()))
	intend(es[1].Position)
	for i, want := range []bool{false, true} {
		for _, consumer := range []string{"other", "pipe"} {
			if err := j.Delivered(ctx, consumer, "payments", es[i].Position); err != nil {
				t.Fatal(err)
			}
		}
		check(want)
	}
	j = reopen(t, h, j, dir, c)
	check(true)
	intend(es[2].Position)
	check(false)
	j = reopen(t, h, j, dir, c)
	check(false)
}

func testReset(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	es := []*syncline.Entry{page("payments", 1, c.now())}
	if err := j.Append(ctx, es, cursor("payments", `{"a":1}`), cursor("refunds", `{"a":2}`)); err != nil {
		t.Fatal(err)
	}
	in := syncline.Intent{Consumer: "pipe", Stream: "payments", Through: es[0].Position}
	if err := j.Intend(ctx, in); err != nil {
		t.Fatal(err)
	}
	if err := j.Reset(ctx, "dodo/test_mode", "pipe", "payments"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		checkCursor(t, j, "payments", "")
		checkCursor(t, j, "refunds", `{"a":2}`)
		if got, err := j.Intended(ctx, "pipe", "payments"); got != nil || err != nil {
			t.Errorf("intent after reset: %v, %v", got, err)
		}
		checkEntries(t, j, "payments", es)
		j = reopen(t, h, j, dir, c)
	}
	// The same cursor again is a new one now.
	if err := j.Append(ctx, nil, cursor("payments", `{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	checkCursor(t, j, "payments", `{"a":1}`)
}

func testRuns(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	var want []*syncline.Receipt
	for i := range 5 {
		r := &syncline.Receipt{Run: fmt.Sprint("run", i), Pipeline: []string{"p", "q"}[i%2], Started: c.now(), Ended: c.now(),
			Streams: []syncline.StreamReceipt{{Stream: "payments", Counts: syncline.Counts{Fetched: i, Inserted: i}}}}
		if err := j.SaveRun(ctx, r); err != nil {
			t.Fatal(err)
		}
		want = append([]*syncline.Receipt{r}, want...)
		c.add(time.Minute)
	}
	want[2].Error = "saved again"
	if err := j.SaveRun(ctx, want[2]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, tt := range []struct {
			pipeline string
			limit    int
			want     []*syncline.Receipt
		}{{"p", 10, []*syncline.Receipt{want[0], want[2], want[4]}}, {"q", 1, want[1:2]}, {"none", 5, nil}, {"", 2, want[:2]}} {
			got, err := j.Runs(ctx, tt.pipeline, tt.limit)
			if d := cmp.Diff(tt.want, got); err != nil || d != "" {
				t.Errorf("runs of %q: %v %s", tt.pipeline, err, d)
			}
		}
		j = reopen(t, h, j, dir, c)
	}
}

func testStats(t *testing.T, h Harness) {
	c := newClock()
	j := open(t, h, t.TempDir(), c.now)
	check := func(want syncline.JournalStats) {
		t.Helper()
		got, err := j.Stats(ctx)
		if err != nil || got.Bytes <= 0 && want.Entries > 0 {
			t.Fatalf("%+v, %v", got, err)
		}
		got.Bytes = 0
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	}
	check(syncline.JournalStats{})
	a := mustAppend(t, j, page("payments", 1, c.now()))[0]
	c.add(time.Hour)
	b := mustAppend(t, j, event("payments", "evt_1", "x", c.now()))[0]
	mustAppend(t, j, event("payments", "evt_1", "x", c.now()), event("", "evt_2", "x", c.now()))
	check(syncline.JournalStats{Entries: 3, Events: 2, Pending: 2, OldestAge: time.Hour})
	for _, step := range []struct {
		consumer string
		through  syncline.Position
		pending  int
		age      time.Duration
	}{{"p", a.Position, 1, 0}, {"q", 0, 2, time.Hour}, {"q", b.Position, 1, 0}, {"p", b.Position, 0, 0}} {
		if err := j.Delivered(ctx, step.consumer, "payments", step.through); err != nil {
			t.Fatal(err)
		}
		check(syncline.JournalStats{Entries: 3, Events: 2, Pending: step.pending, OldestAge: step.age})
	}
}

func testWeak(t *testing.T, h Harness) {
	if len(h.Weak) == 0 {
		t.Fatal("the harness weakens nothing")
	}
	for name, weak := range h.Weak {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for range 2 { // a new journal, and an old one
				j, err := weak(dir)
				if err == nil {
					_ = j.Close()
				}
				checkCode(t, err, syncline.CodeJournalWeak)
				if setting, _, _ := strings.Cut(name, "="); !strings.Contains(err.Error(), setting) {
					t.Errorf("the error does not name %s: %v", setting, err)
				}
				c := newClock()
				good := open(t, h, dir, c.now)
				mustAppend(t, good, page("payments", 1, c.now()))
				if err := good.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
