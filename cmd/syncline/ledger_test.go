package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/all"
)

// runs is a journal that knows nothing but its runs, newest first.
type runs struct {
	syncline.Journal
	all   []*syncline.Receipt
	asked int
}

func (r *runs) Runs(_ context.Context, _ string, limit int) ([]*syncline.Receipt, error) {
	r.asked++
	return r.all[:min(limit, len(r.all))], nil
}

func pullRun(err string, code syncline.Code) *syncline.Receipt {
	return &syncline.Receipt{Pull: true, Error: err, Code: code}
}

func repeatRun(r *syncline.Receipt, n int) (out []*syncline.Receipt) {
	for range n {
		out = append(out, r)
	}
	return out
}

// Thousands of green deliveries hide neither a red pull nor the last green one.
func TestLedgerIsJudgedByPulls(t *testing.T) {
	delivery, failing, good := &syncline.Receipt{}, pullRun("HTTP 500", syncline.CodeSourceDown), pullRun("", "")
	stopped := pullRun("payments: context canceled", syncline.CodeSourceDown)
	var all []*syncline.Receipt
	for range 3 {
		all = append(all, repeatRun(delivery, 400)...)
		all = append(all, failing, stopped)
	}
	all = append(all, good)
	all = append(all, repeatRun(delivery, 5)...)
	j := &runs{all: all}
	l, err := readLedger(t.Context(), j, "p", 2)
	if err != nil {
		t.Fatal(err)
	}
	if l.Last != failing || l.LastGreen != good || l.Red != 3 || len(l.Pulls) != 2 || l.LastDelivery != delivery || l.Deliveries < 1200 {
		t.Errorf("last %v, green %v, %d red, %d pulls, %d deliveries", l.Last, l.LastGreen, l.Red, len(l.Pulls), l.Deliveries)
	}
	// A stop is not a failure: nor does it hide one.
	if l := newLedger([]*syncline.Receipt{stopped, good}); l.Last != good || l.Red != 0 {
		t.Errorf("after a stop: %+v", l)
	}
	if l := newLedger(repeatRun(delivery, 3)); l.Last != nil || l.Deliveries != 3 {
		t.Errorf("deliveries alone: %+v", l)
	}
	// It does not read without end.
	j = &runs{all: repeatRun(failing, 30_000)}
	if l, err := readLedger(t.Context(), j, "p", 1); err != nil || l.LastGreen != nil || l.Red != mostRuns || j.asked > 5 {
		t.Errorf("%d red after %d questions, %v", l.Red, j.asked, err)
	}
}

func TestInterruptedIsOnlyWhatSignalsDid(t *testing.T) {
	r := &syncline.Receipt{Streams: []syncline.StreamReceipt{{Stream: "a", Error: "stopped", Code: syncline.CodeInterrupted}}}
	if !interrupted(r) || exitCode(runError(r, r.Err())) != exitInterrupted {
		t.Error("a stopped run is not seen as one")
	}
	r.Streams = append(r.Streams, syncline.StreamReceipt{Stream: "b", Error: "HTTP 401", Code: syncline.CodeAuthFailed})
	if interrupted(r) {
		t.Error("a stop hides a failure")
	}
	if interrupted(&syncline.Receipt{}) {
		t.Error("a green run is not a stopped one")
	}
}

// A stream of which nothing is heard is still worth a line every so often.
func TestPlainLinesComeWithoutNews(t *testing.T) {
	out := newOutput()
	a := newApp(all.Catalog(), strings.NewReader(""), io.Discard, out, func(string) (string, bool) { return "", false })
	p := newPlain(a, false, 20*time.Millisecond)
	p.progress("p", syncline.Progress{Stream: "payments", Phase: syncline.PhasePulling, Fetched: 7})
	out.wait(t, " 7 fetched", 3)
	p.progress("p", syncline.Progress{Stream: "payments", Phase: syncline.PhaseDone})
	p.close()
	said := out.String()
	p.say()
	if out.String() != said {
		t.Error("a stream that has ended is still told of")
	}
}

// status shows deliveries as a count, and the pulls that failed.
func TestStatusShowsPulls(t *testing.T) {
	var out bytes.Buffer
	a := newApp(all.Catalog(), strings.NewReader(""), &out, io.Discard, func(string) (string, bool) { return "", false })
	a.now = func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	at := func(r *syncline.Receipt, d time.Duration) *syncline.Receipt { r.Ended = a.now().Add(-d); return r }
	l := newLedger([]*syncline.Receipt{at(&syncline.Receipt{}, 2*time.Second), at(pullRun("HTTP 500", syncline.CodeSourceDown), time.Minute),
		at(pullRun("HTTP 500", syncline.CodeSourceDown), time.Hour), at(pullRun("", ""), 2*time.Hour)})
	a.showPulls(status{ledger: l, LastPull: a.pullView(l.Last), LastGreenPull: a.pullView(l.LastGreen), RedPulls: l.Red,
		Deliveries: deliveriesView{l.Deliveries, a.pullView(l.LastDelivery)}})
	for _, want := range []string{"RED: the last 2 pulls failed", "last green pull ended 2h 0m ago", "HTTP 500", "webhooks: brought in once, the last time 2s ago"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
