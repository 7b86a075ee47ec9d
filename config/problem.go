package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	syncline "github.com/synclinehq/syncline"
)

// Problems is everything wrong with a configuration, in order of place. It is
// an error of code config_invalid.
type Problems []*syncline.Error

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, e := range p {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the single problems.
func (p Problems) Unwrap() []error {
	out := make([]error, len(p))
	for i, e := range p {
		out[i] = e
	}
	return out
}

// place is where something stands in the file.
type place struct{ line, column int }

// report collects problems and warnings of one file.
type report struct {
	file     string
	problems Problems
	places   []place // of the problems
	warnings Problems
	missing  Problems
}

// mostProblems is how many are worth reading at once.
const mostProblems = 20

func (r *report) add(at place, format string, args ...any) {
	if len(r.problems) < mostProblems {
		r.problems = append(r.problems, r.at(at, syncline.CodeConfigInvalid, fmt.Sprintf(format, args...), ""))
		r.places = append(r.places, at)
	}
}

// sorted returns the problems from the top of the file to its end.
func (r *report) sorted() Problems {
	order := make([]int, len(r.problems))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(r.places[a].line, r.places[b].line), cmp.Compare(r.places[a].column, r.places[b].column))
	})
	out := make(Problems, len(order))
	for i, k := range order {
		out[i] = r.problems[k]
	}
	return out
}

func (r *report) warn(at place, code syncline.Code, what, fix string) {
	r.warnings = append(r.warnings, r.at(at, code, what, fix))
}

func (r *report) miss(at place, what, fix string) {
	r.missing = append(r.missing, r.at(at, syncline.CodeConfigInvalid, what, fix))
}

func (r *report) at(at place, code syncline.Code, what, fix string) *syncline.Error {
	where := r.file
	if at.line > 0 {
		where = fmt.Sprintf("%s:%d:%d", r.file, at.line, at.column)
	}
	return &syncline.Error{Code: code, Class: syncline.Fatal, Where: where, What: what, Fix: fix}
}
