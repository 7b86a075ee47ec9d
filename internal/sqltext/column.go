package sqltext

import (
	"fmt"

	"github.com/synclinehq/syncline/batch"
)

// Column is a field of a stream and the column that holds it. A destination
// keeps the columns of a table beside the table, so that a field's column never
// changes its name.
type Column struct {
	Name string `json:"column"`
	batch.Field
}

// Extend returns the columns of a table that has the known ones and is to hold
// the schema too: added are those that are new, widened those whose type is
// wider than it was, with the type they have now. The order of the known
// columns stays. A key that differs from the known one, and a type that is
// neither the known one nor wider nor narrower, give an error.
func (d Dialect) Extend(known []Column, schema *batch.Schema) (all, added, widened []Column, err error) {
	all = append(all, known...)
	place := map[string]int{}
	used := map[string]bool{}
	for i, c := range known {
		place[c.Field.Name] = i
		used[d.Fold(c.Name)] = true
	}
	if err := sameKey(known, schema); err != nil {
		return nil, nil, nil, err
	}
	for _, f := range schema.Fields {
		i, ok := place[f.Name]
		if !ok {
			c := Column{Field: f}
			c.Name = d.Name(f.Name, func(folded string) bool { return used[folded] })
			place[f.Name] = len(all)
			used[d.Fold(c.Name)] = true
			all, added = append(all, c), append(added, c)
			continue
		}
		have := all[i].Type
		switch {
		case have == f.Type || batch.Widens(f.Type, have):
		case batch.Widens(have, f.Type) && !f.Key:
			all[i].Type = f.Type
			widened = append(widened, all[i])
		default:
			return nil, nil, nil, fmt.Errorf("field %q is %s, and its column %q holds %s", f.Name, f.Type, all[i].Name, have)
		}
	}
	return all, added, widened, nil
}

func sameKey(known []Column, schema *batch.Schema) error {
	if len(known) == 0 {
		return nil
	}
	var have, want []string
	for _, c := range known {
		if c.Key {
			have = append(have, c.Field.Name)
		}
	}
	for _, f := range schema.Keys() {
		want = append(want, f.Name)
	}
	if fmt.Sprintf("%q", have) != fmt.Sprintf("%q", want) {
		return fmt.Errorf("the key is %q, and the table was made for the key %q", want, have)
	}
	return nil
}
