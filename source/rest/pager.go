package rest

import (
	"fmt"
	"slices"

	"github.com/synclinehq/syncline/internal/mutant"
)

// The pager reads one listing through page numbers over an offset, without
// losing rows that stay in the listing while others come, go and move. It is a
// pure step function: ask says what to request, take and refuse take in the
// answer. docs/design/paging.md has the reasoning; in short:
//
//   - Each page starts k >= 1 rows before the end of what was read, and must
//     begin with rows already read, one of them unchanged (the anchor). Rows
//     before the anchor have been read, rows after it follow it in the list, so
//     nothing in between is skipped. Without an anchor the page is dropped, k
//     doubles and the pager steps back.
//   - The offset is page number times page size, so an overlap is had by varying
//     the size: pages 0x100, 1x99, 2x98.
//   - A page shorter than asked is the end if the server is known to fill pages;
//     else one request more proves it. An empty page ends nothing unless it is
//     the first.
//   - If rows may have moved to the head meanwhile, the head is read again.
//   - Deep in a list by time of creation, a bound that leaves out some rows of
//     the head makes pages overlap by one row, see head.go.

// ask is a page to request: rows number*size to number*size+size-1 of the
// listing, without the first skip rows if a bound leaves those out.
type ask struct {
	number, size int
	skip         int
	bound        int64 // on the time of creation, in microseconds, if skip > 0
}

// offset is where the page begins in the whole listing.
func (a ask) offset() int { return a.skip + a.number*a.size }

// reach is where the page ends in the whole listing.
func (a ask) reach() int { return a.offset() + a.size }

// rowID identifies a row and its content, both hashed. Made is its time of
// creation in microseconds, 0 if unknown.
type rowID struct {
	key, hash uint64
	made      int64
}

// outcome is what the pager makes of an answer.
type outcome uint8

const (
	goOn  outcome = iota // request the next page
	done                 // the listing is complete
	split                // the listing cannot be read like this
)

// trust is what was learnt about how the server pages a stream. It is shared by
// the listings of a stream and kept in the cursor.
type trust struct {
	// Most is the largest number of rows ever seen on a page: the server does
	// not cap pages below it.
	Most int `json:"most,omitempty"`
	// Cap is the page size the server cuts to, 0 if none was seen.
	Cap int `json:"cap,omitempty"`
	// Ends is true once a short page that was not the first has proven to be
	// the end.
	Ends bool `json:"ends,omitempty"`
	// Doubt is true if a short page was not the end. Then all are proven.
	Doubt bool `json:"doubt,omitempty"`
	// Pages is the smallest page number that was refused, 0 if none.
	Pages int `json:"pages,omitempty"`
}

type phase uint8

const (
	onward  phase = iota
	proving       // the last page was short: is there more?
	closing       // the head is read again
)

// Limits of a pager.
const (
	minCap     = 5  // rows a server is taken to send at least if there are more
	maxMisses  = 12 // pages without an anchor in a row
	maxStale   = 2  // full pages without any news in a row
	maxClosing = 20 // times the head is read again
)

type pager struct {
	max   int // page size to ask for
	trust *trust
	// calm is true if the vendor promises an order in which rows do not move.
	calm bool
	// until is when the run began, in microseconds, 0 if unknown. Rows made
	// since then are welcome, but the listing is complete without them: else a
	// list that grows at its end would never end.
	until int64

	phase   phase
	asked   ask
	start   int // where the page begins in the whole listing
	end     int // rows from the head up to here have been read
	k       int // rows to overlap
	known   rowSet
	pages   int // accepted
	bearing int // of those, with rows not seen before
	misses  int // pages dropped since the last accepted one
	missed  int // pages dropped
	stale   int
	heads   int
	order   order
	moved   bool // rows were seen at another place than before
	solo    bool // this closing round needed one page so far
	deep    int  // greatest page number accepted
	head    head
	why     string
}

func newPager(max int, t *trust) *pager {
	if t.Cap > 1 {
		max = min(max, t.Cap)
	}
	p := &pager{max: max, trust: t, k: 1}
	p.asked = ask{size: max}
	return p
}

// take takes in the rows of the page asked for. fresh tells for each row whether
// it is new or changed; the slice has the length of rows. If used is false the
// page could not be connected to what was read: its rows come again.
func (p *pager) take(rows []rowID, fresh []bool) (o outcome, used bool) {
	p.start = p.asked.offset()
	switch {
	case len(rows) > p.asked.size:
		p.why = "the server sends more rows than asked for"
		return split, false
	case p.asked.offset() > 0 && !p.connected(rows):
		return p.miss(), false
	}
	first := p.pages == 0
	p.pages++
	p.misses, p.k = 0, max(1, p.k/2) // what moved once may go on moving
	p.trust.Most = max(p.trust.Most, len(rows))
	p.deep = max(p.deep, p.asked.number)
	if first {
		p.head.see(rows, p.max)
	}
	unknown := p.remember(rows, fresh)
	changed := slices.Contains(fresh, true)
	if unknown > 0 {
		p.bearing++
	}
	p.end = p.start + len(rows)
	short := len(rows) < p.asked.size
	switch p.phase {
	case closing:
		return p.close(rows, fresh, short), true
	case proving:
		return p.proven(len(rows), unknown, changed, short), true
	}
	if short || unknown == 0 && p.late(rows) {
		return p.ended(len(rows), first), true
	}
	return p.more(changed), true
}

