//go:build failpoint && unix

package crashtest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/synclinehq/syncline/sandbox"
)

// TestCrashStopSignal stops the program as Ctrl-C does.
func TestCrashStopSignal(t *testing.T) {
	t.Run("once", stopOnce)
	t.Run("twice", stopTwice)
	t.Run("while it repeats", stopRepeating)
}

// slow makes the API answer each request late.
func slow(t *testing.T, r *rig, by time.Duration) {
	t.Helper()
	if err := r.api.Inject(sandbox.Fault{Kind: sandbox.FaultLatency, Latency: by, Times: -1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.api.Faults().Clear)
}

// stopOnce: the batch in hand is finished, every record accounted for, and the
// next run goes on.
func stopOnce(t *testing.T) {
	for _, after := range []time.Duration{0, 10 * time.Millisecond, 40 * time.Millisecond, 80 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond} {
		r := newRig(t, sqliteFile{filepath.Join(t.TempDir(), "data.db")}, small, seed(t))
		slow(t, r, 300*time.Millisecond)
		c := r.start("", "--once", "--full")
		r.untilRequests(c, 1)
		time.Sleep(after)
		c.signal(stopSignal)
		asked := time.Now()
		o := c.wait(t)
		if o.exit != exitInterrupted {
			t.Errorf("stopped after %v: exit code %d, want %d: %+v\n%s", after, o.exit, exitInterrupted, o.last().Receipt, o.log)
		}
		if took := time.Since(asked); took > 10*time.Second {
			t.Errorf("stopping took %v", took)
		}
		if len(o.receipts) == 0 {
			t.Errorf("no receipt: %s", o.log)
		}
		balanced(t, o)
		r.afterKill("stopped")
		r.api.Faults().Clear()
		r.change(2)
		r.hooks.forget()
		r.green()
		r.settled("after a stop")
	}
}

// stopTwice: the second signal does not wait for anything.
func stopTwice(t *testing.T) {
	r := newRig(t, sqliteFile{filepath.Join(t.TempDir(), "data.db")}, small, seed(t))
	slow(t, r, 300*time.Millisecond)
	c := r.start("deliver.after_intend=sleep:1s@2", "--once", "--full")
	time.Sleep(700 * time.Millisecond)
	c.signal(stopSignal)
	time.Sleep(50 * time.Millisecond)
	c.signal(stopSignal)
	asked := time.Now()
	o := c.wait(t)
	if o.exit != exitInterrupted {
		t.Errorf("exit code %d, want %d: %+v\n%s", o.exit, exitInterrupted, o.last().Receipt, o.log)
	}
	if took := time.Since(asked); took > 3*time.Second {
		t.Errorf("stopping at once took %v", took)
	}
	balanced(t, o)
	r.afterKill("stopped twice")
	r.api.Faults().Clear()
	r.green()
	r.settled("after two signals")
}

// stopRepeating: a program that runs at intervals and takes webhooks ends
// cleanly; every webhook it accepted is kept.
func stopRepeating(t *testing.T) {
	r := newRig(t, sqliteFile{filepath.Join(t.TempDir(), "data.db")}, small, seed(t))
	c := r.serve("")
	r.change(10)
	sent := 0
	for ; sent < 10; sent++ {
		if pending, _ := r.hooks.one(); !pending {
			break
		}
	}
	if sent == 0 {
		t.Fatal("no webhook was sent: this test proves nothing")
	}
	c.signal(stopSignal)
	o := c.wait(t)
	if o.exit != 0 && o.exit != exitInterrupted || o.crashed() {
		t.Errorf("exit code %d: %s", o.exit, o.log)
	}
	balanced(t, o)
	r.afterKill("stopped while repeating")
	r.hooks.forget()
	r.green()
	r.settled("after a stop while repeating")
}
