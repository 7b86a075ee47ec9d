// Package sourcetest is the conformance suite of sources: what the engine relies
// on, as tests that any [syncline.Source] can run. A new source's test is a
// [Harness] and a call of [Run].
package sourcetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

// Harness is a source under test with a way to know what it should bring.
type Harness struct {
	// New returns a source over the same data each time. The suite closes it.
	New func(t testing.TB) syncline.Source
	// Stream is the stream to pull. It should have at least three pages.
	Stream string
	// Keys returns the keys of all records there are, as [syncline.Key.String]
	// writes them.
	Keys func() []string
	// Change makes a change that the next pull must bring, and returns the key
	// of the record. Nil if the source has no way to.
	Change func(t testing.TB) string
	// Missing is a key of a form the stream could have and no object has. Empty
	// if objects cannot be fetched by key.
	Missing syncline.Key
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Run("Describes", h.describes)
	t.Run("PullsEverything", h.pullsEverything)
	t.Run("HashesAreStable", h.hashesAreStable)
	t.Run("BringsChanges", h.bringsChanges)
	t.Run("ResumesAfterAnyPage", h.resumes)
	t.Run("RefusesForeignCursors", h.refusesCursors)
	t.Run("PassesErrorsOn", h.passesErrorsOn)
	t.Run("StopsWhenCancelled", h.stops)
	t.Run("Fetches", h.fetches)
}

// sink takes in pages and checks each.
type sink struct {
	mu     sync.Mutex
	stream syncline.Stream
	hashes map[string]batch.Hash
	cursor syncline.Cursor
	pages  int
	sweeps int
	fail   func(page int) error
	errs   []error
}

func (s *sink) emit(_ context.Context, p *syncline.Page) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages++
	if s.fail != nil {
		if err := s.fail(s.pages); err != nil {
			return err
		}
	}
	if err := s.check(p); err != nil {
		s.errs = append(s.errs, err)
	}
	if p.Sweep {
		s.sweeps++
	}
	for i := range p.Records {
		if r := &p.Records[i]; r.Reject == "" {
			s.hashes[r.Key.String()] = r.Hash
		}
	}
	if p.Next != nil {
		s.cursor = bytes.Clone(p.Next)
	}
	return nil
}

func (s *sink) check(p *syncline.Page) error {
	if p.Fetched != len(p.Records)+p.Duplicates {
		return fmt.Errorf("page of %d records and %d duplicates says %d fetched", len(p.Records), p.Duplicates, p.Fetched)
	}
	schema := s.stream.Schemas[p.Shape]
	if p.Stream != s.stream.Name || schema == nil {
		return fmt.Errorf("page of stream %q, shape %q", p.Stream, p.Shape)
	}
	if p.Next != nil && (!json.Valid(p.Next) || p.Next[0] != '{' || len(p.Next) > 1<<20) {
		return fmt.Errorf("cursor is not a JSON object of up to 1 MiB: %.100s", p.Next)
	}
	for i := range p.Records {
		r := &p.Records[i]
		if r.Reject != "" {
			continue
		}
		parts, err := r.Key.Parts()
		if err != nil || len(parts) != len(schema.Keys()) {
			return fmt.Errorf("key %q of %d parts: %w", r.Key, len(parts), err)
		}
		if r.Op == syncline.Upsert && (!json.Valid(r.Data) || r.Data[0] != '{' || r.Hash == batch.Hash{} || r.Version <= 0) {
			return fmt.Errorf("record %s: version %d, hash %x, data %.100s", r.Key, r.Version, r.Hash, r.Data)
		}
	}
	return nil
}

