package dodo

import (
	"slices"
	"sort"
	"sync"
)

// createdBase is the index of the first object made at run time, far above any
// seeded one.
const createdBase = 1 << 40

// maxCount bounds a collection, so that the product of two counts fits int64.
const maxCount = 1_000_000_000

// blockSize is how many seeded objects share the bookkeeping of changes and
// of filter counts. Smaller blocks make scans after a change shorter and deep
// pages slower.
const blockSize = 1024

// maxViews bounds the remembered filter combinations of a collection.
const maxViews = 64

// collection is the objects of one kind: n seeded ones that exist only as
// arithmetic, and an overlay of what was changed, made or removed since.
//
// Objects are ordered by creation time, seeded ones by index. Objects made at
// run time are merged in by their own creation time.
type collection struct {
	*entity
	w       *world
	key     uint64 // scatters ids and contents
	n       int64  // seeded objects
	parent  *collection
	shift   int64  // moves children that are rarer than parents, so that not every kind falls on the same ones
	primary string // id of object 0, if it is not of the usual form

	lists, details, events []compiledField
	props                  map[string]*compiledField

	mu      sync.RWMutex
	changed map[int64]*object // every object that differs from its seed
	linked  map[int64][]int64 // parent's index to objects made at run time
	blocks  []*block          // nil where nothing differs
	views   map[string]*view
	next    int64 // index of the next object made
	visible int64 // objects that are not deleted
}

// object is what differs from the seed. It is never changed in place, so a
// reader may keep one while a writer replaces it.
type object struct {
	i       int64
	at      int64 // creation time, unix microseconds
	deleted bool
	fields  map[string]string // JSON by field name
}

// block is the overlay of blockSize seeded objects and of the made ones that
// come right after one of them.
type block struct {
	touched int       // seeded objects in the overlay
	made    []*object // in order of creation
}

// view counts what one combination of filters shows, block by block.
type view struct{ counts []int32 }

// unknown marks a count that has to be taken again.
const unknown = -1

// item is one object of a page. It stays valid after the lock is released.
type item struct {
	i, at int64
	obj   *object
}

// bornAt is the creation time of seeded object i: spread over the world's span
// on a growth curve, some pairs of neighbours at the same instant, and cut to
// seconds or milliseconds for some. It never decreases with i, which is what
// lets creation filters be answered by binary search.
func (c *collection) bornAt(i int64) int64 {
	w := c.w
	if run := w.opts.TieRun; run > 1 {
		i -= i % int64(run)
	} else if i%8 == 5 {
		i--
	}
	n := max(c.n, 1)
	x := float64(i) / float64(n)
	// The slope of the curve is 0.5 at its least, so neighbours are at least
	// span/2n apart, and a quarter of that is free for jitter.
	step := w.span / (4 * n)
	h := mix(c.key + uint64(i)*0x9e3779b97f4a7c15)
	t := w.start + c.lag.Microseconds() + int64(float64(w.span)*x*(1.5-0.5*x)) + scale(h, max(step, 1))
	switch cut := h & 7; {
	case cut < 2 && step >= 1_000_000:
		t -= t % 1_000_000
	case cut < 5 && step >= 1000:
		t -= t % 1000
	}
	return t
}

// rowAt is the seeded row i, or a bare one for an object made at run time.
func (c *collection) rowAt(i int64) row {
	r := row{w: c.w, c: c, i: i, h: mix(c.key + mix(uint64(i)))}
	if i < createdBase {
		r.at = c.bornAt(i)
	}
	return r
}

func (c *collection) rowOf(it item) row {
	return row{w: c.w, c: c, i: it.i, h: mix(c.key + mix(uint64(it.i))), at: it.at, obj: it.obj}
}

// find returns the object with the given index.
func (c *collection) find(i int64) (item, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.findLocked(i)
}

func (c *collection) findLocked(i int64) (item, bool) {
	o := c.changed[i]
	switch {
	case o != nil:
		return item{i, o.at, o}, !o.deleted
	case i >= c.n:
		return item{}, false
	}
	return item{i: i, at: c.bornAt(i)}, true
}

