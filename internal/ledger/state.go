package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	syncline "github.com/synclinehq/syncline"
)

// Format is the version of the bookkeeping tables this program writes.
const Format = 1

// State is a row of the table States.
type State struct {
	Pipeline, Stream string
	Format           int64
	Journal          string
	Epoch            int64
	Position         int64
	BatchID          string
	// Writes counts the transactions that moved this row. It tells whether a
	// commit whose answer was lost happened.
	Writes int64
	Digest string
}

// digest protects what decides where to go on: a position changed by hand
// would skip records silently. The epoch is not part of it, so that a new
// writer can take over without reading.
func (s *State) digest() string {
	h := sha256.New()
	for _, part := range []string{s.Pipeline, s.Stream, s.Journal, s.BatchID} {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	h.Write(binary.AppendVarint(binary.AppendVarint(nil, s.Position), s.Writes))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// First returns the row of a stream that was never written.
func First(pipeline, stream, journal string) State {
	s := State{Pipeline: pipeline, Stream: stream, Format: Format, Journal: journal, Epoch: 1}
	s.Digest = s.digest()
	return s
}

// Check returns CodeStateInvalid if the row is not one this program wrote.
func (s *State) Check() error {
	var what string
	switch {
	case s.Format != Format:
		what = fmt.Sprintf("its format is %d and this program knows format %d", s.Format, Format)
	case s.Position < 0 || s.Epoch < 1 || s.Writes < 0:
		what = fmt.Sprintf("position %d, epoch %d and writes %d cannot be", s.Position, s.Epoch, s.Writes)
	case s.Position > 0 && s.Writes == 0:
		what = "it has a position and no writes"
	case s.Digest != s.digest():
		what = "its digest does not match: it was changed by something else than syncline"
	default:
		return nil
	}
	return &syncline.Error{Code: syncline.CodeStateInvalid, Class: syncline.Fatal, Where: States + " of stream " + s.Stream,
		What: "the stored position cannot be trusted: " + what,
		Fix:  "Restore the row, or run `syncline reset " + s.Stream + "` to read everything again; unchanged rows are not rewritten"}
}

// Open returns what Attach returns for this row.
func (s *State) Open(journal string) syncline.State {
	out := syncline.State{Pipeline: s.Pipeline, Epoch: s.Epoch, Empty: s.Writes == 0}
	if s.Journal == journal {
		out.Position, out.BatchID = syncline.Position(s.Position), s.BatchID
	}
	return out
}

// After returns the row as it is after a write.
func (s *State) After(at syncline.Checkpoint) State {
	next := *s
	if next.Journal != at.Journal {
		next.Journal, next.Position, next.BatchID = at.Journal, 0, ""
	}
	if !at.Partial {
		next.Position, next.BatchID = int64(at.Through), at.BatchID
	}
	next.Writes++
	next.Digest = next.digest()
	return next
}

// errors of the fence
var errNoState = errors.New("there is no state row: Attach was not called, or the row was removed")

// Fence checks that the row still belongs to the checkpoint's writer. row is
// nil if there is none.
func Fence(row *State, at syncline.Checkpoint) error {
	switch {
	case row == nil:
		return &syncline.Error{Code: syncline.CodeStateInvalid, Class: syncline.Fatal, Where: States + " of stream " + at.Stream, Err: errNoState,
			Fix: "Start again; if the row was removed on purpose, run `syncline reset " + at.Stream + "`"}
	case row.Epoch != at.Epoch:
		return syncline.ErrFenced
	}
	return row.Check()
}
