//go:build failpoint && unix

package crashtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/testserver"
)

// TestKillPostgresMidBatch ends the database server in all ways while the
// program writes. The run may recover by itself or end red; then the next one
// must be green.
func TestKillPostgresMidBatch(t *testing.T) {
	server := testserver.StartPostgres(t, testserver.Options{})
	r := newRig(t, postgres{server.NewDatabase(t)}, small, seed(t))
	slow(t, r, 40*time.Millisecond) // so that it is met in the middle of its work
	red, inRun := 0, 0
	for i := range 4 {
		for _, how := range []testserver.Shutdown{testserver.Immediate, testserver.Fast, testserver.Crash} {
			r.change(20)
			r.hooks.forget()
			r.api.ResetCounters()
			c := r.start("destination.after_rows=sleep:100ms@"+fmt.Sprint(1+r.random.IntN(4)), "--once", "--full")
			r.untilRequests(c, 2+r.random.Int64N(9))
			if c.alive() {
				inRun++
			}
			server.Restart(t, how)
			o := c.wait(t)
			when := fmt.Sprintf("round %d, server ended with SIG%s", i, how)
			r.afterKill(when)
			if o.crashed() {
				t.Fatalf("%s: %s", when, o.log)
			}
			if o.exit != 0 {
				red++
				r.green()
			}
			balanced(t, o)
			r.settled(when)
		}
		if i == 0 {
			r.guard()
		}
	}
	t.Logf("12 restarts, %d of them during a run, %d runs red and green the next time", inRun, red)
	if inRun < 6 {
		t.Fatal("too few restarts during a run: this test proves nothing")
	}
}

// TestCrashCommitAnswerLost cuts the answer to a COMMIT after every possible
// number of bytes. Whether the commit happened must be found out, and the batch
// be applied once.
func TestCrashCommitAnswerLost(t *testing.T) {
	server := testserver.Postgres(t)
	uri := server.NewDatabase(t)
	p := newProxy(t, server.Addr())
	through := postgres{strings.Replace(uri, server.Addr(), p.addr(), 1)}
	r := newRig(t, &viaProxy{postgres: postgres{uri}, program: through}, small, seed(t))
	r.green()
	r.settled("before any cut")
	r.guard()
	red := 0
	for n := range commitAnswer {
		r.change(4)
		r.hooks.forget()
		before := p.cuts.Load()
		p.arm(int64(r.random.IntN(12)), int64(n))
		o := r.once("")
		if p.cuts.Load() == before {
			p.arm(0, -1)
			t.Fatalf("no commit was cut at byte %d: this test proves nothing", n)
		}
		when := fmt.Sprintf("answer cut after %d bytes", n)
		r.afterKill(when)
		if o.crashed() {
			t.Fatalf("%s: %s", when, o.log)
		}
		balanced(t, o)
		if o.exit != 0 {
			red++
			t.Errorf("%s: the run is red, exit code %d: %+v\n%s", when, o.exit, o.last().Receipt, o.log)
			r.green()
		}
		r.settled(when)
	}
	t.Logf("%d answers cut, %d runs red, %d commits seen", p.cuts.Load(), red, p.commits.Load())
}

// viaProxy is a destination that the program reaches by another address than
// the tests.
type viaProxy struct {
	postgres
	program postgres
}

func (d *viaProxy) yaml() string { return d.program.yaml() }
