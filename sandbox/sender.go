package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Message is one webhook to deliver.
type Message struct {
	// ID is sent as webhook-id, the same at every attempt.
	ID string
	// Body renders the body. It is called anew for every attempt, so a late
	// attempt carries the data of its own time.
	Body func() []byte
}

// SenderOptions configures a Sender.
type SenderOptions struct {
	// URL receives the messages.
	URL string
	// Secrets sign each message, one signature each. Two secrets are a
	// rotation. None sends unsigned messages.
	Secrets []string
	// Schedule holds the delays before each retry, counted from the attempt
	// before, in sandbox time. Empty means no retries.
	Schedule []time.Duration
	// Clock is sandbox time; required.
	Clock *Clock
	// Client sends; nil means one with Timeout.
	Client *http.Client
	// Timeout bounds an attempt in underlying time; default 15 s.
	Timeout time.Duration
	// Header is added to every attempt.
	Header map[string]string
	// Parallel is how many attempts may be in flight; default 1, which keeps
	// the order.
	Parallel int
	// Seed decides everything random about Chaos.
	Seed uint64
	// Chaos is what goes wrong on purpose.
	Chaos Chaos
}

// Chaos is how a Sender misbehaves. The zero value is a sender without fault.
type Chaos struct {
	// Duplicate is the percentage of messages delivered twice under one id.
	Duplicate float64 `json:"duplicate,omitempty"`
	// Reorder delivers due messages in random order if set.
	Reorder bool `json:"reorder,omitempty"`
	// Unsigned leaves the signature header out.
	Unsigned bool `json:"unsigned,omitempty"`
	// WrongSignature signs with a secret nobody has.
	WrongSignature bool `json:"wrong_signature,omitempty"`
	// Skew is added to the timestamp before signing; more than five minutes
	// either way must be refused by a receiver.
	Skew time.Duration `json:"skew,omitempty"`
	// Freeze sends the body of the first attempt again at every retry, rather
	// than the data of the time.
	Freeze bool `json:"freeze,omitempty"`
}

// Delivery is one attempt that was made.
type Delivery struct {
	ID      string    `json:"id"`
	Attempt int       `json:"attempt"` // 1 is the first
	At      time.Time `json:"at"`      // sandbox time
	Status  int       `json:"status"`  // 0 if there was no answer
	Error   string    `json:"error,omitempty"`
}

// OK reports whether the receiver took the message.
func (d Delivery) OK() bool { return d.Status >= 200 && d.Status < 300 }

// Sender delivers webhooks in the Standard Webhooks format at least once and
// in no promised order, as the vendors do. Flush delivers what is due and
// returns, which suits tests that move the clock; Run does so as time passes.
type Sender struct {
	opts SenderOptions

	mu       sync.Mutex
	random   *rand.Rand
	pending  []*attempt
	log      []Delivery
	failed   []*attempt // schedule exhausted
	sent     map[string]Message
	disabled bool
	wake     chan struct{}
}

type attempt struct {
	msg    Message
	frozen []byte
	number int
	due    time.Time
	once   bool // a duplicate: never retried
}

// NewSender returns a sender with nothing to send.
func NewSender(opts SenderOptions) *Sender {
	if opts.Timeout <= 0 {
		opts.Timeout = 15 * time.Second
	}
	if opts.Client == nil {
		opts.Client = &http.Client{
			Timeout: opts.Timeout,
			// A redirect is not a 2xx, so it is a failure and not followed.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	opts.Parallel = max(opts.Parallel, 1)
	return &Sender{
		opts:   opts,
		random: rand.New(rand.NewPCG(opts.Seed, 0x3b)),
		sent:   map[string]Message{},
		wake:   make(chan struct{}, 1),
	}
}

// Send queues a message for delivery now.
func (s *Sender) Send(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disabled {
		return
	}
	s.sent[m.ID] = m
	now := s.opts.Clock.Now()
	s.pending = append(s.pending, &attempt{msg: m, number: 1, due: now})
	if s.random.Float64()*100 < s.opts.Chaos.Duplicate {
		s.pending = append(s.pending, &attempt{msg: m, number: 1, due: now, once: true})
	}
	s.poke()
}

// Replay queues a message that was sent before, under the same id. It reports
// whether there was such a message.
func (s *Sender) Replay(id string) bool {
	s.mu.Lock()
	m, ok := s.sent[id]
	s.mu.Unlock()
	if ok {
		s.Send(m)
	}
	return ok
}

// SetChaos changes the misbehaviour from now on.
func (s *Sender) SetChaos(c Chaos) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Chaos = c
}

// SetSecrets changes the secrets, as a rotation does.
func (s *Sender) SetSecrets(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Secrets = slices.Clone(secrets)
}

// SetURL changes the receiver.
func (s *Sender) SetURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.URL = url
}

