package rest

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
)

// JSONSchema returns the JSON Schema of connector files, derived from the Go
// types, for editors.
func JSONSchema() []byte {
	g := &schemaWriter{defs: map[string]any{}}
	root := g.object(reflect.TypeFor[Connector]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Syncline connector"
	root["$defs"] = g.defs
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	return append(b, '\n')
}

type schemaWriter struct{ defs map[string]any }

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

func (g *schemaWriter) schema(t reflect.Type) map[string]any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[Duration]():
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^(0|([0-9]+d)?([0-9.]+(ns|us|ms|s|m|h))*)$`}
	case reflect.TypeFor[Size]():
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^[0-9]+ ?([KMG]iB)?$`}
	case reflect.TypeFor[Status]():
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$`}
	case reflect.TypeFor[Field]():
		return map[string]any{"type": "string", "pattern": `^(bool|int64|float64|decimal|string|bytes|time|date|json)[?]?$`}
	}
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.String:
		// A bare 24 or true is text as well where text is due.
		return map[string]any{"type": []string{"string", "number", "boolean"}}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": g.schema(t.Elem())}
	case reflect.Slice:
		if keyField(t.Elem()) >= 0 {
			return map[string]any{"type": "object", "additionalProperties": g.schema(t.Elem())}
		}
		return map[string]any{"type": "array", "items": g.schema(t.Elem())}
	}
	if _, ok := g.defs[t.Name()]; !ok {
		g.defs[t.Name()] = nil // a type may hold itself
		g.defs[t.Name()] = g.object(t)
	}
	return map[string]any{"$ref": "#/$defs/" + t.Name()}
}

func (g *schemaWriter) object(t reflect.Type) map[string]any {
	props := map[string]any{}
	required := []string{}
	for _, f := range fieldsOf(t) {
		p := g.schema(t.Field(f.index).Type)
		if f.enum != nil {
			p = map[string]any{"enum": f.enum}
		}
		p["description"] = strings.TrimSpace(f.doc)
		props[f.name] = p
		if f.required {
			required = append(required, f.name)
		}
	}
	out := map[string]any{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}
