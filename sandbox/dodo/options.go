package dodo

import (
	"fmt"
	"net/http"
	"time"

	"github.com/synclinehq/syncline/sandbox"
)

// Options configures a Server. The zero value is a small, clean test-mode
// sandbox without limits.
type Options struct {
	// Seed decides all generated data. The same options give the same data.
	Seed uint64
	// Counts is how many objects of an entity are seeded; entities left out
	// have their default. See Entities for the names and Scaled for a whole set.
	Counts map[string]int
	// Epoch is when the seeded data ends; default 2026-11-01T00:00:00Z.
	Epoch time.Time
	// Span is the time over which the seeded data spreads; default two years.
	Span time.Duration
	// TieRun makes runs of so many neighbours share one created_at. 0 ties one
	// pair in eight.
	TieRun int

	// Clock is sandbox time: the Date header, new objects, limits and webhook
	// schedules follow it. Default: the wall clock.
	Clock *sandbox.Clock
	// Now is the underlying clock of the default Clock; default time.Now.
	Now func() time.Time

	// Mode is the environment served; default Test. Each accepts only its own
	// key.
	Mode Mode
	// TestKey is accepted in test mode; default "sandbox_test_key".
	TestKey string
	// LiveKey is accepted in live mode; default "sandbox_live_key".
	LiveKey string
	// ReadOnlyKey is accepted in either mode, for GET only; none by default.
	ReadOnlyKey string

	// Order is how lists are sorted; the vendor does not promise any. Default
	// newest first.
	Order Order
	// MaxPage is the highest page_number of /payments; 0 means no cap.
	MaxPage int
	// BeyondMaxPage says what a page_number above MaxPage gets.
	BeyondMaxPage BeyondMaxPage
	// ClampPageSize silently lowers a page_size above 100, which is refused
	// with 422 otherwise.
	ClampPageSize bool

	// RateLimit applies per key; zero is off. See Tier0 to Tier2.
	RateLimit sandbox.Rate
	// AnonymousRate applies per address to requests without a valid key; zero
	// is off.
	AnonymousRate sandbox.Rate
	// RetryAfter sends a Retry-After header with 429, which the vendor does
	// not document.
	RetryAfter bool
	// RelativeReset sends X-RateLimit-Reset in seconds from now, instead of in
	// unix seconds.
	RelativeReset bool

	// Dirty switches on data that the reference does not promise to be clean.
	Dirty Dirty
	// Churn changes objects while a client is paging.
	Churn Churn
	// OnRequest is called before each API request is answered; it may change
	// the sandbox.
	OnRequest func(*http.Request)
	// OnEvent is called for each webhook event, besides the endpoints.
	OnEvent func(Event)
}

// Mode is one of the vendor's two environments.
type Mode string

// The modes.
const (
	Test Mode = "test"
	Live Mode = "live"
)

// Order is how lists are sorted.
type Order string

// The orders.
const (
	NewestFirst Order = "newest_first"
	OldestFirst Order = "oldest_first"
	Shuffled    Order = "shuffled" // no visible order, but the same at every request
)

// BeyondMaxPage is the answer to a page number above the cap. The vendor has a
// cap and publishes neither its height nor the answer.
type BeyondMaxPage string

// The answers.
const (
	PageError BeyondMaxPage = "error" // 422
	PageEmpty BeyondMaxPage = "empty" // no items
	PageClamp BeyondMaxPage = "clamp" // the last permitted page again
)

// The vendor's rate limits by business tier, and for requests without a valid
// key.
var (
	Tier0     = sandbox.Rate{PerSecond: 40, PerMinute: 240}
	Tier1     = sandbox.Rate{PerSecond: 100, PerMinute: 1000}
	Tier2     = sandbox.Rate{PerSecond: 500, PerMinute: 5000}
	Anonymous = sandbox.Rate{PerSecond: 20, PerMinute: 100}
)

