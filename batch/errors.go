package batch

import (
	"errors"
	"fmt"
)

// Reason says in one word why a record was refused. The words are stable: they
// are stored with dead letters and used as metric labels.
type Reason string

// The reasons in a [RecordError].
const (
	ReasonSyntax          Reason = "syntax"           // not one complete JSON object
	ReasonNotObject       Reason = "not_object"       // JSON, but not an object
	ReasonInvalidUTF8     Reason = "invalid_utf8"     // a string or name is not UTF-8
	ReasonLoneSurrogate   Reason = "lone_surrogate"   // half of a surrogate pair, as in "\ud800"
	ReasonDuplicateMember Reason = "duplicate_member" // an object has two members of one name
	ReasonTooDeep         Reason = "too_deep"         // nested deeper than 64
	ReasonTooLarge        Reason = "too_large"        // beyond what a column or a scanner holds
	ReasonKeyMissing      Reason = "key_missing"      // no such member
	ReasonKeyNull         Reason = "key_null"         // the member is null
	ReasonKeyType         Reason = "key_type"         // not of the key field's type
	ReasonTypeFlip        Reason = "type_flip"        // another kind of value, under FlipReject
	ReasonNUL             Reason = "nul"              // U+0000 where it cannot be kept or repaired
)

// RecordError says why one record cannot be used. Its neighbours can. It never
// quotes the record's data.
type RecordError struct {
	Field  string // dotted path of the member at fault, "" for the record itself
	Reason Reason
	Detail string // for people: what was expected and found
}

func (e *RecordError) Error() string {
	s := "record refused: " + string(e.Reason)
	if e.Field != "" {
		s += fmt.Sprintf(" at %q", e.Field)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// PageKind says in one word why a page was refused. The words are stable.
type PageKind string

// The kinds of a [PageError].
const (
	PageEmpty           PageKind = "empty"            // nothing but white space
	PageBOM             PageKind = "bom"              // begins with a byte order mark
	PageHTML            PageKind = "html"             // begins with '<'
	PageNotJSON         PageKind = "not_json"         // does not begin like a JSON value
	PageTruncated       PageKind = "truncated"        // ends inside a value
	PageTrailing        PageKind = "trailing"         // something follows the value
	PageSyntax          PageKind = "syntax"           // not JSON at Offset
	PageNoRecords       PageKind = "no_records"       // JSON, but no array or object at the path
	PageInvalidUTF8     PageKind = "invalid_utf8"     // around the records
	PageLoneSurrogate   PageKind = "lone_surrogate"   // around the records
	PageDuplicateMember PageKind = "duplicate_member" // around the records
	PageTooDeep         PageKind = "too_deep"         // around the records
	PageTooLarge        PageKind = "too_large"        // around the records
)

// PageError says why a page is not complete JSON of the expected shape, so that
// nothing of it may be used.
type PageError struct {
	Kind   PageKind
	Offset int    // byte of the page where the fault shows
	Field  string // dotted path of the member, where that helps
}

func (e *PageError) Error() string {
	s := fmt.Sprintf("page refused: %s at byte %d", e.Kind, e.Offset)
	if e.Field != "" {
		s += fmt.Sprintf(" (%q)", e.Field)
	}
	return s
}

// ErrFull means that a column of the batch cannot hold the record's value. The
// batch is unchanged: write it, reset it and decode the record again.
var ErrFull = errors.New("batch: column is full (4 GiB)")

// fault is a reason as the scanners carry it; zero is none.
type fault uint8

const (
	faultNone fault = iota
	faultUTF8
	faultSurrogate
	faultDuplicate
	faultDepth
	faultNames
	faultNoRecords
)

// recordReasons and pageKinds translate a fault.
var (
	recordReasons = [...]Reason{
		ReasonSyntax, ReasonInvalidUTF8, ReasonLoneSurrogate, ReasonDuplicateMember,
		ReasonTooDeep, ReasonTooLarge, ReasonNotObject,
	}
	pageKinds = [...]PageKind{
		PageSyntax, PageInvalidUTF8, PageLoneSurrogate, PageDuplicateMember,
		PageTooDeep, PageTooLarge, PageNoRecords,
	}
)