// refuse takes in that the server refuses the page asked for. If that is the
// first page, it may be its size that is refused.
func (p *pager) refuse(why string) outcome {
	p.why = why
	n := p.asked.number
	if n == 0 && p.max >= 2*minCap {
		p.max /= 2
		p.trust.Cap, p.asked = p.max, ask{size: p.max}
		return goOn
	}
	if n > 0 && (p.trust.Pages == 0 || n < p.trust.Pages) {
		p.trust.Pages = n
	}
	return split
}

// connected reports whether the page follows on what was read: it begins with
// known rows, and one of them is unchanged.
func (p *pager) connected(rows []rowID) bool {
	if mutant.On("no_anchor") {
		return true
	}
	for i, r := range rows {
		was, ok := p.known.get(r.key)
		if !ok {
			return false
		}
		if was.hash == r.hash && p.head.holds(r.made, int(was.at)) {
			p.moved = p.moved || int(was.at) != p.start+i
			if p.asked.skip > 0 {
				p.start = min(p.start, int(was.at)-i) // the bound may have left out less
			}
			return true
		}
	}
	return false
}

// miss steps back.
func (p *pager) miss() outcome {
	p.misses++
	p.missed++
	if p.misses > maxMisses || p.missed > 2*p.pages+50 {
		p.why = "pages do not connect"
		return split
	}
	p.moved = true
	p.k *= 2
	if p.asked.skip > 0 {
		p.head.missed()
	}
	p.asked = p.follow(p.max)
	return goOn
}

// late reports whether all rows behind the first were made after the run began
// in a list that ascends: what follows was made later still.
func (p *pager) late(rows []rowID) bool {
	for _, r := range rows[min(1, len(rows)):] {
		if p.until == 0 || r.made < p.until {
			return false
		}
	}
	return p.order.steady() && !p.order.down && len(rows) > 1
}

// remember notes the rows and marks those that are new or changed. It counts
// the new ones that must be there for the listing to be complete.
func (p *pager) remember(rows []rowID, fresh []bool) (unknown int) {
	for i, r := range rows {
		was, ok := p.known.get(r.key)
		fresh[i] = !ok || was.hash != r.hash
		if !ok && (p.until == 0 || r.made < p.until) {
			unknown++
		}
		p.known.put(r, p.start+i)
		if p.phase != closing {
			p.order.see(r.made, ok)
		}
	}
	return unknown
}

// more goes on after a full page.
func (p *pager) more(changed bool) outcome {
	p.stale++
	if changed {
		p.stale = 0
	}
	if p.stale >= maxStale {
		p.why = "the server repeats pages"
		if p.trust.Pages == 0 || p.deep < p.trust.Pages {
			p.trust.Pages = p.deep
		}
		return split
	}
	for {
		p.asked = p.follow(p.max)
		if p.asked.reach() > p.end {
			return goOn
		}
		if p.k == 1 {
			// A multiple of every size up to max: with small pages only.
			p.why = fmt.Sprintf("pages of up to %d rows cannot overlap at row %d", p.max, p.end)
			return split
		}
		p.k /= 2
	}
}

// ended decides about a short page.
func (p *pager) ended(rows int, first bool) outcome {
	certain := !p.trust.Doubt && p.trust.Ends
	if first {
		certain = !p.trust.Doubt && rows < p.trust.Most
		certain = certain || rows < minCap || mutant.On("short_page_ends")
	}
	if certain {
		return p.finish()
	}
	p.phase = proving
	size := p.max
	if first {
		size = rows // if the server has cut the page, it cuts here
	}
	p.asked = p.follow(size)
	return goOn
}

// proven decides about the page after a short page.
func (p *pager) proven(rows, unknown int, changed, short bool) outcome {
	if unknown == 0 && short {
		p.trust.Ends = true
		return p.finish()
	}
	if unknown == 0 {
		// Full, and all known: rows were inserted before. Go on from here.
		p.phase = onward
		return p.more(changed)
	}
	p.phase = onward
	p.trust.Doubt = true
	if !short && p.pages == 2 {
		p.trust.Cap, p.max = p.asked.size+1, p.asked.size+1
		p.trust.Doubt = false
	}
	if short {
		return p.ended(rows, false)
	}
	return p.more(changed)
}

// finish ends the reading, or begins to read the head again.
func (p *pager) finish() outcome {
	if p.bearing <= 1 || p.calm || p.order.steady() && !p.moved {
		return done
	}
	return p.rehead()
}

func (p *pager) rehead() outcome {
	if p.heads++; p.heads > maxClosing {
		p.why = "rows move faster than they can be read"
		return split
	}
	p.phase, p.solo = closing, true
	p.asked = ask{size: p.max}
	return goOn
}

// close decides about a page of the closing rounds. All rows that have moved to
// the head are before the first one that has not; a round that needed several
// pages is repeated, since rows may have moved between them.
func (p *pager) close(rows []rowID, fresh []bool, short bool) outcome {
	if short || len(rows) == 0 || !fresh[len(rows)-1] {
		if p.solo {
			return done
		}
		return p.rehead()
	}
	p.solo = false
	p.asked = overlapping(p.end, p.k, p.max)
	return goOn
}

// overlapping returns the page that starts at least k rows before end, reaches
// furthest and is at most max rows long.
func overlapping(end, k, max int) ask {
	start := end - k
	best := ask{size: max}
	if start <= 0 {
		return best
	}
	for size := max; size > 0 && start+size > best.reach(); size-- {
		if a := (ask{number: start / size, size: size}); a.reach() > best.reach() {
			best = a
		}
	}
	return best
}
