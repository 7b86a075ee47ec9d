//go:build unix

package crashtest

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/synclinehq/syncline"
)

// afterKill checks, before anything is repaired, that the position is not ahead
// of the rows and that no row went back.
func (r *rig) afterKill(when string) *view {
	r.t.Helper()
	v := r.look()
	r.stateWithinData(v, when)
	r.neverBack(v, when)
	return v
}

// stateWithinData checks that every record journalled up to the destination's
// position is in the table in that state or a newer one, or is a dead letter.
func (r *rig) stateWithinData(v *view, when string) {
	r.t.Helper()
	for _, s := range streams {
		entries := v.entries[s.name]
		if n := syncline.Position(len(entries)); v.position[s.name] > n {
			r.t.Fatalf("%s: %s is at position %d and the journal ends at %d", when, s.name, v.position[s.name], n)
		}
		for _, e := range entries {
			if e.Position > v.position[s.name] || e.Kind == syncline.KindTrigger {
				continue
			}
			r.records(e, func(key string, rec syncline.Record) {
				if v.dead[s.name][deadLetter(key, rec.Data)] {
					return
				}
				row, ok := v.rows[s.name][key]
				want := rec.Meta(0)
				if !ok || rec.Reject != "" || want.Newer(&row.version) && !sameContent(want, row.version) {
					r.t.Fatalf("%s: %s is at position %d, but %q of entry %d (%s, reject %q, version %d/%d %x deleted %v) is neither in the table nor a dead letter: found %v %+v",
						when, s.name, v.position[s.name], key, e.Position, e.Kind, rec.Reject, want.Version, want.Tie, want.Hash, want.Deleted, ok, row.version)
				}
			})
		}
	}
}

func sameContent(a, b version) bool { return a.Deleted == b.Deleted && a.Hash == b.Hash }

// neverBack checks that no row has an older version than it had at any look
// before, nor at any moment between, and that none was removed.
func (r *rig) neverBack(v *view, when string) {
	r.t.Helper()
	if len(v.back) > 0 {
		r.t.Fatalf("%s: rows went back: %s", when, strings.Join(v.back, "; "))
	}
	for name, rows := range v.rows {
		if r.newest[name] == nil {
			r.newest[name] = map[string]version{}
		}
		for key, was := range r.newest[name] {
			if row, ok := rows[key]; !ok {
				r.t.Fatalf("%s: %s %s is gone", when, name, key)
			} else if was.Newer(&row.version) {
				r.t.Fatalf("%s: %s %s went back from %+v to %+v", when, name, key, was, row.version)
			}
		}
		for key, row := range rows {
			r.newest[name][key] = row.version
		}
	}
}

// guard makes the database itself watch the tables from now on.
func (r *rig) guard() {
	r.t.Helper()
	for _, s := range streams {
		r.dest.guard(r.t, s.name)
	}
}

// settled checks the end of it all: the destination is the truth, everything
// journalled is delivered, and each accepted webhook is there once.
func (r *rig) settled(when string) {
	r.t.Helper()
	v := r.afterKill(when)
	for _, s := range streams {
		if last := syncline.Position(len(v.entries[s.name])); v.position[s.name] != last {
			r.t.Fatalf("%s: %s is at position %d and the journal ends at %d", when, s.name, v.position[s.name], last)
		}
		r.equalsTruth(s, v.rows[s.name], when)
	}
	r.acceptedOnce(v, when)
}

// ledger checks that the destination's own account of a run, which was kept by
// other code in the transactions of its batches, is the receipt's.
func (r *rig) ledger(run *syncline.Receipt) {
	r.t.Helper()
	type account struct{ in, out int64 }
	got := map[string]account{}
	r.dest.look(r.t, func(q query) {
		q(`SELECT stream, fetched + carried + events + swept AS came, inserted + updated + deleted + unchanged + duplicate + superseded + rejected + dead_lettered + pending AS went
			FROM _syncline_runs WHERE run = '`+run.Run+`'`, func(c row) {
			got[text(c["stream"])] = account{integer(c["came"]), integer(c["went"])}
		})
	})
	for _, s := range run.Streams {
		if want := (account{int64(s.Counts.In()), int64(s.Counts.Out())}); got[s.Stream] != want {
			r.t.Fatalf("run %s, stream %s: the destination's ledger has %+v, the receipt %+v: %+v", run.Run, s.Stream, got[s.Stream], want, s.Counts)
		}
	}
}

