package main

import (
	"reflect"
	"strings"
)

// decoded is what the library knows of a decoded field.
type decoded interface {
	IsNull() bool // or missing
	IsMissing() bool
	IsInvalid() bool
}

// inspect notes, by the library's type, what of an object did not fit it, which
// is no error to the library: a value of another type, a required field that is
// missing or null, a key the type does not have, an enum member it does not
// know.
func (r *report) inspect(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			r.inspect(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			r.inspect(v.Index(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			r.inspect(it.Value())
		}
	case reflect.Struct:
		if method := v.MethodByName("AsUnion"); method.IsValid() {
			r.inspect(method.Call(nil)[0])
			return
		}
		if meta := v.FieldByName("JSON"); meta.IsValid() {
			r.inspectFields(v, meta)
		}
	default:
		if enum, ok := v.Interface().(interface{ IsKnown() bool }); ok && !enum.IsKnown() {
			r.problem("%s: unknown member %q", v.Type().Name(), v.String())
		}
	}
}

func (r *report) inspectFields(v, meta reflect.Value) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		known := meta.FieldByName(field.Name)
		if key == "" || key == "-" || !known.IsValid() {
			continue
		}
		at := v.Type().Name() + "." + key
		state := known.Interface().(decoded)
		switch {
		case state.IsInvalid():
			r.problem("%s: of the wrong type", at)
		case !state.IsNull():
			r.inspect(v.Field(i))
		case strings.Contains(field.Tag.Get("api"), "required") && state.IsMissing():
			r.problem("%s: missing", at)
		case strings.Contains(field.Tag.Get("api"), "required"):
			r.problem("%s: null", at)
		}
	}
	for it := meta.FieldByName("ExtraFields").MapRange(); it.Next(); {
		// payload_type is the envelope's, and no type of an object has it.
		if key := it.Key().String(); key != "payload_type" {
			r.problem("%s.%s: not in the type", v.Type().Name(), key)
		}
	}
}
