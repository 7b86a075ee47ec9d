package batch

import (
	"encoding/binary"
	"errors"
	"strings"
)

// AppendKeyPart appends one part of a canonical key: its length as a uvarint,
// then its bytes, so that no two keys of different parts are the same bytes.
// The part is the content of a string, or the text of a number, true or false.
func AppendKeyPart(dst, part []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(part)))
	return append(dst, part...)
}

var errKeyForm = errors.New("batch: not a canonical key")

// KeyParts returns the parts of a canonical key; it is the inverse of
// [AppendKeyPart].
func KeyParts(key []byte) ([]string, error) {
	var parts []string
	for len(key) > 0 {
		part, rest, err := cutKeyPart(key)
		if err != nil {
			return nil, err
		}
		parts, key = append(parts, string(part)), rest
	}
	return parts, nil
}

func cutKeyPart(key []byte) (part, rest []byte, err error) {
	n, used := binary.Uvarint(key)
	if used <= 0 || n > uint64(len(key)-used) {
		return nil, nil, errKeyForm
	}
	if used > 1 && key[used-1] == 0 { // a longer form of a shorter number
		return nil, nil, errKeyForm
	}
	key = key[used:]
	return key[:n], key[n:], nil
}

// takeKey returns the canonical key of the record just read.
func (s *Scanner) takeKey() ([]byte, error) {
	from := len(s.arena)
	for k, v := range s.keys {
		if reason := s.appendKeyValue(s.page[v.from:v.to]); reason != "" {
			s.arena = s.arena[:from]
			return nil, &RecordError{Field: s.spec.Key[k], Reason: reason}
		}
	}
	return s.arena[from:len(s.arena):len(s.arena)], nil
}

// rescueKey reads the key of a record that is faulty elsewhere, nil if the
// fault concerns the key.
func (s *Scanner) rescueKey(data []byte) []byte {
	from := len(s.arena)
	for _, name := range s.spec.Key {
		raw, n := find(data, name)
		if n != 1 || s.appendKeyValue(raw) != "" {
			s.arena = s.arena[:from]
			return nil
		}
	}
	return s.arena[from:len(s.arena):len(s.arena)]
}

// appendKeyValue appends the JSON value to the arena as a part of a key.
func (s *Scanner) appendKeyValue(raw []byte) Reason {
	switch {
	case len(raw) == 0:
		return ReasonKeyMissing
	case raw[0] == 'n':
		return ReasonKeyNull
	case raw[0] == '{' || raw[0] == '[':
		return ReasonKeyType
	case raw[0] == '"':
		_, t := scanString(raw, 1)
		if f := t.fault(); f != faultNone {
			return recordReasons[f]
		}
		raw = raw[1 : len(raw)-1]
		if t != 0 {
			s.scratch = appendUnescaped(s.scratch[:0], raw)
			raw = s.scratch
		}
	}
	s.arena = AppendKeyPart(s.arena, raw)
	return ""
}

// Lookup returns the JSON text of the value at a dotted path in an object, e.g.
// "customer.customer_id"; ok is false if there is none, or if obj is not JSON
// up to that place. The path leads through objects only. Of members with the
// same name it returns the first.
func Lookup(obj []byte, path string) (raw []byte, ok bool) {
	for more := true; more; {
		var name string
		name, path, more = strings.Cut(path, ".")
		i := skipSpace(obj, 0)
		value, n := findFrom(obj, i, name, 1)
		if n == 0 {
			return nil, false
		}
		obj = value
	}
	return obj, true
}

// find returns the last member of the name in an object and how many there are.
func find(obj []byte, name string) ([]byte, int) {
	return findFrom(obj, skipSpace(obj, 0), name, len(obj))
}

// findFrom looks through the object at i until it has seen the name limit
// times. Names with faulty text equal none.
func findFrom(p []byte, i int, name string, limit int) (value []byte, seen int) {
	if i >= len(p) || p[i] != '{' {
		return nil, 0
	}
	for i = skipSpace(p, i+1); i < len(p) && p[i] == '"'; {
		end, t := scanString(p, i+1)
		if end < 0 {
			return value, seen
		}
		same := t.fault() == faultNone && sameName(p[i+1:end], t, name)
		if i = scanColon(p, end+1); i < 0 {
			return value, seen
		}
		if end, _ = skipValue(p, i, 0); end < 0 {
			return value, seen
		}
		if same {
			value = p[i:end:end]
			if seen++; seen == limit {
				return value, seen
			}
		}
		if i = skipSpace(p, end); i < len(p) && p[i] == ',' {
			i = skipSpace(p, i+1)
		}
	}
	return value, seen
}

func sameName(raw []byte, t text, name string) bool {
	if t == 0 {
		return string(raw) == name
	}
	return string(appendUnescaped(nil, raw)) == name
}
