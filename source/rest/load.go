package rest

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	syncline "github.com/synclinehq/syncline"
)

// Load reads a connector file and checks it. Errors are [*syncline.Error] with
// CodeConfigInvalid, joined if there are several, each with "name:line:column".
func Load(name string, text []byte) (*Connector, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, syntaxError(name, err)
	}
	d := &loader{file: name, pos: map[string]position{}}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, d.at(position{1, 1}, "a connector file holds one YAML document", "")
	}
	c := &Connector{}
	d.decode(file.Docs[0].Body, reflect.ValueOf(c).Elem(), "")
	if len(d.errs) == 0 {
		d.check(c)
	}
	if len(d.errs) > 0 {
		return nil, errors.Join(d.errs...)
	}
	c.applyDefaults()
	return c, nil
}

type position struct{ line, column int }

func syntaxError(file string, err error) error {
	e := &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: file, What: err.Error()}
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		p := y.GetToken().Position
		e.Where = fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column)
		e.What = y.GetMessage()
	}
	return e
}

// loader turns the syntax tree into Go values by reflection and collects every
// mistake on the way.
type loader struct {
	file string
	pos  map[string]position // of the value at a path such as "streams.payments.key"
	errs []error
}

func (d *loader) at(p position, what, fix string) error {
	err := &syncline.Error{
		Code: syncline.CodeConfigInvalid, Class: syncline.Fatal,
		Where: fmt.Sprintf("%s:%d:%d", d.file, p.line, p.column), What: what, Fix: fix,
	}
	d.errs = append(d.errs, err)
	return err
}

// failAt reports a mistake at the value of a path, or at the nearest value
// around it that is in the file.
func (d *loader) failAt(path, what, fix string) {
	for {
		if p, ok := d.pos[path]; ok {
			d.at(p, what, fix)
			return
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			d.at(position{1, 1}, what, fix)
			return
		}
		path = path[:i]
	}
}

func positionOf(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return position{t.Position.Line, t.Position.Column}
	}
	return position{1, 1}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (d *loader) decode(n ast.Node, v reflect.Value, path string) {
	if _, known := d.pos[path]; !known {
		d.pos[path] = positionOf(n)
	}
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.at(positionOf(n), "anchors, aliases and tags are not part of the connector language", "Write the value out, or use defaults")
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if text, ok := d.scalar(n); ok {
			if err := u.UnmarshalText([]byte(text)); err != nil {
				d.at(positionOf(n), err.Error(), "")
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.object(n, v, path)
	case reflect.Map:
		d.dictionary(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	default:
		d.basic(n, v)
	}
}

// scalar returns the text of a scalar as written.
func (d *loader) scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	d.at(positionOf(n), "expected a single value, found "+kindName(n), "")
	return "", false
}

func kindName(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	return strings.ToLower(n.Type().String())
}

func (d *loader) basic(n ast.Node, v reflect.Value) {
	text, ok := d.scalar(n)
	if !ok {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, isBool := n.(*ast.BoolNode)
		if !isBool {
			d.at(positionOf(n), fmt.Sprintf("%q is not true or false", text), "")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int:
		i, err := strconv.ParseInt(text, 10, 32)
		if err != nil || i < 0 {
			d.at(positionOf(n), fmt.Sprintf("%q is not a whole number from 0 up", text), "")
			return
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			d.at(positionOf(n), fmt.Sprintf("%q is not a number", text), "")
			return
		}
		v.SetFloat(f)
	}
}

// members returns the entries of a mapping; duplicate names are refused by the
// parser.
func (d *loader) members(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	d.at(positionOf(n), "expected a mapping, found "+kindName(n), "")
	return nil, false
}

func (d *loader) name(m *ast.MappingValueNode) (string, bool) {
	switch k := m.Key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return k.GetToken().Value, true
	}
	d.at(positionOf(m.Key), "expected a name", "")
	return "", false
}

func (d *loader) object(n ast.Node, v reflect.Value, path string) {
	members, ok := d.members(n)
	if !ok {
		return
	}
	fields := fieldsOf(v.Type())
	seen := map[string]bool{}
	for _, m := range members {
		name, ok := d.name(m)
		if !ok {
			continue
		}
		i := slices.IndexFunc(fields, func(f fieldInfo) bool { return f.name == name })
		if i < 0 {
			d.at(positionOf(m.Key), fmt.Sprintf("unknown setting %q", name), suggest(name, fields))
			continue
		}
		seen[name] = true
		p := join(path, name)
		d.pos[p] = positionOf(m.Value)
		field := v.Field(fields[i].index)
		d.decode(m.Value, field, p)
		d.checkEnum(m.Value, field, fields[i])
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			d.at(d.pos[path], fmt.Sprintf("%q is missing", f.name), "")
		}
	}
}

