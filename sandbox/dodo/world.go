package dodo

import (
	"fmt"
	"time"
)

// world is all collections and what they share.
type world struct {
	opts       Options
	business   string
	start, end int64 // of the seeded data, unix microseconds
	span       int64 // over which creation times spread; shorter than end-start by the longest lag

	byName map[string]*collection
	all    []*collection

	brands, customers, disputes, instances, licences, payments, products, refunds, subscriptions *collection
}

// slack leaves room for entity.lag, so that nothing is created after the end.
const slack = 4 * time.Hour

func newWorld(opts Options) (*world, error) {
	w := &world{opts: opts, byName: map[string]*collection{}}
	seed := mix(opts.Seed + 0x5d0d0)
	w.end = opts.Epoch.UnixMicro()
	w.start = opts.Epoch.Add(-opts.Span).UnixMicro()
	w.span = (opts.Span - slack).Microseconds()
	for e := range entities() {
		c := newCollection(w, e, seed)
		w.byName[e.name] = c
		w.all = append(w.all, c)
	}
	for name := range opts.Counts {
		if w.byName[name] == nil {
			return nil, fmt.Errorf("count of unknown entity %q", name)
		}
	}
	for _, link := range []struct {
		to   **collection
		name string
	}{
		{&w.brands, "brands"}, {&w.customers, "customers"}, {&w.disputes, "disputes"},
		{&w.instances, "license_key_instances"}, {&w.licences, "license_keys"}, {&w.payments, "payments"},
		{&w.products, "products"}, {&w.refunds, "refunds"}, {&w.subscriptions, "subscriptions"},
	} {
		*link.to = w.byName[link.name]
	}
	for _, c := range w.all {
		c.parent = w.byName[c.under]
	}
	for _, c := range w.all {
		c.orphan()
	}
	w.business = "bus_" + w.brands.idOf(createdBase - 1)[len(w.brands.prefix):]
	w.brands.primary = w.business
	return w, nil
}

func newCollection(w *world, e *entity, seed uint64) *collection {
	c := &collection{
		entity:  e,
		w:       w,
		key:     mix(seed ^ hashText(e.name)),
		n:       e.count,
		lists:   compile(e.fields, inList),
		details: compile(e.fields, inDetail),
		events:  compile(e.fields, inEvent),
		props:   named(e.fields),
		changed: map[int64]*object{},
		linked:  map[int64][]int64{},
		views:   map[string]*view{},
		next:    createdBase,
	}
	if n, ok := w.opts.Counts[e.name]; ok {
		c.n = int64(n)
	}
	return c
}

// orphan empties a collection whose objects would have no parent, and sizes
// the overlay.
func (c *collection) orphan() {
	for p := c.parent; p != nil; p = p.parent {
		if p.n == 0 {
			c.n = 0
		}
	}
	if c.parent != nil && c.n < c.parent.n {
		c.shift = scale(c.key, c.parent.n)
	}
	c.visible = c.n
	c.blocks = make([]*block, c.blockCount())
}
