package batch

import (
	"bytes"
	"math/bits"
	"slices"
)

// object reads the object at i and appends its canonical text to s.out.
func (s *Scanner) object(i int, sh *shape, depth int) int {
	p := s.page
	if depth > maxDepth {
		return s.fail(faultDepth, i)
	}
	first, low := len(s.members), len(s.out)
	sh.gen++
	gen := sh.gen
	if i = skipSpace(p, i+1); i < len(p) && p[i] == '}' {
		s.out = append(s.out, "{}"...)
		return i + 1
	}
	for prev := &sh.head; ; {
		// The name, usually the expected one.
		m := member{from: i, in: withTag}
		e := prev.next
		if e != nil && i+len(e.raw) < len(p) && string(p[i:i+len(e.raw)]) == e.raw {
			i += len(e.raw)
			if p[i] <= ' ' {
				i, m.in = skipSpace(p, i), inPage
			}
		} else {
			e, i = s.name(sh, i)
			if i < 0 {
				return i
			}
			if m.in = inPage; e.raw != "" {
				prev.next = e
			}
		}
		if e.gen == gen {
			return s.failAt(e, faultDuplicate, m.from)
		}
		e.gen, prev, m.e = gen, e, e

		// The value.
		if i >= len(p) {
			return ^i
		}
		start, mark, c := i, len(s.out), p[i]
		if c == '"' {
			end, t := scanString(p, i+1)
			if end < 0 {
				return end
			}
			i = end + 1
			if t != 0 {
				if f := t.fault(); f != faultNone {
					return s.failAt(e, f, start)
				}
				s.text(p[start+1 : end])
				m.in = inOut
			}
		} else if c == '-' || c-'0' <= 9 {
			if i, _ = scanNumber(p, i); i < 0 {
				return i
			}
		} else if c == '{' || c == '[' {
			if i = s.value(i, e, depth+1); i < 0 {
				if s.fault != faultNone {
					s.within(e)
				}
				return i
			}
			m.in = inOut
		} else if i = scanWord(p, i); i < 0 {
			return i
		}
		if e.role != 0 {
			s.take(e.role, span{start, i})
		}
		switch m.in {
		case inPage:
			m.from, m.to = start, i
		case inOut:
			m.from, m.to = mark, len(s.out)
		default:
			m.to = i
		}
		if e.excluded || c == 'n' && s.spec.NullEqualsAbsent {
			s.out = s.out[:mark]
		} else {
			s.members = append(s.members, m)
		}

		// What follows.
		if i < len(p) && p[i] <= ' ' {
			i = skipSpace(p, i)
		}
		if i >= len(p) {
			return ^i
		}
		if p[i] == '}' {
			s.close(sh, first, low)
			return i + 1
		}
		if p[i] != ',' {
			return ^i
		}
		if i++; i < len(p) && p[i] <= ' ' {
			i = skipSpace(p, i)
		}
	}
}

// value reads the value of a member, or an element of an array that is one, and
// appends its canonical text to s.out.
func (s *Scanner) value(i int, e *entry, depth int) int {
	p := s.page
	if i >= len(p) {
		return ^i
	}
	start := i
	switch p[i] {
	case '{':
		return s.object(i, e.below(), depth)
	case '[':
		return s.array(i, e, depth)
	case '"':
		end, t := scanString(p, i+1)
		if end < 0 {
			return end
		}
		if f := t.fault(); f != faultNone {
			return s.fail(f, start)
		}
		if t != 0 {
			s.text(p[start+1 : end])
			return end + 1
		}
		i = end + 1
	case 't', 'f', 'n':
		i = scanWord(p, i)
	default:
		i, _ = scanNumber(p, i)
	}
	if i >= 0 {
		s.out = append(s.out, p[start:i]...)
	}
	return i
}

func (s *Scanner) array(i int, e *entry, depth int) int {
	p := s.page
	if depth > maxDepth {
		return s.fail(faultDepth, i)
	}
	s.out = append(s.out, '[')
	if i = skipSpace(p, i+1); i < len(p) && p[i] == ']' {
		s.out = append(s.out, ']')
		return i + 1
	}
	for {
		if i = s.value(i, e, depth+1); i < 0 {
			return i
		}
		if i = skipSpace(p, i); i >= len(p) || p[i] != ',' && p[i] != ']' {
			return ^i
		}
		s.out = append(s.out, p[i])
		if p[i] == ']' {
			return i + 1
		}
		i = skipSpace(p, i+1)
	}
}

