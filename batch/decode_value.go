package batch

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"strconv"
)

// value appends the value at i to the column of k, or to a variant of it.
func (d *Decoder) value(k *known, i int) int {
	p := d.src
	c := d.b.cols[k.col]
	if k.key {
		d.found++
	}
	switch ch := p[i]; ch {
	case '"':
		end, t := scanString(p, i+1)
		if end < 0 {
			return end
		}
		if f := t.fault(); f != faultNone {
			return d.refuse(k.name, recordReasons[f], "", i)
		}
		if t == 0 && c.typ == String {
			c.arena = append(c.arena, p[i+1:end]...)
			return d.endValue(k, c, end+1)
		}
		return d.str(k, c, p[i:end+1], t, end+1)
	case '{', '[':
		end, t := skipValue(p, i, 1)
		if end < 0 {
			return end
		}
		if f := t.fault(); f != faultNone {
			return d.refuse(k.name, recordReasons[f], "", i)
		}
		if c.typ == JSON {
			return d.putJSON(k, c, p[i:end], t, end)
		}
		return d.flip(k, c, kindJSON, p[i:end], t, end)
	case 'n':
		end := scanWord(p, i)
		if end < 0 {
			return end
		}
		if k.key {
			return d.refuse(k.name, ReasonKeyNull, "", i)
		}
		c.AppendNull()
		return end
	case 't', 'f':
		end := scanWord(p, i)
		if end < 0 {
			return end
		}
		switch c.typ {
		case Bool:
			v := int64(0)
			if ch == 't' {
				v = 1
			}
			c.AppendInt64(v)
			return end
		case JSON:
			return d.putJSON(k, c, p[i:end], 0, end)
		}
		return d.flip(k, c, kindBool, p[i:end], 0, end)
	}
	if c.typ == Int64 {
		if v, end := shortInt(p, i); end > 0 && !(k.key && v == 0 && p[i] == '-') {
			c.AppendInt64(v)
			return end
		}
	}
	end, integer := scanNumber(p, i)
	if end < 0 {
		return end
	}
	return d.number(k, c, p[i:end], integer, end)
}

// endValue completes a value appended to the arena of c.
func (d *Decoder) endValue(k *known, c *Column, end int) int {
	if len(c.arena) > d.limit {
		if d.b.Len() == 0 {
			return d.refuse(k.name, ReasonTooLarge, "more than a column holds", end)
		}
		d.err = ErrFull
		return ^end
	}
	c.ends = append(c.ends, uint32(len(c.arena)))
	c.state = append(c.state, set)
	return end
}

// str appends a string, given with its quotes.
func (d *Decoder) str(k *known, c *Column, quoted []byte, t text, end int) int {
	switch c.typ {
	case String:
		return d.putText(k, c, quoted, end)
	case JSON:
		return d.putJSON(k, c, quoted, t, end)
	}
	s := quoted[1 : len(quoted)-1]
	if t != 0 {
		d.scratch = appendUnescaped(d.scratch[:0], s)
		s = d.scratch
	}
	switch c.typ {
	case Time:
		if micros, ok := d.time(s); ok {
			c.AppendInt64(micros)
			return end
		}
	case Date:
		if days, ok := parseDate(s); ok {
			c.AppendInt64(days)
			return end
		}
	case Decimal:
		if n, _ := scanNumber(s, 0); k.declared && n == len(s) {
			c.arena = append(c.arena, s...)
			return d.endValue(k, c, end)
		}
	case Bytes:
		if grown, err := base64.StdEncoding.Strict().AppendDecode(c.arena, s); err == nil && !bytes.ContainsAny(s, "\r\n") {
			c.arena = grown
			return d.endValue(k, c, end)
		}
	}
	return d.flip(k, c, kindString, quoted, t, end)
}

// putText appends the content of a quoted string that may hold escapes.
func (d *Decoder) putText(k *known, c *Column, quoted []byte, end int) int {
	raw := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		c.arena = append(c.arena, raw...)
		return d.endValue(k, c, end)
	}
	from := len(c.arena)
	c.arena = appendUnescaped(c.arena, raw)
	if d.p.NUL != NULKeep && bytes.IndexByte(c.arena[from:], 0) >= 0 {
		if !d.repairNUL(k) {
			return ^end
		}
		d.scratch = appendWithoutNUL(d.scratch[:0], raw, d.p.NUL == NULEscape)
		c.arena = appendUnescaped(c.arena[:from], d.scratch)
	}
	return d.endValue(k, c, end)
}

// repairNUL counts a value with U+0000, or refuses the record.
func (d *Decoder) repairNUL(k *known) bool {
	if k.key || d.p.NUL == NULReject {
		d.refuse(k.name, ReasonNUL, "", 0)
		return false
	}
	d.repairs++
	return true
}

// appendJSON appends JSON text under the NUL policy.
func (d *Decoder) appendJSON(dst []byte, k *known, raw []byte, t text) ([]byte, bool) {
	if t&textNUL == 0 || d.p.NUL == NULKeep {
		return append(dst, raw...), true
	}
	if t&textNULName != 0 {
		d.refuse(k.name, ReasonNUL, "in a member name", 0)
		return dst, false
	}
	if !d.repairNUL(k) {
		return dst, false
	}
	return appendWithoutNUL(dst, raw, d.p.NUL == NULEscape), true
}

func (d *Decoder) putJSON(k *known, c *Column, raw []byte, t text, end int) int {
	var ok bool
	if c.arena, ok = d.appendJSON(c.arena, k, raw, t); !ok {
		return ^end
	}
	return d.endValue(k, c, end)
}