// bornBefore counts the seeded objects created before t (inclusive counts t).
func (c *collection) bornBefore(t int64, inclusive bool) int64 {
	return int64(sort.Search(int(c.n), func(i int) bool {
		at := c.bornAt(int64(i))
		return at > t || at == t && !inclusive
	}))
}

// parent is the index of the object this one belongs to.
func (r *row) parent() int64 {
	c := r.c
	if r.i < createdBase {
		return (r.i*c.parent.n + c.shift) / c.n
	}
	if r.obj != nil {
		if i, ok := r.linkedTo(c.parent); ok {
			return i
		}
	}
	return scale(r.h, max(c.parent.n, 1))
}

// linkedTo reads the index of a related object from the overlay.
func (r *row) linkedTo(to *collection) (int64, bool) {
	name := to.link
	if name == "" {
		name = to.id
	}
	v := r.obj.fields[name]
	if len(v) < 2 {
		return 0, false
	}
	return to.indexOf(v[1 : len(v)-1])
}

// children is the range of seeded objects that belong to parent p: the inverse
// of parent.
func (c *collection) children(p int64) (lo, hi int64) {
	if p >= c.parent.n {
		return 0, 0
	}
	first := func(p int64) int64 {
		return max((p*c.n-c.shift+c.parent.n-1)/c.parent.n, 0)
	}
	return first(p), first(p + 1)
}

// childrenOf returns the objects that belong to parent p, in order.
func (c *collection) childrenOf(p int64) []item {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []item
	lo, hi := c.children(p)
	for i := lo; i < hi; i++ {
		if it, ok := c.findLocked(i); ok {
			out = append(out, it)
		}
	}
	for _, i := range c.linked[p] {
		if it, ok := c.findLocked(i); ok {
			out = append(out, it)
		}
	}
	return out
}

// firstChild is the first seeded object that belongs to parent p.
func (c *collection) firstChild(p int64) (row, bool) {
	lo, hi := c.children(p)
	if lo >= hi {
		return row{}, false
	}
	return c.rowAt(lo), true
}

// older is an object of c that was made before this one, if both kinds spread
// evenly over the same time.
func (r *row) older(c *collection, purpose uint64) int64 {
	n := c.n
	if r.i < createdBase {
		n = r.i*c.n/r.c.n + 1
	}
	return r.pick(purpose, max(n, 1))
}

// ---- the overlay, under mu ----

func (c *collection) blockOf(i, at int64) int64 {
	if i >= createdBase {
		i = max(c.bornBefore(at, true)-1, 0)
	}
	return i / blockSize
}

// put replaces an object's overlay.
func (c *collection) put(o *object) {
	old, known := c.changed[o.i]
	number := c.blockOf(o.i, o.at)
	b := c.blocks[number]
	if b == nil {
		b = &block{}
		c.blocks[number] = b
	}
	if o.i >= createdBase {
		c.putMade(b, o)
	} else if !known {
		b.touched++
	}
	wasThere := known && !old.deleted || !known && o.i < c.n
	switch {
	case wasThere && o.deleted:
		c.visible--
	case !wasThere && !o.deleted:
		c.visible++
	}
	c.changed[o.i] = o
	for _, v := range c.views {
		v.counts[number] = unknown
	}
}

func (c *collection) putMade(b *block, o *object) {
	k := sort.Search(len(b.made), func(k int) bool {
		m := b.made[k]
		return m.at > o.at || m.at == o.at && m.i >= o.i
	})
	switch {
	case k < len(b.made) && b.made[k].i == o.i && o.deleted:
		b.made = slices.Delete(b.made, k, k+1)
	case k < len(b.made) && b.made[k].i == o.i:
		b.made[k] = o
	case !o.deleted:
		b.made = slices.Insert(b.made, k, o)
	}
}

func (c *collection) blockCount() int64 { return max((c.n+blockSize-1)/blockSize, 1) }
