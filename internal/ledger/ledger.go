package ledger

import (
	"bytes"
	"slices"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

// The tables.
const (
	States      = "_syncline_state"        // one row per pipeline and stream: position and fence
	Runs        = "_syncline_runs"         // one row per run and stream: counts
	DeadLetters = "_syncline_dead_letters" // records that were set aside
	Tables      = "_syncline_tables"       // the tables that are ours, and their columns
)

// The columns that every data table has beside its fields.
const (
	Version   = "_syncline_version"
	Tie       = "_syncline_tie"
	Hash      = "_syncline_hash"
	SyncedAt  = "_syncline_synced_at"
	DeletedAt = "_syncline_deleted_at"
)

// Meta lists the columns that every data table has beside its fields.
var Meta = []string{Version, Tie, Hash, SyncedAt, DeletedAt}

// CountColumns are the count columns of Runs, in the order of [CountValues].
var CountColumns = []string{"fetched", "carried", "events", "swept", "inserted", "updated", "deleted", "unchanged",
	"duplicate", "superseded", "rejected", "dead_lettered", "pending", "repaired", "version_ties"}

// CountValues returns what one write adds to the columns of a run: the
// checkpoint's counts and what became of the rows.
func CountValues(c syncline.Counts, r syncline.WriteResult) []int64 {
	c.Add(syncline.Counts{Inserted: r.Inserted, Updated: r.Updated, Deleted: r.Deleted,
		Unchanged: r.Unchanged, Superseded: r.Superseded, VersionTies: len(r.Tied)})
	out := make([]int64, 0, len(CountColumns))
	for _, n := range []int{c.Fetched, c.Carried, c.Events, c.Swept, c.Inserted, c.Updated, c.Deleted, c.Unchanged,
		c.Duplicate, c.Superseded, c.Rejected, c.DeadLettered, c.Pending, c.Repaired, c.VersionTies} {
		out = append(out, int64(n))
	}
	return out
}

// Text makes text storable in any database: U+0000 becomes the six characters
// \u0000, bytes that are not UTF-8 become U+FFFD. It is for texts about
// records, never for records.
func Text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", `\u0000`)
}

// Outcome is what becomes of one row that meets the stored row of its key.
type Outcome uint8

// The outcomes.
const (
	Insert     Outcome = iota // there is no stored row
	Replace                   // the new state is newer and differs: written
	Advance                   // the new state is newer and the same: only the version is
	Same                      // nothing to do: the content is there
	Superseded                // the stored row is newer
)

// Stored is the meta of a stored row.
type Stored struct {
	batch.Meta
	// Taken rows were there before Syncline: any record replaces them.
	Taken bool
}

// Decide says what becomes of row m, and whether it ties with the stored row:
// different content, and a version that is equal or older by less than
// [syncline.DoubtfulMicros]. Destinations that decide in SQL do the same there.
//
// A newer state with the stored content still moves the version forward.
// Without that an older state that arrives later would win over it: of "on" at
// 1, "off" at 2 and "on" at 3, arriving as 1, 3, 2, "off" would be left.
func Decide(m *batch.Meta, s *Stored) (o Outcome, tied bool) {
	if s.Taken {
		return Replace, false
	}
	newer := m.Newer(&s.Meta)
	older := s.Newer(m)
	same := m.Deleted && s.Deleted ||
		!m.Deleted && !s.Deleted && m.Hash == s.Hash && m.Hash != batch.Hash{} ||
		!newer && !older && m.Deleted == s.Deleted
	tied = !same && m.Version <= s.Version && uint64(s.Version-m.Version) < syncline.DoubtfulMicros
	switch {
	case same && newer:
		return Advance, false
	case same:
		return Same, false
	case newer:
		return Replace, tied
	}
	return Superseded, tied
}

// Add counts an outcome.
func Add(r *syncline.WriteResult, o Outcome, deleted bool) {
	switch {
	case o == Superseded:
		r.Superseded++
	case o == Advance || o == Same:
		r.Unchanged++
	case deleted:
		r.Deleted++
	case o == Insert:
		r.Inserted++
	default:
		r.Updated++
	}
}

// Order returns the rows of a batch in the order of their keys, live rows
// first, so that two writers never wait for each other crosswise and an index
// is walked in its own order.
func Order(b *batch.Batch) (live, deleted []int) {
	keys := b.Schema().Keys()
	live = make([]int, 0, b.Len())
	for i := range b.Len() {
		if b.Meta(i).Deleted {
			deleted = append(deleted, i)
		} else {
			live = append(live, i)
		}
	}
	compare := func(x, y int) int {
		for j := range keys {
			if c := compareValues(b.Column(j), x, y); c != 0 {
				return c
			}
		}
		return 0
	}
	slices.SortFunc(live, compare)
	slices.SortFunc(deleted, compare)
	return live, deleted
}

func compareValues(c *batch.Column, x, y int) int {
	switch c.Type() {
	case batch.String, batch.Bytes, batch.Decimal, batch.JSON:
		return bytes.Compare(c.Bytes(x), c.Bytes(y))
	case batch.Float64:
		return compare(c.Float64(x), c.Float64(y))
	}
	return compare(c.Int64(x), c.Int64(y))
}

func compare[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Time returns an instant as all text of ours has it: RFC 3339 UTC, six digits.
func Time(t time.Time) string { return string(batch.AppendTime(nil, t.UnixMicro())) }
