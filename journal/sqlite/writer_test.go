package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/synclinehq/syncline"
)

// commits asks the writer how often it has committed.
func commits(t *testing.T, j *Journal) (n int) {
	t.Helper()
	if err := j.w.submit(&change{ctx: ctx, apply: func(w *writer) error { n = w.commits; return nil }}); err != nil {
		t.Fatal(err)
	}
	return n
}

// hold stops the writer until the returned function is called.
func hold(j *Journal) (release func()) {
	entered, goOn := make(chan struct{}), make(chan struct{})
	go func() {
		_ = j.w.submit(&change{ctx: ctx, apply: func(*writer) error { close(entered); <-goOn; return nil }})
	}()
	<-entered
	return func() { close(goOn) }
}

// TestGroupCommit holds the writer up while appends gather: all of them are
// stored by the next commit.
func TestGroupCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, Options{Path: path})
		before := commits(t, j)
		release := hold(j)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				if err := j.Append(ctx, []*syncline.Entry{entry(fmt.Sprint("stream", i%3), 10)}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all of them wait for the writer
		release()
		wg.Wait()
		if n := commits(t, j) - before; n != 1 {
			t.Errorf("%d commits for 50 appends at once", n)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestUnchangedCursorWritesNothing: no transaction, no sync.
func TestUnchangedCursorWritesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	set := func(j *Journal, text string) int {
		t.Helper()
		before := commits(t, j)
		if err := j.Append(ctx, nil, syncline.StreamCursor{Source: "s", Stream: "payments", Cursor: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		return commits(t, j) - before
	}
	j := mustOpen(t, Options{Path: path})
	for i, tt := range []struct {
		text string
		want int
	}{{`{"a":1}`, 1}, {`{"a":1}`, 0}, {`{"a": 1}`, 1}, {`{"a":1}`, 1}} {
		if n := set(j, tt.text); n != tt.want {
			t.Errorf("%d: %d commits, want %d", i, n, tt.want)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, Options{Path: path})
	if n := set(j, `{"a":1}`); n != 0 {
		t.Errorf("after a restart: %d commits, want 0", n)
	}
}

// TestFailedGroupIsUndone: what the writer remembers must go back with the
// transaction, or the next positions would leave a gap.
func TestFailedGroupIsUndone(t *testing.T) {
	j := mustOpen(t, Options{Path: filepath.Join(t.TempDir(), "journal.db")})
	if err := j.Append(ctx, []*syncline.Entry{entry("payments", 10)}); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	ready := make([]pending, 2)
	for i, stream := range []string{"payments", "new"} {
		if _, err := ready[i].prepare(entry(stream, 10), time.Now, new([]byte), 0); err != nil {
			t.Fatal(err)
		}
	}
	cursors := []syncline.StreamCursor{{Source: "s", Stream: "payments", Cursor: []byte("1")}}
	err := j.w.submit(&change{ctx: ctx, apply: func(w *writer) error { return errors.Join(w.append(ready, cursors), boom) }})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	for stream, want := range map[string]syncline.Position{"payments": 2, "new": 1} {
		e := entry(stream, 10)
		if err := j.Append(ctx, []*syncline.Entry{e}, cursors...); err != nil || e.Position != want {
			t.Errorf("%s: position %d, want %d: %v", stream, e.Position, want, err)
		}
		if es, err := j.Read(ctx, stream, 0, 1000); len(es) != int(want) || err != nil {
			t.Errorf("%s: %d entries, %v", stream, len(es), err)
		}
	}
	if c, err := j.Cursor(ctx, "s", "payments"); string(c) != "1" || err != nil {
		t.Errorf("cursor %s, %v", c, err)
	}
}

// TestBadChangeFailsAlone: one change of a group cannot be stored; the others
// are, each with its own result.
func TestBadChangeFailsAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, Options{Path: path})
		release := hold(j)
		boom := errors.New("boom")
		errs := make([]error, 9)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				if i%3 == 1 {
					errs[i] = j.w.submit(&change{ctx: ctx, apply: func(w *writer) error { return errors.Join(w.begin(), boom) }})
				} else {
					errs[i] = j.Append(ctx, []*syncline.Entry{entry("payments", 10)})
				}
			})
		}
		synctest.Wait()
		release()
		wg.Wait()
		for i, err := range errs {
			if errors.Is(err, boom) != (i%3 == 1) || err != nil && i%3 != 1 {
				t.Errorf("%d: %v", i, err)
			}
		}
		if es, err := j.Read(ctx, "payments", 0, 1<<20); len(es) != 6 || err != nil {
			t.Errorf("%d entries, %v", len(es), err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestCallerGivesUp: an append whose caller stops waiting leaves no trace if it
// was not begun, and does not disturb the others.
func TestCallerGivesUp(t *testing.T) {
	j := mustOpen(t, Options{Path: filepath.Join(t.TempDir(), "journal.db")})
	release := hold(j)
	short, cancel := context.WithCancel(ctx)
	cancel()
	e := entry("payments", 1000)
	if err := j.Append(short, []*syncline.Entry{e}); !errors.Is(err, context.Canceled) {
		t.Errorf("Append: %v", err)
	}
	clear(e.Block)
	release()
	if err := j.Append(ctx, []*syncline.Entry{entry("payments", 10)}); err != nil {
		t.Fatal(err)
	}
	if es, err := j.Read(ctx, "payments", 0, 1000); len(es) != 1 || err != nil {
		t.Errorf("%d entries, %v", len(es), err)
	}
}

// TestLogIsBounded: the write-ahead log is emptied on the way, and does not
// outgrow its bound although a reader is always in it.
func TestLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := mustOpen(t, Options{Path: path, TailBytes: -1})
	bounds := logBounds{checkpointAt: 512 << 10, restartAt: 2 << 20}
	if err := j.w.submit(&change{ctx: ctx, apply: func(w *writer) error { w.bounds = bounds; return nil }}); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { readOver(t, j, stop) })
	}
	r := rand.NewChaCha8([32]byte{})
	largest := int64(0)
	for range 100 {
		e := entry("payments", 100<<10)
		_, _ = r.Read(e.Block)
		if err := j.Append(ctx, []*syncline.Entry{e}); err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(path + "-wal"); err == nil {
			largest = max(largest, st.Size())
		}
	}
	close(stop)
	wg.Wait()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("file %d KiB, log at most %d KiB", st.Size()>>10, largest>>10)
	if largest > bounds.restartAt+2*bounds.checkpointAt || st.Size() < 7<<20 {
		t.Errorf("file %d bytes, log at most %d bytes", st.Size(), largest)
	}
}

