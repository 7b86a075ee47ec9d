package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

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
	// direct is true while all rows are thought to be new: then copying into
	// the table itself is tried before everything else.
	direct bool
}

// columnTypes are PostgreSQL's names of the types, as format_type gives them.
var columnTypes = map[batch.Type]string{
	batch.Bool: "boolean", batch.Int64: "bigint", batch.Float64: "double precision", batch.Decimal: "numeric", batch.String: "text",
	batch.Bytes: "bytea", batch.Time: "timestamp with time zone", batch.Date: "date", batch.JSON: "jsonb",
}

var metaTypes = []string{"bigint", "bigint", "bytea", "timestamp with time zone", "timestamp with time zone"} // of ledger.Meta

// found is a column as the database has it.
type found struct {
	name, typ string
	notNull   bool
	filled    bool // has a default, is an identity or is generated
}

// Prepare makes the table hold t.Schema.
func (d *DB) Prepare(ctx context.Context, t *syncline.Table, state syncline.State) error {
	if err := d.writable(); err != nil {
		return err
	}
	if t.Layout == syncline.LayoutDocument {
		if err := ledger.DocumentShape(t); err != nil {
			return err
		}
	}
	p := preparation{d: d, want: t, state: state, name: sqltext.Postgres.Name(t.Name, nil)}
	err := d.session(ctx, func(s *session) error {
		p.s = s
		_, err := s.transaction(ctx, func() error { return p.run(ctx) })
		return err
	})
	if err != nil {
		return d.classed(err, d.schema+"."+p.name)
	}
	if p.changed {
		d.generation.Add(1)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.tables[t.Name]
	d.tables[t.Name] = &table{Table: p.reg, filling: old == nil || old.filling, direct: p.created || old != nil && old.direct}
	return nil
}

// preparation is one call of Prepare inside its transaction.
type preparation struct {
	d       *DB
	s       *session
	want    *syncline.Table
	state   syncline.State
	name    string
	reg     ledger.Table
	have    []found
	key     []string // columns of the primary key
	changed bool
	created bool
}

func (p *preparation) run(ctx context.Context) error {
	if err := p.d.lock(ctx, p.s, p.name); err != nil {
		return err
	}
	exists, err := p.look(ctx)
	if err != nil {
		return err
	}
	known, err := p.d.readTable(ctx, p.s, p.name)
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
		return p.takeOver(ctx)
	case !exists && p.state.Position > 0:
		return ledger.Missing(p.name, p.want.Stream)
	case !exists:
		return p.create(ctx, known)
	}
	return p.alter(ctx, known)
}

