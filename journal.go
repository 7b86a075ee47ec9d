package syncline

import (
	"context"
	"time"
)

// Position is a place in a stream's log: the sequence number of an entry. It
// grows; 0 is before the first entry.
type Position int64

// Journal is the durable log between the two hops. What Append has confirmed
// survives a power cut. All methods may be called from several goroutines.
type Journal interface {
	// ID identifies this journal for ever; positions of another journal mean
	// nothing here.
	ID() string
	// Append stores entries and the stream cursors in one atomic, durable
	// step and fills in each new entry's Position. An entry with an EventID
	// that the journal knows is not stored again: it gets the first one's
	// Position and Duplicate set. Positions are in commit order. The journal
	// takes Block and Body over: they must not be changed afterwards.
	Append(ctx context.Context, entries []*Entry, cursors ...StreamCursor) error
	// Cursor returns the stored cursor of a stream, nil if there is none.
	Cursor(ctx context.Context, source, stream string) (Cursor, error)
	// Read returns the entries of a stream after a position, in order, up to
	// limit payload bytes but at least one. Block and Body are shared and
	// must not be changed. An entry whose digest does not
	// match gives [CodeJournalCorrupt].
	Read(ctx context.Context, stream string, after Position, limit int) ([]*Entry, error)
	// Bounds returns the position of the last entry of a stream that was
	// pruned and of the last one ever appended, 0 where there is none.
	Bounds(ctx context.Context, stream string) (pruned, last Position, err error)
	// Intend stores, before a batch is first sent, which entries it holds and
	// with which columns, so that a retry after any crash sends the same rows
	// under the same id. It replaces the consumer's previous intent.
	Intend(ctx context.Context, b Intent) error
	// Intended returns the consumer's last intent, nil if there is none.
	Intended(ctx context.Context, consumer, stream string) (*Intent, error)
	// Delivered tells that a consumer needs nothing up to and including a
	// position any more; retention counts from here.
	Delivered(ctx context.Context, consumer, stream string, through Position) error
	// Prune removes entries that every known consumer has had delivered and
	// that are older than before. Identities of events stay.
	Prune(ctx context.Context, before time.Time) (removed int, err error)
	// Reset forgets the cursor of a stream and the consumer's intent, so that
	// the next run starts from the beginning.
	Reset(ctx context.Context, source, consumer, stream string) error
	// SaveRun stores a receipt in the run ledger; Runs returns the latest
	// ones, newest first.
	SaveRun(ctx context.Context, r *Receipt) error
	Runs(ctx context.Context, pipeline string, limit int) ([]*Receipt, error)
	// Stats counts what is kept.
	Stats(ctx context.Context) (JournalStats, error)
	Capabilities() JournalCapabilities
	Close() error
}

// Kinds of entries.
const (
	KindPage  = "page"  // records of one pulled page
	KindEvent = "event" // one webhook delivery
	// KindTrigger is an event whose object is to be read by key; its records
	// are not applied themselves.
	KindTrigger = "trigger"
)

// Entry is one immutable element of the log: the changed records of one page,
// or one event.
type Entry struct {
	Position Position
	Source   string
	Stream   string
	Kind     string
	Shape    string
	// EventID is the identity of an event, empty for pages.
	EventID    string
	ReceivedAt time.Time
	// Records is the number of records in Block.
	Records int
	// Block is the records, see [AppendBlock] and [ReadBlock].
	Block []byte
	// Body is an event's request body as received, nil for pages.
	Body []byte
	// Duplicate is set by Append when the EventID was known.
	Duplicate bool
	// Conflict is set with Duplicate when the known event had another body.
	Conflict bool
}

// StreamCursor is a source's cursor to store.
type StreamCursor struct {
	Source, Stream string
	Cursor         Cursor
}

// Intent fixes a batch before it is sent.
type Intent struct {
	Consumer string `json:"consumer"`
	Stream   string `json:"stream"`
	// From and Through bound the entries: From < position <= Through.
	From    Position `json:"from"`
	Through Position `json:"through"`
	// BatchID is the hash of pipeline, stream, positions, record keys and
	// versions and the schema, see [BatchID].
	BatchID string `json:"batch_id"`
	// Schemas is the batch's schema by shape, as JSON.
	Schemas []byte `json:"schemas"`
	// Done is set by Intended: the consumer has confirmed the batch since.
	Done bool `json:"-"`
}

// JournalStats is what a journal holds.
type JournalStats struct {
	Entries   int           `json:"entries"`
	Bytes     int64         `json:"bytes"` // on disk
	Events    int           `json:"events"`
	Pending   int           `json:"pending"` // entries some consumer has not had
	OldestAge time.Duration `json:"oldest_age"`
}

// JournalCapabilities is what a journal promises.
type JournalCapabilities struct {
	Name           string
	StrictDurable  bool // Append returns after the storage has confirmed
	Ordered        bool
	AtomicDedupe   bool
	MultiNode      bool
	DurabilityNote string
}