// Churn is what happens to a collection after each of its pages was read.
type Churn struct {
	Create int `json:"create,omitempty"` // new objects, which shift the pages of a newest-first list
	Touch  int `json:"touch,omitempty"`  // changes of existing objects
	Delete int `json:"delete,omitempty"` // removed objects
}

// Dirty is data outside of what the reference promises, each kind in every
// Every-th object. All are off by default. (Times always vary between 0, 3 and
// 6 fraction digits.)
type Dirty struct {
	Every               int  `json:"every,omitempty"`                 // default 10; 1 hits all
	MissingFields       bool `json:"missing_fields,omitempty"`        // null fields are left out
	UnknownEnum         bool `json:"unknown_enum,omitempty"`          // closed lists hold a new member
	ExtraField          bool `json:"extra_field,omitempty"`           // objects have a key nobody announced
	NullMetadata        bool `json:"null_metadata,omitempty"`         // metadata is null
	NULNames            bool `json:"nul_names,omitempty"`             // names hold \u0000
	EmojiNames          bool `json:"emoji_names,omitempty"`           // names hold characters outside the BMP
	DisputeAmountNumber bool `json:"dispute_amount_number,omitempty"` // a dispute's amount is a number
	InvalidUTF8         bool `json:"invalid_utf8,omitempty"`          // names hold bytes that are not UTF-8
	LoneSurrogate       bool `json:"lone_surrogate,omitempty"`        // names hold half of a surrogate pair
	DuplicateKeys       bool `json:"duplicate_keys,omitempty"`        // the last key comes twice, with another value
	BigNumbers          bool `json:"big_numbers,omitempty"`           // integers of 2^63, or of 30 digits
	TypeChange          bool `json:"type_change,omitempty"`           // integers are strings
}

func (d Dirty) any() bool {
	d.Every = 0
	return d != Dirty{}
}

// Scaled returns the counts of a consistent data set with n payments. What
// grows with the business does so in proportion; the catalogue stays small.
func Scaled(n int) map[string]int {
	counts := map[string]int{}
	for e := range entities() {
		if e.grows {
			counts[e.name] = max(int(e.count)*n/1000, 1)
		}
	}
	return counts
}

// Entities returns the names of all entities, as used by Counts, Create,
// Update, Delete and Truth.
func Entities() []string {
	var names []string
	for e := range entities() {
		names = append(names, e.name)
	}
	return names
}

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	if o.Epoch.IsZero() {
		o.Epoch = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Span <= 0 {
		o.Span = 2 * 365 * 24 * time.Hour
	}
	if o.Clock == nil {
		now := o.Now
		if now == nil {
			now = time.Now
		}
		o.Clock = sandbox.NewClockFrom(time.Time{}, now)
	}
	setDefault(&o.Mode, Test)
	setDefault(&o.TestKey, "sandbox_test_key")
	setDefault(&o.LiveKey, "sandbox_live_key")
	setDefault(&o.Order, NewestFirst)
	setDefault(&o.BeyondMaxPage, PageError)
	setDefault(&o.Dirty.Every, 10)
	return o
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func (o *Options) validate() error {
	switch o.Mode {
	case Test, Live:
	default:
		return fmt.Errorf("unknown mode %q", o.Mode)
	}
	switch o.Order {
	case NewestFirst, OldestFirst, Shuffled:
	default:
		return fmt.Errorf("unknown order %q", o.Order)
	}
	switch o.BeyondMaxPage {
	case PageError, PageEmpty, PageClamp:
	default:
		return fmt.Errorf("unknown answer beyond the page cap %q", o.BeyondMaxPage)
	}
	if o.Span < 24*time.Hour {
		return fmt.Errorf("span %v is shorter than a day", o.Span)
	}
	for name, n := range o.Counts {
		if n < 0 || n > maxCount {
			return fmt.Errorf("count of %s is %d, not between 0 and %d", name, n, maxCount)
		}
	}
	return nil
}
