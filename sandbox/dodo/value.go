package dodo

import (
	"slices"
	"strconv"
	"time"
)

// value generates the JSON of one field.
type value struct {
	kind   kind
	append func(b []byte, r *row) []byte
	enum   []string // the closed list, if there is one
}

// kind tells dirty data where it fits.
type kind uint8

const (
	other kind = iota
	integerKind
	enumKind
	metadataKind
	identityKind
	timeKind
)

// gen wraps a function as a value.
func gen(append func(b []byte, r *row) []byte) value { return value{append: append} }

// raw is the same JSON for every object.
func raw(json string) value {
	return gen(func(b []byte, _ *row) []byte { return append(b, json...) })
}

var (
	null  = raw("null")
	no    = raw("false")
	yes   = raw("true")
	empty = raw("[]")
)

// id is the object's own id.
var id = value{kind: identityKind, append: func(b []byte, r *row) []byte {
	return append(r.c.appendID(append(b, '"'), r.i), '"')
}}

// business is the id of the business all objects belong to.
var business = gen(func(b []byte, r *row) []byte {
	return append(append(append(b, '"'), r.w.business...), '"')
})

// created is the object's creation time.
var created = value{kind: timeKind, append: func(b []byte, r *row) []byte { return appendTime(b, r.at) }}

// after is a time up to span after the creation, in whole milliseconds.
func after(span time.Duration) value {
	ms := span.Milliseconds()
	return value{kind: timeKind, append: func(b []byte, r *row) []byte {
		return appendTime(b, r.at+r.below(ms)*1000)
	}}
}

// updated is a last change within 30 days of the creation.
var updated = after(30 * 24 * time.Hour)

// integer is a number in [lo, hi].
func integer(lo, hi int64) value {
	return value{kind: integerKind, append: func(b []byte, r *row) []byte {
		return strconv.AppendInt(b, lo+r.below(hi-lo+1), 10)
	}}
}

// numbers is one of some numbers.
func numbers(choices ...int64) value {
	return value{kind: integerKind, append: func(b []byte, r *row) []byte {
		return strconv.AppendInt(b, choices[r.below(int64(len(choices)))], 10)
	}}
}

// decimal is a decimal string in [lo, hi] with two fraction digits, as all
// credit quantities are.
func decimal(lo, hi int64) value {
	return gen(func(b []byte, r *row) []byte {
		v := lo*100 + r.below((hi-lo)*100+1)
		b = strconv.AppendInt(append(b, '"'), v/100, 10)
		return append(appendPadded(append(b, '.'), v%100, 2), '"')
	})
}

// flag is true for percent of the objects.
func flag(percent int64) value {
	return gen(func(b []byte, r *row) []byte { return strconv.AppendBool(b, r.chance(percent)) })
}

// maybe is v for percent of the objects, else null.
func maybe(percent int64, v value) value {
	return value{kind: v.kind, enum: v.enum, append: func(b []byte, r *row) []byte {
		if !r.chance(percent) {
			return append(b, "null"...)
		}
		return v.append(b, r)
	}}
}

// when is v for the objects that satisfy cond, else null.
func when(cond func(r *row) bool, v value) value {
	return value{kind: v.kind, enum: v.enum, append: func(b []byte, r *row) []byte {
		if !cond(r) {
			return append(b, "null"...)
		}
		return v.append(b, r)
	}}
}

// text is one of some texts. They must need no escapes.
func text(texts ...string) value {
	quoted := quoteAll(texts)
	return gen(func(b []byte, r *row) []byte { return append(b, quoted[r.below(int64(len(quoted)))]...) })
}

// one is a member of a closed list; repeat a member to make it likelier.
func one(members ...string) value {
	v := text(members...)
	return value{kind: enumKind, append: v.append, enum: dedupe(members)}
}

// lifecycle is a status that settles: mostly open among the newest objects,
// seldom among old ones.
func lifecycle(open, settled []string) value {
	openQuoted, settledQuoted := quoteAll(open), quoteAll(settled)
	return value{kind: enumKind, enum: dedupe(append(slices.Clone(open), settled...)), append: func(b []byte, r *row) []byte {
		if r.isOpen() {
			return append(b, openQuoted[r.pick(1, int64(len(openQuoted)))]...)
		}
		return append(b, settledQuoted[r.pick(2, int64(len(settledQuoted)))]...)
	}}
}

