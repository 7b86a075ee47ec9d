// Package keyset holds the keys of a whole table in fixed memory.
//
// A sweep lists every record of a stream and must know at the end, exactly,
// which keys the destination has and the source has not. A [Set] keeps each key
// as 128 bits of its SHA-256 and writes sorted runs to a temporary file when
// its memory is full, so ten million keys cost disk and not memory. Two sealed
// sets are compared by reading both once, in order: [Diff].
package keyset

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"sync"
)

// DefaultMemory is the memory of a set if none is given: 4 MiB.
const DefaultMemory = 4 << 20

// Hash returns what a set keeps of a key: the first 128 bits of its SHA-256.
func Hash(key []byte) [16]byte {
	h := sha256.Sum256(key)
	return [16]byte(h[:16])
}

// entry is a key with its content, as numbers because these compare faster.
type entry struct {
	hi, lo  uint64 // of the key's hash, big endian
	content [16]byte
}

const entrySize = 32

func compare(a, b entry) int {
	if a.hi != b.hi {
		if a.hi < b.hi {
			return -1
		}
		return 1
	}
	if a.lo != b.lo {
		if a.lo < b.lo {
			return -1
		}
		return 1
	}
	return 0
}

func (e *entry) hash() (h [16]byte) {
	binary.BigEndian.PutUint64(h[:8], e.hi)
	binary.BigEndian.PutUint64(h[8:], e.lo)
	return h
}

// Set is a set of keys. Add may be called from several goroutines; after Seal
// the set is read only. Close removes its temporary file.
type Set struct {
	dir string
	mem int // bytes

	mu     sync.Mutex
	buf    []entry // unsorted, then after Seal the sorted keys if they fitted
	room   []entry // second half of the memory, to sort into
	spill  *spill  // nil as long as everything fits
	err    error   // first failure of the disk
	sealed bool
	n      int
	sum    [16]byte
}

// New returns an empty set that uses about memBytes of memory (DefaultMemory if
// 0) and temporary files in dir (the system's directory if empty).
func New(dir string, memBytes int) *Set {
	if memBytes <= 0 {
		memBytes = DefaultMemory
	}
	return &Set{dir: dir, mem: memBytes}
}

// half is the number of entries that half of the memory holds.
func (s *Set) half() int { return max(s.mem/entrySize/2, 16) }

// Add adds a key with the hash of its content. A key that is added again
// counts once, with the content of the last time. A failure to write the
// temporary file is kept and returned by Seal. Add must not be called after
// Seal.
func (s *Set) Add(key []byte, content [16]byte) {
	h := sha256.Sum256(key)
	e := entry{hi: binary.BigEndian.Uint64(h[:8]), lo: binary.BigEndian.Uint64(h[8:16]), content: content}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed {
		panic("keyset: Add after Seal")
	}
	if s.err != nil {
		return
	}
	if s.buf == nil {
		s.buf, s.room = make([]entry, 0, s.half()), make([]entry, s.half())
	}
	s.buf = append(s.buf, e)
	if len(s.buf) == cap(s.buf) {
		s.err = s.spillBuf()
	}
}

func (s *Set) spillBuf() error {
	if s.spill == nil {
		sp, err := newSpill(s.dir, s.mem)
		if err != nil {
			return err
		}
		s.spill = sp
	}
	s.sortBuf()
	err := s.spill.add(s.buf)
	s.buf = s.buf[:0]
	return err
}

// sortBuf sorts the buffer by key and drops all but the last entry of each key.
// The keys are hashes, so their leading bits spread them evenly over buckets of
// a few entries: one counting pass does most of the work, stably.
func (s *Set) sortBuf() {
	if len(s.buf) == 0 {
		return
	}
	shift := 64 - max(bits.Len(uint(len(s.buf)))-3, 1) // about 4 to 8 a bucket
	ends := make([]int, 1<<(64-shift))
	for i := range s.buf {
		ends[s.buf[i].hi>>shift]++
	}
	at := 0
	for i, n := range ends {
		ends[i] = at
		at += n
	}
	out := s.room[:len(s.buf)]
	for i := range s.buf {
		b := s.buf[i].hi >> shift
		out[ends[b]] = s.buf[i]
		ends[b]++
	}
	start := 0
	for _, end := range ends {
		slices.SortStableFunc(out[start:end], compare)
		start = end
	}
	s.buf, s.room = lastOfEach(out), s.buf[:cap(s.buf)]
}

// lastOfEach keeps, of sorted entries, the last one of each key.
func lastOfEach(in []entry) []entry {
	out := in[:0]
	for i := range in {
		if i+1 < len(in) && compare(in[i], in[i+1]) == 0 {
			continue
		}
		out = append(out, in[i])
	}
	return out
}

// Seal ends adding. It returns the first failure of the temporary file, after
// which the set is of no use.
func (s *Set) Seal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed || s.err != nil {
		return s.err
	}
	s.sealed = true
	if s.spill == nil {
		s.sortBuf()
		s.buf, s.room = slices.Clone(s.buf), nil
		for i := range s.buf {
			s.count(&s.buf[i])
		}
		return nil
	}
	if s.err = s.spillBuf(); s.err == nil {
		s.buf, s.room = nil, nil
		s.err = s.spill.merge(s.count)
	}
	return s.err
}

func (s *Set) count(e *entry) {
	s.n++
	carry := uint64(0)
	for i := 8; i >= 0; i -= 8 {
		v, c := bits.Add64(binary.BigEndian.Uint64(s.sum[i:]), binary.BigEndian.Uint64(e.content[i:]), carry)
		binary.BigEndian.PutUint64(s.sum[i:], v)
		carry = c
	}
}

// Len returns the number of distinct keys of a sealed set.
func (s *Set) Len() int { return s.n }

// Sum returns the sum of the content hashes over the distinct keys of a sealed
// set, modulo 2^128, big endian.
func (s *Set) Sum() [16]byte { return s.sum }

// Close frees the memory and removes the temporary file. It may be called more
// than once.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed, s.buf, s.room = true, nil, nil
	if s.err == nil {
		s.err = errClosed
	}
	if s.spill == nil {
		return nil
	}
	sp := s.spill
	s.spill = nil
	return sp.close()
}

var errClosed = errors.New("key set is closed")
