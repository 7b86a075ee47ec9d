package rest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
)

// The simulation of F-26: a listing of 200 rows, 20 a page, is read while two
// rows are inserted, updated, deleted or undeleted between any two requests.
// Then a quiet run reads what has changed since the watermark. Rows that were in
// the list all the time must have been seen, and after the quiet run every row
// must be there as it is at the source.

type simRow struct {
	id, created, updated, content int64
	deleted                       bool
	since                         int64 // when it was last deleted, undeleted or inserted
}

type simWorld struct {
	rows  []*simRow
	now   int64
	rand  *rand.Rand
	order string
	quiet bool
	kinds []int
	calls int
	why   string
	cuts  int // still to be made
	zones int // read
}

var simOrders = []string{"created asc", "created desc", "updated asc", "updated desc", "shuffled"}

const (
	simTick = 1000        // microseconds between two events
	simUnit = 2 * simTick // how much earlier than asked a listing begins
)

func newSimWorld(seed uint64, order string, kinds []int) *simWorld {
	w := &simWorld{now: 1_700_000_000_000_000, rand: rand.New(rand.NewPCG(seed, 26)), order: order, kinds: kinds}
	for range 200 {
		w.insert()
	}
	for range 60 { // the past has seen updates, too
		w.now += simTick
		r := w.rows[w.rand.IntN(len(w.rows))]
		r.updated, r.content = w.now, r.content+1
	}
	w.now += simTick
	return w
}

func (w *simWorld) insert() {
	w.now += simTick
	w.rows = append(w.rows, &simRow{id: int64(len(w.rows)), created: w.now, updated: w.now, since: w.now})
}

func (w *simWorld) pick(deleted bool) *simRow {
	for range 1000 {
		if r := w.rows[w.rand.IntN(len(w.rows))]; r.deleted == deleted {
			return r
		}
	}
	return nil
}

func (w *simWorld) change() {
	w.now += simTick
	switch w.kinds[w.rand.IntN(len(w.kinds))] {
	case 0:
		w.insert()
	case 1:
		if r := w.pick(false); r != nil {
			r.updated, r.content = w.now, r.content+1
		}
	case 2:
		if r := w.pick(false); r != nil {
			r.deleted, r.since = true, w.now
		}
	case 3:
		if r := w.pick(true); r != nil {
			r.deleted, r.since = false, w.now
			r.updated, r.content = w.now, r.content+1
		}
	}
}

// list returns rows of the listing, then lets the world change.
func (w *simWorld) list(offset, size int, since int64, s span) []*simRow {
	if s.from != openFrom {
		s.from -= simUnit
	}
	var live []*simRow
	for _, r := range w.rows {
		if !r.deleted && r.updated >= since && s.from <= r.created && r.created <= s.to {
			live = append(live, r)
		}
	}
	slices.SortFunc(live, func(a, b *simRow) int {
		switch w.order {
		case "created desc":
			return cmp.Compare(b.created, a.created)
		case "updated asc":
			return cmp.Compare(a.updated, b.updated)
		case "updated desc":
			return cmp.Compare(b.updated, a.updated)
		case "shuffled":
			return cmp.Compare(uint64(a.id)*0x9e3779b97f4a7c15, uint64(b.id)*0x9e3779b97f4a7c15)
		}
		return cmp.Compare(a.created, b.created)
	})
	page := []*simRow{}
	for _, r := range live[min(offset, len(live)):min(offset+size, len(live))] {
		c := *r
		page = append(page, &c)
	}
	w.calls++
	if !w.quiet {
		w.change()
		w.change()
	}
	return page
}

// simRead reads a listing and hands over each row. It returns false if it gave
// up.
type simRead func(w *simWorld, since int64, row func(*simRow)) bool

func anchored(w *simWorld, since int64, row func(*simRow)) bool {
	return w.listed(since, everything, 0, row)
}

// bounded uses bounds by time of creation early.
func bounded(w *simWorld, since int64, row func(*simRow)) bool {
	return w.listed(since, everything, 45, row)
}

// cutting cuts the listing, too, whenever that is possible.
func cutting(w *simWorld, since int64, row func(*simRow)) bool {
	w.cuts = 3
	return w.listed(since, everything, 45, row)
}

// listed reads a span, with bounds after so many rows.
func (w *simWorld) listed(since int64, s span, after int, row func(*simRow)) bool {
	whole := s
	var rest []span
	for range 3 { // a split that cannot be done starts the listing again
		p := newPager(20, &trust{})
		p.until = w.now
		p.head.after, p.head.unit = after, simUnit
		s, rest = whole, nil
		for range 1000 {
			rows := w.list(p.asked.number*p.asked.size, p.asked.size, since, p.within(s))
			ids := make([]rowID, len(rows))
			for i, r := range rows {
				ids[i] = rowID{uint64(r.id), uint64(r.content), r.created}
			}
			fresh := make([]bool, len(rows))
			o, used := p.take(ids, fresh)
			for i, r := range rows {
				if used && fresh[i] {
					row(r)
				}
			}
			if o == done {
				if zone, ok := p.zone(s); ok {
					w.zones++
					rest = append(rest, zone)
				}
				for _, s := range rest {
					if !w.listed(since, s, 0, row) {
						return false
					}
				}
				return true
			}
			if o == goOn && w.cuts > 0 && p.phase == onward && p.order.sloping() && p.pages >= 3 {
				if own, r, ok := s.cut(&p.order, w.now, simTick+w.rand.Int64N(100*simTick)); ok {
					w.cuts--
					s, rest = own, append(rest, r)
				}
			}
			if o == split {
				w.why = p.why
				break
			}
		}
	}
	return false
}

