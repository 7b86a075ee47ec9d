package batch

import (
	"bytes"
	"hash/maphash"
)

// collapser is the reused memory of [Batch.Collapse].
type collapser struct {
	seed  maphash.Seed
	keys  []byte   // of all rows
	ends  []uint32 // of the key in keys, per row
	table []int32  // open addressing: 1 + a row with the key that hashes there
	group []int32  // per row: the first row with its key
	best  []int32  // per first row: the newest row with its key
}

// Collapse returns a batch with one row per key, the newest ([Meta.Newer]), in
// the order of b, because a statement may touch a row only once. Of the rows
// left out, duplicates have the content of the row that stays, as told by the
// hash; the others are superseded. If all keys are distinct, or the schema has
// no key, it returns b itself.
func (b *Batch) Collapse() (out *Batch, duplicates, superseded int) {
	if len(b.schema.Keys()) == 0 || len(b.meta) < 2 {
		return b, 0, 0
	}
	if b.collapse == nil {
		b.collapse = &collapser{seed: maphash.MakeSeed()}
	}
	c := b.collapse
	if distinct := c.run(b); distinct == len(b.meta) {
		return b, 0, 0
	}
	var rows []int
	for i := range b.meta {
		w := int(c.best[c.group[i]])
		switch {
		case w == i:
			rows = append(rows, i)
		case sameContent(&b.meta[i], &b.meta[w]):
			duplicates++
		default:
			superseded++
		}
	}
	return b.Select(rows), duplicates, superseded
}

// sameContent reports whether two rows of one key are known to be equal.
func sameContent(m, o *Meta) bool {
	return m.Hash == o.Hash && m.Deleted == o.Deleted && (m.Deleted || m.Hash != Hash{})
}

// run groups the rows by key and returns the number of keys.
func (c *collapser) run(b *Batch) (distinct int) {
	n := len(b.meta)
	size := 4
	for size < 2*n {
		size *= 2
	}
	if cap(c.table) < size {
		c.table = make([]int32, size)
	}
	c.table = c.table[:size]
	clear(c.table)
	c.keys, c.ends, c.group, c.best = c.keys[:0], c.ends[:0], c.group[:0], c.best[:0]
	for i := range n {
		from := len(c.keys)
		c.keys = b.AppendKey(c.keys, i)
		c.ends = append(c.ends, uint32(len(c.keys)))
		first := c.place(c.keys[from:], i, size-1)
		c.group, c.best = append(c.group, int32(first)), append(c.best, int32(i))
		if first == i {
			distinct++
		} else if b.meta[i].Newer(&b.meta[c.best[first]]) {
			c.best[first] = int32(i)
		}
	}
	return distinct
}

// place returns the first row with the key, which is i if there was none.
func (c *collapser) place(key []byte, i, mask int) int {
	for h := int(maphash.Bytes(c.seed, key)) & mask; ; h = (h + 1) & mask {
		r := int(c.table[h]) - 1
		if r < 0 {
			c.table[h] = int32(i + 1)
			return i
		}
		if bytes.Equal(c.key(r), key) {
			return r
		}
	}
}

func (c *collapser) key(row int) []byte {
	from := uint32(0)
	if row > 0 {
		from = c.ends[row-1]
	}
	return c.keys[from:c.ends[row]]
}
