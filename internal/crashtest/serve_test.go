//go:build failpoint && unix

package crashtest

import (
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopSignal is what Ctrl-C sends.
const stopSignal = syscall.SIGINT

// drain posts webhooks until every one is accepted.
func (r *rig) drain(c *child) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for !r.hooks.idle() && c.alive() && time.Now().Before(deadline) {
				if sent, _ := r.hooks.one(); !sent {
					time.Sleep(2 * time.Millisecond) // another one has the last
				}
			}
		})
	}
	group.Wait()
	if !r.hooks.idle() {
		r.t.Fatalf("webhooks are not accepted (the program still runs: %v): %s", c.alive(), c.log)
	}
}

// untilRun waits until the child has made n runs, or is gone.
func (r *rig) untilRun(c *child, n int) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); strings.Count(c.out.String(), `"event":"receipt"`) < n; {
		select {
		case <-c.ended:
			return
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("no %d runs: %s", n, c.log)
		}
	}
}

// split returns a new random source that follows from another.
func split(r *rand.Rand) *rand.Rand { return rand.New(rand.NewPCG(r.Uint64(), r.Uint64())) }

// balancedIfGreen checks the receipts of a life that was killed: those that
// say green must balance.
func balancedIfGreen(t testing.TB, o outcome) {
	t.Helper()
	for _, r := range o.receipts {
		if !r.Green {
			t.Errorf("a run of a life that was killed later is red: %+v\n%s", r.Receipt, o.log)
		}
	}
	balanced(t, o)
}
