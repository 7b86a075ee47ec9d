package dodo

import (
	"bytes"
	"slices"
)

// query selects objects of one collection.
type query struct {
	key   string // names the predicates, for the view
	preds []predicate
	lo    int64 // range of seeded objects
	hi    int64
	// from and to bound the creation time, inclusive, if bounded is set.
	bounded  bool
	from, to int64
	order    Order
}

// predicate is one filter with its value.
type predicate struct {
	field *compiledField
	match match
	want  []byte // JSON; lower-case text for contains
}

// all selects every object.
func (c *collection) all() *query { return &query{hi: c.n, order: OldestFirst} }

// between bounds the creation time, inclusive at both ends.
func (q *query) between(c *collection, from, to int64) {
	q.bounded, q.from, q.to = true, from, to
	q.lo = max(q.lo, c.bornBefore(from, false))
	q.hi = max(min(q.hi, c.bornBefore(to, true)), q.lo)
}

// holds reports whether r passes the predicates. It uses scratch as its buffer
// and returns it.
func (q *query) holds(r *row, scratch []byte) (bool, []byte) {
	for k := range q.preds {
		p := &q.preds[k]
		scratch = r.appendProp(scratch[:0], p.field)
		var ok bool
		switch p.match {
		case equal, boolean:
			ok = bytes.Equal(scratch, p.want)
		case contains:
			ok = bytes.Contains(bytes.ToLower(scratch), p.want)
		case unhide:
			ok = string(scratch) == "null"
		}
		if !ok {
			return false, scratch
		}
	}
	return true, scratch
}

// appendProp appends the current value of one property.
func (r *row) appendProp(b []byte, p *compiledField) []byte {
	if r.obj != nil && !p.fixed {
		if v, ok := r.obj.fields[p.name]; ok {
			return append(b, v...)
		}
	}
	r.salt = p.salt
	return p.value.append(b, r)
}

// page returns size objects from offset on, in the query's order.
func (c *collection) page(q *query, offset, size int64) []item {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(q.preds) == 0 && len(c.changed) == 0 && q.order != Shuffled {
		return c.seededPage(q, offset, size)
	}
	var out []item
	var buf []item
	blocks := c.blockCount()
	step := blockStride(blocks)
	for k := range blocks {
		number := k
		switch q.order {
		case NewestFirst:
			number = blocks - 1 - k
		case Shuffled:
			number = (k*step + blocks/3) % blocks
		}
		n := c.count(q, number)
		if offset >= n {
			offset -= n
			continue
		}
		buf = c.collect(q, number, buf[:0])
		c.sortItems(buf, q.order)
		take := buf[min(offset, int64(len(buf))):]
		offset = 0
		out = append(out, take[:min(int64(len(take)), size-int64(len(out)))]...)
		if int64(len(out)) == size {
			break
		}
	}
	return out
}

// seededPage is page where nothing was changed or filtered: plain arithmetic,
// so deep pages cost as little as the first.
func (c *collection) seededPage(q *query, offset, size int64) []item {
	n := max(q.hi-q.lo, 0)
	from := min(offset, n)
	out := make([]item, min(size, n-from))
	for k := range out {
		i := q.lo + from + int64(k)
		if q.order == NewestFirst {
			i = q.hi - 1 - from - int64(k)
		}
		out[k] = item{i: i, at: c.bornAt(i)}
	}
	return out
}

// blockStride is coprime to n, so that its multiples visit every block.
func blockStride(n int64) int64 {
	step := max(n*618/1000, 1)
	for gcd(step, n) != 1 {
		step++
	}
	return step
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (c *collection) sortItems(items []item, order Order) {
	switch order {
	case NewestFirst:
		slices.Reverse(items)
	case Shuffled:
		slices.SortFunc(items, func(a, b item) int {
			ha, hb := mix(c.key^uint64(a.i)), mix(c.key^uint64(b.i))
			if ha < hb {
				return -1
			}
			return 1
		})
	}
}

// count is how many objects of a block the query selects.
func (c *collection) count(q *query, number int64) int64 {
	lo, hi := number*blockSize, min((number+1)*blockSize, c.n)
	part := max(min(hi, q.hi)-max(lo, q.lo), 0)
	b := c.blocks[number]
	if b == nil && (part == 0 || len(q.preds) == 0) {
		return part
	}
	if b == nil {
		b = &block{}
	}
	if part == 0 && len(b.made) == 0 {
		return 0
	}
	whole := part == hi-lo && (len(b.made) == 0 || !q.bounded)
	if !whole {
		return int64(len(c.collect(q, number, nil)))
	}
	v := c.view(q)
	if v.counts[number] == unknown {
		v.counts[number] = int32(len(c.collect(q, number, nil)))
	}
	return int64(v.counts[number])
}

func (c *collection) view(q *query) *view {
	v := c.views[q.key]
	if v != nil {
		return v
	}
	if len(c.views) >= maxViews {
		clear(c.views)
	}
	v = &view{counts: make([]int32, c.blockCount())}
	for i := range v.counts {
		v.counts[i] = unknown
	}
	c.views[q.key] = v
	return v
}

// collect appends the selected objects of a block in order of creation.
func (c *collection) collect(q *query, number int64, out []item) []item {
	lo := max(number*blockSize, q.lo)
	hi := min((number+1)*blockSize, c.n, q.hi)
	b := c.blocks[number]
	if b == nil && len(q.preds) == 0 {
		for i := lo; i < hi; i++ {
			out = append(out, item{i: i, at: c.bornAt(i)})
		}
		return out
	}
	var made []*object
	touched := false
	if b != nil {
		made, touched = b.made, b.touched > 0
	}
	scratch := make([]byte, 0, 256)
	var r row // one for all: it escapes, and would be allocated once an object
	add := func(it item) {
		r = c.rowOf(it)
		var ok bool
		if ok, scratch = q.holds(&r, scratch); ok {
			out = append(out, it)
		}
	}
	for i := lo; i < hi; i++ {
		it := item{i: i, at: c.bornAt(i)}
		if touched {
			it.obj = c.changed[i]
		}
		for len(made) > 0 && made[0].at < it.at {
			c.addMade(q, made[0], add)
			made = made[1:]
		}
		if it.obj == nil || !it.obj.deleted {
			add(it)
		}
	}
	for _, o := range made {
		c.addMade(q, o, add)
	}
	return out
}

func (c *collection) addMade(q *query, o *object, add func(item)) {
	if !q.bounded || q.from <= o.at && o.at <= q.to {
		add(item{o.i, o.at, o})
	}
}
