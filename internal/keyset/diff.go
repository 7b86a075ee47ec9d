package keyset

import "errors"

// Diff calls onlyA with the [Hash] of each key that only a has and onlyB with
// those that only b has, each in ascending order; either may be nil. An error
// of theirs ends it and is returned. Both sets must be sealed; they are not
// changed, so several Diffs may read them at once.
func Diff(a, b *Set, onlyA, onlyB func(keyHash [16]byte) error) error {
	x, err := a.cursor()
	if err != nil {
		return err
	}
	y, err := b.cursor()
	if err != nil {
		return err
	}
	for x.ok || y.ok {
		var c int
		switch {
		case !y.ok:
			c = -1
		case !x.ok:
			c = 1
		default:
			c = compare(x.entry, y.entry)
		}
		if c < 0 && onlyA != nil {
			err = onlyA(x.hash())
		}
		if c > 0 && onlyB != nil {
			err = onlyB(y.hash())
		}
		if err == nil && c <= 0 {
			err = x.step()
		}
		if err == nil && c >= 0 {
			err = y.step()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cursor walks a sealed set in order.
type cursor struct {
	entry
	ok   bool
	rest []entry
	file *runReader
}

func (s *Set) cursor() (*cursor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if !s.sealed {
		return nil, errors.New("key set is not sealed")
	}
	c := &cursor{rest: s.buf}
	if s.spill != nil {
		c.file = s.spill.reader(s.spill.runs[0], maxRead)
	}
	return c, c.step()
}

func (c *cursor) step() (err error) {
	if c.file != nil {
		c.entry, c.ok, err = c.file.next()
		return err
	}
	if c.ok = len(c.rest) > 0; c.ok {
		c.entry, c.rest = c.rest[0], c.rest[1:]
	}
	return nil
}
