//go:build unix

package crashtest

import (
	"fmt"
	"path/filepath"
	"testing"
)

// TestKillSmoke kills the program early, in the middle and late in its work,
// also without the tag failpoint.
func TestKillSmoke(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	r := newRig(t, sqliteFile{filepath.Join(t.TempDir(), "data.db")}, small, 1)
	killed := 0
	for _, requests := range []int64{1, 4, 7, 10} {
		r.api.ResetCounters()
		c := r.start("", "--once", "--full")
		r.untilRequests(c, requests)
		o := c.kill(t)
		if o.killed {
			killed++
		}
		r.afterKill(fmt.Sprintf("killed after %d requests", requests))
		r.change(3)
	}
	if killed == 0 {
		t.Error("the program was never killed: this test proves nothing")
	}
	r.hooks.forget()
	r.green()
	r.settled("at the end")
}
