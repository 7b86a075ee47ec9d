package sandbox

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// FaultKind names what goes wrong.
type FaultKind string

// The kinds of fault. All but FaultLatency, FaultTruncate and FaultWrongType
// answer in place of the sandbox.
const (
	FaultLatency   FaultKind = "latency"    // waits Fault.Latency, then answers as usual
	FaultStatus    FaultKind = "status"     // answers Fault.Status with the vendor's error body
	FaultTruncate  FaultKind = "truncate"   // cuts the usual body after Fault.At bytes
	FaultHTML      FaultKind = "html"       // a gateway's HTML page, status 200 unless Fault.Status is set
	FaultError200  FaultKind = "error200"   // the vendor's error body with status 200
	FaultReset     FaultKind = "reset"      // the connection is reset without an answer
	FaultEmpty     FaultKind = "empty"      // status 200 and no body
	FaultWrongType FaultKind = "wrong_type" // the usual body under Content-Type text/plain
	FaultBody      FaultKind = "body"       // Fault.Body as it stands, status 200 unless Fault.Status is set
)

// Framing says how a truncated body ends.
type Framing string

// The framings of FaultTruncate.
const (
	FramingLength  Framing = "length"  // Content-Length names the whole body: the client sees an unexpected EOF
	FramingChunked Framing = "chunked" // chunked, the last chunk is missing: the same, found later
	FramingClose   Framing = "close"   // ends with the connection: the client sees a complete, short body
)

// RetryAfterForm says how a 429 tells the client when to come back.
type RetryAfterForm string

// The forms of Fault.RetryAfter.
const (
	RetryAfterSeconds RetryAfterForm = "seconds" // Retry-After: 5
	RetryAfterDate    RetryAfterForm = "date"    // Retry-After: <HTTP date by the sandbox clock>
	RetryAfterMillis  RetryAfterForm = "ms"      // Retry-After-Ms: 5000
)

// Fault is something that goes wrong on demand.
type Fault struct {
	// Path selects requests: a whole path, or a prefix if it ends in "*".
	// Empty selects all.
	Path string `json:"path,omitempty"`
	// Method selects requests by method; empty selects all.
	Method string `json:"method,omitempty"`
	// Query must be a part of the raw query, e.g. "page_number=3".
	Query string `json:"query,omitempty"`
	// Nth is the first selected request that is hit, counted from 1, which is
	// also the default.
	Nth int `json:"nth,omitempty"`
	// Every hits each so-manieth selected request from Nth on; default 1.
	Every int `json:"every,omitempty"`
	// Times ends the fault after so many hits; 0 means once, below 0 for ever.
	Times int `json:"times,omitempty"`
	// Percent hits only a random share of the requests that would be hit;
	// 0 means all of them.
	Percent float64 `json:"percent,omitempty"`

	Kind    FaultKind     `json:"kind"`
	Status  int           `json:"status,omitempty"`
	Latency time.Duration `json:"-"` // underlying time, not sandbox time; also delays the other kinds
	At      int           `json:"at,omitempty"`
	Framing Framing       `json:"framing,omitempty"` // default length
	Body    string        `json:"body,omitempty"`
	// Header is added to the answer of every kind but FaultReset.
	Header map[string]string `json:"header,omitempty"`
	// RetryAfter is sent in the form RetryAfterForm, default seconds; 0 sends
	// nothing.
	RetryAfter     time.Duration  `json:"-"`
	RetryAfterForm RetryAfterForm `json:"retry_after_form,omitempty"`
}

// faultJSON writes durations as text ("1.5s").
type faultJSON struct {
	*faultFields
	Latency    string `json:"latency,omitempty"`
	RetryAfter string `json:"retry_after,omitempty"`
}

type faultFields Fault

