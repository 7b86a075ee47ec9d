package syncline

import (
	"encoding/hex"
	"fmt"
	"time"
)

// Counts is what became of records. All are numbers of records.
type Counts struct {
	// Fetched is what the source listed in this run; Carried is what earlier
	// runs had fetched and not delivered; Events is what webhooks brought.
	Fetched int `json:"fetched"`
	Carried int `json:"carried,omitempty"`
	Events  int `json:"events,omitempty"`

	// Applied rows were inserted, updated or marked deleted.
	Inserted int `json:"inserted"`
	Updated  int `json:"updated"`
	Deleted  int `json:"deleted"`
	// Unchanged records equal what the destination holds.
	Unchanged int `json:"unchanged"`
	// Duplicate records were seen before in the same run or batch.
	Duplicate int `json:"duplicate"`
	// Superseded records are older than what the destination holds.
	Superseded int `json:"superseded"`
	// Rejected records could not be used (kept with the reason), dead-lettered
	// ones were refused by the destination.
	Rejected     int `json:"rejected"`
	DeadLettered int `json:"dead_lettered"`
	// Pending records are journalled and not delivered: the run ended early.
	Pending int `json:"pending,omitempty"`

	// Swept are the deletions a sweep found by absence; they count as records
	// that came in beside Fetched.
	Swept int `json:"swept,omitempty"`

	// Repaired values had U+0000 removed; VersionTies had an equal version with
	// different content. Both are informative and not part of the balance.
	Repaired    int `json:"repaired,omitempty"`
	VersionTies int `json:"version_ties,omitempty"`
}

// Applied is Inserted + Updated + Deleted.
func (c *Counts) Applied() int { return c.Inserted + c.Updated + c.Deleted }

// In is what came in, Out what became of it. They must be equal.
func (c *Counts) In() int { return c.Fetched + c.Carried + c.Events + c.Swept }

// Out is the sum of all outcomes.
func (c *Counts) Out() int {
	return c.Applied() + c.Unchanged + c.Duplicate + c.Superseded + c.Rejected + c.DeadLettered + c.Pending
}

// Add adds o to c.
func (c *Counts) Add(o Counts) {
	c.Fetched += o.Fetched
	c.Carried += o.Carried
	c.Events += o.Events
	c.Inserted += o.Inserted
	c.Updated += o.Updated
	c.Deleted += o.Deleted
	c.Unchanged += o.Unchanged
	c.Duplicate += o.Duplicate
	c.Superseded += o.Superseded
	c.Rejected += o.Rejected
	c.DeadLettered += o.DeadLettered
	c.Pending += o.Pending
	c.Swept += o.Swept
	c.Repaired += o.Repaired
	c.VersionTies += o.VersionTies
}

// Sum is an order-independent fingerprint of a set of records: the sum of their
// content hashes modulo 2^128, in hex.
type Sum [16]byte

// Add adds a hash to the sum.
func (s *Sum) Add(h [16]byte) {
	carry := 0
	for i := 15; i >= 0; i-- {
		v := int(s[i]) + int(h[i]) + carry
		s[i], carry = byte(v), v>>8
	}
}

// MarshalText writes the sum in hex.
func (s Sum) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(s[:])), nil }

// UnmarshalText reads the sum from hex.
func (s *Sum) UnmarshalText(b []byte) error {
	v, err := hex.DecodeString(string(b))
	if err != nil || len(v) != len(s) {
		return fmt.Errorf("sum %q: want 32 hex digits", b)
	}
	copy(s[:], v)
	return nil
}

// StreamReceipt is one stream's part of a [Receipt].
type StreamReceipt struct {
	Stream string `json:"stream"`
	Table  string `json:"table"`
	Counts Counts `json:"counts"`
	// Keys is the number of distinct keys the source listed in this run, and
	// ContentHash the sum of the hashes of their content.
	Keys        int `json:"keys"`
	ContentHash Sum `json:"content_hash"`
	// Sweep is true if the whole stream was listed. Rows is the number of live
	// rows in the destination afterwards; after a sweep the run is green only
	// if every listed key that was not set aside is among them (Missing = 0).
	Sweep    bool          `json:"sweep"`
	Rows     int           `json:"rows"`
	Missing  int           `json:"missing,omitempty"`
	Requests int           `json:"requests"`
	Retries  int           `json:"retries,omitempty"`
	Waited   time.Duration `json:"waited_ns,omitempty"`
	Elapsed  time.Duration `json:"elapsed_ns"`
	// Error is why the stream is not green, "" if it is.
	Error string `json:"error,omitempty"`
	Code  Code   `json:"code,omitempty"`
}

// Green reports whether the stream ended without error and balanced.
func (s *StreamReceipt) Green() bool {
	return s.Error == "" && s.Counts.In() == s.Counts.Out() && s.Counts.Pending == 0 && s.Missing == 0
}

// Receipt is the account of one run.
type Receipt struct {
	Run      string `json:"run"`
	Pipeline string `json:"pipeline"`
	// Pull is true for a run that asked the source, false for one that only
	// brought webhooks in.
	Pull        bool            `json:"pull"`
	Source      string          `json:"source"`
	Destination string          `json:"destination"`
	Started     time.Time       `json:"started"`
	Ended       time.Time       `json:"ended"`
	Streams     []StreamReceipt `json:"streams"`
	// Error is a failure of the run as a whole.
	Error string `json:"error,omitempty"`
	Code  Code   `json:"code,omitempty"`
}

// Green reports whether the run and every stream of it is green.
func (r *Receipt) Green() bool {
	if r.Error != "" {
		return false
	}
	for i := range r.Streams {
		if !r.Streams[i].Green() {
			return false
		}
	}
	return true
}

// Total returns the counts over all streams.
func (r *Receipt) Total() (c Counts) {
	for i := range r.Streams {
		c.Add(r.Streams[i].Counts)
	}
	return c
}

// Err returns nil for a green receipt, else what is wrong with it.
func (r *Receipt) Err() error {
	if r.Error != "" {
		return &Error{Code: r.Code, Class: Fatal, What: r.Error}
	}
	for i := range r.Streams {
		s := &r.Streams[i]
		if s.Error != "" {
			return &Error{Code: s.Code, Class: Fatal, Where: s.Stream, What: s.Error}
		}
		if !s.Green() {
			return &Error{Code: CodeUnbalanced, Class: Fatal, Where: s.Stream, What: s.imbalance(),
				Fix: "Run again with --full; if it stays, report it with the receipt"}
		}
	}
	return nil
}

func (s *StreamReceipt) imbalance() string {
	c := &s.Counts
	if s.Missing > 0 {
		return fmt.Sprintf("%d listed records are not in table %s", s.Missing, s.Table)
	}
	return fmt.Sprintf("%d records came in and %d are accounted for, %d of them pending", c.In(), c.Out(), c.Pending)
}

// worst returns the code of the first stream that did not end green, or "".
func (r *Receipt) worst() Code {
	if r == nil {
		return ""
	}
	return CodeOf(r.Err())
}
