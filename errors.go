package syncline

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class says what to do about an error.
type Class uint8

const (
	// Transient errors are tried again: network, 429, 5xx, deadlock. An
	// unknown error is transient.
	Transient Class = iota
	// Permanent errors concern one record or request; trying again does not
	// help, going on does.
	Permanent
	// Fatal errors stop the pipeline: wrong key, disk full, fence lost.
	Fatal
)

// Code names a kind of failure in logs, receipts and exit codes.
type Code string

const (
	CodeAuthFailed     Code = "auth_failed"      // the source refuses the credentials
	CodeForbidden      Code = "forbidden"        // the credentials lack a permission
	CodeRateLimited    Code = "rate_limited"     // throttled beyond the retry budget
	CodeSourceDown     Code = "source_down"      // the source cannot be reached or answers 5xx
	CodeSourceContract Code = "source_contract"  // the source answers something it should not
	CodePagingStuck    Code = "paging_stuck"     // a listing cannot be proven complete
	CodeConfigInvalid  Code = "config_invalid"   // wrong configuration
	CodeStateInvalid   Code = "state_invalid"    // stored state cannot be trusted
	CodeStateGap       Code = "state_gap"        // the destination is behind what the journal keeps
	CodeJournalCorrupt Code = "journal_corrupt"  // a stored entry does not match its digest
	CodeJournalFull    Code = "journal_full"     // no space for the journal
	CodeJournalDown    Code = "journal_down"     // the journal cannot be read or written
	CodeJournalWeak    Code = "journal_weak"     // settings do not keep the durability promise
	CodeLocked         Code = "locked"           // another process works on this journal
	CodeDestDown       Code = "destination_down" // the database cannot be reached
	CodeDestAuth       Code = "destination_auth" // the database refuses the credentials
	CodeDestPermission Code = "destination_permission"
	CodeDestFull       Code = "destination_full"
	CodeTableForeign   Code = "table_foreign" // a table of that name is not ours
	CodeTableMissing   Code = "table_missing" // our table was dropped
	CodeTableChanged   Code = "table_changed" // our table was altered so that it cannot hold the rows
	CodeRowRefused     Code = "row_refused"
	CodeRejectRatio    Code = "reject_ratio" // too many records were set aside
	CodeDeleteGuard    Code = "delete_guard" // a sweep would delete too much
	CodeUnbalanced     Code = "unbalanced"   // the run's counts do not add up
	CodeFenced         Code = "fenced"       // another writer took the stream
	CodeClockSkew      Code = "clock_skew"
	CodeInterrupted    Code = "interrupted"
)

// Error is a failure with its class and code. Its text says what happened,
// where, and what to do.
type Error struct {
	Code  Code
	Class Class
	// Where is the place: a stream, "file:line:column", a table.
	Where string
	// What happened, and Fix: what to do about it.
	What, Fix string
	// RetryAfter is the wait the other side asked for, 0 if none.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Where != "" {
		b.WriteString(e.Where + ": ")
	}
	b.WriteString(e.What)
	if e.Err != nil {
		if e.What != "" {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	if e.Fix != "" {
		b.WriteString(". " + strings.TrimSuffix(e.Fix, ".") + ".")
	}
	if code := " [" + string(e.Code) + "]"; e.Code != "" && !strings.HasSuffix(b.String(), code) {
		b.WriteString(code)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the outermost [*Error] in err's chain, that of
// the sentinel if there is none, or Transient.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	switch {
	case errors.Is(err, ErrFenced):
		return Fatal
	case errors.Is(err, ErrGone):
		return Permanent
	}
	return Transient
}

// CodeOf returns the code of the outermost [*Error], or "".
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	if errors.Is(err, ErrFenced) {
		return CodeFenced
	}
	return ""
}

// Sentinels for "which state".
var (
	// ErrGone: the source says there is no such object.
	ErrGone = errors.New("no such object at the source")
	// ErrFenced: another writer has taken this stream of the pipeline.
	ErrFenced = errors.New("another syncline has taken over this pipeline; this one stops")
	// ErrUnknownCommit: the database did not answer a commit and cannot be
	// asked whether it happened.
	ErrUnknownCommit = errors.New("outcome of the commit is not known")
	// ErrStopped: the caller asked the engine to stop; finished batches are
	// kept.
	ErrStopped = errors.New("stopped")
)

// RowErrors names rows of a batch that can never be written as they are.
type RowErrors struct {
	Rows []RowError
}

// RowError is one row's reason.
type RowError struct {
	Row    int // index in the batch
	Reason string
}

func (e *RowErrors) Error() string {
	return fmt.Sprintf("%d rows refused, first: %s", len(e.Rows), e.Rows[0].Reason)
}

// WebhookError is a refused webhook request.
type WebhookError struct {
	Status int    // HTTP status to answer
	Code   string // e.g. "signature_invalid"
	What   string
}

func (e *WebhookError) Error() string { return e.Code + ": " + e.What }