func (d *loader) checkEnum(n ast.Node, v reflect.Value, f fieldInfo) {
	if len(f.enum) > 0 && v.Kind() == reflect.String && v.String() != "" && !slices.Contains(f.enum, v.String()) {
		d.at(positionOf(n), fmt.Sprintf("unknown value %q", v.String()), "One of "+strings.Join(f.enum, ", "))
	}
}

func (d *loader) dictionary(n ast.Node, v reflect.Value, path string) {
	members, ok := d.members(n)
	if !ok {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, m := range members {
		name, ok := d.name(m)
		if !ok {
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		d.decode(m.Value, e, join(path, name))
		v.SetMapIndex(reflect.ValueOf(name), e)
	}
}

// list reads a sequence, or a mapping into a list of named elements.
func (d *loader) list(n ast.Node, v reflect.Value, path string) {
	et := v.Type().Elem()
	if key := keyField(et); key >= 0 {
		d.named(n, v, path, key)
		return
	}
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.at(positionOf(n), "expected a list, found "+kindName(n), "")
		return
	}
	for i, item := range seq.Values {
		e := reflect.New(et).Elem()
		d.decode(item, e, join(path, strconv.Itoa(i)))
		v.Set(reflect.Append(v, e))
	}
}

func (d *loader) named(n ast.Node, v reflect.Value, path string, key int) {
	members, ok := d.members(n)
	if !ok {
		return
	}
	et := v.Type().Elem()
	for _, m := range members {
		name, ok := d.name(m)
		if !ok {
			continue
		}
		e := reflect.New(et).Elem()
		d.decode(m.Value, e, join(path, name))
		reflect.Indirect(e).Field(key).SetString(name)
		v.Set(reflect.Append(v, e))
	}
}

// fieldInfo is what the struct tags of a field say.
type fieldInfo struct {
	index    int
	name     string
	required bool
	enum     []string
	doc      string
}

func fieldsOf(t reflect.Type) []fieldInfo {
	var out []fieldInfo
	for i := range t.NumField() {
		f := t.Field(i)
		name, opt, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		info := fieldInfo{index: i, name: name, required: opt == "required", doc: f.Tag.Get("doc")}
		if enum := f.Tag.Get("enum"); enum != "" {
			info.enum = strings.Split(enum, ",")
		}
		out = append(out, info)
	}
	return out
}

// keyField returns the index of the field that takes an element's name in a
// mapping, or -1.
func keyField(t reflect.Type) int {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return -1
	}
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == ",key" {
			return i
		}
	}
	return -1
}

// suggest names the nearest known name, or all of them.
func suggest(name string, fields []fieldInfo) string {
	best, distance := "", 3
	var all []string
	for _, f := range fields {
		all = append(all, f.name)
		if n := editDistance(name, f.name); n < distance {
			best, distance = f.name, n
		}
	}
	if best != "" {
		return fmt.Sprintf("Perhaps %q is meant", best)
	}
	return "One of " + strings.Join(all, ", ")
}

// editDistance is the number of letters to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
