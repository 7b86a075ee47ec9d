package rest

import "math"

// order follows the times of creation as rows arrive.
type order struct {
	first      int64
	last       int64
	rows       int
	up, down   bool // an ascent, a descent was seen
	incomplete bool // a row without a time
}

func (o *order) see(made int64, again bool) {
	if again {
		return
	}
	if made == 0 {
		o.incomplete = true
	}
	if o.rows == 0 {
		o.first = made
	} else {
		o.up = o.up || made > o.last
		o.down = o.down || made < o.last
	}
	o.last, o.rows = made, o.rows+1
}

// sloping reports whether the rows came in one direction of time.
func (o *order) sloping() bool { return o.rows > 1 && o.steady() && o.up != o.down }

// density is the number of rows per microsecond of a sloping order.
func (o *order) density() float64 {
	return float64(o.rows-1) / math.Abs(float64(o.last-o.first))
}

// steady reports whether the rows came in order of creation, one way or the
// other.
func (o *order) steady() bool { return !o.incomplete && !(o.up && o.down) }

// seenRow is what is known of a row of the listing.
type seenRow struct {
	hash uint64
	at   int32 // offset at which it was last seen
}

// rowSet remembers rows of a listing: the first ones for good, the others until
// more recent ones need the space.
type rowSet struct {
	rows map[uint64]seenRow
	ring []uint64
	next int
}

const (
	rowsHead = 500    // kept for the closing rounds
	rowsMost = 20_000 // kept in all
)

func (s *rowSet) get(key uint64) (seenRow, bool) {
	r, ok := s.rows[key]
	return r, ok
}

func (s *rowSet) put(r rowID, at int) {
	if s.rows == nil {
		s.rows = map[uint64]seenRow{}
	}
	_, known := s.rows[r.key]
	s.rows[r.key] = seenRow{r.hash, int32(at)}
	if known || len(s.rows) <= rowsHead {
		return
	}
	if len(s.ring) < rowsMost-rowsHead {
		s.ring = append(s.ring, r.key)
		return
	}
	delete(s.rows, s.ring[s.next])
	s.ring[s.next] = r.key
	s.next = (s.next + 1) % len(s.ring)
}
