package batch

import (
	"math"
	"time"
)

// DriftPolicy says what becomes of members that the schema does not have.
type DriftPolicy uint8

// The drift policies. None of them drops a column.
const (
	DriftAdd    DriftPolicy = iota // they become columns, typed by their first value
	DriftIgnore                    // they are left out
	DriftExtra                     // they are kept together as one JSON object in ExtraField
)

// ExtraField is the name of the JSON field that takes members without a column
// of their own. A source's own member of that name goes into it, too.
const ExtraField = "_extra"

// FlipPolicy says what becomes of a value whose kind is not the field's.
type FlipPolicy uint8

// The flip policies.
const (
	FlipVariant FlipPolicy = iota // it goes to the field's variant for that kind, e.g. n__string
	FlipReject                    // the record is refused
)

// NULPolicy says what becomes of U+0000 in text, which not every database can
// store. In a key, and in a member name, it is refused unless it is kept.
type NULPolicy uint8

// The NUL policies.
const (
	NULStrip  NULPolicy = iota // left out, counted as a repair
	NULEscape                  // replaced by the six characters \u0000, counted as a repair
	NULReject                  // the record is refused
	NULKeep                    // kept
)

// Policy is how a [Decoder] treats what does not fit. The zero value adds
// columns, uses variants and strips NUL.
type Policy struct {
	Drift DriftPolicy
	Flip  FlipPolicy
	NUL   NULPolicy
	// MaxFields is the number of columns beyond which members go to ExtraField
	// instead. Default 1000.
	MaxFields int
	// Document, if not "", selects the layout `document`: only key fields are
	// decoded, and the JSON field of this name takes the whole object as sent.
	Document string
	// Zone is the zone of times without one. Of a local time that occurs twice
	// it takes the first; one that does not exist is moved forward by the gap.
	// Both count as a repair. Nil: a time without zone is not a time.
	Zone *time.Location
}

// Decoder appends JSON objects to a batch as rows. It is led by the batch's
// schema, which it extends (see [Policy]) and widens (see [Widens]) as the data
// demands, without regard to how the rows before were typed:
//
//   - Int64 takes integral numbers in range, also written 1.0 or 1e2. Any other
//     number widens the column to Decimal.
//   - Float64 takes numbers. An integer it cannot hold exactly, or a number out
//     of its range, widens the column to Decimal.
//   - Decimal takes numbers; if declared also strings that hold one.
//   - Bool takes true and false, String takes strings, JSON takes anything.
//   - Time takes RFC 3339, with 'T' or a space, in years 1 to 9999 UTC with no
//     more than six significant fraction digits. Date takes 2006-01-02.
//   - Bytes takes strings in standard padded base64.
//   - null is null. What does not fit is a flip: see [FlipPolicy].
//
// Members not in the schema get a type from their first value that is not null:
// Bool, Int64 (integers in range), Decimal (other numbers), String, JSON
// (objects and arrays). Times are never guessed.
//
// Key fields accept neither null nor flips, and of numbers only the plain form,
// so that a key has one text. It is not safe for concurrent use.
type Decoder struct {
	b     *Batch
	p     Policy
	names map[string]*known
	head  known // head.next is the expected first member
	keys  int   // key fields
	extra int   // column of ExtraField, -1 if none
	doc   int   // column of Policy.Document, -1 if none
	gen   uint64
	limit int // bytes a column's arena may hold
	zone  zoneCache

	// The record being decoded.
	src     []byte
	only    bool // key fields only
	found   int  // key fields found
	repairs int
	rest    []byte // members for ExtraField: ,"name":value...
	scratch []byte
	err     error

	// To undo it.
	fields  int // in the schema before
	widened []widening
}

// widening is a column that became Decimal for the record being decoded.
type widening struct {
	col  int
	from Type
}

// known is one member name and what to do with its value.
type known struct {
	next     *known // the member expected behind this one
	gen      uint64 // of the record it was last seen in
	raw      string // `"name":` as it is usually written
	name     string
	act      action
	key      bool
	declared bool
	col      int
	variants [kinds]int // column of the variant per kind, 0 if none
}

type action uint8

const (
	actColumn action = iota // goes to column col
	actNew                  // no column yet
	actSkip
	actRest
)

// kind is a kind of JSON value, as variants tell them apart.
type kind uint8

const (
	kindString kind = iota
	kindNumber
	kindBool
	kindJSON // object or array
	kinds    = 4
)

