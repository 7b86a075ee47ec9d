package main

import (
	"context"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// ledger is what the journal's list of runs says about a pipeline. It is judged
// by its pulls: a delivery of webhooks says nothing about whether the source
// was read.
type ledger struct {
	Pulls []*syncline.Receipt // the latest, newest first
	// Last is the latest pull that was not stopped by a signal, LastGreen the
	// latest green one; nil if there is none. Red is how many there were since
	// then, those stopped not counted.
	Last, LastGreen *syncline.Receipt
	Red             int
	// Deliveries is the number of runs since the oldest of the pulls looked at
	// that only brought webhooks in, LastDelivery the latest of them.
	Deliveries   int
	LastDelivery *syncline.Receipt
}

// mostRuns bounds how far back a ledger looks for the last green pull.
const mostRuns = 20_000

// readLedger reads as far back as it takes to find the wanted number of pulls
// and a green one.
func readLedger(ctx context.Context, j syncline.Journal, pipeline string, pulls int) (*ledger, error) {
	for limit := 100; ; limit = min(limit*10, mostRuns) {
		runs, err := j.Runs(ctx, pipeline, limit)
		if err != nil {
			return nil, err
		}
		l := newLedger(runs)
		enough := len(l.Pulls) >= pulls && (l.LastGreen != nil || len(l.Pulls) == 0)
		if enough || len(runs) < limit || limit >= mostRuns {
			l.Pulls = l.Pulls[:min(len(l.Pulls), pulls)]
			return l, nil
		}
	}
}

func newLedger(runs []*syncline.Receipt) *ledger {
	l := &ledger{}
	for _, r := range runs {
		switch {
		case !r.Pull:
			if l.Deliveries++; l.LastDelivery == nil {
				l.LastDelivery = r
			}
			continue
		case r.Green():
			if l.LastGreen == nil {
				l.LastGreen = r
			}
		case l.LastGreen == nil && !interrupted(r):
			l.Red++
		}
		l.Pulls = append(l.Pulls, r)
		if l.Last == nil && !interrupted(r) {
			l.Last = r
		}
	}
	return l
}

// interrupted reports whether a run is not green only because a signal stopped
// it. What a database or a network call makes of the cancellation may keep no
// more of it than the words.
func interrupted(r *syncline.Receipt) bool {
	stopped := func(code syncline.Code, text string) bool {
		return code == syncline.CodeInterrupted || strings.Contains(text, context.Canceled.Error())
	}
	if r.Error != "" && !stopped(r.Code, r.Error) {
		return false
	}
	for i := range r.Streams {
		if s := &r.Streams[i]; !s.Green() && !stopped(s.Code, s.Error) {
			return false
		}
	}
	return !r.Green()
}

// runError is the error of a run: of one that a signal stopped, that it was.
func runError(r *syncline.Receipt, err error) error {
	if err != nil && r != nil && interrupted(r) {
		return syncline.ErrStopped
	}
	return err
}

// pullView is a pull in a few words, for programs.
type pullView struct {
	Run   string        `json:"run"`
	Ended time.Time     `json:"ended"`
	Green bool          `json:"green"`
	Code  syncline.Code `json:"code,omitempty"`
	Error string        `json:"error,omitempty"`
}

func (a *app) pullView(r *syncline.Receipt) *pullView {
	if r == nil {
		return nil
	}
	v := &pullView{Run: r.Run, Ended: r.Ended, Green: r.Green()}
	if err := r.Err(); err != nil {
		v.Code, v.Error = syncline.CodeOf(err), a.line(err.Error())
	}
	return v
}

// receiptView is a receipt for programs: lengths of time are in seconds.
type receiptView struct {
	*syncline.Receipt
	Streams []streamView `json:"streams"`
}

type streamView struct {
	*syncline.StreamReceipt
	// These two take the place of the receipt's own, which are nanoseconds.
	NoWaited       *struct{} `json:"waited_ns,omitempty"`
	NoElapsed      *struct{} `json:"elapsed_ns,omitempty"`
	WaitedSeconds  float64   `json:"waited_seconds,omitempty"`
	ElapsedSeconds float64   `json:"elapsed_seconds"`
}

func viewReceipt(r *syncline.Receipt) receiptView {
	v := receiptView{Receipt: r, Streams: make([]streamView, len(r.Streams))}
	for i := range r.Streams {
		s := &r.Streams[i]
		v.Streams[i] = streamView{StreamReceipt: s, WaitedSeconds: s.Waited.Seconds(), ElapsedSeconds: s.Elapsed.Seconds()}
	}
	return v
}
