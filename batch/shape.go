package batch

import (
	"bytes"
	"slices"
)

// A shape is what the scanner has learned about the objects at one path: which
// names they have, which name follows which, and how the names sort. Records of
// one stream look alike, so with it a name costs one comparison and no sorting.
type shape struct {
	names   map[string]*entry
	list    []*entry // sorted if ranked
	ranked  bool
	gen     uint64 // counts objects; an entry of the same gen was seen in this one
	head    entry  // head.next is the expected first member
	exclude *paths
	top     bool // members may be key or cursor
}

// entry is one member name of a shape.
type entry struct {
	next     *entry // the member expected behind this one
	gen      uint64
	raw      string // `"name":` as it is usually written, "" if it needs escapes
	prefix   string // `,"name":` in canonical form
	name     string
	rank     int
	role     role
	excluded bool
	child    *shape // of the objects below this member, also those in arrays
	deeper   *paths // excluded below this member
}

// role marks top-level members that the scanner hands out.
type role uint16

const (
	roleCursor role = 1 << 15
	roleKey    role = roleCursor - 1 // place in the key, from 1
)

const (
	maxRanked = 256     // more names than this are sorted object by object
	maxNames  = 1 << 17 // different names in one record
	keepNames = 1 << 14 // names kept from one record to the next
)

// paths is a tree of excluded paths.
type paths struct {
	leaf bool
	next map[string]*paths
}

func (p *paths) at(name string) *paths {
	if p == nil {
		return nil
	}
	return p.next[name]
}

func (p *paths) add(names []string) {
	if len(names) == 0 {
		p.leaf = true
		return
	}
	if p.next == nil {
		p.next = map[string]*paths{}
	}
	sub := p.next[names[0]]
	if sub == nil {
		sub = &paths{}
		p.next[names[0]] = sub
	}
	sub.add(names[1:])
}

func newShape(exclude *paths, top bool) *shape {
	return &shape{names: map[string]*entry{}, exclude: exclude, top: top}
}

// below returns the shape of objects under the member.
func (e *entry) below() *shape {
	if e.child == nil {
		e.child = newShape(e.deeper, false)
	}
	return e.child
}

// learn adds a name.
func (sh *shape) learn(name []byte, roles func(string) role) *entry {
	e := &entry{name: string(name)}
	escaped := appendEscaped(nil, name)
	e.prefix = `,"` + string(escaped) + `":`
	if bytes.Equal(escaped, name) {
		e.raw = e.prefix[1:]
	}
	if sub := sh.exclude.at(e.name); sub != nil {
		e.excluded, e.deeper = sub.leaf, sub
	}
	if sh.top {
		e.role = roles(e.name)
	}
	sh.names[e.name] = e
	sh.list = append(sh.list, e)
	sh.ranked = false
	return e
}

// rank sorts the names, if they are few enough, and reports whether they are.
func (sh *shape) rank() bool {
	if sh.ranked {
		return true
	}
	if len(sh.list) > maxRanked {
		return false
	}
	slices.SortFunc(sh.list, func(a, b *entry) int {
		if a.name < b.name {
			return -1
		}
		return 1 // names are distinct
	})
	for i, e := range sh.list {
		e.rank = i
	}
	sh.ranked = true
	return true
}

// member is one member of the object being read: where its value's canonical
// text is.
type member struct {
	e        *entry
	from, to int
	in       place
}

type place uint8

const (
	inPage  place = iota // value in the page
	inOut                // value in the output
	withTag              // name and value in the page, compact
)
