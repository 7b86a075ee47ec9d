package syncline

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Source reads a system. A Source is used by one engine; its methods may be
// called from several goroutines.
type Source interface {
	// Name identifies the source and the account in state and logs, e.g.
	// "dodo/test_mode". It holds no secret. Stored cursors of another name are
	// refused.
	Name() string
	// Streams lists what can be pulled.
	Streams(ctx context.Context) ([]Stream, error)
	// Pull reads what the stream's plan says is due and hands it over page by
	// page. It calls emit from any number of goroutines; emit returns once the
	// page has been compared and, with its cursor, made durable. Pull returns
	// nil only if everything due was read and proven complete.
	Pull(ctx context.Context, req PullRequest, emit func(context.Context, *Page) error) error
	Close() error
}

// Fetcher is implemented by sources that can read one object by key.
type Fetcher interface {
	// Fetch returns the object in ShapeDetail with the version of the reading.
	// It returns [ErrGone] when the source says there is no such object.
	Fetch(ctx context.Context, stream string, key Key) (Record, error)
}

// Receiver is a source's second face: one verified webhook request becomes
// events. It must not block on anything but the request's own bytes.
type Receiver interface {
	// Receive verifies the request and returns its events. Errors are
	// [*WebhookError] with the HTTP status to answer.
	Receive(h http.Header, body []byte, now time.Time) ([]Event, error)
}

// Event is one webhook delivery or submitted event.
type Event struct {
	// ID is unique per source; a second event of the same id is a copy.
	ID string
	// Stream is the stream the event's record belongs to; empty when the type
	// is not mapped to any: the event is kept, and no pipeline applies it.
	Stream string
	// Type is the event's name at the source, e.g. "payment.succeeded".
	Type string
	// Shape and Record are the change the event carries.
	Shape  string
	Record Record
	// Refetch asks for the object to be read by key instead of applying the
	// event's own content.
	Refetch bool
	// Body is the request body as received.
	Body []byte
}

// Cursor is what a source needs to go on where it stopped: opaque to the
// engine, a JSON object to people. A nil Cursor is the beginning.
type Cursor = json.RawMessage

// PullRequest says what to read.
type PullRequest struct {
	Stream string
	// After is the stored cursor, nil on the first run.
	After Cursor
	// Full asks for a full sweep now, whatever the plan says.
	Full bool
	// Now is the engine's clock.
	Now func() time.Time
	// Progress, if set, is called with what happened since the last call. It
	// must be quick and may be called from any goroutine.
	Progress func(PullProgress)
}

// PullProgress is an increment of a pull's work.
type PullProgress struct {
	Requests  int           // requests answered, retries included
	Retries   int           // of those, repeats
	Waited    time.Duration // time spent waiting for the rate limit
	Remaining int           // records still to come if known, else 0; absolute, not an increment
}

// Page is what one request brought, with the cursor that holds once it is
// stored.
type Page struct {
	Stream string
	Shape  string
	// Records may point into a buffer that is reused after emit returns.
	Records []Record
	// Fetched is the number of records the source listed in this page,
	// including the Duplicates that are not in Records because the run had
	// handed them over before (overlap of pages and slices).
	Fetched    int
	Duplicates int
	// Next is the cursor to store in the same step as the records; nil leaves
	// the stored one.
	Next Cursor
	// Sweep is set on the pages of a full sweep. The sweep's keys are compared
	// with the destination's once Pull has returned nil.
	Sweep bool
}