// SetDisabled stops the sender. Disabling drops all pending attempts, as the
// vendor does; enabling again does not bring them back.
func (s *Sender) SetDisabled(disabled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disabled = disabled
	if disabled {
		s.pending = nil
	}
}

// Pending returns how many attempts are queued, due or not.
func (s *Sender) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}

// Failed returns the ids of the messages given up after the whole schedule.
func (s *Sender) Failed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, len(s.failed))
	for i, a := range s.failed {
		ids[i] = a.msg.ID
	}
	return ids
}

// Deliveries returns every attempt made so far.
func (s *Sender) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// NextDue returns when the next attempt is due; ok is false if none is queued.
func (s *Sender) NextDue() (due time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.pending {
		if !ok || a.due.Before(due) {
			due, ok = a.due, true
		}
	}
	return due, ok
}

// Flush makes every attempt that is due, including the retries that become due
// while it runs, and returns how many it made.
func (s *Sender) Flush(ctx context.Context) int {
	made := 0
	for ctx.Err() == nil {
		due := s.takeDue()
		if len(due) == 0 {
			break
		}
		made += len(due)
		slots := make(chan struct{}, s.opts.Parallel)
		var group sync.WaitGroup
		for _, a := range due {
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				s.deliver(ctx, a)
			})
		}
		group.Wait()
	}
	return made
}

// Run delivers messages as they become due until the context ends.
func (s *Sender) Run(ctx context.Context) error {
	for {
		s.Flush(ctx)
		due, ok := s.NextDue()
		wait, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		if ok {
			go func() {
				defer close(done)
				s.opts.Clock.WaitUntil(wait, due) //nolint:errcheck // its end is all that matters
			}()
		} else {
			done = nil
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-done:
		}
		cancel()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (s *Sender) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Sender) takeDue() []*attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Clock.Now()
	var due, later []*attempt
	for _, a := range s.pending {
		if a.due.After(now) {
			later = append(later, a)
		} else {
			due = append(due, a)
		}
	}
	s.pending = later
	slices.SortStableFunc(due, func(a, b *attempt) int { return a.due.Compare(b.due) })
	if s.opts.Chaos.Reorder {
		s.random.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	}
	return due
}

func (s *Sender) deliver(ctx context.Context, a *attempt) {
	s.mu.Lock()
	opts := s.opts
	s.mu.Unlock()
	body := a.frozen
	if body == nil {
		body = a.msg.Body()
		if opts.Chaos.Freeze {
			a.frozen = body
		}
	}
	now := opts.Clock.Now()
	status, err := post(ctx, &opts, a.msg.ID, now, body)
	s.record(a, now, status, err)
}

// record logs an attempt and queues the next one if it failed.
func (s *Sender) record(a *attempt, at time.Time, status int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := Delivery{ID: a.msg.ID, Attempt: a.number, At: at, Status: status}
	if err != nil {
		d.Error = err.Error()
	}
	s.log = append(s.log, d)
	switch {
	case d.OK() || a.once || s.disabled:
	case a.number > len(s.opts.Schedule):
		s.failed = append(s.failed, a)
	default:
		a.due = s.opts.Clock.Now().Add(s.opts.Schedule[a.number-1])
		a.number++
		s.pending = append(s.pending, a)
		s.poke()
	}
}

func post(ctx context.Context, opts *SenderOptions, id string, now time.Time, body []byte) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, opts.URL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("build webhook request: %w", err)
	}
	at := now.Add(opts.Chaos.Skew)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Svix-Webhooks/1.0 (sandbox)")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	if sig := signatures(opts, id, at, body); sig != "" {
		req.Header.Set("Webhook-Signature", sig)
	}
	for name, value := range opts.Header {
		req.Header.Set(name, value)
	}
	resp, err := opts.Client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("post webhook: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return 0, fmt.Errorf("read webhook answer: %w", err)
	}
	return resp.StatusCode, nil
}

func signatures(opts *SenderOptions, id string, at time.Time, body []byte) string {
	switch {
	case opts.Chaos.Unsigned:
		return ""
	case opts.Chaos.WrongSignature:
		return Sign("whsec_d3Jvbmcta2V5LW5vYm9keS1oYXM=", id, at, body)
	}
	all := make([]string, len(opts.Secrets))
	for i, secret := range opts.Secrets {
		all[i] = Sign(secret, id, at, body)
	}
	return strings.Join(all, " ")
}

// SetHeader replaces the headers added to every attempt.
func (s *Sender) SetHeader(header map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Header = maps.Clone(header)
}
