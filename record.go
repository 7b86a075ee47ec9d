package syncline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/synclinehq/syncline/batch"
)

// Key is a record's primary key in canonical form: each part length-prefixed,
// so that different keys never have equal bytes. See [batch.AppendKeyPart].
type Key []byte

// Parts returns the parts of the key as text, in key order.
func (k Key) Parts() ([]string, error) { return batch.KeyParts(k) }

// String returns the parts joined by "/" for people to read.
func (k Key) String() string {
	parts, err := k.Parts()
	if err != nil {
		return fmt.Sprintf("(unreadable key %x)", []byte(k))
	}
	return strings.Join(parts, "/")
}

// Op says what a record does to its row.
type Op uint8

const (
	// Upsert inserts the row or brings it up to date.
	Upsert Op = iota
	// Delete marks the row as deleted; only the key counts.
	Delete
)

// Record is one state of one object of a stream, as a source saw it.
type Record struct {
	Key Key
	Op  Op
	// Data is the object as received, one JSON object, byte for byte.
	Data []byte
	// Hash is the hash of the content that is compared to tell changed from
	// unchanged. With detail fetched by id it is still the hash of the list
	// row, because that is what the next listing shows.
	Hash batch.Hash
	// Version and Tie order the states of one key, see [batch.Meta].
	Version, Tie int64
	// Reject, if not empty, is why the record cannot be used: a reason code,
	// a colon and text. It is kept as a dead letter and counted as rejected.
	Reject string
}

// Meta returns the row meta of the record.
func (r *Record) Meta(index int) batch.Meta {
	return batch.Meta{Version: r.Version, Tie: r.Tie, Hash: r.Hash, Deleted: r.Op == Delete, Index: index}
}

// Shapes of records: which set of declared fields a record has.
const (
	// ShapeList is the row as a listing shows it.
	ShapeList = "list"
	// ShapeDetail is the object as the get-by-id call and webhooks show it.
	ShapeDetail = "detail"
	// ShapeMerged is the detail object completed by the members that only the
	// list row has.
	ShapeMerged = "merged"
)

// Stream describes one kind of object of a source: what becomes one table.
type Stream struct {
	// Name is the stream's name in configuration and the default table name.
	Name string
	// Schemas holds the declared fields by shape; key fields come first in
	// each. ShapeList (or, for streams that only arrive by webhook,
	// ShapeDetail) is always there.
	Schemas map[string]*batch.Schema
	// Detail is true when records are to be completed by the get-by-id call
	// before they are journalled. Only new and changed rows are.
	Detail bool
	// Fetchable is true when [Fetcher.Fetch] works for the stream.
	Fetchable bool
	// Default is true for the streams that are synced when none are named.
	Default bool
	// UpdateVersion is true when Record.Version is the source's own update
	// time, false when it is the time of the snapshot. A deletion found by
	// absence then keeps the row's version and is ordered by Tie.
	UpdateVersion bool
	// Decode says how values that do not fit the declared fields are treated.
	Decode batch.Policy
	// Deletes says what absence from a complete listing means.
	Deletes DeletePolicy
	// Table is the destination table's name; empty means Name.
	Table string
}

// Schema returns the union of the declared fields over all shapes, list first:
// the columns of the table.
func (s *Stream) Schema() *batch.Schema {
	out := &batch.Schema{}
	for _, shape := range []string{ShapeList, ShapeMerged, ShapeDetail} {
		if sch := s.Schemas[shape]; sch != nil {
			for _, f := range sch.Fields {
				if out.Index(f.Name) < 0 {
					out.Fields = append(out.Fields, f)
				}
			}
		}
	}
	return out
}

// DeletePolicy says what happens to rows that a complete listing does not show.
type DeletePolicy struct {
	// Absent is true when a row that is missing from a complete listing is
	// gone at the source, so that it is marked deleted.
	Absent bool
	// MaxShare and MaxRows are the brake: a sweep that would mark more than
	// the larger of MaxShare of the table and MaxRows rows marks none and
	// fails with CodeDeleteGuard. Zero means 0.05 and 1,000.
	MaxShare float64
	MaxRows  int
}

// Limit returns the brake for a table of that many live rows.
func (p DeletePolicy) Limit(rows int) int {
	share, most := p.MaxShare, p.MaxRows
	if share == 0 {
		share = 0.05
	}
	if most == 0 {
		most = 1000
	}
	return max(int(share*float64(rows)), most)
}

// validate checks what the engine relies on.
func (s *Stream) validate() error {
	if s.Name == "" {
		return errors.New("stream without a name")
	}
	for shape, sch := range s.Schemas {
		if len(sch.Keys()) == 0 {
			return fmt.Errorf("stream %s: no key in shape %s", s.Name, shape)
		}
	}
	if len(s.Schemas) == 0 {
		return fmt.Errorf("stream %s: no schema", s.Name)
	}
	return nil
}
