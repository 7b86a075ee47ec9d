package keyset

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// spill is a temporary file of sorted runs, one after the other.
type spill struct {
	dir  string
	mem  int
	file *os.File
	size int64
	runs []run
}

// run is a sorted part of the file without repeated keys. Later runs were
// added later.
type run struct{ off, size int64 }

const (
	minRead = 4 << 10 // bytes read at once, at least
	maxRead = 256 << 10
)

func newSpill(dir string, mem int) (*spill, error) {
	f, err := tempFile(dir)
	if err != nil {
		return nil, err
	}
	return &spill{dir: dir, mem: mem, file: f}, nil
}

// tempFile makes a file that vanishes with the process: where the system allows
// it the name is removed at once, so that not even kill -9 leaves it behind.
func tempFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "syncline-keys-*")
	if err != nil {
		return nil, fmt.Errorf("temporary file for the keys of a sweep: %w", err)
	}
	_ = os.Remove(f.Name())
	return f, nil
}

func closeTemp(f *os.File) error {
	err := f.Close()
	_ = os.Remove(f.Name())
	return err
}

func (s *spill) close() error { return closeTemp(s.file) }

// fanIn is how many runs are merged at once, so that their read buffers fit
// into the memory.
func (s *spill) fanIn() int { return min(max(s.mem/minRead, 4), 256) }

// add writes a sorted run.
func (s *spill) add(entries []entry) error {
	if len(s.runs) >= s.fanIn() {
		if err := s.merge(nil); err != nil {
			return err
		}
	}
	w := &runWriter{w: bufio.NewWriterSize(io.NewOffsetWriter(s.file, s.size), minRead*4)}
	for i := range entries {
		if err := w.write(&entries[i]); err != nil {
			return spillError(err)
		}
	}
	if err := w.w.Flush(); err != nil {
		return spillError(err)
	}
	s.runs = append(s.runs, run{s.size, w.size})
	s.size += w.size
	return nil
}

func spillError(err error) error {
	return fmt.Errorf("temporary file for the keys of a sweep: %w", err)
}

// merge replaces all runs by one, in a new file, and calls each for every entry
// that stays.
func (s *spill) merge(each func(*entry)) error {
	f, err := tempFile(s.dir)
	if err != nil {
		return err
	}
	w := &runWriter{w: bufio.NewWriterSize(f, maxRead)}
	err = s.mergeInto(w, each)
	if err == nil {
		err = w.w.Flush()
	}
	if err != nil {
		_ = closeTemp(f)
		return spillError(err)
	}
	old := s.file
	s.file, s.size, s.runs = f, w.size, []run{{0, w.size}}
	return closeTemp(old)
}

func (s *spill) mergeInto(w *runWriter, each func(*entry)) error {
	m, err := newMerger(s)
	if err != nil {
		return err
	}
	var e entry
	for {
		var ok bool
		if e, ok, err = m.next(); err != nil || !ok {
			return err
		}
		if each != nil {
			each(&e)
		}
		if err := w.write(&e); err != nil {
			return err
		}
	}
}

func (s *spill) reader(r run, bufSize int) *runReader {
	return &runReader{r: bufio.NewReaderSize(io.NewSectionReader(s.file, r.off, r.size), bufSize)}
}

type runWriter struct {
	w    *bufio.Writer
	size int64
	b    [entrySize]byte
}

func (w *runWriter) write(e *entry) error {
	binary.BigEndian.PutUint64(w.b[:8], e.hi)
	binary.BigEndian.PutUint64(w.b[8:16], e.lo)
	copy(w.b[16:], e.content[:])
	w.size += entrySize
	_, err := w.w.Write(w.b[:])
	return err
}

// runReader reads one run; at its end ok is false.
type runReader struct{ r *bufio.Reader }

func (r *runReader) next() (e entry, ok bool, err error) {
	b, err := r.r.Peek(entrySize)
	if err == io.EOF && len(b) == 0 {
		return e, false, nil
	}
	if err != nil {
		return e, false, spillError(err)
	}
	e.hi, e.lo = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:16])
	copy(e.content[:], b[16:])
	_, err = r.r.Discard(entrySize)
	return e, true, err
}