// readOver reads the stream from its beginning over and over.
func readOver(t *testing.T, j *Journal, stop chan struct{}) {
	for after := syncline.Position(0); ; {
		select {
		case <-stop:
			return
		default:
		}
		es, err := j.Read(ctx, "payments", after, 1<<20)
		if err != nil {
			t.Error(err)
			return
		}
		if after = 0; len(es) > 0 {
			after = es[len(es)-1].Position
		}
	}
}

// TestConflictsAreOnRecord: both digests stay.
func TestConflictsAreOnRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := mustOpen(t, Options{Path: path})
	for _, body := range []string{"a", "b", "b", "c", "a"} {
		e := entry("payments", 10)
		e.EventID, e.Body = "evt_1", []byte(body)
		if err := j.Append(ctx, []*syncline.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", dsn(path, "ro", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var first, others int
	if err := db.QueryRow("SELECT count(DISTINCT e.digest), count(DISTINCT c.digest) FROM events e JOIN conflicts c ON c.event = e.n WHERE c.digest <> e.digest").Scan(&first, &others); err != nil || first != 1 || others != 2 {
		t.Errorf("%d first digests, %d others, %v; want 1 and 2", first, others, err)
	}
}

func TestRunsAreKeptPerPipeline(t *testing.T) {
	j := mustOpen(t, Options{Path: filepath.Join(t.TempDir(), "journal.db"), KeepRuns: 3})
	for i := range 10 {
		for _, p := range []string{"a", "b"} {
			r := &syncline.Receipt{Run: fmt.Sprint(p, i), Pipeline: p, Started: time.Unix(int64(i), 0).UTC()}
			if err := j.SaveRun(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	rs, err := j.Runs(ctx, "", 100)
	if err != nil || len(rs) != 6 || rs[0].Run != "b9" || rs[5].Run != "a7" {
		t.Errorf("%d runs, %v", len(rs), err)
	}
}

// TestPositionsHaveNoGaps is what Read relies on to find lost entries.
func TestPositionsHaveNoGaps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	for want := syncline.Position(1); want <= 5; want++ {
		j := mustOpen(t, Options{Path: path})
		for _, stream := range []string{"a", "b"} {
			e := entry(stream, 10)
			if err := j.Append(ctx, []*syncline.Entry{e}); err != nil || e.Position != want {
				t.Fatalf("%s: %d, want %d: %v", stream, e.Position, want, err)
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTailIsBounded fills the tail with streams of different weight.
func TestTailIsBounded(t *testing.T) {
	tl := newTail(10_000)
	for i := 1; i < 2000; i++ {
		e := entry(fmt.Sprint("s", i%3), i*37%3000)
		e.Position = syncline.Position(i/3 + 1)
		tl.add(e)
		held := 0
		for _, kept := range tl.streams {
			for k, e := range kept {
				held += weight(e)
				if k > 0 && e.Position != kept[k-1].Position+1 {
					t.Fatalf("gap before %d", e.Position)
				}
			}
		}
		if held != tl.size || held > 10_000 {
			t.Fatalf("holds %d, counts %d", held, tl.size)
		}
		if i%50 == 0 {
			tl.prune("s1", e.Position-2)
		}
	}
}