func (h *Harness) open(t testing.TB) (syncline.Source, *sink) {
	t.Helper()
	src := h.New(t)
	t.Cleanup(func() { src.Close() })
	streams, err := src.Streams(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(streams, func(s syncline.Stream) bool { return s.Name == h.Stream })
	if i < 0 {
		t.Fatalf("no stream %q", h.Stream)
	}
	return src, &sink{stream: streams[i], hashes: map[string]batch.Hash{}}
}

// pull runs one pull and reports what was wrong with its pages.
func (h *Harness) pull(t testing.TB, ctx context.Context, src syncline.Source, s *sink, full bool) error {
	t.Helper()
	s.pages, s.sweeps = 0, 0
	err := src.Pull(ctx, syncline.PullRequest{Stream: h.Stream, After: s.cursor, Full: full}, s.emit)
	for _, e := range s.errs {
		t.Error(e)
	}
	s.errs = nil
	return err
}

func (h *Harness) complete(t testing.TB, s *sink) {
	t.Helper()
	want := slices.Sorted(slices.Values(h.Keys()))
	got := slices.Sorted(maps.Keys(s.hashes))
	if !slices.Equal(got, want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
}

func (h *Harness) describes(t *testing.T) {
	src, _ := h.open(t)
	if src.Name() == "" || src.Name() != h.New(t).Name() {
		t.Errorf("name %q is not stable", src.Name())
	}
	streams, err := src.Streams(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range streams {
		if seen[s.Name] {
			t.Errorf("two streams %q", s.Name)
		}
		seen[s.Name] = true
		if len(s.Schemas) == 0 {
			t.Errorf("%s: no schema", s.Name)
		}
		for shape, sch := range s.Schemas {
			if len(sch.Keys()) == 0 {
				t.Errorf("%s %s: no key", s.Name, shape)
			}
			names := map[string]bool{}
			for i, f := range sch.Fields {
				if names[f.Name] || f.Key && i >= len(sch.Keys()) || !f.Declared {
					t.Errorf("%s %s: field %+v at %d", s.Name, shape, f, i)
				}
				names[f.Name] = true
			}
		}
	}
}

func (h *Harness) pullsEverything(t *testing.T) {
	src, s := h.open(t)
	if err := h.pull(t, t.Context(), src, s, false); err != nil {
		t.Fatal(err)
	}
	h.complete(t, s)
	if s.cursor == nil {
		t.Error("no cursor")
	}
	if s.sweeps != 0 && s.sweeps != s.pages {
		t.Errorf("%d of %d pages belong to a sweep", s.sweeps, s.pages)
	}
	s.hashes = map[string]batch.Hash{}
	if err := h.pull(t, t.Context(), src, s, true); err != nil {
		t.Fatal(err)
	}
	h.complete(t, s)
	if s.sweeps != s.pages {
		t.Errorf("full: %d of %d pages belong to a sweep", s.sweeps, s.pages)
	}
}

func (h *Harness) hashesAreStable(t *testing.T) {
	src, s := h.open(t)
	if err := h.pull(t, t.Context(), src, s, true); err != nil {
		t.Fatal(err)
	}
	first := maps.Clone(s.hashes)
	other, s2 := h.open(t)
	if err := h.pull(t, t.Context(), other, s2, true); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(first, s2.hashes) {
		t.Error("the hashes of unchanged records differ")
	}
}

func (h *Harness) bringsChanges(t *testing.T) {
	if h.Change == nil {
		t.Skip("the source cannot be changed")
	}
	src, s := h.open(t)
	if err := h.pull(t, t.Context(), src, s, false); err != nil {
		t.Fatal(err)
	}
	key := h.Change(t)
	before, had := s.hashes[key]
	if err := h.pull(t, t.Context(), src, s, false); err != nil {
		t.Fatal(err)
	}
	after, has := s.hashes[key]
	if !has || had && before == after {
		t.Errorf("the change of %s was not brought", key)
	}
}

func (h *Harness) resumes(t *testing.T) {
	_, probe := h.open(t)
	if err := h.pull(t, t.Context(), h.New(t), probe, false); err != nil {
		t.Fatal(err)
	}
	crash := errors.New("crash")
	for k := 1; k <= probe.pages; k += 1 + probe.pages/8 {
		_, s := h.open(t)
		s.fail = func(page int) error {
			if page > k {
				return crash
			}
			return nil
		}
		if err := h.pull(t, t.Context(), h.New(t), s, false); err != nil && !errors.Is(err, crash) {
			t.Fatal(err)
		}
		s.fail = nil
		if err := h.pull(t, t.Context(), h.New(t), s, false); err != nil {
			t.Fatal(err)
		}
		h.complete(t, s)
	}
}

func (h *Harness) refusesCursors(t *testing.T) {
	src, s := h.open(t)
	if err := h.pull(t, t.Context(), src, s, false); err != nil {
		t.Fatal(err)
	}
	good := s.cursor
	streams, err := src.Streams(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, stream string, c syncline.Cursor) {
		t.Helper()
		err := src.Pull(t.Context(), syncline.PullRequest{Stream: stream, After: c}, func(context.Context, *syncline.Page) error {
			t.Errorf("%s: a page was handed over", name)
			return nil
		})
		if syncline.CodeOf(err) != syncline.CodeStateInvalid || syncline.ClassOf(err) != syncline.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("garbage", h.Stream, syncline.Cursor("garbage"))
	refused("empty object", h.Stream, syncline.Cursor("{}"))
	refused("half", h.Stream, good[:len(good)/2])
	if i := slices.IndexFunc(streams, func(o syncline.Stream) bool { return o.Name != h.Stream && o.Schemas[syncline.ShapeList] != nil }); i >= 0 {
		refused("another stream's", streams[i].Name, good)
	}
}

func (h *Harness) passesErrorsOn(t *testing.T) {
	src, s := h.open(t)
	want := errors.New("the engine says no")
	s.fail = func(int) error { return want }
	if err := h.pull(t, t.Context(), src, s, true); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	if err := src.Pull(t.Context(), syncline.PullRequest{Stream: "no such stream"}, s.emit); syncline.CodeOf(err) != syncline.CodeConfigInvalid {
		t.Errorf("unknown stream: %v", err)
	}
}

func (h *Harness) stops(t *testing.T) {
	src, s := h.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.fail = func(int) error { cancel(); return nil }
	if err := h.pull(t, ctx, src, s, true); !errors.Is(err, context.Canceled) && !(err == nil && s.pages == 1) {
		t.Errorf("got %v", err)
	}
	cancel()
	if err := h.pull(t, ctx, src, s, true); err == nil {
		t.Error("pulled with a context that has ended")
	}
}

func (h *Harness) fetches(t *testing.T) {
	src, s := h.open(t)
	f, ok := src.(syncline.Fetcher)
	if !ok || !s.stream.Fetchable {
		t.Skip("objects cannot be fetched by key")
	}
	for i, text := range h.Keys() {
		if i == 3 {
			break
		}
		key := syncline.Key(batch.AppendKeyPart(nil, []byte(text)))
		r, err := f.Fetch(t.Context(), h.Stream, key)
		if err != nil || !bytes.Equal(r.Key, key) || r.Version <= 0 || !json.Valid(r.Data) {
			t.Errorf("%s: %+v %v", key, r, err)
		}
	}
	if h.Missing != nil {
		if _, err := f.Fetch(t.Context(), h.Stream, h.Missing); !errors.Is(err, syncline.ErrGone) {
			t.Errorf("missing object: %v", err)
		}
	}
}
