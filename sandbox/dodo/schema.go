package dodo

import (
	"iter"
	"time"
)

// entity declares one kind of object: where it is listed, how it is found, and
// its fields in the order the vendor prints them.
type entity struct {
	name    string // the name used by Options.Counts and all of Server's methods
	prefix  string // of ids
	id      string // identity field; "" if objects have none
	link    string // property by which other objects refer to it; id if empty
	payload string // payload_type in webhooks; "" if there are none
	count   int64  // objects in the default data set
	grows   bool   // Scaled multiplies count
	under   string // parent: child i belongs to parent i*parents/children, so siblings are neighbours
	lag     time.Duration
	fields  []field
	filters []filter
	from    string // query parameter of the lower, inclusive bound of the creation time
	to      string // and of the upper one
}

// shape says in which renderings of an object a field appears.
type shape uint8

const (
	inList shape = 1 << iota
	inDetail
	inEvent
)

// field is one key of an object.
type field struct {
	name  string
	in    shape // none: can be filtered by and set, but is never shown
	fixed bool  // shows its generated value even if the object was changed
	value value
}

// f declares a field of every shape.
func f(name string, v value) field {
	return field{name: name, in: inList | inDetail | inEvent, value: v}
}

// list declares a field of list rows only.
func list(name string, v value) field { return field{name: name, in: inList, value: v} }

// detail declares a field of single objects and webhooks only.
func detail(name string, v value) field {
	return field{name: name, in: inDetail | inEvent, value: v}
}

// event declares a field of webhooks only.
func event(name string, v value) field { return field{name: name, in: inEvent, value: v} }

// hidden declares a property that is never shown.
func hidden(name string, v value) field { return field{name: name, value: v} }

// fixed makes a field ignore changes.
func fixed(fl field) field {
	fl.fixed = true
	return fl
}

// filter declares a query parameter.
type filter struct {
	param string
	field string // the property it compares; param if empty
	match match
	deflt string // used when the parameter is absent; "" means no filter then
}

// match says how a filter compares.
type match uint8

const (
	equal    match = iota // the value as it stands
	contains              // a part of it, in either case
	boolean               // true or false
	unhide                // "true" shows everything, else only rows whose property is null
)

// by declares filters for properties compared as they stand.
func by(params ...string) []filter {
	out := make([]filter, len(params))
	for i, p := range params {
		out[i] = filter{param: p}
	}
	return out
}

// compiledField is a field made ready for rendering.
type compiledField struct {
	*field
	key  string // `,"name":`, without the comma for the first of a shape
	salt uint64
}

// compile selects the fields of one shape.
func compile(fields []field, in shape) []compiledField {
	var out []compiledField
	for i := range fields {
		fl := &fields[i]
		if fl.in&in == 0 {
			continue
		}
		key := `,"` + fl.name + `":`
		if len(out) == 0 {
			key = key[1:]
		}
		out = append(out, compiledField{field: fl, key: key, salt: hashText(fl.name)})
	}
	return out
}

// named yields the field of a name, preferring what detail shows.
func named(fields []field) map[string]*compiledField {
	out := map[string]*compiledField{}
	for i := range fields {
		fl := &fields[i]
		if old := out[fl.name]; old != nil && old.in&inDetail != 0 {
			continue
		}
		out[fl.name] = &compiledField{field: fl, salt: hashText(fl.name)}
	}
	return out
}

// entities returns every kind of object.
func entities() iter.Seq[*entity] {
	groups := [][]*entity{
		moneyEntities(), subscriptionEntities(), customerEntities(), licenceEntities(),
		catalogueEntities(), entitlementEntities(), creditEntities(), alertEntities(),
	}
	return func(yield func(*entity) bool) {
		for _, group := range groups {
			for _, e := range group {
				if !yield(e) {
					return
				}
			}
		}
	}
}
