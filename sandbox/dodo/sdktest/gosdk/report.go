package main

import (
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"reflect"
	"slices"
)

// withoutPageNumber is where the rows of a scan without a page number go.
const withoutPageNumber = "payments without page_number"

// report is what was read.
type report struct {
	lists    map[string][]json.RawMessage
	details  map[string]json.RawMessage
	webhooks []json.RawMessage
	problems map[string]bool
}

func newReport() report {
	return report{lists: map[string][]json.RawMessage{}, details: map[string]json.RawMessage{}, problems: map[string]bool{}}
}

// finish returns the report as it is written.
func (r *report) finish() any {
	skipped := r.lists[withoutPageNumber]
	delete(r.lists, withoutPageNumber)
	return map[string]any{
		"lists": r.lists, "details": r.details, "without_page_number": skipped,
		"webhooks": r.webhooks, "problems": slices.Sorted(maps.Keys(r.problems)),
	}
}

func (r *report) problem(format string, args ...any) { r.problems[fmt.Sprintf(format, args...)] = true }

// pager is one of the library's automatic pagers.
type pager[T any] interface {
	Next() bool
	Current() T
	Err() error
}

// pages appends every row a pager yields.
func pages[T any](r *report, list string, p pager[T]) {
	for p.Next() {
		r.row(list, reflect.ValueOf(p.Current()))
	}
	if err := p.Err(); err != nil {
		log.Fatal(list, ": ", err)
	}
}

// whole appends the rows of an answer that has them all: a pointer to a slice,
// or to a struct with Items.
func whole(r *report, list string, answer any) {
	items := reflect.ValueOf(answer).Elem()
	if items.Kind() == reflect.Struct {
		r.inspect(items)
		items = items.FieldByName("Items")
	}
	for i := range items.Len() {
		r.row(list, items.Index(i))
	}
}

func (r *report) row(list string, row reflect.Value) {
	r.inspect(row)
	r.lists[list] = append(r.lists[list], raw(row))
}

func (r *report) detail(name string, object any) {
	v := reflect.ValueOf(object).Elem()
	r.inspect(v)
	r.details[name] = raw(v)
}

// event adds a verified webhook, whose type the library chose by its body.
func (r *report) event(event any) {
	v := reflect.ValueOf(event).Elem()
	r.inspect(v)
	r.webhooks = append(r.webhooks, raw(v))
}

// raw is the JSON an object was decoded from.
func raw(v reflect.Value) json.RawMessage {
	return json.RawMessage(v.FieldByName("JSON").Interface().(interface{ RawJSON() string }).RawJSON())
}

// values returns one text field of every row of a list.
func (r *report) values(list, field string) []string {
	var out []string
	for _, row := range r.lists[list] {
		var fields map[string]any
		if err := json.Unmarshal(row, &fields); err != nil {
			log.Fatal(list, ": ", err)
		}
		text, ok := fields[field].(string)
		if !ok {
			log.Fatalf("%s: a row has no text field %s", list, field)
		}
		out = append(out, text)
	}
	return out
}
