//go:build failpoint && unix

package crashtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/testserver"
)

// Exit codes of the program, as documented.
const (
	exitLocked      = 5
	exitInterrupted = 130
)

// TestCrashTwoCopies starts the program twice.
func TestCrashTwoCopies(t *testing.T) {
	t.Run("one journal", func(t *testing.T) {
		twoOnOneJournal(t, newRig(t, sqliteFile{filepath.Join(t.TempDir(), "data.db")}, small, seed(t)))
	})
	t.Run("two journals on Postgres", func(t *testing.T) {
		twoJournals(t, func() database { return postgres{testserver.Postgres(t).NewDatabase(t)} })
	})
	t.Run("two journals on SQLite", func(t *testing.T) {
		twoJournals(t, func() database { return sqliteFile{filepath.Join(t.TempDir(), "data.db")} })
	})
}

// twoOnOneJournal: the second copy must refuse and name the first.
func twoOnOneJournal(t *testing.T, r *rig) {
	first := r.serve("")
	r.untilRun(first, 1)
	second := r.once("")
	if second.exit != exitLocked || !strings.Contains(second.log, fmt.Sprintf("process %d", first.cmd.Process.Pid)) || !strings.Contains(second.log, "[locked]") {
		t.Errorf("second copy: exit code %d, %s; want %d and the first one's process %d", second.exit, second.log, exitLocked, first.cmd.Process.Pid)
	}
	r.change(3)
	r.drain(first)
	if o := first.kill(t); !o.killed {
		t.Errorf("the first copy was disturbed: %s", o.log)
	}
	r.green() // the lock of a killed process holds nobody up
	r.settled("after the first copy was killed")
}

// twoJournals: the copy that came first must stop at its next write and change
// nothing any more.
func twoJournals(t *testing.T, open func() database) {
	for _, pause := range []time.Duration{3 * time.Second, 10 * time.Second, 40 * time.Second} {
		r := newRig(t, open(), small, seed(t))
		first := r.start(fmt.Sprintf("deliver.before_write=sleep:%v@2", pause), "--once", "--full")
		r.untilRows()
		second := r.secondCopy()
		if first.alive() {
			r.firstStops(first)
			return
		}
		t.Logf("in %v the second copy was not done (%v)", pause, second.lived)
	}
	t.Fatal("the first copy always ended before the second one had taken over: this test proves nothing")
}

// secondCopy makes a run with the same configuration in another folder.
func (r *rig) secondCopy() outcome {
	r.t.Helper()
	other := filepath.Join(r.dir, "other")
	if err := os.Mkdir(other, 0o700); err != nil {
		r.t.Fatal(err)
	}
	r.configureIn(other, "journal.db")
	cmd := r.command("", "--once", "--full")
	cmd.Dir = other
	o := startChild(r.t, cmd).wait(r.t)
	if o.exit != 0 || !o.last().Green {
		r.t.Fatalf("second copy: exit code %d: %s", o.exit, o.log)
	}
	return o
}

// firstStops lets the first copy go on after the second one is done.
func (r *rig) firstStops(first *child) {
	t := r.t
	t.Helper()
	r.dest.guard(t, "payments")
	held := r.count()
	o := first.wait(t)
	if o.exit != exitLocked || o.last().Green || !strings.Contains(fmt.Sprint(o.last().Receipt), "fenced") {
		t.Errorf("first copy: exit code %d, %+v\n%s; want %d and the code fenced", o.exit, o.last().Receipt, o.log, exitLocked)
	}
	if now := r.count(); now != held {
		t.Errorf("the first copy has written after the second took over: %s, then %s", held, now)
	}
	v := r.look()
	for _, s := range streams {
		r.equalsTruth(s, v.rows[s.name], "after both copies")
	}
	r.neverBack(v, "after both copies")

	// The first journal takes over again, behind what the second has written.
	r.change(3)
	r.hooks.forget()
	r.green()
	r.settled("the first copy again")
}

// untilRows waits until the program has written the first rows.
func (r *rig) untilRows() {
	r.t.Helper()
	for deadline := time.Now().Add(patience); r.look().total() == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatal("no rows")
		}
	}
}

func (v *view) total() (n int) {
	for _, rows := range v.rows {
		n += len(rows)
	}
	return n
}

// count returns the number of rows, and a sum over their versions, by stream.
func (r *rig) count() string {
	r.t.Helper()
	v := r.look()
	out := ""
	for _, s := range streams {
		var sum int64
		for _, row := range v.rows[s.name] {
			sum += row.Version ^ row.Tie
		}
		out += fmt.Sprintf("%s %d %x; ", s.name, len(v.rows[s.name]), sum)
	}
	return out
}
