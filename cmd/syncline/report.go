package main

import (
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// reporter shows a run while it goes on and its receipt at the end. Methods may
// be called from several goroutines.
type reporter interface {
	progress(pipeline string, p syncline.Progress)
	// receipt shows one run's account; next is when the next begins, counted
	// from the start of this one, 0 if there is none.
	receipt(r *syncline.Receipt, err error, next time.Duration)
	close()
}

func (a *app) newReporter(several bool) reporter {
	switch {
	case a.json:
		return &jsonReporter{out: json.NewEncoder(a.out), quiet: a.quiet}
	case a.quiet:
		return &plain{a: a, silent: true}
	case a.errTerminal && a.getenv("TERM") != "dumb":
		return newLive(a, several)
	}
	return newPlain(a, several, plainEvery)
}

// jsonReporter writes one JSON object per line.
type jsonReporter struct {
	mu    sync.Mutex
	out   *json.Encoder
	quiet bool
}

// progressEvent is a syncline.Progress for programs.
type progressEvent struct {
	Event     string  `json:"event"` // "progress"
	Pipeline  string  `json:"pipeline"`
	Run       string  `json:"run"`
	Stream    string  `json:"stream"`
	Phase     string  `json:"phase"`
	Fetched   int     `json:"fetched"`
	Applied   int     `json:"applied"`
	Unchanged int     `json:"unchanged"`
	Rejected  int     `json:"rejected"`
	Requests  int     `json:"requests"`
	Retries   int     `json:"retries"`
	WaitedS   float64 `json:"waited_seconds"`
	Remaining int     `json:"remaining,omitempty"`
	ElapsedS  float64 `json:"elapsed_seconds"`
	Error     string  `json:"error,omitempty"`
}

func (j *jsonReporter) progress(pipeline string, p syncline.Progress) {
	if j.quiet {
		return
	}
	j.encode(progressEvent{"progress", pipeline, p.Run, p.Stream, p.Phase, p.Fetched, p.Applied, p.Unchanged, p.Rejected,
		p.Requests, p.Retries, p.Waited.Seconds(), p.Remaining, p.Elapsed.Seconds(), p.Error})
}

type receiptEvent struct {
	Event    string      `json:"event"` // "receipt"
	Green    bool        `json:"green"`
	ExitCode int         `json:"exit_code"`
	Receipt  receiptView `json:"receipt"`
}

func (j *jsonReporter) receipt(r *syncline.Receipt, err error, _ time.Duration) {
	if r != nil {
		j.encode(receiptEvent{"receipt", r.Green(), exitCode(runError(r, err)), viewReceipt(r)})
	}
}

func (j *jsonReporter) encode(v any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.out.Encode(v) // a closed pipe ends the program by itself
}

func (j *jsonReporter) close() {}

// errorEvent is a failure that has no receipt.
type errorEvent struct {
	Event    string        `json:"event"` // "error"
	Code     syncline.Code `json:"code,omitempty"`
	Message  string        `json:"message"`
	ExitCode int           `json:"exit_code"`
}

func writeErrorEvent(w io.Writer, message string, err error) {
	_ = json.NewEncoder(w).Encode(errorEvent{"error", syncline.CodeOf(err), message, exitCode(err)})
}

// plain writes lines, for logs and pipes: a stream is worth a line every ten
// seconds that it takes, whether or not it has got on. How it ended is in the
// receipt.
type plain struct {
	a       *app
	several bool
	silent  bool
	every   time.Duration

	mu      sync.Mutex
	streams []*plainStream // in order of appearance
	runs    int
	stop    chan struct{}
	stopped sync.WaitGroup
}

// plainStream is a stream under way: what was heard of it last, and when.
type plainStream struct {
	name  string
	state syncline.Progress
	heard time.Time
	said  time.Time // the latest line, or the stream's start
}

const plainEvery = 10 * time.Second

func newPlain(a *app, several bool, every time.Duration) *plain {
	p := &plain{a: a, several: several, every: every, stop: make(chan struct{})}
	p.stopped.Go(p.loop)
	return p
}

// loop says where the streams are, also while nothing is heard of them: one
// may wait for a rate limit for minutes.
func (p *plain) loop() {
	tick := time.NewTicker(max(p.every/10, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.say()
		}
	}
}

func (p *plain) say() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.a.now()
	for _, s := range p.streams {
		if now.Sub(s.said) < p.every {
			continue
		}
		s.said = now
		pr := s.state
		pr.Elapsed += now.Sub(s.heard)
		p.a.printErr(p.a.line(progressLine(s.name, pr, "")))
	}
}

func (p *plain) progress(pipeline string, pr syncline.Progress) {
	if p.silent {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	name := pr.Stream
	if p.several {
		name = pipeline + "/" + name
	}
	i := slices.IndexFunc(p.streams, func(s *plainStream) bool { return s.name == name })
	now := p.a.now()
	switch {
	case ended(pr) && i >= 0:
		p.streams = slices.Delete(p.streams, i, i+1)
	case ended(pr):
	case i < 0:
		p.streams = append(p.streams, &plainStream{name, pr, now, now})
	default:
		p.streams[i].state, p.streams[i].heard = pr, now
	}
}

func (p *plain) receipt(r *syncline.Receipt, err error, next time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs++
	p.a.showReceipt(r, err, next, p.runs == 1)
}

func (p *plain) close() {
	if !p.silent {
		close(p.stop)
		p.stopped.Wait()
	}
}