// number appends a number.
func (d *Decoder) number(k *known, c *Column, num []byte, integer bool, end int) int {
	switch c.typ {
	case Decimal, JSON:
		c.arena = append(c.arena, num...)
		return d.endValue(k, c, end)
	case Int64:
		v, ok := exactInt(num)
		if k.key && (!ok || !integer || string(num) == "-0") {
			return d.refuse(k.name, ReasonKeyType, "want an integer in the range of int64, in plain form", end)
		}
		if ok {
			c.AppendInt64(v)
			return end
		}
	case Float64:
		if v, err := strconv.ParseFloat(string(num), 64); err == nil && (!integer || exactFloat(v, num)) {
			c.AppendFloat64(v)
			return end
		}
		if k.key {
			return d.refuse(k.name, ReasonKeyType, "want a number that float64 holds", end)
		}
	default:
		return d.flip(k, c, kindNumber, num, 0, end)
	}
	d.widened = append(d.widened, widening{k.col, c.typ})
	c.widenToDecimal()
	d.b.schema.Fields[k.col].Type = Decimal
	c.arena = append(c.arena, num...)
	return d.endValue(k, c, end)
}

// exactFloat reports whether v is the integer num.
func exactFloat(v float64, num []byte) bool {
	if math.Abs(v) < 1<<53 {
		return true
	}
	n, ok := new(big.Int).SetString(string(num), 10)
	if !ok {
		return false
	}
	b, _ := big.NewFloat(v).Int(nil)
	return n.Cmp(b) == 0
}

// flip puts a value of another kind than the column's into the variant.
func (d *Decoder) flip(k *known, c *Column, v kind, raw []byte, t text, end int) int {
	if k.key || d.p.Flip == FlipReject {
		reason := ReasonTypeFlip
		if k.key {
			reason = ReasonKeyType
		}
		return d.refuse(k.name, reason, fmt.Sprintf("want %s, got %s", c.typ, [kinds]string{"a string", "a number", "a boolean", "an object or array"}[v]), end)
	}
	c.AppendNull()
	if k.variants[v] == 0 {
		if len(d.b.schema.Fields) >= d.p.MaxFields {
			return d.putMember(k, raw, t, end)
		}
		k.variants[v] = d.addVariant(k, v)
	}
	vc := d.b.cols[k.variants[v]]
	switch v {
	case kindString:
		return d.putText(k, vc, raw, end)
	case kindBool:
		vc.AppendInt64(int64(len("false") - len(raw)))
		return end
	}
	return d.putJSON(k, vc, raw, t, end)
}

// addVariant adds the column for values of k that are of kind v.
func (d *Decoder) addVariant(k *known, v kind) int {
	base := k.name + "__" + variantTypes[v].String()
	name := base
	for n := 2; d.b.schema.Index(name) >= 0; n++ {
		name = base + "_" + strconv.Itoa(n)
	}
	if other := d.names[name]; other != nil && other.act == actNew {
		other.act = actRest // seen without a column; the name is taken now
	}
	d.b.AddField(Field{Name: name, Type: variantTypes[v], VariantOf: k.name})
	return len(d.b.cols) - 1
}

// putMember keeps a member for ExtraField.
func (d *Decoder) putMember(k *known, raw []byte, t text, end int) int {
	d.rest = append(d.rest, ',', '"')
	d.rest = appendEscaped(d.rest, []byte(k.name))
	d.rest = append(d.rest, '"', ':')
	var ok bool
	if d.rest, ok = d.appendJSON(d.rest, k, raw, t); !ok {
		return ^end
	}
	return end
}

// putRest writes the members kept for ExtraField.
func (d *Decoder) putRest() int {
	if d.extra < 0 {
		if d.b.schema.Index(ExtraField) >= 0 {
			return d.refuse(ExtraField, ReasonTooLarge, "no column for more members: the field is not json", 0)
		}
		d.b.AddField(Field{Name: ExtraField, Type: JSON, Declared: true})
		d.extra = len(d.b.cols) - 1
	}
	d.rest[0] = '{'
	d.rest = append(d.rest, '}')
	return d.putJSON(&known{name: ExtraField}, d.b.cols[d.extra], d.rest, 0, 0)
}

// document writes the whole record to the field of Policy.Document.
func (d *Decoder) document(obj []byte) int {
	t := text(0)
	if bytes.Contains(obj, []byte(`\u0000`)) {
		_, t = skipValue(obj, 0, 0)
	}
	return d.putJSON(&known{name: d.p.Document}, d.b.cols[d.doc], obj, t, 0)
}

// DecodeKey appends a deleted row that has only the key, given as in
// [Record.Key]. m.Deleted is set. The errors are those of [Decoder.Decode].
func (d *Decoder) DecodeKey(key []byte, m Meta) error {
	d.begin(nil)
	for i, f := range d.b.schema.Keys() {
		part, rest, err := cutKeyPart(key)
		if err != nil {
			return d.undo(d.refuse(f.Name, ReasonKeyMissing, "key has too few parts", 0))
		}
		if key = rest; d.keyPart(&known{name: f.Name, key: true, col: i}, part) < 0 {
			return d.undo(0)
		}
	}
	if len(key) > 0 {
		return d.undo(d.refuse("", ReasonKeyType, "key has too many parts", 0))
	}
	m.Deleted = true
	d.b.EndRow(m)
	return nil
}