// look reads the columns and the key of whatever has the table's name.
func (p *preparation) look(ctx context.Context) (exists bool, err error) {
	var oid uint32
	var kind string
	err = p.s.QueryRow(ctx, "SELECT c.oid, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
		p.d.schema, p.name).Scan(&oid, &kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	rows, err := p.s.Query(ctx, `SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> '' OR attgenerated <> ''
		FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, oid)
	if err != nil {
		return false, err
	}
	p.have, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (f found, err error) {
		return f, r.Scan(&f.name, &f.typ, &f.notNull, &f.filled)
	})
	if err != nil {
		return false, err
	}
	rows, err = p.s.Query(ctx, `SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE i.indrelid = $1 AND i.indisprimary ORDER BY k.place`, oid)
	if err != nil {
		return false, err
	}
	p.key, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return true, err
}

func (p *preparation) column(name string) *found {
	i := slices.IndexFunc(p.have, func(f found) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return &p.have[i]
}

func (p *preparation) exec(ctx context.Context, sql string) error {
	p.changed = true
	_, err := p.s.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

func (p *preparation) owned() ledger.Table {
	return ledger.Table{Name: p.name, Pipeline: p.state.Pipeline, Stream: p.want.Stream, Layout: p.want.Layout}
}

// create makes the table. Fields that had columns before keep their names.
func (p *preparation) create(ctx context.Context, known *ledger.Table) error {
	p.created = true
	p.reg = p.owned()
	var old []sqltext.Column
	if known != nil {
		old = known.Columns
	}
	var err error
	if p.reg.Columns, _, _, err = sqltext.Postgres.Extend(old, p.want.Schema); err != nil {
		return ledger.Changed(p.name, err.Error())
	}
	var defs []string
	for _, c := range p.reg.Columns {
		def := sqltext.Quote(c.Name) + " " + columnTypes[c.Type]
		if c.Key || p.want.Layout == syncline.LayoutDocument {
			def += " NOT NULL"
		}
		defs = append(defs, def)
	}
	for i, name := range ledger.Meta {
		defs = append(defs, sqltext.Quote(name)+" "+metaTypes[i])
	}
	defs = append(defs, "PRIMARY KEY ("+sqltext.QuoteAll("", names(p.reg.Keys()))+")")
	if err := p.exec(ctx, "CREATE TABLE "+p.d.qualified(p.name)+" ("+strings.Join(defs, ", ")+")"); err != nil {
		return err
	}
	return p.register(ctx)
}

// takeOver adds our columns to a table that dodo-sync made.
func (p *preparation) takeOver(ctx context.Context) error {
	if p.want.Layout != syncline.LayoutDocument {
		return ledger.Foreign(p.name, "")
	}
	id, data := p.column("id"), p.column("data")
	switch {
	case len(p.have) != 2 || id == nil || data == nil:
		return ledger.Foreign(p.name, "its columns are not exactly id and data")
	case id.typ != "text" || !slices.Equal(p.key, []string{"id"}) || data.typ != "jsonb" || !data.notNull:
		return ledger.Foreign(p.name, "it is not id TEXT PRIMARY KEY, data JSONB NOT NULL")
	}
	var add []string
	for i, name := range ledger.Meta {
		add = append(add, "ADD COLUMN "+sqltext.Quote(name)+" "+metaTypes[i])
	}
	if err := p.exec(ctx, "ALTER TABLE "+p.d.qualified(p.name)+" "+strings.Join(add, ", ")); err != nil {
		return err
	}
	p.reg = p.owned()
	var err error
	if p.reg.Columns, _, _, err = sqltext.Postgres.Extend(nil, p.want.Schema); err != nil {
		return err
	}
	return p.register(ctx)
}

// alter checks the table, adds what is new and widens what has grown.
func (p *preparation) alter(ctx context.Context, known *ledger.Table) error {
	if err := p.check(known); err != nil {
		return err
	}
	p.reg = *known
	if p.reg.Pipeline == "" {
		p.reg.Pipeline = p.state.Pipeline
	}
	all, added, widened, err := sqltext.Postgres.Extend(known.Columns, p.want.Schema)
	if err != nil {
		return ledger.Changed(p.name, err.Error())
	}
	if len(added)+len(widened) == 0 && p.reg.Pipeline == known.Pipeline {
		return nil
	}
	var change []string
	for _, c := range added {
		if p.column(c.Name) != nil {
			return ledger.Changed(p.name, fmt.Sprintf("it has a column %q that Syncline did not make and that field %q needs", c.Name, c.Field.Name))
		}
		change = append(change, "ADD COLUMN "+sqltext.Quote(c.Name)+" "+columnTypes[c.Type])
	}
	for _, c := range widened {
		change = append(change, widen(c.Name, known.Column(c.Field.Name).Type, c.Type))
	}
	if len(change) > 0 {
		if err := p.exec(ctx, "ALTER TABLE "+p.d.qualified(p.name)+" "+strings.Join(change, ", ")); err != nil {
			return err
		}
	}
	p.reg.Columns = all
	return p.register(ctx)
}

// widen changes a column's type to one that holds all of its values exactly.
// The direct cast of double precision to numeric keeps 15 digits only; its text
// is exact.
func widen(name string, from, to batch.Type) string {
	q := sqltext.Quote(name)
	using := q
	switch from {
	case batch.Float64:
		using = q + "::text::numeric"
	case batch.Date:
		using = q + "::timestamp AT TIME ZONE 'UTC'"
	}
	return "ALTER COLUMN " + q + " TYPE " + columnTypes[to] + " USING " + using
}

// check finds out whether someone changed the table so that rows do not fit.
func (p *preparation) check(known *ledger.Table) error {
	ours := map[string]bool{}
	need := func(name, typ string) error {
		ours[name] = true
		f := p.column(name)
		switch {
		case f == nil:
			return ledger.Changed(p.name, fmt.Sprintf("column %q is gone", name))
		case f.typ != typ:
			return ledger.Changed(p.name, fmt.Sprintf("column %q is %s and was %s", name, f.typ, typ))
		}
		return nil
	}
	for _, c := range known.Columns {
		if err := need(c.Name, columnTypes[c.Type]); err != nil {
			return err
		}
		if !c.Key && p.column(c.Name).notNull && known.Layout != syncline.LayoutDocument {
			return ledger.Changed(p.name, fmt.Sprintf("column %q became NOT NULL", c.Name))
		}
	}
	for i, name := range ledger.Meta {
		if err := need(name, metaTypes[i]); err != nil {
			return err
		}
	}
	if want := names(known.Keys()); !slices.Equal(p.key, want) {
		return ledger.Changed(p.name, fmt.Sprintf("its primary key is %q and was %q", p.key, want))
	}
	for _, f := range p.have {
		if !ours[f.name] && f.notNull && !f.filled {
			return ledger.Changed(p.name, fmt.Sprintf("column %q, which Syncline does not fill, must not be null", f.name))
		}
	}
	return nil
}

func (p *preparation) register(ctx context.Context) error {
	_, err := p.s.Exec(ctx, "INSERT INTO "+p.d.qualified(ledger.Tables)+" (name, pipeline, stream, layout, columns, created_at) VALUES ($1, $2, $3, $4, $5::text::json, now()) ON CONFLICT (name) DO UPDATE SET pipeline = excluded.pipeline, columns = excluded.columns",
		p.name, p.reg.Pipeline, p.reg.Stream, string(p.reg.Layout), p.reg.Encode())
	return err
}

func names(cols []sqltext.Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return out
}

func (d *DB) readTable(ctx context.Context, s *session, name string) (*ledger.Table, error) {
	t := ledger.Table{Name: name}
	var columns string
	err := s.QueryRow(ctx, "SELECT pipeline, stream, layout, columns::text FROM "+d.qualified(ledger.Tables)+" WHERE name = $1", name).
		Scan(&t.Pipeline, &t.Stream, (*string)(&t.Layout), &columns)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return &t, t.DecodeColumns(columns)
}

// table returns what is known about a table, from the database if this process
// has not prepared it.
func (d *DB) table(ctx context.Context, t *syncline.Table) (*table, error) {
	d.mu.Lock()
	have := d.tables[t.Name]
	d.mu.Unlock()
	if have != nil {
		return have, nil
	}
	name := sqltext.Postgres.Name(t.Name, nil)
	var reg *ledger.Table
	err := d.session(ctx, func(s *session) (err error) { reg, err = d.readTable(ctx, s, name); return err })
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