// isOpen reports whether the object has not come to rest: half of the newest
// fiftieth, and one in 500 of the rest.
func (r *row) isOpen() bool {
	if r.i >= r.c.n-r.c.n/50 {
		return r.pick(3, 2) == 0
	}
	return r.pick(3, 500) == 0
}

// token is a prefix and some hexadecimal digits.
func token(prefix string, digits int) value {
	return gen(func(b []byte, r *row) []byte {
		b = append(append(b, '"'), prefix...)
		v := r.rnd()
		for k := range digits {
			if k == 16 {
				v = mix(v)
			}
			b = append(b, "0123456789abcdef"[v>>(4*(k&15))&15])
		}
		return append(b, '"')
	})
}

// around puts a text before and after the inside of a string value.
func around(prefix string, v value, suffix string) value {
	return gen(func(b []byte, r *row) []byte {
		b = append(append(b, '"'), prefix...)
		mark := len(b)
		b = v.append(b, r)
		// Drop the inner quotes by moving the inside one to the left.
		copy(b[mark:], b[mark+1:len(b)-1])
		b = append(b[:len(b)-2], suffix...)
		return append(b, '"')
	})
}

// obj is a nested object with the given fields.
func obj(fields ...field) value {
	compiled := compile(fields, inList|inDetail|inEvent)
	return gen(func(b []byte, r *row) []byte {
		outer := r.salt
		b = append(b, '{')
		for k := range compiled {
			b = append(b, compiled[k].key...)
			r.salt = outer ^ compiled[k].salt
			b = compiled[k].value.append(b, r)
		}
		r.salt = outer
		return append(b, '}')
	})
}

// array holds between lo and hi copies of v that differ.
func array(lo, hi int64, v value) value {
	return gen(func(b []byte, r *row) []byte {
		outer := r.salt
		n := lo + r.below(hi-lo+1)
		b = append(b, '[')
		for k := range n {
			if k > 0 {
				b = append(b, ',')
			}
			r.salt = outer + uint64(k)*0x9e3779b97f4a7c15
			b = v.append(b, r)
		}
		r.salt = outer
		return append(b, ']')
	})
}

// choose is one of some values, the same one for every field that asks with
// the same number of choices.
func choose(values ...value) value {
	return gen(func(b []byte, r *row) []byte {
		return values[r.pick(7, int64(len(values)))].append(b, r)
	})
}

// metadata is a flat object, empty for most.
var metadata = value{kind: metadataKind, append: func(b []byte, r *row) []byte {
	switch v := r.below(8); v {
	case 0:
		b = append(b, `{"order":"A-`...)
		b = strconv.AppendInt(b, r.pick(9, 100000), 10)
		return append(b, `","seats":3,"gift":false}`...)
	case 1:
		return append(b, `{"campaign":"spring","score":0.25}`...)
	default:
		return append(b, "{}"...)
	}
}}

// ref is the id of a related object.
func ref(to func(r *row) (*collection, int64)) value {
	return value{kind: identityKind, append: func(b []byte, r *row) []byte {
		c, i := to(r)
		return append(c.appendID(append(b, '"'), i), '"')
	}}
}

// anyOf is the id of an object of another kind that is older than this one, as
// long as both kinds spread evenly over the same time.
func anyOf(name string) value { return ref(anyOne(name)) }

func anyOne(name string) func(r *row) (*collection, int64) {
	purpose := hashText(name)
	return func(r *row) (*collection, int64) {
		c := r.w.byName[name]
		return c, r.older(c, purpose)
	}
}

// parent is the id of the object this one belongs to.
var parent = ref(func(r *row) (*collection, int64) { return r.c.parent, r.parent() })

// parentOfParent is the id of the object that one belongs to.
var parentOfParent = ref(func(r *row) (*collection, int64) {
	p := r.c.parent.rowAt(r.parent())
	return p.c.parent, p.parent()
})

func quote(s string) string { return `"` + s + `"` }

func quoteAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = quote(t)
	}
	return out
}

func dedupe(texts []string) []string {
	out := slices.Clone(texts)
	slices.Sort(out)
	return slices.Compact(out)
}
