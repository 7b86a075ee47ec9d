package batch

import (
	"math"
	"strconv"
	"time"
)

// Column is the values of one field. A value is null, absent (the record did
// not mention the field) or set; accessors of a null or absent value return the
// zero value. Which accessor fits follows from [Column.Type].
type Column struct {
	typ    Type
	state  []uint8 // per row: set, null or absent
	nulls  int     // null and absent
	absent int
	fixed  []int64  // Bool, Int64, Time, Date, Float64 (bits)
	arena  []byte   // String, Bytes, Decimal, JSON
	ends   []uint32 // end offset in arena per row
}

const (
	set uint8 = iota
	null
	absent
)

func newColumn(t Type) *Column { return &Column{typ: t} }

// Type returns the column's type.
func (c *Column) Type() Type { return c.typ }

// Len returns the number of values, nulls included.
func (c *Column) Len() int { return len(c.state) }

// Null reports whether value i is null or absent.
func (c *Column) Null(i int) bool { return c.state[i] != set }

// Absent reports whether the record of row i did not mention the field.
func (c *Column) Absent(i int) bool { return c.state[i] == absent }

// HasNulls reports whether any value is null or absent.
func (c *Column) HasNulls() bool { return c.nulls > 0 }

// Int64 returns value i of an Int64, Date (days) or Time (microseconds) column.
func (c *Column) Int64(i int) int64 { return c.fixed[i] }

// Bool returns value i of a Bool column.
func (c *Column) Bool(i int) bool { return c.fixed[i] != 0 }

// Float64 returns value i of a Float64 column.
func (c *Column) Float64(i int) float64 { return math.Float64frombits(uint64(c.fixed[i])) }

// Time returns value i of a Time column.
func (c *Column) Time(i int) time.Time { return time.UnixMicro(c.fixed[i]).UTC() }

// Bytes returns value i of a String, Bytes, Decimal or JSON column. The slice
// is valid until the batch is reset and must not be changed.
func (c *Column) Bytes(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.arena[start:c.ends[i]:c.ends[i]]
}

// Text returns value i of any type as text: numbers in decimal, times in RFC
// 3339 UTC with six fraction digits, booleans as true and false, null as "".
// It allocates; it is for keys, errors and slow paths.
func (c *Column) Text(i int) string {
	if c.Null(i) {
		return ""
	}
	switch c.typ {
	case Bool:
		return strconv.FormatBool(c.Bool(i))
	case Int64:
		return strconv.FormatInt(c.fixed[i], 10)
	case Float64:
		return strconv.FormatFloat(c.Float64(i), 'g', -1, 64)
	case Time:
		return string(AppendTime(nil, c.fixed[i]))
	case Date:
		return time.Unix(c.fixed[i]*86400, 0).UTC().Format(time.DateOnly)
	}
	return string(c.Bytes(i))
}

// AppendTime appends microseconds since 1970 as RFC 3339 UTC with six fraction
// digits: 2026-01-02T03:04:05.678901Z.
func AppendTime(b []byte, micros int64) []byte {
	return time.UnixMicro(micros).UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
}

// variable reports whether the type keeps its values in the arena.
func (t Type) variable() bool { return t == String || t == Bytes || t == Decimal || t == JSON }

// AppendInt64 appends a value to an Int64, Bool (0 or 1), Date or Time column.
func (c *Column) AppendInt64(v int64) {
	c.fixed = append(c.fixed, v)
	c.state = append(c.state, set)
}

// AppendFloat64 appends a value to a Float64 column.
func (c *Column) AppendFloat64(v float64) { c.AppendInt64(int64(math.Float64bits(v))) }

// AppendBytes appends a copy of v to a String, Bytes, Decimal or JSON column.
func (c *Column) AppendBytes(v []byte) {
	c.arena = append(c.arena, v...)
	c.EndValue()
}

// Arena and SetArena let a decoder build a value in place: append to the arena,
// set it back, then EndValue.
func (c *Column) Arena() []byte { return c.arena }

