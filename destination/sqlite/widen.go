package sqlite

import (
	"strconv"

	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// widen changes a column to a type that holds all of its values exactly. Dates
// become instants by adding midnight; numbers become text in a new column that
// takes the old one's place and name.
func (p *preparation) widen(from, to sqltext.Column) error {
	table, col := sqltext.Quote(p.name), sqltext.Quote(from.Name)
	if from.Type == batch.Date {
		return p.c.exec("UPDATE " + table + " SET " + col + " = " + col + " || 'T00:00:00.000000Z' WHERE " + col + " IS NOT NULL")
	}
	return p.withoutDependents(func() error {
		next := sqltext.Quote("_syncline_widened")
		if err := p.c.exec("ALTER TABLE " + table + " ADD COLUMN " + next + " " + columnTypes[to.Type]); err != nil {
			return err
		}
		var err error
		if from.Type == batch.Int64 {
			err = p.c.exec("UPDATE " + table + " SET " + next + " = CAST(" + col + " AS TEXT) WHERE " + col + " IS NOT NULL")
		} else {
			err = p.copyFloats(table, col, next)
		}
		if err != nil {
			return err
		}
		// Renaming would fail under a view that uses the column.
		for _, sql := range []string{
			"ALTER TABLE " + table + " DROP COLUMN " + col,
			"ALTER TABLE " + table + " ADD COLUMN " + col + " " + columnTypes[to.Type],
			"UPDATE " + table + " SET " + col + " = " + next,
			"ALTER TABLE " + table + " DROP COLUMN " + next,
		} {
			if err := p.c.exec(sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// copyFloats writes each number of a column as the shortest text that is that
// number; SQLite's own conversion keeps only 15 digits.
func (p *preparation) copyFloats(table, col, next string) error {
	var values []float64
	err := p.c.query("SELECT DISTINCT "+col+" FROM "+table+" WHERE "+col+" IS NOT NULL", nil, func(s *stmt) error {
		values = append(values, s.float64(0))
		return nil
	})
	if err != nil || len(values) == 0 {
		return err
	}
	if err := p.c.exec("CREATE TEMP TABLE _syncline_floats (value REAL PRIMARY KEY, text TEXT) STRICT"); err != nil {
		return err
	}
	for _, v := range values {
		if err := p.c.exec("INSERT INTO temp._syncline_floats VALUES (?, ?)", v, strconv.FormatFloat(v, 'g', -1, 64)); err != nil {
			return err
		}
	}
	if err := p.c.exec("UPDATE " + table + " SET " + next + " = (SELECT text FROM temp._syncline_floats WHERE value = " + col + ") WHERE " + col + " IS NOT NULL"); err != nil {
		return err
	}
	p.c.forget()
	return p.c.exec("DROP TABLE temp._syncline_floats")
}

// withoutDependents runs fn without the table's own indexes and triggers, which
// could name the column, and makes them again after it.
func (p *preparation) withoutDependents(fn func() error) error {
	type object struct{ typ, name, sql string }
	var all []object
	err := p.c.query("SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL",
		[]any{p.name}, func(s *stmt) error {
			all = append(all, object{s.text(0), s.text(1), s.text(2)})
			return nil
		})
	if err != nil {
		return err
	}
	for _, o := range all {
		if err := p.c.exec("DROP " + o.typ + " " + sqltext.Quote(o.name)); err != nil {
			return err
		}
	}
	// Views that name the column stay as they are; without this they would keep
	// it from being replaced.
	if err := p.c.exec("PRAGMA legacy_alter_table=ON"); err != nil {
		return err
	}
	err = fn()
	if err := p.c.exec("PRAGMA legacy_alter_table=OFF"); err != nil {
		return err
	}
	for _, o := range all {
		if err != nil {
			return err
		}
		err = p.c.exec(o.sql)
	}
	return err
}
