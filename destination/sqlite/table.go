package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// table is a data table as this process knows it.
type table struct {
	ledger.Table
	// filling is true while most rows of a write are new: then inserting is
	// tried before looking.
	filling bool
}

var columnTypes = map[batch.Type]string{
	batch.Bool: "INTEGER", batch.Int64: "INTEGER", batch.Float64: "REAL", batch.Decimal: "TEXT", batch.String: "TEXT",
	batch.Bytes: "BLOB", batch.Time: "TEXT", batch.Date: "TEXT", batch.JSON: "TEXT",
}

var metaTypes = []string{"INTEGER", "INTEGER", "BLOB", "TEXT", "TEXT"} // of ledger.Meta

// found is a column as the file has it.
type found struct {
	name, typ        string
	notNull, hasDflt bool
	pk               int
	generated        bool
}

// Prepare makes the table hold t.Schema.
func (d *DB) Prepare(ctx context.Context, t *syncline.Table, state syncline.State) error {
	if t.Layout == syncline.LayoutDocument {
		if err := ledger.DocumentShape(t); err != nil {
			return err
		}
	}
	p := preparation{want: t, state: state, name: sqltext.SQLite.Name(t.Name, nil)}
	err := d.writing(ctx, func(c *conn) error {
		c.forget() // statements of the old form
		p.c = c
		return d.transaction(ctx, c, p.run)
	})
	if err != nil {
		return d.classed(err, p.name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.tables[t.Name]
	d.tables[t.Name] = &table{Table: p.reg, filling: old == nil || old.filling}
	return nil
}

// preparation is one call of Prepare inside its transaction.
type preparation struct {
	c     *conn
	want  *syncline.Table
	state syncline.State
	name  string
	reg   ledger.Table
	have  []found
}

func (p *preparation) run() error {
	exists, err := p.look()
	if err != nil {
		return err
	}
	known, err := readTable(p.c, p.name)
	if err != nil {
		return err
	}
	if known != nil {
		if err := known.Owner(p.want, p.state.Pipeline); err != nil {
			return err
		}
	}
	switch {
	case known == nil && exists:
		return p.takeOver()
	case !exists && p.state.Position > 0:
		return ledger.Missing(p.name, p.want.Stream)
	case !exists:
		return p.create(known)
	}
	return p.alter(known)
}

// look reads the table's columns.
func (p *preparation) look() (exists bool, err error) {
	err = p.c.query("SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE", []any{p.name}, func(s *stmt) error {
		exists = true
		return nil
	})
	if err != nil || !exists {
		return exists, err
	}
	err = p.c.query(`SELECT name, type, "notnull", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?)`, []any{p.name}, func(s *stmt) error {
		p.have = append(p.have, found{s.text(0), strings.ToUpper(s.text(1)), s.int64(2) != 0, s.int64(3) != 0, int(s.int64(4)), s.int64(5) != 0})
		return nil
	})
	return exists, err
}

func (p *preparation) column(name string) *found {
	i := slices.IndexFunc(p.have, func(f found) bool { return sqltext.SQLite.Fold(f.name) == sqltext.SQLite.Fold(name) })
	if i < 0 {
		return nil
	}
	return &p.have[i]
}

// create makes the table. Fields that had columns before keep their names.
func (p *preparation) create(known *ledger.Table) error {
	p.reg = ledger.Table{Name: p.name, Pipeline: p.state.Pipeline, Stream: p.want.Stream, Layout: p.want.Layout}
	var old []sqltext.Column
	if known != nil {
		old = known.Columns
	}
	var err error
	if p.reg.Columns, _, _, err = sqltext.SQLite.Extend(old, p.want.Schema); err != nil {
		return ledger.Changed(p.name, err.Error())
	}
	var defs, keys []string
	for _, c := range p.reg.Columns {
		def := sqltext.Quote(c.Name) + " " + columnTypes[c.Type]
		if c.Key || p.want.Layout == syncline.LayoutDocument {
			def += " NOT NULL"
		}
		if c.Key {
			keys = append(keys, c.Name)
		}
		defs = append(defs, def)
	}
	for i, name := range ledger.Meta {
		defs = append(defs, sqltext.Quote(name)+" "+metaTypes[i])
	}
	defs = append(defs, "PRIMARY KEY ("+sqltext.QuoteAll("", keys)+")")
	if err := p.c.exec("CREATE TABLE " + sqltext.Quote(p.name) + " (" + strings.Join(defs, ", ") + ") STRICT"); err != nil {
		return err
	}
	if err := p.indexDeleted(); err != nil {
		return err
	}
	return p.register()
}

// indexDeleted makes counting the live rows a matter of two small indexes.
func (p *preparation) indexDeleted() error {
	index := sqltext.SQLite.Name("deleted_"+p.name, nil)
	col := sqltext.Quote(ledger.DeletedAt)
	return p.c.exec("CREATE INDEX IF NOT EXISTS " + sqltext.Quote(index) + " ON " + sqltext.Quote(p.name) + " (" + col + ") WHERE " + col + " IS NOT NULL")
}

// takeOver adds our columns to a table of dodo-sync's form.
func (p *preparation) takeOver() error {
	if p.want.Layout != syncline.LayoutDocument {
		return ledger.Foreign(p.name, "")
	}
	id, data := p.column("id"), p.column("data")
	switch {
	case len(p.have) != 2 || id == nil || data == nil:
		return ledger.Foreign(p.name, "its columns are not exactly id and data")
	case id.typ != "TEXT" || id.pk != 1 || data.typ != "TEXT" && data.typ != "JSON" || !data.notNull:
		return ledger.Foreign(p.name, "it is not id TEXT PRIMARY KEY, data TEXT NOT NULL")
	}
	for i, name := range ledger.Meta {
		if err := p.c.exec("ALTER TABLE " + sqltext.Quote(p.name) + " ADD COLUMN " + sqltext.Quote(name) + " " + metaTypes[i]); err != nil {
			return err
		}
	}
	if err := p.indexDeleted(); err != nil {
		return err
	}
	p.reg = ledger.Table{Name: p.name, Pipeline: p.state.Pipeline, Stream: p.want.Stream, Layout: p.want.Layout}
	p.reg.Columns, _, _, _ = sqltext.SQLite.Extend(nil, p.want.Schema)
	return p.register()
}

// alter checks the table, adds what is new and widens what has grown.
func (p *preparation) alter(known *ledger.Table) error {
	if err := p.check(known); err != nil {
		return err
	}
	p.reg = *known
	if p.reg.Pipeline == "" {
		p.reg.Pipeline = p.state.Pipeline
	}
	all, added, widened, err := sqltext.SQLite.Extend(known.Columns, p.want.Schema)
	if err != nil {
		return ledger.Changed(p.name, err.Error())
	}
	if len(added)+len(widened) == 0 && p.reg.Pipeline == known.Pipeline {
		return nil
	}
	for _, c := range added {
		if p.column(c.Name) != nil {
			return ledger.Changed(p.name, fmt.Sprintf("it has a column %q that Syncline did not make and that field %q needs", c.Name, c.Field.Name))
		}
		if err := p.c.exec("ALTER TABLE " + sqltext.Quote(p.name) + " ADD COLUMN " + sqltext.Quote(c.Name) + " " + columnTypes[c.Type]); err != nil {
			return err
		}
	}
	for _, c := range widened {
		if err := p.widen(*known.Column(c.Field.Name), c); err != nil {
			return err
		}
	}
	p.reg.Columns = all
	return p.register()
}

// check finds out whether someone changed the table so that rows do not fit.
func (p *preparation) check(known *ledger.Table) error {
	names := map[string]bool{}
	need := func(name, typ string, document bool) error {
		names[sqltext.SQLite.Fold(name)] = true
		f := p.column(name)
		switch {
		case f == nil:
			return ledger.Changed(p.name, fmt.Sprintf("column %q is gone", name))
		case f.typ != typ && (!document || f.typ != "JSON"):
			return ledger.Changed(p.name, fmt.Sprintf("column %q is %s and was %s", name, f.typ, typ))
		}
		return nil
	}
	keys := 0
	for _, c := range known.Columns {
		if err := need(c.Name, columnTypes[c.Type], known.Layout == syncline.LayoutDocument); err != nil {
			return err
		}
		f := p.column(c.Name)
		switch {
		case c.Key:
			if keys++; f.pk != keys {
				return ledger.Changed(p.name, fmt.Sprintf("column %q is not part %d of the primary key", c.Name, keys))
			}
		case f.pk > 0:
			return ledger.Changed(p.name, fmt.Sprintf("column %q became part of the primary key", c.Name))
		case f.notNull && known.Layout != syncline.LayoutDocument:
			return ledger.Changed(p.name, fmt.Sprintf("column %q became NOT NULL", c.Name))
		}
	}
	for i, name := range ledger.Meta {
		if err := need(name, metaTypes[i], false); err != nil {
			return err
		}
	}
	for _, f := range p.have {
		if !names[sqltext.SQLite.Fold(f.name)] && !f.generated && (f.pk > 0 || f.notNull && !f.hasDflt) {
			return ledger.Changed(p.name, fmt.Sprintf("column %q, which Syncline does not fill, must not be null", f.name))
		}
	}
	return nil
}

func (p *preparation) register() error {
	return p.c.exec("INSERT INTO _syncline_tables (name, pipeline, stream, layout, columns, created_at) VALUES (?, ?, ?, ?, ?, "+now+") ON CONFLICT (name) DO UPDATE SET pipeline = excluded.pipeline, columns = excluded.columns",
		p.name, p.reg.Pipeline, p.reg.Stream, string(p.reg.Layout), p.reg.Encode())
}

func readTable(c *conn, name string) (*ledger.Table, error) {
	var out *ledger.Table
	err := c.query("SELECT pipeline, stream, layout, columns FROM _syncline_tables WHERE name = ?", []any{name}, func(s *stmt) error {
		out = &ledger.Table{Name: name, Pipeline: s.text(0), Stream: s.text(1), Layout: syncline.Layout(s.text(2))}
		return out.DecodeColumns(s.text(3))
	})
	return out, err
}

// table returns what is known about a table, from the file if this process has
// not prepared it.
func (d *DB) table(ctx context.Context, t *syncline.Table) (*table, error) {
	d.mu.Lock()
	have := d.tables[t.Name]
	d.mu.Unlock()
	if have != nil {
		return have, nil
	}
	name := sqltext.SQLite.Name(t.Name, nil)
	var reg *ledger.Table
	err := d.reading(ctx, func(c *conn) (err error) { reg, err = readTable(c, name); return err })
	if err != nil && !d.absent(err) {
		return nil, err
	}
	if reg == nil {
		return nil, &syncline.Error{Code: syncline.CodeTableMissing, Class: syncline.Fatal, Where: name,
			What: "Syncline has made no table of this name", Fix: "Run the pipeline once"}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tables[t.Name] == nil {
		d.tables[t.Name] = &table{Table: *reg}
	}
	return d.tables[t.Name], nil
}
