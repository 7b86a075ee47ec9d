// Package journaltest is the conformance suite of [syncline.Journal]: what a
// backend must do to be a journal. A backend's test calls [Run] from a test
// function of its own and [Benchmark] from a benchmark; begin reading there.
//
// A suite runs parts of itself in child processes, which it kills, traces and
// starves of disk space: the same test function, started again with an
// environment variable set.
package journaltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline"
)

// Harness is what the suite needs to know about a backend.
type Harness struct {
	// Open opens the journal that belongs to a directory, which may not exist
	// yet; the same journal for the same directory. now is its clock.
	Open func(dir string, now func() time.Time) (syncline.Journal, error)
	// Damage changes stored bytes behind the back of the journal, which is
	// open and has just appended, and is opened anew afterwards.
	Damage func(t *testing.T, dir string, d Damage)
	// Check looks whether the storage as such is sound, the journal being
	// closed.
	Check func(t *testing.T, dir string)
	// Weak opens the journal with one needed setting weakened each; every one
	// must fail and name the setting, which is the key.
	Weak map[string]func(dir string) (syncline.Journal, error)
	// OnDisk: the journal writes files in the directory from its own process,
	// so that its system calls can be traced and its disk filled. The suite
	// takes files with the suffix LogSuffix for those that make an append
	// durable.
	OnDisk    bool
	LogSuffix string
}

// Damage says what is to be damaged: one bit of the entry at Position (or the
// entry removed), or else of the cursor or the intent.
type Damage struct {
	Stream   string
	Position syncline.Position // 0: not an entry
	Remove   bool
	Cursor   bool
	Intent   bool
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	if mode := os.Getenv(childEnv); mode != "" {
		runChild(h, mode)
	}
	tests := []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"ReadsWhatWasAppended", testRoundTrip},
		{"EntriesAreImmutable", testImmutable},
		{"EntriesAndCursorAreOneStep", testAtomic},
		{"ReadLimit", testReadLimit},
		{"RestartKeepsEverything", testRestart},
		{"J02_KnownEventIsNotStoredAgain", testDuplicate},
		{"J02_ConcurrentCopiesAreOneEntry", testConcurrentCopies},
		{"F34_IdsStayDistinct", testDistinctIDs},
		{"E02_BadOneFailsAlone", testBadOneFailsAlone},
		{"J03_ReaderMissesNothing", testReaderMissesNothing},
		{"J05_F65_DamageIsDetected", testDamage},
		{"J08_F63_Prune", testPrune},
		{"J08_PruneCountsFromDelivery", testPruneCountsFromDelivery},
		{"DeliveredBeyondTheEnd", testDeliveredBeyondEnd},
		{"P04_Intent", testIntent},
		{"P04_IntentDone", testIntentDone},
		{"Reset", testReset},
		{"Runs", testRuns},
		{"Stats", testStats},
		{"Closed", testClosed},
		{"MemoryIsBounded", testMemory},
		{"Model", testModel},
		{"J01_F10_WeakSettingsAreRefused", testWeak},
		{"F01_F02_Kill", testKill},
		{"F01_KillAtPoints", testKillAtPoints},
		{"J01_F08_SyncBeforeConfirm", testSyncBeforeConfirm},
		{"F09_PowerLoss", testPowerLoss},
		{"J06_F17_DiskFull", testDiskFull},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, h) })
	}
}

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

var ctx = context.Background()

// open opens the journal of a new directory and closes it after the test.
func open(t *testing.T, h Harness, dir string, now func() time.Time) syncline.Journal {
	t.Helper()
	j, err := h.Open(dir, now)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// page returns an entry with n records.
func page(stream string, n int, at time.Time) *syncline.Entry {
	recs := make([]syncline.Record, n)
	for i := range recs {
		recs[i] = syncline.Record{Key: fmt.Appendf(nil, "\x06key%03d", i), Version: int64(i),
			Data: fmt.Appendf(nil, `{"id":"key%03d","at":%d,"note":"some text that compresses"}`, i, at.UnixMicro())}
	}
	return &syncline.Entry{Source: "dodo/test_mode", Stream: stream, Kind: syncline.KindPage, Shape: syncline.ShapeList,
		ReceivedAt: at, Records: n, Block: syncline.AppendBlock(nil, recs)}
}

// event returns an entry of one webhook delivery.
func event(stream, id, body string, at time.Time) *syncline.Entry {
	e := page(stream, 1, at)
	e.Kind, e.Shape, e.EventID, e.Body = syncline.KindEvent, syncline.ShapeDetail, id, []byte(body)
	return e
}

func cursor(stream, text string) syncline.StreamCursor {
	return syncline.StreamCursor{Source: "dodo/test_mode", Stream: stream, Cursor: json.RawMessage(text)}
}

// mustAppend appends and returns the entries.
func mustAppend(t *testing.T, j syncline.Journal, entries ...*syncline.Entry) []*syncline.Entry {
	t.Helper()
	if err := j.Append(ctx, entries); err != nil {
		t.Fatalf("Append: %v", err)
	}
	return entries
}

// readAll reads a stream in steps of limit bytes.
func readAll(j syncline.Journal, stream string, after syncline.Position, limit int) ([]*syncline.Entry, error) {
	var out []*syncline.Entry
	for {
		es, err := j.Read(ctx, stream, after, limit)
		if err != nil || len(es) == 0 {
			return out, err
		}
		for _, e := range es {
			if e.Position <= after {
				return out, fmt.Errorf("position %d after %d", e.Position, after)
			}
			after = e.Position
		}
		out = append(out, es...)
	}
}

func checkEntries(t *testing.T, j syncline.Journal, stream string, want []*syncline.Entry) {
	t.Helper()
	for _, limit := range []int{1, 1 << 20} {
		got, err := readAll(j, stream, 0, limit)
		if err != nil {
			t.Fatalf("Read %s: %v", stream, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("entries of %s (-want +got):\n%s", stream, d)
		}
	}
}

func checkCursor(t *testing.T, j syncline.Journal, stream, want string) {
	t.Helper()
	got, err := j.Cursor(ctx, "dodo/test_mode", stream)
	if err != nil || !bytes.Equal(got, []byte(want)) {
		t.Fatalf("cursor of %s is %s, %v; want %s", stream, got, err, want)
	}
}

func checkBounds(t *testing.T, j syncline.Journal, stream string, pruned, last syncline.Position) {
	t.Helper()
	p, l, err := j.Bounds(ctx, stream)
	if err != nil || p != pruned || l != last {
		t.Fatalf("bounds of %s are %d, %d, %v; want %d, %d", stream, p, l, err, pruned, last)
	}
}

func checkCode(t *testing.T, err error, want syncline.Code) {
	t.Helper()
	var e *syncline.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Fatalf("got %v, want an error with code %s", err, want)
	}
}

// needed skips a test that this machine cannot run, but never in CI: there a
// skipped test is a failed one.
func needed(t *testing.T, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("CI") != "":
		t.Fatalf("%s, which CI must have", what)
	default:
		t.Skip(what)
	}
}
