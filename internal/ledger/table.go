package ledger

import (
	"encoding/json"
	"fmt"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// Table is a row of the table Tables.
type Table struct {
	Name             string // identifier in the database
	Pipeline, Stream string
	Layout           syncline.Layout
	Columns          []sqltext.Column
}

// Fields returns the fields of the columns, for [syncline.State].
func (t *Table) Fields() []batch.Field {
	out := make([]batch.Field, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = c.Field
	}
	return out
}

// Keys returns the key columns.
func (t *Table) Keys() []sqltext.Column {
	n := 0
	for n < len(t.Columns) && t.Columns[n].Key {
		n++
	}
	return t.Columns[:n]
}

// Column returns the column of a field, nil if there is none.
func (t *Table) Column(field string) *sqltext.Column {
	for i := range t.Columns {
		if t.Columns[i].Field.Name == field {
			return &t.Columns[i]
		}
	}
	return nil
}

// Encode and DecodeColumns keep the columns as JSON.
func (t *Table) Encode() string {
	b, err := json.Marshal(t.Columns)
	if err != nil {
		panic(err) // names and types always marshal
	}
	return string(b)
}

// DecodeColumns reads what [Table.Encode] wrote.
func (t *Table) DecodeColumns(text string) error {
	if err := json.Unmarshal([]byte(text), &t.Columns); err != nil {
		return &syncline.Error{Code: syncline.CodeStateInvalid, Class: syncline.Fatal, Where: Tables + " of table " + t.Name,
			What: "the columns cannot be read", Err: err, Fix: "Restore the row from a backup"}
	}
	return nil
}

// Match returns for each column of a batch the table's column, which holds its
// type or a wider one.
func (t *Table) Match(s *batch.Schema) ([]sqltext.Column, error) {
	out := make([]sqltext.Column, len(s.Fields))
	for i, f := range s.Fields {
		c := t.Column(f.Name)
		if c == nil {
			return nil, Changed(t.Name, fmt.Sprintf("it has no column for field %q", f.Name))
		}
		if c.Type != f.Type && !batch.Widens(f.Type, c.Type) {
			return nil, Changed(t.Name, fmt.Sprintf("column %q holds %s and the rows have %s", c.Name, c.Type, f.Type))
		}
		out[i] = *c
	}
	if fmt.Sprint(len(s.Keys())) != fmt.Sprint(len(t.Keys())) {
		return nil, Changed(t.Name, fmt.Sprintf("its key has %d columns and the rows' key has %d", len(t.Keys()), len(s.Keys())))
	}
	return out, nil
}

// Owner checks that a registered table may be used for t.
func (t *Table) Owner(want *syncline.Table, pipeline string) error {
	switch {
	case t.Stream != want.Stream || pipeline != "" && t.Pipeline != "" && t.Pipeline != pipeline:
		return &syncline.Error{Code: syncline.CodeTableForeign, Class: syncline.Fatal, Where: t.Name,
			What: fmt.Sprintf("the table belongs to stream %q of pipeline %q", t.Stream, t.Pipeline),
			Fix:  "Choose another table name for this stream, or another schema or database for this pipeline"}
	case t.Layout != want.Layout:
		return &syncline.Error{Code: syncline.CodeTableForeign, Class: syncline.Fatal, Where: t.Name,
			What: fmt.Sprintf("the table has the layout %q and the configuration says %q", t.Layout, want.Layout),
			Fix:  "Keep the layout, or choose another table name"}
	}
	return nil
}

// Foreign is a table of the wanted name that is not ours. why says what kept it
// from being taken over, "" if that was not asked for.
func Foreign(name, why string) error {
	what := "there is a table (or view) of this name that Syncline did not make"
	if why != "" {
		what += ", and it does not have the form of a table to take over: " + why
	}
	return &syncline.Error{Code: syncline.CodeTableForeign, Class: syncline.Fatal, Where: name, What: what,
		Fix: "Choose another table name for this stream (option table), another schema or another database, or rename that table. Nothing was changed"}
}

// Missing is a table of ours that is gone although rows were delivered.
func Missing(name, stream string) error {
	return &syncline.Error{Code: syncline.CodeTableMissing, Class: syncline.Fatal, Where: name,
		What: "the table was dropped or renamed, and its rows are recorded as delivered",
		Fix:  "Restore it, or run `syncline reset " + stream + "` to read everything again"}
}

// Changed is a table of ours that was altered so that it cannot hold the rows.
func Changed(name, what string) error {
	return &syncline.Error{Code: syncline.CodeTableChanged, Class: syncline.Fatal, Where: name,
		What: "the table was changed: " + what,
		Fix:  "Change it back, or drop the table and run `syncline reset` for its stream to have it made anew"}
}

// DocumentShape checks that the schema is what LayoutDocument needs: one text
// key and one JSON field.
func DocumentShape(t *syncline.Table) error {
	f := t.Schema.Fields
	if len(f) == 2 && f[0].Key && f[0].Type == batch.String && !f[1].Key && f[1].Type == batch.JSON {
		return nil
	}
	return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: t.Name,
		What: "the document layout needs a key of one text field", Fix: "Use the columns layout for this stream"}
}
