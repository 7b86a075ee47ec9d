package ledger

import (
	"testing"

	"pgregory.net/rapid"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

// store is a destination of one key that does as Decide says.
type store struct {
	have    bool
	row     Stored
	content byte
}

func (s *store) apply(e batch.Meta) {
	o := Insert
	if s.have {
		o, _ = Decide(&e, &s.row)
	}
	switch o {
	case Insert, Replace:
		s.have, s.row.Meta = true, e
		if !e.Deleted {
			s.content = e.Hash[0]
		}
	case Advance:
		s.row.Meta = e
	}
}

// Property P-12: whatever the order of arrival, the end state is the same, and
// the version never goes down on the way (P-13).
func TestDecideConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) batch.Meta {
			m := batch.Meta{Version: rapid.Int64Range(0, 4).Draw(t, "version"), Tie: rapid.Int64Range(0, 2).Draw(t, "tie")}
			if m.Deleted = rapid.Bool().Draw(t, "deleted"); !m.Deleted {
				m.Hash[0] = rapid.ByteRange(1, 3).Draw(t, "hash")
			}
			return m
		}), 1, 8).Draw(t, "events")
		run := func(events []batch.Meta) store {
			var s store
			for _, e := range events {
				before := s.row.Meta
				if s.apply(e); before.Version > s.row.Version {
					t.Fatalf("version went from %d down to %d", before.Version, s.row.Version)
				}
			}
			if s.row.Deleted {
				s.content = 0 // not part of the state
			}
			return s
		}
		a, b := run(events), run(rapid.Permutation(events).Draw(t, "order"))
		if a != b {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}

func TestDecideTaken(t *testing.T) {
	if o, tied := Decide(&batch.Meta{Version: -9}, &Stored{Taken: true}); o != Replace || tied {
		t.Error(o, tied)
	}
}

func TestStateIsChecked(t *testing.T) {
	s := First("p", "s", "j")
	at := syncline.Checkpoint{Pipeline: "p", Stream: "s", Journal: "j", Epoch: 1, Through: 7, BatchID: "b"}
	s = s.After(at)
	if err := s.Check(); err != nil || s.Position != 7 || s.Writes != 1 {
		t.Fatal(s, err)
	}
	s.Epoch += 5 // taken by another; not part of the digest
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*State){
		"position": func(s *State) { s.Position++ }, "batch": func(s *State) { s.BatchID = "c" }, "journal": func(s *State) { s.Journal = "k" },
		"stream": func(s *State) { s.Stream = "t" }, "pipeline": func(s *State) { s.Pipeline, s.Stream = "ps", "" }, "writes": func(s *State) { s.Writes = 2 },
		"format": func(s *State) { s.Format = 2 }, "epoch": func(s *State) { s.Epoch = 0 },
	} {
		changed := s
		change(&changed)
		if err := changed.Check(); syncline.CodeOf(err) != syncline.CodeStateInvalid {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}

func TestText(t *testing.T) {
	if got := Text("a\x00b\xff"); got != `a\u0000b`+"�" {
		t.Errorf("%q", got)
	}
}