func naive(w *simWorld, since int64, row func(*simRow)) bool {
	for n := 0; ; n++ {
		rows := w.list(n*20, 20, since, everything)
		for _, r := range rows {
			row(r)
		}
		if len(rows) == 0 {
			return true
		}
	}
}

type simResult struct {
	lost, stale, absent, stuck, calls, zones int
	why                                      string
}

func simulate(seed uint64, order string, kinds []int, read simRead, maxSeen bool) (res simResult) {
	w := newSimWorld(seed, order, kinds)
	mirror := map[int64]int64{}
	seen := map[int64]bool{}
	started, largest := w.now, int64(0)
	store := func(r *simRow) {
		seen[r.id] = true
		mirror[r.id] = max(mirror[r.id], r.content)
		largest = max(largest, r.updated)
	}
	if !read(w, 0, store) {
		res.stuck, res.why = 1, w.why
		return res
	}
	res.calls, res.zones = w.calls, w.zones
	for _, r := range w.rows {
		if !r.deleted && r.since <= started && !seen[r.id] {
			res.absent++
		}
	}
	since := watermark(started, largest)
	if maxSeen {
		since = largest
	}
	w.quiet = true
	if !read(w, since, store) {
		res.stuck, res.why = 1, w.why
	}
	for _, r := range w.rows {
		if r.deleted {
			continue
		}
		if content, ok := mirror[r.id]; !ok {
			res.lost++
		} else if content != r.content {
			res.stale++
		}
	}
	return res
}

// simSeeds is the number of seeds for each order and mix. 500 make the 10,000
// runs of the full test: SYNCLINE_SIM_SEEDS=500.
func simSeeds(t *testing.T, full int) int {
	if v, err := strconv.Atoi(os.Getenv("SYNCLINE_SIM_SEEDS")); err == nil && v > 0 {
		return v
	}
	if testing.Short() {
		return full / 5
	}
	return full
}

var simMixes = map[string][]int{"inserts": {0}, "updates": {1}, "deletes": {2}, "mixed": {0, 1, 1, 2, 3}}

// TestPagingSimulation is F-26: for pages alone, with bounds by time of creation,
// and with cuts as well.
func TestPagingSimulation(t *testing.T) {
	seeds := simSeeds(t, 50) // for each of 60 combinations
	for _, order := range simOrders {
		for mix, kinds := range simMixes {
			for how, read := range map[string]simRead{"pages": anchored, "bounds": bounded, "cuts": cutting} {
				t.Run(fmt.Sprintf("%s/%s/%s", order, mix, how), func(t *testing.T) {
					t.Parallel()
					calls, zones := 0, 0
					for seed := range uint64(seeds) {
						r := simulate(seed, order, kinds, read, false)
						if r.lost+r.stale+r.absent+r.stuck > 0 {
							t.Fatalf("seed %d: %+v", seed, r)
						}
						calls, zones = calls+r.calls, zones+r.zones
					}
					t.Logf("%.1f requests and %.1f zones a pass, %d seeds", float64(calls)/float64(seeds), float64(zones)/float64(seeds), seeds)
					if zones == 0 && how != "pages" && (order == "created asc" || order == "created desc") {
						t.Error("no bounds were used")
					}
				})
			}
		}
	}
}

// TestPagingSimulation_NaiveLosesRows shows that the simulation has teeth.
func TestPagingSimulation_NaiveLosesRows(t *testing.T) {
	lossy := func(order, mix string, read simRead, maxSeen bool) (n int) {
		for seed := range uint64(100) {
			if r := simulate(seed, order, simMixes[mix], read, maxSeen); r.lost+r.stale > 0 {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		order, mix string
		read       simRead
		maxSeen    bool
	}{
		{"created asc", "deletes", naive, false},
		{"created desc", "deletes", naive, false},
		{"updated asc", "updates", naive, false},
		{"shuffled", "deletes", naive, false},
		{"created asc", "updates", anchored, true},
		{"created desc", "mixed", naive, true},
	} {
		n := lossy(c.order, c.mix, c.read, c.maxSeen)
		t.Logf("%s, %s, max seen %v: %d of 100 runs lose rows", c.order, c.mix, c.maxSeen, n)
		if n < 50 {
			t.Errorf("%s, %s, max seen %v: only %d of 100 runs lose rows", c.order, c.mix, c.maxSeen, n)
		}
	}
}