// equalsTruth compares every column that the API's listing has, row by row.
func (r *rig) equalsTruth(s stream, rows map[string]stored, when string) {
	r.t.Helper()
	live := 0
	for _, row := range rows {
		if !row.Deleted {
			live++
		}
	}
	var wrong []string
	truth := 0
	for id, data := range r.api.Truth(s.entity) {
		truth++
		row, ok := rows[id]
		if !ok || row.Deleted {
			wrong = append(wrong, fmt.Sprintf("%s: lost (row %v, deleted %v)", id, ok, row.Deleted))
			continue
		}
		for name, want := range decode(r.t, data).(map[string]any) {
			got, ok := row.columns[name]
			if !ok || !equal(want, got) {
				wrong = append(wrong, fmt.Sprintf("%s: %s is %v (%T), want %v", id, name, got, got, want))
			}
		}
	}
	if truth != live {
		wrong = append(wrong, fmt.Sprintf("%d live rows, the API has %d", live, truth))
	}
	if len(wrong) > 0 {
		sort.Strings(wrong)
		r.t.Fatalf("%s: %s differs from the truth in %d places:\n%s", when, s.name, len(wrong), strings.Join(wrong[:min(len(wrong), 12)], "\n"))
	}
}

// equal compares a value of the API with a column, exactly.
func equal(want, got any) bool {
	if b, ok := got.([]byte); ok {
		got = string(b)
	}
	switch w := want.(type) {
	case nil:
		return got == nil
	case bool:
		return got == w || got == map[bool]int64{true: 1}[w]
	case json.Number:
		return equalNumber(string(w), fmt.Sprint(got))
	case string:
		if got == w {
			return true
		}
		return equalTime(w, got)
	}
	s, ok := got.(string)
	if !ok {
		return reflect.DeepEqual(got, want)
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	return d.Decode(&v) == nil && reflect.DeepEqual(v, want)
}

func equalNumber(want, got string) bool {
	w, ok := new(big.Rat).SetString(want)
	g, ok2 := new(big.Rat).SetString(got)
	return ok && ok2 && w.Cmp(g) == 0
}

func equalTime(want string, got any) bool {
	w, err := time.Parse(time.RFC3339Nano, want)
	if err != nil {
		return false
	}
	if g, ok := got.(time.Time); ok {
		return g.Equal(w)
	}
	g, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got))
	return err == nil && g.Equal(w)
}

// acceptedOnce checks that each webhook that was answered 2xx has exactly one
// entry in the journal, and that its effect, or a newer state, is in the table.
func (r *rig) acceptedOnce(v *view, when string) {
	r.t.Helper()
	for name, entries := range v.entries {
		for _, e := range entries {
			if e.EventID == "" || e.Kind == syncline.KindTrigger {
				continue
			}
			r.records(e, func(key string, rec syncline.Record) {
				row, ok := v.rows[name][key]
				want := rec.Meta(0)
				if !v.dead[name][deadLetter(key, rec.Data)] && (!ok || want.Newer(&row.version) && !sameContent(want, row.version)) {
					r.t.Fatalf("%s: webhook %s for %s %s has no effect", when, e.EventID, name, key)
				}
			})
		}
	}
	for id := range r.hooks.acceptedIDs() {
		if v.events[id] != 1 {
			r.t.Fatalf("%s: webhook %s was accepted and is in the journal %d times", when, id, v.events[id])
		}
	}
	for id, n := range v.events {
		if n > 1 {
			r.t.Fatalf("%s: webhook %s is in the journal %d times", when, id, n)
		}
	}
}
