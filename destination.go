package syncline

import (
	"context"
	"time"

	"github.com/synclinehq/syncline/batch"
)

// Destination makes batches visible in a database. The same batch written twice
// leaves the same rows. Methods may be called from several goroutines, for
// different tables at the same time, for one table one at a time.
type Destination interface {
	Capabilities() Capabilities
	// Attach opens the state of one stream of a pipeline for this journal and
	// takes its fence: the returned state's Epoch is larger than any before,
	// and writers with a smaller one change nothing from now on. State rows of
	// another journal keep their counts but their position is returned as 0.
	// State that cannot be understood gives CodeStateInvalid.
	Attach(ctx context.Context, pipeline, stream, journal string) (State, error)
	// Prepare creates the table or adds and widens columns so that it holds
	// t.Schema. A table of that name that Syncline did not make gives
	// CodeTableForeign, unless t.Layout is LayoutDocument and it has exactly
	// the shape dodo-sync gives it: that is taken over. If state.Position > 0
	// and the table is gone, it gives CodeTableMissing and creates nothing.
	Prepare(ctx context.Context, t *Table, state State) error
	// Hashes returns for each key the content hash of its live row, the zero
	// Hash where there is none (absent, deleted, or never hashed).
	Hashes(ctx context.Context, t *Table, keys []Key) ([]batch.Hash, error)
	// Write brings the rows in (there may be none), moves the stream's position
	// and stores the dead letters, in one transaction where the database has
	// them. Rows of b have distinct keys and no absent values; columns of the
	// table that are not in b's schema are left as they are. A row is written
	// only if its version is newer than the stored one and its content differs,
	// decided inside the statement; a newer version of the same content moves
	// the stored version and nothing else, and counts as unchanged. Errors: [*RowErrors] names rows that can never be
	// written; [ErrFenced] when another writer has taken the stream;
	// [ErrUnknownCommit] when the outcome could not be learnt even by reading
	// the position back.
	Write(ctx context.Context, t *Table, b *batch.Batch, at Checkpoint) (WriteResult, error)
	// Keys calls yield for every live row of the table, in any order. The key
	// is valid during the call only.
	Keys(ctx context.Context, t *Table, yield func(RowKey) error) error
	// Count returns the number of live rows.
	Count(ctx context.Context, t *Table) (int, error)
	// Drop removes the stream's table and state; only `syncline reset --drop`
	// calls it.
	Drop(ctx context.Context, pipeline, stream string, t *Table) error
	// Runs and DeadLetters read the ledger and the dead letters kept beside
	// the data, newest first.
	DeadLetters(ctx context.Context, pipeline string, limit int) ([]DeadLetter, error)
	Close() error
}

// Layout is how a record becomes columns.
type Layout string

const (
	// LayoutColumns gives every field a typed column, nested values as JSON.
	LayoutColumns Layout = "columns"
	// LayoutDocument keeps the key and the object as one JSON column "data":
	// the tables dodo-sync makes.
	LayoutDocument Layout = "document"
)

// Table is where a stream's rows go.
type Table struct {
	Stream string
	Name   string
	Layout Layout
	// Schema is every column the table needs so far. The engine replaces it by
	// a grown one and calls Prepare again; it never shrinks.
	Schema *batch.Schema
}

// RowKey is a live row as [Destination.Keys] reports it.
type RowKey struct {
	Key          Key
	Hash         batch.Hash // zero if never hashed
	Version, Tie int64
}

// Capabilities says what a destination can do.
type Capabilities struct {
	Name string
	// Transactional: rows, position and dead letters in one transaction.
	Transactional bool
	// NUL: text may hold U+0000.
	NUL bool
	// MaxBatchRows and MaxBatchBytes bound what one Write should carry.
	MaxBatchRows  int
	MaxBatchBytes int
	// Guarantee is the sentence for people: what may honestly be claimed.
	Guarantee string
}

// State is what the destination knows about a stream of a pipeline.
type State struct {
	Pipeline string // whose state it is, so that a table has one owner
	Epoch    int64
	Position Position // entries up to here are in
	BatchID  string   // of the last batch
	// Empty is true if no batch was ever written under this pipeline and
	// stream: with an empty table, comparing can be skipped.
	Empty bool
	// Fields are the columns the table has by now with the types they were
	// given or widened to, so that decoding goes on where it was.
	Fields []batch.Field
}

// Checkpoint goes with a batch into the destination.
type Checkpoint struct {
	Pipeline, Stream, Journal string
	Epoch                     int64
	// Through is the position after this batch. With Partial set the position
	// stays where it is: the rows are part of a batch that is sent in pieces.
	Through Position
	Partial bool
	BatchID string
	// Run is the ledger row that Counts are added to.
	Run    string
	Counts Counts
	Dead   []DeadLetter
	// At is the time of the run's clock, stored as _syncline_synced_at.
	At time.Time
}

// WriteResult says what became of a batch's rows: Applied + Unchanged +
// Superseded = rows in the batch.
type WriteResult struct {
	Inserted   int
	Updated    int // including undeleted
	Deleted    int // marked deleted now
	Unchanged  int // the stored row has the same content (or was deleted already)
	Superseded int // the stored row is newer
	// Tied lists rows whose content differs from the stored row's and whose
	// version is the same, whichever of the two won, or older by less than
	// DoubtfulMicros.
	Tied []int
}

// DoubtfulMicros is the difference of versions, in microseconds, below which a
// row that lost may yet be the later state: webhooks are dated to the second,
// and clocks differ.
const DoubtfulMicros = 5_000_000

// Applied is the number of rows changed.
func (r WriteResult) Applied() int { return r.Inserted + r.Updated + r.Deleted }

// DeadLetter is a record that was set aside.
type DeadLetter struct {
	// ID is stable: the same record set aside twice is one dead letter.
	ID       string    `json:"id"`
	Pipeline string    `json:"pipeline"`
	Stream   string    `json:"stream"`
	Key      string    `json:"key"`
	Class    string    `json:"class"`  // "rejected" by Syncline, or "refused" by the database
	Reason   string    `json:"reason"` // code: text
	Data     []byte    `json:"data"`   // the record as received
	Position Position  `json:"position"`
	Run      string    `json:"run"`
	At       time.Time `json:"at"`
}