// name reads a name that is not the expected one, and the colon behind it.
func (s *Scanner) name(sh *shape, i int) (*entry, int) {
	p := s.page
	if i >= len(p) || p[i] != '"' {
		return nil, ^i
	}
	end, t := scanString(p, i+1)
	if end < 0 {
		return nil, end
	}
	if f := t.fault(); f != faultNone {
		return nil, s.fail(f, i)
	}
	name := p[i+1 : end]
	if t != 0 {
		s.scratch = appendUnescaped(s.scratch[:0], name)
		name = s.scratch
	}
	e := sh.names[string(name)]
	if e == nil {
		if s.names++; s.names > keepNames+maxNames {
			return nil, s.fail(faultNames, i)
		}
		e = sh.learn(name, s.role)
	}
	return e, scanColon(p, end+1)
}

// text appends an escaped string in canonical form.
func (s *Scanner) text(raw []byte) {
	s.scratch = appendUnescaped(s.scratch[:0], raw)
	s.out = append(s.out, '"')
	s.out = appendEscaped(s.out, s.scratch)
	s.out = append(s.out, '"')
}

// close appends the object whose members are s.members[first:] in canonical
// form, and moves it down over what its members left in s.out from low.
func (s *Scanner) close(sh *shape, first, low int) {
	out, page := s.out, s.page
	start := len(out)
	ms := s.members[first:]
	switch {
	case len(ms) == 0:
		out = append(out, '{')
	case sh.rank():
		var seen [maxRanked / 64]uint64
		for i := range ms {
			r := uint8(ms[i].e.rank)
			s.slots[r] = uint32(i)
			seen[r/64] |= 1 << (r % 64)
		}
		for w, m := range seen[:(len(sh.list)+63)/64] {
			for ; m != 0; m &= m - 1 {
				out = ms[s.slots[w*64+bits.TrailingZeros64(m)]].put(out, page)
			}
		}
	default:
		s.ordered = append(s.ordered[:0], ms...)
		slices.SortFunc(s.ordered, byName)
		for i := range s.ordered {
			out = s.ordered[i].put(out, page)
		}
	}
	out[start] = '{' // the first comma
	out = append(out, '}')
	if low < start {
		out = out[:low+copy(out[low:], out[start:])]
	}
	s.out, s.members = out, s.members[:first]
}

func byName(a, b member) int {
	if a.e.name < b.e.name {
		return -1
	}
	return 1 // names are distinct
}

// put appends a comma and the member.
func (m *member) put(out, page []byte) []byte {
	switch m.in {
	case withTag:
		n := len(out)
		out = append(out, page[m.from-1:m.to]...)
		out[n] = ','
	case inPage:
		out = append(out, m.e.prefix...)
		out = append(out, page[m.from:m.to]...)
	default:
		out = append(out, m.e.prefix...)
		out = append(out, out[m.from:m.to]...)
	}
	return out
}

// role says what a top-level member of the name is for.
func (s *Scanner) role(name string) role {
	r := role(slices.Index(s.spec.Key, name) + 1)
	if name == s.spec.Cursor && name != "" {
		r |= roleCursor
	}
	return r
}

// take notes the value of a member with a role.
func (s *Scanner) take(r role, v span) {
	if r&roleCursor != 0 {
		s.cursor = v
	}
	if k := r & roleKey; k != 0 {
		s.keys[k-1] = v
	}
}

// takeCursor returns the cursor member's text.
func (s *Scanner) takeCursor() []byte {
	v := s.page[s.cursor.from:s.cursor.to]
	switch {
	case len(v) == 0 || v[0] == 'n':
		return nil
	case v[0] != '"':
		return v
	}
	if v = v[1 : len(v)-1]; bytes.IndexByte(v, '\\') < 0 {
		return v
	}
	from := len(s.arena)
	s.arena = appendUnescaped(s.arena, v)
	return s.arena[from:len(s.arena):len(s.arena)]
}