var variantTypes = [kinds]Type{String, Decimal, Bool, JSON}

// NewDecoder returns a decoder that appends to b. It adds the fields that the
// policy calls for to b's schema: Policy.Document, and ExtraField under
// DriftExtra.
func NewDecoder(b *Batch, p Policy) *Decoder {
	if p.MaxFields <= 0 {
		p.MaxFields = 1000
	}
	d := &Decoder{b: b, p: p, limit: math.MaxUint32}
	if p.Document != "" && b.schema.Index(p.Document) < 0 {
		b.AddField(Field{Name: p.Document, Type: JSON, Declared: true})
	}
	if p.Drift == DriftExtra && p.Document == "" && b.schema.Index(ExtraField) < 0 {
		b.AddField(Field{Name: ExtraField, Type: JSON, Declared: true})
	}
	d.learnSchema()
	return d
}

// learnSchema forgets all names and takes up those of the schema.
func (d *Decoder) learnSchema() {
	d.names, d.head, d.keys, d.extra, d.doc = map[string]*known{}, known{}, 0, -1, -1
	for i, f := range d.b.schema.Fields {
		if f.VariantOf != "" {
			continue
		}
		if f.Type == JSON && !f.Key {
			if f.Name == d.p.Document {
				d.doc = i
			}
			if f.Name == ExtraField {
				d.extra = i
				continue
			}
		}
		if f.Key {
			d.keys++
		}
		k := d.learn(f.Name)
		k.act, k.col, k.key, k.declared = actColumn, i, f.Key, f.Declared
	}
	for i, f := range d.b.schema.Fields {
		k := d.names[f.VariantOf]
		if f.VariantOf == "" || k == nil || k.act != actColumn {
			continue
		}
		for v, t := range variantTypes {
			if f.Type == t {
				k.variants[v] = i
			}
		}
	}
	d.fields = len(d.b.schema.Fields)
}

// learn takes up a name, as one without a column.
func (d *Decoder) learn(name string) *known {
	k := &known{name: name, col: -1}
	if escaped := appendEscaped(nil, []byte(name)); string(escaped) == name {
		k.raw = `"` + name + `":`
	}
	switch d.p.Drift {
	case DriftAdd:
		k.act = actNew
	case DriftIgnore:
		k.act = actSkip
	case DriftExtra:
		k.act = actRest
	}
	if k.act == actNew && (name == ExtraField || d.b.schema.Index(name) >= 0) {
		k.act = actRest // a variant has the name
	}
	d.names[name] = k
	return k
}

// Decode appends one row. repairs is the number of values changed by policy
// (NUL, local times). A *[RecordError] means that the record was refused, [ErrFull]
// that the batch must be written first; both leave the batch and its schema as
// they were. If m.Deleted is set only the key is decoded.
func (d *Decoder) Decode(obj []byte, m Meta) (repairs int, err error) {
	d.begin(obj)
	d.only = m.Deleted || d.doc >= 0
	start := skipSpace(obj, 0)
	end := d.object(start)
	if end >= 0 {
		if rest := skipSpace(obj, end); rest < len(obj) {
			end = ^rest
		} else if d.found < d.keys {
			end = d.refuse(d.missingKey(), ReasonKeyMissing, "", 0)
		} else if d.doc >= 0 && !m.Deleted {
			end = d.document(obj[start:end])
		} else if len(d.rest) > 0 && !m.Deleted {
			end = d.putRest()
		}
	}
	if end < 0 {
		return 0, d.undo(end)
	}
	d.b.EndRow(m)
	return d.repairs, nil
}

func (d *Decoder) begin(obj []byte) {
	if d.fields != len(d.b.schema.Fields) || len(d.names) > d.p.MaxFields+keepNames {
		d.learnSchema()
	}
	d.gen++
	d.src, d.found, d.repairs, d.rest, d.err = obj, 0, 0, d.rest[:0], nil
	d.fields, d.widened = len(d.b.schema.Fields), d.widened[:0]
}

// undo takes back the record that failed at end and returns why it did.
func (d *Decoder) undo(end int) error {
	d.b.UndoRow()
	for _, w := range d.widened {
		if w.col < d.fields {
			d.b.cols[w.col].narrow(w.from)
			d.b.schema.Fields[w.col].Type = w.from
		}
	}
	if len(d.b.cols) > d.fields {
		d.b.dropFields(d.fields)
		d.learnSchema()
	}
	if d.err != nil {
		return d.err
	}
	e := &RecordError{Reason: ReasonSyntax, Detail: "not JSON"}
	if ^end >= len(d.src) {
		e.Detail = "JSON is cut short"
	}
	return e
}

