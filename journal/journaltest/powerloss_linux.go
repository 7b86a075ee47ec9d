package journaltest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// disk is what a disk may hold after a power cut, built from a trace: what was
// synced is there; of the rest any subset, and the last write perhaps in part.
type disk struct {
	root  string
	files map[string]*diskFile
}

type diskFile struct {
	durable []byte
	// pending writes are not synced. Each knows when it ended: a sync covers
	// what had ended before it began.
	pending []call
	// named: the directory entry is durable. gone: it was removed since, which
	// is not.
	named, gone bool
}

// sector is what a disk writes as a whole.
const sector = 512

func (d *disk) apply(c *call) {
	if !strings.HasPrefix(c.path, d.root) || strings.HasSuffix(c.path, "-shm") {
		return // shared memory is made anew by the next process
	}
	f := d.files[c.path]
	switch {
	case c.create && (f == nil || f.gone):
		d.files[c.path] = &diskFile{}
	case f != nil && (c.name == "pwrite64" || c.name == "ftruncate" || c.name == "write"):
		f.pending = append(f.pending, *c)
	case f != nil && c.sync():
		f.sync(c.begin)
	case f != nil && strings.HasPrefix(c.name, "unlink"):
		f.gone = true
	case c.sync(): // a directory
		for path, f := range d.files {
			switch {
			case filepath.Dir(path) != c.path:
			case f.gone:
				delete(d.files, path)
			default:
				f.named = true
			}
		}
	}
}

func (f *diskFile) sync(begin int) {
	var later []call
	for i := range f.pending {
		if p := &f.pending[i]; p.end < begin {
			f.durable = p.writeTo(f.durable, len(p.data))
		} else {
			later = append(later, *p)
		}
	}
	f.pending = later
}

// writeTo returns content after the first n bytes of the write.
func (c *call) writeTo(content []byte, n int) []byte {
	end := int(c.offset)
	if c.name != "ftruncate" {
		end += n
	}
	if end > len(content) {
		content = append(content, make([]byte, end-len(content))...)
	}
	if c.name == "ftruncate" {
		return content[:end]
	}
	copy(content[c.offset:], c.data[:n])
	return content
}

// after writes what the disk holds after a power cut now into dir.
func (d *disk) after(t *testing.T, dir string, r *rand.Rand) {
	t.Helper()
	for path, f := range d.files {
		if (!f.named || f.gone) && r.IntN(2) == 0 {
			continue // there is no name that leads to it
		}
		content := append([]byte(nil), f.durable...)
		keep := r.IntN(5) // of 4 writes, so that all and none occur too
		for i := range f.pending {
			p := &f.pending[i]
			if r.IntN(4) >= keep {
				continue
			}
			n := len(p.data)
			if i == len(f.pending)-1 && n > sector {
				n = r.IntN(n/sector+1) * sector // torn
			}
			content = p.writeTo(content, n)
		}
		to := filepath.Join(dir, strings.TrimPrefix(path, d.root))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// testPowerLoss traces a child once and then cuts the power at many moments of
// the trace. What was confirmed before must be there.
func testPowerLoss(t *testing.T, h Harness) {
	needed(t, h.OnDisk, "the journal does not write files from its own process")
	root := t.TempDir()
	calls := traced(t, root, 25)
	cuts := countFromEnv("SYNCLINE_POWER_CUTS", 40)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d, %d calls", seed, len(calls))
	at := map[int]int{}
	for range cuts {
		at[r.IntN(len(calls))]++
	}
	d := &disk{root: root, files: map[string]*diskFile{}}
	var acked [childWriters]int
	for i := range calls {
		d.apply(&calls[i])
		if w, n, ok := calls[i].acked(); ok {
			acked[w] = max(acked[w], n)
		}
		for range at[i] {
			dir := filepath.Join(t.TempDir(), "disk")
			d.after(t, dir, r)
			checkUnits(t, h, dir, acked, fmt.Sprintf("power cut after call %d (seed %d)", i, seed))
		}
	}
}
