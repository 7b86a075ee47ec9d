package batch

import (
	"fmt"
	"slices"
)

// Type is the type of a column. The zero value is not a type.
type Type uint8

// The column types, with the representation a [Column] keeps.
const (
	Bool    Type = iota + 1 // int64 0 or 1
	Int64                   // int64
	Float64                 // float64; only for fields declared so, never inferred
	Decimal                 // text of an exact JSON number, e.g. "-12.50" or "1e400"
	String                  // UTF-8 text
	Bytes                   // raw bytes
	Time                    // instant, microseconds since 1970-01-01T00:00:00Z
	Date                    // days since 1970-01-01
	JSON                    // one JSON value as text, as the source sent it
)

var typeNames = [...]string{Bool: "bool", Int64: "int64", Float64: "float64", Decimal: "decimal", String: "string", Bytes: "bytes", Time: "time", Date: "date", JSON: "json"}

// String returns the name used in connector files: "int64", "time", ...
func (t Type) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return fmt.Sprintf("batch.Type(%d)", uint8(t))
}

// ParseType is the inverse of [Type.String].
func ParseType(s string) (Type, error) {
	if i := slices.Index(typeNames[:], s); i > 0 {
		return Type(i), nil
	}
	return 0, fmt.Errorf("unknown type %q: one of bool, int64, float64, decimal, string, bytes, time, date, json", s)
}

// MarshalText and UnmarshalText make schemas storable as JSON by name.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Type) UnmarshalText(b []byte) (err error) {
	*t, err = ParseType(string(b))
	return err
}

// Field is one column of a [Schema].
type Field struct {
	// Name is the field's name in the source, any UTF-8 text. Destinations
	// derive their identifier from it.
	Name string `json:"name"`
	Type Type   `json:"type"`
	// Key marks a part of the primary key. Key columns are never null, never
	// widened and come first, in key order.
	Key bool `json:"key,omitempty"`
	// Declared fields are known from the connector: absent in a record means
	// null. An undeclared field was found in the data: absent means "leave
	// what is stored" (see [Batch.SplitByShape]).
	Declared bool `json:"declared,omitempty"`
	// VariantOf names the field whose values of another kind this column
	// takes: a text in a number field "n" goes to "n__string". It is null
	// wherever the field itself holds its own type.
	VariantOf string `json:"variant_of,omitempty"`
}

// Schema is an ordered list of fields with distinct names. It only ever grows:
// fields are appended or widened, never removed or reordered.
type Schema struct {
	Fields []Field `json:"fields"`
}

// Index returns the position of the named field, or -1.
func (s *Schema) Index(name string) int {
	return slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == name })
}

// Keys returns the key fields in order.
func (s *Schema) Keys() []Field {
	n := 0
	for n < len(s.Fields) && s.Fields[n].Key {
		n++
	}
	return s.Fields[:n]
}

// Clone returns a deep copy.
func (s *Schema) Clone() *Schema { return &Schema{Fields: slices.Clone(s.Fields)} }

// Equal reports whether both schemas have the same fields in the same order.
func (s *Schema) Equal(o *Schema) bool { return slices.Equal(s.Fields, o.Fields) }

// Widens reports whether values of type from can be kept in a column of type to
// without loss: int64 and float64 in decimal, date in time. Everything else is a
// change of kind, which gets a variant column instead.
func Widens(from, to Type) bool {
	switch from {
	case Int64, Float64:
		return to == Decimal
	case Date:
		return to == Time
	}
	return false
}
