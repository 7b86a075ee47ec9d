package keyset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// model is what a set must equal.
type model map[[16]byte][16]byte

func (m model) sum() (s [16]byte) {
	for _, c := range m {
		carry := 0
		for i := 15; i >= 0; i-- {
			v := int(s[i]) + int(c[i]) + carry
			s[i], carry = byte(v), v>>8
		}
	}
	return s
}

// drawSet fills a set and its model with few distinct keys, so that repeats
// fall into one run, into several, and across merges of runs.
func drawSet(t *rapid.T, dir, label string) (*Set, model) {
	s, m := New(dir, rapid.SampledFrom([]int{1, 2048, DefaultMemory}).Draw(t, label+" memory")), model{}
	n := rapid.IntRange(0, 400).Draw(t, label+" adds")
	span := rapid.IntRange(1, 500).Draw(t, label+" span")
	for range n {
		k := fmt.Appendf(nil, "key-%d", rapid.IntRange(0, span).Draw(t, "key"))
		c := Hash(rapid.SliceOfN(rapid.Byte(), 1, 2).Draw(t, "content"))
		s.Add(k, c)
		m[Hash(k)] = c
	}
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	return s, m
}

func TestSetEqualsMap(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		a, ma := drawSet(t, dir, "a")
		defer a.Close()
		b, mb := drawSet(t, dir, "b")
		defer b.Close()
		if a.Len() != len(ma) || a.Sum() != ma.sum() {
			t.Fatalf("%d keys with sum %x, want %d with %x", a.Len(), a.Sum(), len(ma), ma.sum())
		}
		checkSide(t, "a", ma, mb, func(f func([16]byte) error) error { return Diff(a, b, f, nil) })
		checkSide(t, "b", mb, ma, func(f func([16]byte) error) error { return Diff(a, b, nil, f) })
	})
}

// checkSide checks that diff yields exactly the keys of m that other lacks, in
// order.
func checkSide(t *rapid.T, side string, m, other model, diff func(func([16]byte) error) error) {
	want := 0
	for k := range m {
		if _, ok := other[k]; !ok {
			want++
		}
	}
	var last [16]byte
	got := 0
	err := diff(func(k [16]byte) error {
		_, mine := m[k]
		_, theirs := other[k]
		if !mine || theirs || got > 0 && string(k[:]) <= string(last[:]) {
			t.Fatalf("only in %s: %x (mine %v, theirs %v, after %x)", side, k, mine, theirs, last)
		}
		last = k
		got++
		return nil
	})
	if err != nil || got != want {
		t.Fatalf("only in %s: %d keys, want %d: %v", side, got, want, err)
	}
}

func TestManyRuns(t *testing.T) {
	const n = 20000 // with 16 entries a run and 4 runs a merge: hundreds of merges
	s := New(t.TempDir(), 1)
	defer s.Close()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := g; i < n; i += 2 { // every key twice
				s.Add(fmt.Appendf(nil, "%d", i%n), [16]byte{15: 1})
			}
		})
	}
	wg.Wait()
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	if want := ([16]byte{14: n >> 8, 15: n & 0xff}); s.Len() != n || s.Sum() != want {
		t.Errorf("%d keys, sum %x, want %d, %x", s.Len(), s.Sum(), n, want)
	}
}

func TestNothingStaysBehind(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, 1)
	for i := range 1000 {
		s.Add(fmt.Appendf(nil, "%d", i), [16]byte{})
	}
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	if s.spill == nil {
		t.Fatal("the set did not need its file, so this shows nothing")
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := Diff(s, s, nil, nil); !errors.Is(err, errClosed) {
		t.Errorf("closed set: %v", err)
	}
}

func TestDiskFailureIsReported(t *testing.T) {
	s := New(filepath.Join(t.TempDir(), "missing"), 1)
	defer s.Close()
	for i := range 100 {
		s.Add(fmt.Appendf(nil, "%d", i), [16]byte{})
	}
	if err := s.Seal(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Seal: %v", err)
	}
	if err := Diff(s, s, nil, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Diff: %v", err)
	}
}

func TestDiffStopsAtError(t *testing.T) {
	a, b := New("", 0), New("", 0)
	a.Add([]byte("1"), [16]byte{})
	a.Add([]byte("2"), [16]byte{})
	if err := Diff(a, b, nil, nil); err == nil {
		t.Error("sets that are not sealed were compared")
	}
	if err := errors.Join(a.Seal(), b.Seal()); err != nil {
		t.Fatal(err)
	}
	calls, stop := 0, errors.New("stop")
	err := Diff(a, b, func([16]byte) error { calls++; return stop }, nil)
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// BenchmarkAddSeal is the whole cost of a key: hashing, sorting, spilling and
// the merge at the end.
func BenchmarkAddSeal(b *testing.B) {
	for _, n := range []int{100_000, 10_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			key := []byte("\x10pay_00000000000000")
			for b.Loop() {
				s := New(dir, DefaultMemory)
				for i := range n {
					for j, v := len(key)-1, i; j > 4; j, v = j-1, v/10 {
						key[j] = byte('0' + v%10)
					}
					s.Add(key, [16]byte{})
				}
				if err := s.Seal(); err != nil || s.Len() != n {
					b.Fatal(s.Len(), err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
