package journaltest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/failpoint"
)

// Lives is how often the kill test ends its child; the environment variable
// SYNCLINE_LIVES sets another number.
const lives = 15

func countFromEnv(name string, normal int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return normal
}

// testKill ends a child that appends, by SIGKILL at a random moment, many times
// on one journal.
func testKill(t *testing.T, h Harness) {
	needed(t, h.OnDisk, "the journal does not write files from its own process")
	dir, total := t.TempDir(), 0
	var acked [childWriters]int
	for life := range countFromEnv("SYNCLINE_LIVES", lives) {
		c := startChild(t, childAppend, dir, nil)
		c.start(t)
		got, n := c.acks(t, 1+rand.IntN(150), func() { _ = c.cmd.Process.Kill() })
		_ = c.cmd.Wait()
		total += n
		for w := range got {
			acked[w] = max(acked[w], got[w])
		}
		checkUnits(t, h, dir, acked, fmt.Sprintf("life %d", life))
		if t.Failed() {
			return
		}
	}
	t.Logf("%d appends confirmed", total)
}

// checkUnits checks that all confirmed units are there, and all others wholly
// or not at all.
func checkUnits(t *testing.T, h Harness, dir string, acked [childWriters]int, when string) {
	t.Helper()
	j, err := h.Open(dir, time.Now)
	if err != nil {
		t.Fatalf("%s: Open: %v", when, err)
	}
	shared := map[string]*syncline.Entry{}
	all, err := readAll(j, "shared", 0, 1<<20)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	for _, e := range all {
		shared[e.EventID] = e
	}
	units := 0
	for w := range childWriters {
		done, err := unitsDone(j, w)
		if err != nil || done < acked[w] {
			t.Errorf("%s: writer %d has the cursor %d, confirmed was %d: %v", when, w, done, acked[w], err)
		}
		own, err := readAll(j, fmt.Sprint("w", w), 0, 1<<20)
		if err != nil || len(own) != done {
			t.Errorf("%s: writer %d has %d entries, cursor %d: %v", when, w, len(own), done, err)
		}
		for i, e := range own {
			es, _ := unit(w, i+1)
			s := shared[es[1].EventID]
			if !bytes.Equal(e.Block, es[0].Block) || s == nil || !bytes.Equal(s.Body, es[1].Body) {
				t.Errorf("%s: unit %d of writer %d is not whole", when, i+1, w)
			}
		}
		units += done
	}
	if len(all) != units || len(shared) != units {
		t.Errorf("%s: %d events, %d of them distinct, want %d", when, len(all), len(shared), units)
	}
	if err := j.Close(); err != nil {
		t.Errorf("%s: Close: %v", when, err)
	}
	if h.Check != nil {
		h.Check(t, dir)
	}
}

// testKillAtPoints kills the child at each of the journal's fail points, at
// several hits. It needs the build tag failpoint.
func testKillAtPoints(t *testing.T, h Harness) {
	if !failpoint.Enabled {
		t.Skip("built without the tag failpoint")
	}
	dir := t.TempDir()
	var acked [childWriters]int
	for _, point := range []string{"journal.append.begin", "journal.append.before_commit", "journal.append.after_commit"} {
		for _, hit := range []int{1, 2, 7, 31} {
			name := fmt.Sprintf("%s at hit %d", point, hit)
			c := startChild(t, childAppend, dir, nil, fmt.Sprintf("SYNCLINE_FAILPOINT=%s=kill@%d", point, hit))
			c.start(t)
			got, _ := c.acks(t, 0, nil)
			if err := c.cmd.Wait(); err == nil {
				t.Errorf("%s: the child was not killed", name)
			}
			for w := range got {
				acked[w] = max(acked[w], got[w])
			}
			checkUnits(t, h, dir, acked, name)
		}
	}
}
