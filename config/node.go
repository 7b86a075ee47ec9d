package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of what is read. A real file has some dozen nodes and no depth to
// speak of; what exceeds these is a mistake or an attack (an alias that stands
// for a million nodes).
const (
	maxBytes = 256 << 10
	maxDepth = 32
	maxNodes = 20_000
)

// node is one value of the file with its place: the part of YAML that a
// configuration uses.
type node struct {
	place
	kind  kind
	text  string // of a scalar
	pairs []pair // of a mapping
	items []*node
}

type pair struct {
	key   string
	at    place
	value *node
}

type kind uint8

const (
	null kind = iota
	scalar
	mapping
	sequence
)

func (k kind) String() string {
	return [...]string{"nothing", "a single value", "a mapping", "a list"}[k]
}

// get returns the value of a key, nil if the mapping has none.
func (n *node) get(key string) *node {
	for i := range n.pairs {
		if n.pairs[i].key == key {
			return n.pairs[i].value
		}
	}
	return nil
}

// reader builds nodes from the parser's tree.
type reader struct {
	*report
	anchors map[string]ast.Node
	open    map[string]bool // anchors being read, to stop at a loop
	nodes   int
}

// parse reads the file's text. It returns nil after a problem that leaves
// nothing to check.
func (r *report) parse(text []byte) (root *node) {
	if len(text) > maxBytes {
		r.add(place{}, "the file has %d bytes, more than the %d a configuration may have", len(text), maxBytes)
		return nil
	}
	if deep(text) {
		r.add(place{}, "the file is nested deeper than %d levels", maxDepth)
		return nil
	}
	// The parser is other people's code and the file other people's text: a
	// panic is reported as what it is, an unreadable file.
	defer func() {
		if recover() != nil {
			root = nil
			r.add(place{}, "the file is not readable as YAML")
		}
	}()
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err, bytes.Contains(text, []byte(": ${")))
		return nil
	}
	body := r.document(file)
	if body == nil {
		return nil
	}
	rd := &reader{report: r, anchors: map[string]ast.Node{}, open: map[string]bool{}}
	return rd.node(body, 0)
}

func (r *report) document(file *ast.File) ast.Node {
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil || d.Body.Type() == ast.CommentType || d.Body.Type() == ast.CommentGroupType {
			continue
		}
		if body != nil {
			r.add(at(d.Body.GetToken()), "the file has a second document; one file is one configuration")
			return nil
		}
		body = d.Body
	}
	if body == nil {
		r.add(place{1, 1}, "the file is empty: it needs at least source and destination")
	}
	return body
}

var syntaxPlace = regexp.MustCompile(`^\[(\d+):(\d+)\] (.*)`)

// syntax reports the parser's error without the excerpt of the file it adds,
// which could show a secret. A reference that is not quoted is the likeliest
// cause where there is one: inside { } its own brace ends it.
func (r *report) syntax(err error, reference bool) {
	hint := ""
	if reference && strings.Contains(err.Error(), "must be specified") {
		hint = `; inside { } a reference needs quotes: "${env:NAME}"`
	}
	var withToken interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &withToken) {
		r.add(at(withToken.GetToken()), "not YAML: %s%s", withToken.GetMessage(), hint)
		return
	}
	if m := syntaxPlace.FindStringSubmatch(err.Error()); m != nil {
		line, _ := strconv.Atoi(m[1])
		column, _ := strconv.Atoi(m[2])
		r.add(place{line, column}, "not YAML: %s%s", m[3], hint)
		return
	}
	r.add(place{}, "not YAML")
}

// deep reports whether brackets nest deeper than maxDepth anywhere, before the
// recursive parser sees them. Brackets in text count too; no real file has that
// many either.
func deep(text []byte) bool {
	depth := 0
	for _, c := range text {
		switch c {
		case '[', '{':
			if depth++; depth > maxDepth {
				return true
			}
		case ']', '}':
			depth = max(0, depth-1)
		}
	}
	return false
}

func at(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}

// node converts one value. Nil stands for a value that was reported.
func (r *reader) node(a ast.Node, depth int) *node {
	here := at(a.GetToken())
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		if r.nodes != maxNodes+2 { // said once
			r.nodes = maxNodes + 1
			r.add(here, "too many or too deeply nested values, aliases expanded")
		}
		return nil
	}
	switch a := a.(type) {
	case *ast.NullNode:
		return &node{place: here, kind: null}
	case *ast.StringNode:
		return &node{place: here, kind: scalar, text: a.Value}
	case *ast.LiteralNode:
		return &node{place: here, kind: scalar, text: a.Value.Value}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return &node{place: here, kind: scalar, text: a.GetToken().Value}
	case *ast.MappingNode:
		if !a.IsFlowStyle && len(a.Values) > 0 {
			here = at(a.Values[0].Key.GetToken()) // the parser's is that of a colon
		}
		return r.mapping(here, a.Values, depth)
	case *ast.MappingValueNode:
		return r.mapping(at(a.Key.GetToken()), []*ast.MappingValueNode{a}, depth)
	case *ast.SequenceNode:
		return r.sequence(here, a.Values, depth)
	case *ast.AnchorNode:
		name := a.Name.GetToken().Value
		r.anchors[name] = a.Value
		r.open[name] = true
		defer delete(r.open, name)
		return r.node(a.Value, depth+1)
	case *ast.AliasNode:
		return r.alias(a, depth)
	case *ast.TagNode:
		return r.node(a.Value, depth+1)
	}
	r.add(here, "%s is not used in a configuration", a.Type())
	return nil
}

func (r *reader) sequence(here place, values []ast.Node, depth int) *node {
	n := &node{place: here, kind: sequence}
	for _, v := range values {
		if item := r.node(v, depth+1); item != nil {
			n.items = append(n.items, item)
		}
	}
	return n
}

func (r *reader) alias(a *ast.AliasNode, depth int) *node {
	name, here := a.Value.GetToken().Value, at(a.GetToken())
	target, ok := r.anchors[name]
	if !ok || r.open[name] {
		r.add(here, "alias *%s stands for nothing: no finished &%s before it", name, name)
		return nil
	}
	return r.node(target, depth+1)
}

func (r *reader) mapping(here place, values []*ast.MappingValueNode, depth int) *node {
	n := &node{place: here, kind: mapping}
	first := map[string]place{}
	var merged []*node
	for _, v := range values {
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			if m := r.node(v.Value, depth+1); m != nil {
				merged = append(merged, m)
			}
			continue
		}
		key, where := v.Key.GetToken().Value, at(v.Key.GetToken())
		if line, dup := first[key]; dup {
			r.add(where, "key %q stands here a second time; first in line %d", key, line.line)
			continue
		}
		first[key] = where
		if value := r.node(v.Value, depth+1); value != nil {
			n.pairs = append(n.pairs, pair{key, where, value})
		}
	}
	for _, m := range merged {
		if m.kind != mapping {
			r.add(m.place, "\"<<\" takes %s, not %s", mapping, m.kind)
			continue
		}
		for _, p := range m.pairs {
			if _, set := first[p.key]; !set {
				n.pairs = append(n.pairs, p)
			}
		}
	}
	return n
}

// want reports a node of another kind than the one that is due.
func (r *report) want(n *node, k kind, what string) bool {
	if n.kind == k {
		return true
	}
	r.add(n.place, "%s must be %s, it is %s", what, k, n.kind)
	return false
}

func (p place) String() string { return fmt.Sprintf("%d:%d", p.line, p.column) }
