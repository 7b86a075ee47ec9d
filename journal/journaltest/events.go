package journaltest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/synclinehq/syncline"
)

func testDuplicate(t *testing.T, h Harness) {
	dir, c := t.TempDir(), newClock()
	j := open(t, h, dir, c.now)
	first := mustAppend(t, j, event("payments", "evt_1", `{"n":1}`, c.now()))
	again := func(j syncline.Journal, body string, conflict bool) {
		t.Helper()
		c.add(time.Minute)
		e := event("payments", "evt_1", body, c.now())
		twice := []*syncline.Entry{e, event("payments", "evt_1", body, c.now())}
		mustAppend(t, j, twice...)
		for _, e := range twice {
			if !e.Duplicate || e.Conflict != conflict || e.Position != first[0].Position {
				t.Fatalf("duplicate %v, conflict %v, position %d; want conflict %v, position %d",
					e.Duplicate, e.Conflict, e.Position, conflict, first[0].Position)
			}
		}
	}
	for range 2 {
		again(j, `{"n":1}`, false)
		again(j, `{"n":2}`, true)
		again(j, `{"n":1}`, false) // the first stays the first
		checkEntries(t, j, "payments", first)
		j = reopen(t, h, j, dir, c)
	}
	// Two of one id in one append.
	pair := mustAppend(t, j, event("payments", "evt_2", "x", c.now()), event("payments", "evt_2", "x", c.now()))
	if pair[0].Duplicate || !pair[1].Duplicate || pair[0].Position != pair[1].Position {
		t.Errorf("pair: %+v %+v", pair[0], pair[1])
	}
	// Identities outlive entries.
	if err := j.Delivered(ctx, "pipe", "payments", pair[0].Position); err != nil {
		t.Fatal(err)
	}
	if n, err := j.Prune(ctx, c.now().Add(time.Hour)); n != 2 || err != nil {
		t.Fatalf("pruned %d, %v", n, err)
	}
	again(j, `{"n":1}`, false)
	checkEntries(t, j, "payments", nil)
}

func testConcurrentCopies(t *testing.T, h Harness) {
	c := newClock()
	j := open(t, h, t.TempDir(), c.now)
	const copies, ids = 16, 20
	got := make([]*syncline.Entry, copies*ids)
	errs := make([]error, copies*ids)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			id := i % ids
			got[i] = event("payments", fmt.Sprint("evt_", id), fmt.Sprint("body ", id), c.now())
			errs[i] = j.Append(ctx, []*syncline.Entry{got[i]})
		})
	}
	wg.Wait()
	at := map[string]syncline.Position{}
	firsts := 0
	for i, e := range got {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if p, ok := at[e.EventID]; ok && p != e.Position || e.Conflict {
			t.Errorf("%s has positions %d and %d, conflict %v", e.EventID, p, e.Position, e.Conflict)
		}
		at[e.EventID] = e.Position
		if !e.Duplicate {
			firsts++
		}
	}
	all, err := readAll(j, "payments", 0, 1<<20)
	if err != nil || firsts != ids || len(all) != ids {
		t.Errorf("%d firsts and %d entries, want %d: %v", firsts, len(all), ids, err)
	}
}

func testDistinctIDs(t *testing.T, h Harness) {
	c := newClock()
	j := open(t, h, t.TempDir(), c.now)
	ids := []string{"evt", "EVT", "evt ", " evt", "e\u0301vt", "\u00e9vt", "évt ", "evt\x00", "evt\n", "1", "01", "1.0",
		strings.Repeat("x", 300), strings.Repeat("x", 301), "ab", "a", "b", "\xff", "\xfe"}
	for i, id := range ids {
		if e := mustAppend(t, j, event("payments", id, "same body", c.now()))[0]; e.Duplicate {
			t.Errorf("id %d %q was taken for another", i, id)
		}
	}
	// Parts of an identity do not run into each other.
	for _, p := range [][2]string{{"ab", "c"}, {"a", "bc"}, {"abc", "d"}, {"dodo/test_mode", "evt_9"}, {"dodo/live_mode", "evt_9"}} {
		e := event("payments", p[1], "same body", c.now())
		e.Source = p[0]
		if mustAppend(t, j, e); e.Duplicate {
			t.Errorf("source %q id %q was taken for another", p[0], p[1])
		}
	}
	// Pages have no identity.
	for _, e := range mustAppend(t, j, page("payments", 1, c.now()), page("payments", 1, c.now())) {
		if e.Duplicate {
			t.Error("a page was taken for a duplicate")
		}
	}
}
