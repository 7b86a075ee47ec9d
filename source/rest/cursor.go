package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/mutant"
)

// cursor is what is kept of a stream between runs. It claims only what has been
// handed over.
type cursor struct {
	Version int    `json:"version"`
	Source  string `json:"source"`
	Stream  string `json:"stream"`
	// Saved is our clock when the cursor was made, Skew what the source's clock
	// was ahead of it.
	Saved time.Time     `json:"saved"`
	Skew  time.Duration `json:"skew_ns,omitempty"`
	// Watermark is the source's clock at the start of the last complete run:
	// what was created before has been read. Zero before the first.
	Watermark time.Time `json:"watermark,omitzero"`
	// Done is when each means of freshness last began what it then completed.
	Done map[string]time.Time `json:"done,omitempty"`
	// Listed is when the last run began that listed everything in one go, or
	// the first load if a crash has cut that.
	Listed time.Time `json:"listed,omitzero"`
	// Run is what is left of the present run.
	Run *run `json:"run,omitempty"`
	// Trust is what was learnt about paging.
	Trust trust `json:"trust,omitzero"`
	// Sum is a checksum of the rest.
	Sum string `json:"sum"`
}

// run is a plan under way.
type run struct {
	Started time.Time `json:"started"` // by the source's clock
	Means   []string  `json:"means"`   // what its end completes
	Tasks   []task    `json:"tasks"`
}

// task is one listing with what is left of it.
type task struct {
	Query map[string]string `json:"query,omitempty"`
	Todo  []span            `json:"todo"`
}

const cursorVersion = 1

// clockAllowance is how far a stored time may lie ahead of the clock.
const clockAllowance = 5 * time.Minute

func (c *cursor) seal(source string, now time.Time, skew time.Duration) syncline.Cursor {
	c.Version, c.Source, c.Saved, c.Skew, c.Sum = cursorVersion, source, now.UTC(), skew, ""
	c.Sum = c.checksum()
	return mustJSON(c)
}

func (c *cursor) checksum() string {
	d := *c
	d.Sum = ""
	h := sha256.Sum256(mustJSON(&d))
	return hex.EncodeToString(h[:8])
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data always marshals
	}
	return b
}

// openCursor reads a stored cursor. What cannot be read or trusted is an error:
// starting again from nothing, or from the future, would be silent loss.
func openCursor(stored syncline.Cursor, source, stream string, now time.Time) (*cursor, error) {
	if stored == nil {
		return &cursor{Stream: stream, Done: map[string]time.Time{}}, nil
	}
	bad := func(format string, args ...any) error {
		return &syncline.Error{
			Code: syncline.CodeStateInvalid, Class: syncline.Fatal, Where: stream,
			What: "stored cursor: " + fmt.Sprintf(format, args...),
			Fix:  "Nothing was read or written. Reset the stream to read it again from the beginning, or restore the journal",
		}
	}
	c := &cursor{}
	d := json.NewDecoder(bytes.NewReader(stored))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, bad("cannot be read: %v", err)
	}
	switch {
	case c.Version != cursorVersion:
		return nil, bad("has version %d, this Syncline knows %d", c.Version, cursorVersion)
	case c.Source != source || c.Stream != stream:
		return nil, bad("belongs to stream %q of %q, not to %q of %q", c.Stream, c.Source, stream, source)
	case c.Sum != c.checksum():
		return nil, bad("has been changed: its checksum is wrong")
	case c.Saved.After(now.Add(clockAllowance)):
		return nil, bad("was saved at %s, and it is %s now: a clock was or is wrong", c.Saved.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case c.Watermark.Add(-c.Skew).After(now.Add(clockAllowance)):
		return nil, bad("claims to be complete up to %s, which is in the future", c.Watermark.Format(time.RFC3339))
	}
	if c.Done == nil {
		c.Done = map[string]time.Time{}
	}
	return c, nil
}

// left reports whether anything of the run is to be read.
func (r *run) left() bool {
	for _, t := range r.Tasks {
		if len(t.Todo) > 0 {
			return true
		}
	}
	return false
}

// finish notes that the run is complete. largest is the latest time of creation
// it has seen.
func (c *cursor) finish(sweep bool, largest int64) {
	for _, m := range c.Run.Means {
		c.Done[m] = c.Run.Started
	}
	if slices.Contains(c.Run.Means, meansNew) {
		if w := watermark(c.Run.Started.UnixMicro(), largest); w > c.Watermark.UnixMicro() {
			c.Watermark = time.UnixMicro(w).UTC()
		}
	}
	if sweep || c.Listed.IsZero() {
		c.Listed = c.Run.Started
	}
	c.Run = nil
}

// watermark is up to when rows have been read after a complete run: its start.
// The latest time seen would be wrong, since earlier ones may have come or
// changed behind the reader's back.
func watermark(started, largest int64) int64 {
	if mutant.On("watermark_max_seen") {
		return largest
	}
	return started
}
