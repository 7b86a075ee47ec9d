package journaltest

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/synclinehq/syncline"
)

// testMemory appends and reads much more than may stay in memory.
func testMemory(t *testing.T, h Harness) {
	const size, n, most = 1 << 20, 96, 48 << 20
	c := newClock()
	j := open(t, h, t.TempDir(), c.now)
	start, peak := heap(), uint64(0)
	r := rand.NewChaCha8([32]byte{})
	block := make([]byte, size)
	for range n {
		if _, err := r.Read(block); err != nil {
			t.Fatal(err)
		}
		e := page("payments", 0, c.now())
		e.Block = block
		mustAppend(t, j, e)
		peak = max(peak, heap())
	}
	var after syncline.Position
	for range n {
		es, err := j.Read(ctx, "payments", after, size)
		if err != nil || len(es) == 0 {
			t.Fatalf("%d entries, %v", len(es), err)
		}
		after = es[len(es)-1].Position
		peak = max(peak, heap())
	}
	if peak > start+most {
		t.Errorf("%d MiB went through, the heap grew by %d MiB", n, (peak-start)>>20)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
