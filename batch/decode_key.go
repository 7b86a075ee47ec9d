package batch

import (
	"strconv"
	"unicode/utf8"
)

// keyPart appends one part of a canonical key to its column.
func (d *Decoder) keyPart(k *known, part []byte) int {
	c := d.b.cols[k.col]
	bad := func() int { return d.refuse(k.name, ReasonKeyType, "want "+c.typ.String(), 0) }
	switch c.typ {
	case String:
		if !utf8.Valid(part) {
			return d.refuse(k.name, ReasonInvalidUTF8, "", 0)
		}
		if d.p.NUL != NULKeep {
			for _, b := range part {
				if b == 0 {
					return d.refuse(k.name, ReasonNUL, "", 0)
				}
			}
		}
		c.arena = append(c.arena, part...)
		return d.endValue(k, c, 0)
	case Bytes, JSON:
		c.arena = append(c.arena, part...)
		return d.endValue(k, c, 0)
	case Decimal:
		if n, _ := scanNumber(part, 0); n != len(part) {
			return bad()
		}
		c.arena = append(c.arena, part...)
		return d.endValue(k, c, 0)
	case Int64:
		v, err := strconv.ParseInt(string(part), 10, 64)
		if err != nil || string(strconv.AppendInt(d.scratch[:0], v, 10)) != string(part) {
			return bad()
		}
		c.AppendInt64(v)
	case Bool:
		if s := string(part); s != "true" && s != "false" {
			return bad()
		}
		c.AppendInt64(int64(len("false") - len(part)))
	case Float64:
		v, err := strconv.ParseFloat(string(part), 64)
		if n, _ := scanNumber(part, 0); err != nil || n != len(part) {
			return bad()
		}
		c.AppendFloat64(v)
	case Time:
		micros, ok := d.time(part)
		if !ok {
			return bad()
		}
		c.AppendInt64(micros)
	case Date:
		days, ok := parseDate(part)
		if !ok {
			return bad()
		}
		c.AppendInt64(days)
	}
	return 0
}

// AppendKey appends the canonical key of row i: the parts of its key fields as
// [AppendKeyPart] writes them, each in the text of [Column.Text]. For String
// and Int64 fields, and all that a connector should use, that is byte for byte
// the [Record.Key] the row came from. Without key fields it appends nothing.
func (b *Batch) AppendKey(dst []byte, i int) []byte {
	var room [32]byte
	for j := range b.schema.Fields {
		if !b.schema.Fields[j].Key {
			break
		}
		switch c := b.cols[j]; {
		case c.typ.variable():
			dst = AppendKeyPart(dst, c.Bytes(i))
		case c.typ == Int64:
			dst = AppendKeyPart(dst, strconv.AppendInt(room[:0], c.fixed[i], 10))
		default:
			dst = AppendKeyPart(dst, []byte(c.Text(i)))
		}
	}
	return dst
}
