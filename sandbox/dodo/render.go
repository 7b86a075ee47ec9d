package dodo

import (
	"bytes"
	"strconv"
)

// append appends the object with the given fields.
func (r *row) append(b []byte, fields []compiledField) []byte {
	if r.w.opts.Dirty.any() && r.dirty() {
		return r.appendDirty(b, fields)
	}
	b = append(b, '{')
	for k := range fields {
		fl := &fields[k]
		b = append(b, fl.key...)
		if r.obj != nil && !fl.fixed {
			if v, ok := r.obj.fields[fl.name]; ok {
				b = append(b, v...)
				continue
			}
		}
		r.salt = fl.salt
		b = fl.value.append(b, r)
	}
	return append(b, '}')
}

// dirty reports whether this is one of the objects that dirty data hits.
func (r *row) dirty() bool { return r.i%int64(max(r.w.opts.Dirty.Every, 1)) == 0 }

// appendDirty is append for an object hit by dirty data.
func (r *row) appendDirty(b []byte, fields []compiledField) []byte {
	d := &r.w.opts.Dirty
	b = append(b, '{')
	mark := len(b)
	last := ""
	for k := range fields {
		fl := &fields[k]
		before := len(b)
		if before > mark {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), fl.name...), '"', ':')
		start := len(b)
		b = r.appendProp(b, fl)
		if d.MissingFields && string(b[start:]) == "null" {
			b = b[:before]
			continue
		}
		b = r.spoil(b, start, fl)
		last = fl.name
	}
	if d.ExtraField {
		b = append(b, `,"x_added_later":{"level":[1,2,{"deep":true}]}`...)
	}
	if d.DuplicateKeys && last != "" {
		b = append(b, `,"`+last+`":"duplicate"`...)
	}
	return append(b, '}')
}

// spoil replaces the value at b[start:] as the options ask.
func (r *row) spoil(b []byte, start int, fl *compiledField) []byte {
	d := &r.w.opts.Dirty
	v := b[start:]
	switch fl.value.kind {
	case enumKind:
		if d.UnknownEnum && len(v) > 0 && v[0] == '"' {
			return append(b[:start], `"added_later"`...)
		}
	case metadataKind:
		if d.NullMetadata {
			return append(b[:start], "null"...)
		}
	case integerKind:
		if d.TypeChange && v[0] != 'n' {
			return append(b[:start], strconv.Quote(string(v))...)
		}
		if d.BigNumbers && v[0] != 'n' {
			if r.pick(60, 2) == 0 {
				return append(b[:start], "9223372036854775808"...)
			}
			return append(b[:start], "123456789012345678901234567890"...)
		}
	}
	if d.DisputeAmountNumber && fl.name == "amount" && r.c == r.w.disputes {
		return append(b[:start], string(bytes.Trim(v, `"`))...)
	}
	return b
}

// appendNameDirt appends what dirty data adds to a name.
func (r *row) appendNameDirt(b []byte) []byte {
	d := &r.w.opts.Dirty
	if !d.any() || !r.dirty() {
		return b
	}
	if d.NULNames {
		b = append(b, `\u0000`...)
	}
	if d.EmojiNames {
		b = append(b, " 🦉👩‍🚀"...)
	}
	if d.InvalidUTF8 {
		b = append(b, 0xc3, 0x28, 0xff)
	}
	if d.LoneSurrogate {
		b = append(b, `\ud83d`...)
	}
	return b
}