// SetArena gives back the slice from Arena with bytes appended.
func (c *Column) SetArena(b []byte) { c.arena = b }

// EndValue completes the value appended to the arena. A column holds 4 GiB;
// beyond that it panics. A [Decoder] returns [ErrFull] instead.
func (c *Column) EndValue() {
	if uint64(len(c.arena)) > math.MaxUint32 {
		panic("batch: column is full (4 GiB)")
	}
	c.ends = append(c.ends, uint32(len(c.arena)))
	c.state = append(c.state, set)
}

// AppendNull appends a null.
func (c *Column) AppendNull() { c.appendState(null) }

// AppendAbsent appends "not mentioned".
func (c *Column) AppendAbsent() { c.appendState(absent); c.absent++ }

func (c *Column) appendState(s uint8) {
	c.state = append(c.state, s)
	c.nulls++
	if c.typ.variable() {
		c.ends = append(c.ends, uint32(len(c.arena)))
	} else {
		c.fixed = append(c.fixed, 0)
	}
}

// appendFrom appends value i of o, a column of the same type or of one that
// widens to it.
func (c *Column) appendFrom(o *Column, i int) {
	switch {
	case o.state[i] == absent:
		c.AppendAbsent()
	case o.state[i] == null:
		c.AppendNull()
	case c.typ == Decimal && o.typ != Decimal:
		c.AppendBytes([]byte(o.Text(i)))
	case c.typ == Time && o.typ == Date:
		c.AppendInt64(o.fixed[i] * 86400e6)
	case c.typ.variable():
		c.AppendBytes(o.Bytes(i))
	default:
		c.AppendInt64(o.fixed[i])
	}
}

// truncate keeps the first n values.
func (c *Column) truncate(n int) {
	for i := n; i < len(c.state); i++ {
		if c.state[i] != set {
			c.nulls--
		}
		if c.state[i] == absent {
			c.absent--
		}
	}
	if n >= len(c.state) {
		// A value begun in the arena but not ended.
		if c.typ.variable() {
			c.arena = c.arena[:c.arenaEnd(n)]
		}
		return
	}
	c.state = c.state[:n]
	if c.typ.variable() {
		c.ends = c.ends[:n]
		c.arena = c.arena[:c.arenaEnd(n)]
	} else {
		c.fixed = c.fixed[:n]
	}
}

func (c *Column) arenaEnd(n int) int {
	if n > len(c.ends) {
		n = len(c.ends)
	}
	if n == 0 {
		return 0
	}
	return int(c.ends[n-1])
}

func (c *Column) reset() {
	c.state, c.fixed, c.arena, c.ends = c.state[:0], c.fixed[:0], c.arena[:0], c.ends[:0]
	c.nulls, c.absent = 0, 0
}

func (c *Column) size() int { return len(c.arena) + 8*len(c.fixed) + 5*len(c.state) }

// widenToDecimal turns an Int64 or Float64 column into Decimal, exactly.
func (c *Column) widenToDecimal() {
	n := newColumn(Decimal)
	for i := range c.state {
		switch {
		case c.state[i] == absent:
			n.AppendAbsent()
		case c.state[i] == null:
			n.AppendNull()
		case c.typ == Int64:
			n.arena = strconv.AppendInt(n.arena, c.fixed[i], 10)
			n.EndValue()
		default:
			n.arena = strconv.AppendFloat(n.arena, c.Float64(i), 'g', -1, 64)
			n.EndValue()
		}
	}
	*c = *n
}

// narrow undoes widenToDecimal for a column whose values all came from it.
func (c *Column) narrow(to Type) {
	n := newColumn(to)
	for i := range c.state {
		switch {
		case c.state[i] == absent:
			n.AppendAbsent()
		case c.state[i] == null:
			n.AppendNull()
		case to == Int64:
			v, _ := exactInt(c.Bytes(i))
			n.AppendInt64(v)
		default:
			v, _ := strconv.ParseFloat(string(c.Bytes(i)), 64)
			n.AppendFloat64(v)
		}
	}
	*c = *n
}