// refuse notes why the record cannot be used.
func (d *Decoder) refuse(field string, r Reason, detail string, i int) int {
	d.err = &RecordError{Field: field, Reason: r, Detail: detail}
	return ^i
}

// missingKey names a key field that the record does not have.
func (d *Decoder) missingKey() string {
	for i, f := range d.b.schema.Keys() {
		if d.b.cols[i].Len() == len(d.b.meta) {
			return f.Name
		}
	}
	return ""
}

// object reads the record and appends its values.
func (d *Decoder) object(i int) int {
	p := d.src
	if i >= len(p) {
		return ^i
	}
	if p[i] != '{' {
		if end, _ := skipValue(p, i, 0); end < 0 {
			return end
		}
		return d.refuse("", ReasonNotObject, "", i)
	}
	if i = skipSpace(p, i+1); i < len(p) && p[i] == '}' {
		return i + 1
	}
	for prev := &d.head; ; {
		from, k := i, prev.next
		if k != nil && i+len(k.raw) < len(p) && string(p[i:i+len(k.raw)]) == k.raw {
			if i += len(k.raw); p[i] <= ' ' {
				i = skipSpace(p, i)
			}
		} else {
			if k, i = d.name(i); i < 0 {
				return i
			}
			if k.raw != "" {
				prev.next = k
			}
		}
		if k.gen == d.gen {
			return d.refuse(k.name, ReasonDuplicateMember, "", from)
		}
		k.gen, prev = d.gen, k
		if i >= len(p) {
			return ^i
		}
		if i = d.member(k, from, i); i < 0 {
			return i
		}
		if i < len(p) && p[i] <= ' ' {
			i = skipSpace(p, i)
		}
		if i >= len(p) {
			return ^i
		}
		if p[i] == '}' {
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

// name reads a name that is not the expected one, and the colon behind it.
func (d *Decoder) name(i int) (*known, int) {
	p := d.src
	if i >= len(p) || p[i] != '"' {
		return nil, ^i
	}
	end, t := scanString(p, i+1)
	if end < 0 {
		return nil, end
	}
	if f := t.fault(); f != faultNone {
		return nil, d.refuse("", recordReasons[f], "in a member name", i)
	}
	if t&textNUL != 0 && d.p.NUL != NULKeep {
		return nil, d.refuse("", ReasonNUL, "in a member name", i)
	}
	name := p[i+1 : end]
	if t != 0 {
		d.scratch = appendUnescaped(d.scratch[:0], name)
		name = d.scratch
	}
	k := d.names[string(name)]
	if k == nil {
		if len(d.names) > d.p.MaxFields+keepNames+maxNames {
			return nil, d.refuse("", ReasonTooLarge, "too many members", i)
		}
		k = d.learn(string(name))
	}
	return k, scanColon(p, end+1)
}

// member appends the value at i of the member whose name is at from.
func (d *Decoder) member(k *known, from, i int) int {
	p := d.src
	act := k.act
	if d.only && !k.key {
		act = actSkip
	}
	if act == actNew {
		if p[i] == 'n' {
			return scanWord(p, i)
		}
		act = d.addColumn(k, i)
	}
	if act == actColumn {
		return d.value(k, i)
	}
	end, t := skipValue(p, i, 1)
	if end < 0 {
		return end
	}
	if f := t.fault(); f != faultNone {
		return d.refuse(k.name, recordReasons[f], "", i)
	}
	if act == actRest {
		return d.putMember(k, p[i:end], t, end)
	}
	return end
}

// addColumn gives a new name a column that fits the value at i.
func (d *Decoder) addColumn(k *known, i int) action {
	if len(d.b.schema.Fields) >= d.p.MaxFields {
		return actRest
	}
	f := Field{Name: k.name}
	switch d.src[i] {
	case '"':
		f.Type = String
	case 't', 'f':
		f.Type = Bool
	case '{', '[':
		f.Type = JSON
	default:
		f.Type = Int64
		if end, integer := scanNumber(d.src, i); end < 0 || !integer {
			f.Type = Decimal
		} else if _, ok := exactInt(d.src[i:end]); !ok {
			f.Type = Decimal
		}
	}
	d.b.AddField(f)
	k.act, k.col = actColumn, len(d.b.cols)-1
	return actColumn
}
