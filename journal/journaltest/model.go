package journaltest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/synclinehq/syncline"
)

// model is a journal in memory, checked against the real one after each step.
type model struct {
	h       Harness
	dir     string
	clock   *clock
	j       syncline.Journal
	all     map[string][]*syncline.Entry // ever appended, by stream
	pruned  map[string]int               // how many of them are gone
	events  map[string]*syncline.Entry   // by id
	cursors map[string]string
	had     map[string]map[string][]report // by stream and consumer
	commits int
}

// report is a delivery: the first n entries, at a time.
type report struct {
	n  int
	at time.Time
}

var modelStreams = []string{"payments", "refunds", "customers"}

func testModel(t *testing.T, h Harness) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "journal-model")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &model{h: h, dir: dir, clock: newClock(), all: map[string][]*syncline.Entry{}, pruned: map[string]int{},
			events: map[string]*syncline.Entry{}, cursors: map[string]string{}, had: map[string]map[string][]report{}}
		if m.j, err = h.Open(dir, m.clock.now); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = m.j.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"append": m.append, "deliver": m.deliver, "prune": m.prune, "reopen": m.reopen, "reset": m.reset,
			"": m.check,
		})
	})
}

func drawStream(t *rapid.T) string { return rapid.SampledFrom(modelStreams).Draw(t, "stream") }

func (m *model) append(t *rapid.T) {
	// Reports of one hour may count as one, so hours pass between steps.
	m.clock.add(2 * time.Hour)
	var entries []*syncline.Entry
	for range rapid.IntRange(0, 3).Draw(t, "entries") {
		stream := drawStream(t)
		if rapid.Bool().Draw(t, "event") {
			id, body := rapid.IntRange(0, 9).Draw(t, "id"), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "body")
			entries = append(entries, event(stream, fmt.Sprint("evt_", id), body, m.clock.now()))
		} else {
			entries = append(entries, page(stream, rapid.IntRange(0, 40).Draw(t, "records"), m.clock.now()))
		}
	}
	var cursors []syncline.StreamCursor
	if rapid.Bool().Draw(t, "cursor") {
		c := cursor(drawStream(t), fmt.Sprintf(`{"n":%d}`, rapid.IntRange(0, 3).Draw(t, "n")))
		cursors = append(cursors, c)
		m.cursors[c.Stream] = string(c.Cursor)
	}
	if err := m.j.Append(ctx, entries, cursors...); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		m.appended(t, e)
	}
}

func (m *model) appended(t *rapid.T, e *syncline.Entry) {
	if first := m.events[e.EventID]; first != nil && e.EventID != "" {
		if !e.Duplicate || e.Position != first.Position || e.Conflict != (string(e.Body) != string(first.Body)) {
			t.Fatalf("copy %+v of %+v", e, first)
		}
		return
	}
	if e.Duplicate || e.Conflict {
		t.Fatalf("new entry %+v", e)
	}
	if e.EventID != "" {
		m.events[e.EventID] = e
	}
	all := m.all[e.Stream]
	if len(all) > 0 && e.Position <= all[len(all)-1].Position {
		t.Fatalf("position %d after %d", e.Position, all[len(all)-1].Position)
	}
	m.all[e.Stream] = append(all, e)
}

func (m *model) deliver(t *rapid.T) {
	m.clock.add(2 * time.Hour)
	stream, consumer := drawStream(t), rapid.SampledFrom([]string{"p", "q"}).Draw(t, "consumer")
	n := rapid.IntRange(0, len(m.all[stream])).Draw(t, "through")
	var p syncline.Position
	if n > 0 {
		p = m.all[stream][n-1].Position
	}
	if err := m.j.Delivered(ctx, consumer, stream, p); err != nil {
		t.Fatal(err)
	}
	// A report may wait for the next commit, and one that follows before that
	// takes its place: then entries are only kept longer. Here each is to count.
	m.commits++
	if err := m.j.Append(ctx, nil, cursor("commits", fmt.Sprintf(`{"n":%d}`, m.commits))); err != nil {
		t.Fatal(err)
	}
	if m.had[stream] == nil {
		m.had[stream] = map[string][]report{}
	}
	m.had[stream][consumer] = append(m.had[stream][consumer], report{n, m.clock.now()})
}

func (m *model) prune(t *rapid.T) {
	m.clock.add(2 * time.Hour)
	before := m.clock.now().Add(-time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour)
	want := 0
	for _, stream := range modelStreams {
		limit := m.deliveredBefore(stream, before)
		for m.pruned[stream] < limit && m.all[stream][m.pruned[stream]].ReceivedAt.Before(before) {
			m.pruned[stream]++
			want++
		}
	}
	if n, err := m.j.Prune(ctx, before); n != want || err != nil {
		t.Fatalf("pruned %d, want %d: %v", n, want, err)
	}
}

func (m *model) deliveredBefore(stream string, before time.Time) int {
	if len(m.had[stream]) == 0 {
		return 0
	}
	limit := len(m.all[stream])
	for _, reports := range m.had[stream] {
		n := 0
		for _, r := range reports {
			if r.at.Before(before) {
				n = max(n, r.n)
			}
		}
		limit = min(limit, n)
	}
	return limit
}

func (m *model) reset(t *rapid.T) {
	stream, consumer := drawStream(t), rapid.SampledFrom([]string{"p", "q"}).Draw(t, "consumer")
	if err := m.j.Reset(ctx, "dodo/test_mode", consumer, stream); err != nil {
		t.Fatal(err)
	}
	delete(m.cursors, stream)
	if m.had[stream] == nil {
		m.had[stream] = map[string][]report{}
	}
	m.had[stream][consumer] = []report{{}} // known, has had nothing
}

func (m *model) reopen(t *rapid.T) {
	err := m.j.Close()
	if err == nil {
		m.j, err = m.h.Open(m.dir, m.clock.now)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// check reads one stream from anywhere, and all cursors.
func (m *model) check(t *rapid.T) {
	for _, stream := range modelStreams {
		c, err := m.j.Cursor(ctx, "dodo/test_mode", stream)
		if err != nil || string(c) != m.cursors[stream] {
			t.Fatalf("cursor of %s is %s, want %s: %v", stream, c, m.cursors[stream], err)
		}
	}
	stream := drawStream(t)
	kept := m.all[stream][m.pruned[stream]:]
	from := rapid.IntRange(0, len(kept)).Draw(t, "read from")
	var after syncline.Position
	if from > 0 {
		after = kept[from-1].Position
	}
	got, err := readAll(m.j, stream, after, rapid.SampledFrom([]int{1, 5000, 1 << 20}).Draw(t, "limit"))
	if err != nil {
		t.Fatal(err)
	}
	if len(kept[from:])+len(got) > 0 {
		if d := cmp.Diff(kept[from:], got); d != "" {
			t.Fatalf("%s after %d (-want +got):\n%s", stream, after, d)
		}
	}
}
