package rest

// Deep in a listing, page numbers leave few offsets to choose from, and pages
// overlap by a dozen rows. A bound on the time of creation moves the offsets: a
// listing without the first few rows of the whole begins that many rows later.
// With a bound before any of the first hundred rows every offset can be had, and
// pages overlap by a single row.
//
// What is read like that is complete for the shortest of these listings, the
// base: it is part of each of them, so each page follows on the one before also
// in the base, if the anchor is a row of the base. The rest, the zone, holds the
// rows that the bounds left out. They were on the first page, but in a list that
// is not by time of creation after all more rows of that age may come later. So
// the zone is a listing of its own, and read last, with one request as a rule.

// head is what a pager knows of the first rows of a listing, and the bounds it
// has used.
type head struct {
	// after is the number of rows from which on bounds are used, 0 for never.
	after int
	// unit is how far, in microseconds, a bound may be off.
	unit int64

	made   []int64 // times of creation of the first rows
	misses int     // pages with a bound that did not connect
	solid  int     // rows read before the first bound
	skip   int     // most rows left out
	bound  int64   // by this bound
	down   bool    // it is an upper bound
}

const (
	// margin keeps the zone so short that it fits on a page.
	margin = 4
	// maxBoundMisses is how often pages with bounds may fail to connect until
	// the server is taken to treat bounds in another way.
	maxBoundMisses = 3
)

// see takes in the first page.
func (h *head) see(rows []rowID, max int) {
	for _, r := range rows[:min(len(rows), max-min(margin, max))] {
		h.made = append(h.made, r.made)
	}
}

func (h *head) missed() {
	if h.misses++; h.misses >= maxBoundMisses {
		h.after = 0
	}
}

// holds reports whether a row that was seen at the given place is one of the
// base, or was read before there were bounds.
func (h *head) holds(made int64, at int) bool {
	switch {
	case h.skip == 0 || at < h.solid:
		return true
	case made == 0:
		return false
	case h.down:
		return made < h.bound-h.unit
	}
	return made > h.bound+h.unit
}

// follow returns the page to ask for next, of at most size rows.
func (p *pager) follow(size int) ask {
	best := overlapping(p.end, p.k, size)
	h := &p.head
	if h.after == 0 || p.end < h.after || !p.order.sloping() {
		return best
	}
	for skip := 1; skip < len(h.made) && best.reach() < p.end-p.k+size; skip++ {
		before, first := h.made[skip-1], h.made[skip]
		if before == first || p.end-p.k <= skip {
			continue
		}
		if a := overlapping(p.end-skip, p.k, size); skip+a.reach() > best.reach() {
			a.skip, a.bound = skip, first+(before-first)/2
			best = a
		}
	}
	if best.skip > h.skip {
		if h.skip == 0 {
			h.solid = p.end
		}
		h.skip, h.bound, h.down = best.skip, best.bound, p.order.down
	}
	return best
}

// zone returns the part of the span that is to be read by itself; ok is false if
// there is none.
func (p *pager) zone(s span) (zone span, ok bool) {
	h := &p.head
	if h.skip == 0 || p.calm {
		return s, false
	}
	if h.down {
		s.from = max(s.from, h.bound-h.unit)
	} else {
		s.to = min(s.to, h.bound+h.unit)
	}
	return s, true
}

// within returns the span the page is asked of: with its bound, if it has one.
func (p *pager) within(s span) span {
	switch {
	case p.asked.skip == 0:
	case p.head.down:
		s.to = p.asked.bound
	default:
		s.from = p.asked.bound + p.head.unit // a query begins one unit early
	}
	return s
}
