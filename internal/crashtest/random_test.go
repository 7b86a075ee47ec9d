//go:build failpoint && unix

package crashtest

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/testserver"
)

// TestKillRandomSQLite lives many short lives on one journal and one SQLite
// file while the source changes and sends webhooks.
func TestKillRandomSQLite(t *testing.T) {
	killRandom(t, sqliteFile{filepath.Join(t.TempDir(), "data.db")})
}

// TestKillRandomPostgres is the same with a PostgreSQL destination.
func TestKillRandomPostgres(t *testing.T) {
	killRandom(t, postgres{testserver.Postgres(t).NewDatabase(t)})
}

func lives(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("SYNCLINE_KILLS"))
	if err != nil {
		n = 40
	}
	return n
}

func killRandom(t *testing.T, dest database) {
	n := lives(t)
	r := newRig(t, dest, small, seed(t))
	began := time.Now()
	stop := r.changeAlways()
	early := 0
	for life := range n {
		var args []string
		if r.random.IntN(2) == 0 {
			args = []string{"--full"}
		}
		wait := 50 + r.random.IntN(1450)
		o := r.brief(time.Duration(wait)*time.Millisecond, args...)
		if !o.killed {
			t.Fatalf("life %d ended by itself after %v, exit code %d: %s", life, o.lived, o.exit, o.log)
		}
		if o.crashed() {
			t.Fatalf("life %d: %s", life, o.log)
		}
		if len(o.receipts) == 0 {
			early++
		}
		balancedIfGreen(t, o)
		if life%10 == 9 {
			r.afterKill("life " + strconv.Itoa(life))
		}
		if life == 9 {
			r.quiet(stop)
			r.green()
			r.guard()
			stop = r.changeAlways()
		}
	}
	r.quiet(stop)
	last := r.green()
	r.settled("at the end")
	dest.check(t)
	integrity(t, r.journalPath())
	r.report(n, early, last, time.Since(began))
}

// brief lives for a time with webhooks coming in, and is killed.
func (r *rig) brief(d time.Duration, args ...string) outcome {
	r.t.Helper()
	c := r.start("", args...)
	end := time.NewTimer(d)
	defer end.Stop()
	took := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		if url, err := c.address(); err == nil {
			r.hooks.to(url)
			close(took)
		}
	})
	for range 3 {
		group.Go(func() { r.postUntil(took, c.ended) })
	}
	select {
	case <-end.C:
	case <-c.ended:
	}
	o := c.kill(r.t)
	group.Wait()
	return o
}

// postUntil posts webhooks from the time the child takes them until it ends.
func (r *rig) postUntil(took, ended <-chan struct{}) {
	select {
	case <-took:
	case <-ended:
		return
	}
	for {
		select {
		case <-ended:
			return
		default:
		}
		if sent, _ := r.hooks.one(); !sent {
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// changeAlways changes the source until the returned function is called.
func (r *rig) changeAlways() (stop func()) {
	end := make(chan struct{})
	var group sync.WaitGroup
	// The changes have a randomness of their own: the rig's is not shared.
	other := *r
	other.random = split(r.random)
	group.Go(func() {
		for {
			select {
			case <-end:
				return
			case <-time.After(120 * time.Millisecond):
				other.trickle()
			}
		}
	})
	return sync.OnceFunc(func() { close(end); group.Wait() })
}

// quiet ends the changes and has every webhook accepted.
func (r *rig) quiet(stop func()) {
	r.t.Helper()
	stop()
	c := r.serve("")
	r.drain(c)
	c.signal(stopSignal)
	if o := c.wait(r.t); o.crashed() {
		r.t.Fatal(o.log)
	}
}

// report prints what the test is made of.
func (r *rig) report(kills, early int, last *receipt, took time.Duration) {
	r.t.Helper()
	v := r.look()
	entries, records, rows, deleted := 0, 0, 0, 0
	for name, list := range v.entries {
		for _, e := range list {
			entries++
			records += e.Records
		}
		for _, row := range v.rows[name] {
			rows++
			if row.Deleted {
				deleted++
			}
		}
	}
	dead := 0
	for _, letters := range v.dead {
		dead += len(letters)
	}
	accepted := len(r.hooks.acceptedIDs())
	r.t.Logf("%d kills (%d of them before the first run of the life had ended), %d lives, %v: %d journal entries with %d records, %d rows of which %d deleted, %d dead letters, %d webhooks accepted (%d answers 2xx, copies included; %d refused), %d events in the journal; last run: %+v",
		kills, early, r.lives, took.Round(time.Second), entries, records, rows, deleted, dead, accepted, r.hooks.posts, len(r.hooks.refused), len(v.events), last.Receipt.Total())
	if kills >= 40 && (accepted < kills || dead == 0 || records < 10*kills || early < kills/10) {
		r.t.Fatal("too little happened: this test proves nothing")
	}
}