// UnmarshalJSON reads a fault whose durations are Go duration text.
func (f *Fault) UnmarshalJSON(b []byte) error {
	aux := faultJSON{faultFields: (*faultFields)(f)}
	if err := json.Unmarshal(b, &aux); err != nil {
		return err
	}
	for _, d := range []struct {
		text string
		to   *time.Duration
	}{{aux.Latency, &f.Latency}, {aux.RetryAfter, &f.RetryAfter}} {
		if d.text == "" {
			continue
		}
		v, err := time.ParseDuration(d.text)
		if err != nil {
			return err
		}
		*d.to = v
	}
	return nil
}

// MarshalJSON is the reverse of UnmarshalJSON.
func (f Fault) MarshalJSON() ([]byte, error) {
	aux := faultJSON{faultFields: (*faultFields)(&f)}
	if f.Latency > 0 {
		aux.Latency = f.Latency.String()
	}
	if f.RetryAfter > 0 {
		aux.RetryAfter = f.RetryAfter.String()
	}
	return json.Marshal(aux)
}

// Validate reports the first thing wrong with f.
func (f *Fault) Validate() error {
	switch f.Kind {
	case FaultLatency, FaultTruncate, FaultHTML, FaultError200, FaultReset, FaultEmpty, FaultWrongType, FaultBody:
	case FaultStatus:
		if f.Status < 100 || f.Status > 599 {
			return fmt.Errorf("fault status %d is not an HTTP status", f.Status)
		}
	default:
		return fmt.Errorf("unknown fault kind %q", f.Kind)
	}
	switch f.Framing {
	case "", FramingLength, FramingChunked, FramingClose:
	default:
		return fmt.Errorf("unknown framing %q", f.Framing)
	}
	switch f.RetryAfterForm {
	case "", RetryAfterSeconds, RetryAfterDate, RetryAfterMillis:
	default:
		return fmt.Errorf("unknown retry-after form %q", f.RetryAfterForm)
	}
	return nil
}

// Faults is the set of faults in force. It is safe for concurrent use.
type Faults struct {
	clock *Clock

	mu     sync.Mutex
	random *rand.Rand
	active []*activeFault
	hits   int64
}

type activeFault struct {
	Fault
	seen, hit int
}

// NewFaults returns an empty set. The seed decides what Fault.Percent hits.
func NewFaults(clock *Clock, seed uint64) *Faults {
	return &Faults{clock: clock, random: rand.New(rand.NewPCG(seed, 0xfa17))}
}

// Inject adds a fault.
func (s *Faults) Inject(f Fault) error {
	if err := f.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = append(s.active, &activeFault{Fault: f})
	return nil
}

// Clear removes every fault.
func (s *Faults) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = nil
}

// Active returns the faults that can still hit.
func (s *Faults) Active() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Fault, len(s.active))
	for i, f := range s.active {
		out[i] = f.Fault
	}
	return out
}

// Hits returns how many requests were hit so far.
func (s *Faults) Hits() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits
}

// next returns the fault that hits r, if any. Every fault that selects r counts
// it; of several that would hit, the first injected does.
func (s *Faults) next(r *http.Request) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *activeFault
	for _, f := range s.active {
		if !f.selects(r) {
			continue
		}
		f.seen++
		since := f.seen - max(f.Nth, 1)
		if found != nil || since < 0 || since%max(f.Every, 1) != 0 {
			continue
		}
		if f.Percent > 0 && s.random.Float64()*100 >= f.Percent {
			continue
		}
		found = f
	}
	if found == nil {
		return Fault{}, false
	}
	s.hits++
	found.hit++
	if found.Times >= 0 && found.hit >= max(found.Times, 1) {
		for i, f := range s.active {
			if f == found {
				s.active = append(s.active[:i:i], s.active[i+1:]...)
				break
			}
		}
	}
	return found.Fault, true
}

func (f *activeFault) selects(r *http.Request) bool {
	if f.Method != "" && f.Method != r.Method || f.Query != "" && !strings.Contains(r.URL.RawQuery, f.Query) {
		return false
	}
	if prefix, ok := strings.CutSuffix(f.Path, "*"); ok {
		return strings.HasPrefix(r.URL.Path, prefix)
	}
	return f.Path == "" || f.Path == r.URL.Path
}
