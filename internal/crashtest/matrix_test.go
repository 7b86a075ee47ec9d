//go:build failpoint && unix

package crashtest

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/synclinehq/syncline/internal/testserver"
)

// TestCrashMatrixSQLite kills the program at every crash point with an SQLite
// destination.
func TestCrashMatrixSQLite(t *testing.T) {
	matrix(t, func(t *testing.T) database { return sqliteFile{filepath.Join(t.TempDir(), "data.db")} })
}

// TestCrashMatrixPostgres kills the program at every crash point with a
// PostgreSQL destination.
func TestCrashMatrixPostgres(t *testing.T) {
	server := testserver.Postgres(t)
	matrix(t, func(t *testing.T) database { return postgres{server.NewDatabase(t)} })
}

func matrix(t *testing.T, open func(*testing.T) database) {
	n := seed(t)
	var total, least atomic.Int64
	least.Store(math.MaxInt64)
	t.Cleanup(func() {
		t.Logf("%d points, %d kills, %d at the least hit one", len(points()), total.Load(), least.Load())
	})
	for i, point := range points() {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			first := firstLoad(t, open, point, n+uint64(i))
			m := &cells{rig: newRig(t, open(t), small, n+uint64(i)), point: point}
			m.serving = strings.HasPrefix(point, "webhook.") || strings.HasPrefix(point, "run.")
			m.all()
			t.Logf("%d kills while loading for the first time; then %d kills and %d injected errors in %d lives", first, m.kills, m.errors, m.lives)
			kills := int64(first + m.kills)
			total.Add(kills)
			for old := least.Load(); kills < old && !least.CompareAndSwap(old, kills); old = least.Load() {
			}
		})
	}
}

// firstLoad kills first loads of new destinations at one hit after the other
// and returns how many. The run after the kill goes on where the cursor says
// and does not read everything again, so that a cursor that claims too much
// shows as rows that are missing. Hop 1 stores a cursor on the way only if there
// are more rows than one slice has.
func firstLoad(t *testing.T, open func(*testing.T) database, point string, seed uint64) (kills int) {
	n, hits := small, []int{1, 2, 3, 5, 8}
	switch {
	case strings.HasPrefix(point, "webhook."), strings.HasPrefix(point, "sweep."):
		return 0 // not passed by a first load
	case strings.HasPrefix(point, "collect."), strings.HasPrefix(point, "journal."):
		n, hits = sliced, []int{1, 2, 6, 9, 12, 15}
	}
	for _, at := range hits {
		r := newRig(t, open(t), n, seed)
		when := fmt.Sprintf("first load killed at hit %d of %s", at, point)
		o := r.start(fmt.Sprintf("%s=kill@%d", point, at), "--once").wait(t)
		r.afterKill(when)
		if !o.killed {
			break
		}
		kills++
		r.resumed()
		r.settled(when)
	}
	if kills == 0 {
		t.Fatal("the point is not hit by a first load: this test proves nothing")
	}
	return kills
}

// cells are the lives of one rig that end at one crash point.
type cells struct {
	*rig
	point         string
	serving       bool // the point is passed by a program that keeps running
	guarded       bool
	kills, errors int
}

// all runs through the cells of a point. The rig goes on from one to the next,
// with new changes at the source each time.
func (m *cells) all() {
	if strings.HasPrefix(m.point, "sweep.") {
		m.recovered("at first") // there must be rows before any can be gone
	}
	for _, at := range []int{1, 2} {
		if !m.killed(at) {
			m.t.Fatalf("the point is not hit %d times: this test proves nothing", at)
		}
		m.recovered(fmt.Sprintf("killed at hit %d", at))
	}
	if !m.killed(5) && !m.killed(4) && !m.killed(3) {
		m.t.Fatal("the point is not hit 3 times: this test proves nothing")
	}
	m.recovered("killed at a later hit")
	m.failed()
	m.recovered("injected error")
	for range 5 {
		if !m.killed(1) {
			m.t.Fatal("the point is not hit while recovering: this test proves nothing")
		}
	}
	m.recovered("killed while recovering, five times in a row")
}

// killed changes the source and lives until the point is hit for the n-th time.
// It reports false if that did not happen. Either way what was left behind must
// be sound.
func (m *cells) killed(at int) bool {
	m.t.Helper()
	o := m.live(fmt.Sprintf("%s=kill@%d", m.point, at))
	when := fmt.Sprintf("killed at hit %d of %s", at, m.point)
	m.afterKill(when)
	if o.crashed() {
		m.t.Fatalf("%s: %s", when, o.log)
	}
	if !o.killed {
		if o.exit != 0 {
			m.t.Fatalf("%s: not hit, and exit code %d: %s", when, o.exit, o.log)
		}
		return false
	}
	m.kills++
	return true
}

// failed lives through an injected error: the program must not lose anything by
// it, whether it tries again or ends red.
func (m *cells) failed() {
	m.t.Helper()
	o := m.live(m.point + "=error")
	m.afterKill("error at " + m.point)
	if o.crashed() {
		m.t.Fatalf("error at %s: %s", m.point, o.log)
	}
	m.errors++
	if o.exit == 0 && !m.serving {
		balanced(m.t, o)
	} else if !m.serving && !strings.Contains(o.log+fmt.Sprint(o.receipts), "failpoint") {
		m.t.Fatalf("error at %s: exit code %d, and nothing says why: %s", m.point, o.exit, o.log)
	}
}

// live changes the source and lives once.
func (m *cells) live(fail string) outcome {
	m.t.Helper()
	m.change(4)
	if !m.serving {
		m.hooks.forget()
		return m.once(fail)
	}
	c := m.serve(fail, "--full")
	return m.feed(c)
}

// feed posts webhooks until all are accepted or the program is gone; then it
// lets the program stop.
func (m *cells) feed(c *child) outcome {
	m.t.Helper()
	for sent := true; sent; {
		select {
		case <-c.ended:
			return c.wait(m.t)
		default:
			sent, _ = m.hooks.one()
		}
	}
	m.untilRun(c, 6)
	c.signal(stopSignal)
	return c.wait(m.t)
}

// recovered restarts without crash points: nothing but starting the program
// again may be needed to end with the truth.
func (m *cells) recovered(when string) {
	m.t.Helper()
	when += ": " + m.point
	if m.serving {
		c := m.serve("")
		m.drain(c)
		c.signal(stopSignal)
		if o := c.wait(m.t); o.crashed() || o.killed {
			m.t.Fatalf("%s: the program does not recover: %s", when, o.log)
		}
	}
	m.hooks.forget()
	m.green()
	m.settled(when)
	if !m.guarded {
		m.guarded = true
		m.guard()
	}
}
