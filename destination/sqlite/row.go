package sqlite

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/mutant"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// rowWriter writes rows of one batch one by one with prepared statements. All
// statements take the batch's columns as parameters 1 to n, then version, tie,
// hash and the time of writing; the one that looks takes the key only.
type rowWriter struct {
	c       *conn
	b       *batch.Batch
	cols    []sqltext.Column // of the table, by column of the batch
	keys    int
	deleted bool // the rows are deletions: only the key is bound
	filling bool // try inserting before looking
	at      string

	insert, look, upsert, advance *stmt
	text                          []byte // for building values
}

// newer is the guard of P-13: a stored row is replaced by a newer state only.
const newer = `(t._syncline_version IS NULL OR (excluded._syncline_version, excluded._syncline_tie, coalesce(excluded._syncline_hash, x'')) > (t._syncline_version, t._syncline_tie, coalesce(t._syncline_hash, x'')))`

func newRowWriter(c *conn, tab *table, b *batch.Batch, deleted bool, at time.Time) (*rowWriter, error) {
	cols, err := tab.Match(b.Schema())
	if err != nil {
		return nil, err
	}
	w := &rowWriter{c: c, b: b, keys: len(tab.Keys()), deleted: deleted, at: ledger.Time(at), text: make([]byte, 0, fixedRoom)}
	if deleted {
		cols = cols[:w.keys]
	}
	w.cols = cols
	insert, upsert, look, advance := w.statements(tab)
	for _, s := range []struct {
		at  **stmt
		sql string
	}{{&w.insert, insert}, {&w.upsert, upsert}, {&w.look, look}, {&w.advance, advance}} {
		if *s.at, err = c.prepare(s.sql); err != nil {
			return nil, err
		}
	}
	for _, s := range []*stmt{w.insert, w.upsert} {
		if err := s.bind(len(cols)+4, w.at); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// statements returns the SQL of the four statements.
func (w *rowWriter) statements(tab *table) (insert, upsert, look, advance string) {
	var names, set, match []string
	for i, c := range w.cols {
		q := sqltext.Quote(c.Name)
		names = append(names, q)
		if i < w.keys {
			match = append(match, q+" = ?"+strconv.Itoa(i+1))
		} else {
			set = append(set, q+" = excluded."+q)
		}
	}
	n := len(w.cols)
	values := strings.Repeat("?, ", n+4)
	deletedAt := "NULL"
	if w.deleted {
		deletedAt = "?" + strconv.Itoa(n+4)
		if tab.Layout == syncline.LayoutDocument {
			// The column must not be null, and nothing is known of the object.
			names = append(names, sqltext.Quote(tab.Columns[w.keys].Name))
			values = strings.Repeat("?, ", n) + "'{}', " + placeholders(n+1, n+4)
		}
	}
	table := sqltext.Quote(tab.Name)
	insert = "INSERT INTO " + table + " AS t (" + strings.Join(names, ", ") + ", _syncline_version, _syncline_tie, _syncline_hash, _syncline_synced_at, _syncline_deleted_at) VALUES (" + values + deletedAt + ") ON CONFLICT (" + sqltext.QuoteAll("", keyNames(w.cols[:w.keys])) + ") DO "
	for _, m := range ledger.Meta {
		set = append(set, m+" = excluded."+m)
	}
	upsert = insert + "UPDATE SET " + strings.Join(set, ", ")
	if !mutant.On("guard_outside") && !mutant.On("no_tie_rule") {
		upsert += " WHERE " + newer
	}
	insert += "NOTHING"
	where := " WHERE " + strings.Join(match, " AND ")
	look = "SELECT _syncline_version, _syncline_tie, _syncline_hash, _syncline_deleted_at IS NOT NULL FROM " + table + where
	tuple := strings.TrimSuffix(placeholders(w.keys+1, w.keys+3), ", ")
	advance = "UPDATE " + table + " SET (_syncline_version, _syncline_tie, _syncline_hash) = (" + tuple + ")" + where
	return insert, upsert, look, advance
}

func placeholders(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		b.WriteString("?" + strconv.Itoa(i) + ", ")
	}
	return b.String()
}

func keyNames(cols []sqltext.Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return out
}

var errKept = errors.New("the row was not stored: a trigger on the table kept it out")

// row writes row i of the batch.
func (w *rowWriter) row(i int) (o ledger.Outcome, tied bool, err error) {
	m := w.b.Meta(i)
	if w.filling {
		wrote, err := w.run(w.insert, i, m)
		if err != nil || wrote {
			return ledger.Insert, false, err
		}
	}
	stored, err := w.stored(i)
	if err != nil {
		return o, false, err
	}
	if stored != nil {
		o, tied = ledger.Decide(m, stored)
		if mutant.On("no_tie_rule") && m.Version == stored.Version && o == ledger.Superseded {
			o = ledger.Replace
		}
		if o == ledger.Same || o == ledger.Superseded {
			return o, tied, nil
		}
	}
	if o == ledger.Advance {
		return o, tied, w.move(i, m)
	}
	wrote, err := w.run(w.upsert, i, m)
	if err == nil && !wrote {
		err = fmt.Errorf("%w: %w", errUnfit, errKept)
	}
	return o, tied, err
}

// run binds the row to an insert statement, runs it and reports whether it
// wrote.
func (w *rowWriter) run(s *stmt, i int, m *batch.Meta) (bool, error) {
	if err := w.bindColumns(s, i, len(w.cols)); err != nil {
		return false, err
	}
	n := int32(len(w.cols))
	tls := w.c.tls
	rc := sqlite3.Xsqlite3_bind_int64(tls, s.p, n+1, m.Version)
	rc |= sqlite3.Xsqlite3_bind_int64(tls, s.p, n+2, m.Tie)
	if m.Hash == (batch.Hash{}) {
		rc |= sqlite3.Xsqlite3_bind_null(tls, s.p, n+3)
	} else {
		rc |= sqlite3.Xsqlite3_bind_blob(tls, s.p, n+3, w.c.keep(m.Hash[:]), int32(len(m.Hash)), 0)
	}
	if rc != sqlite3.SQLITE_OK {
		return false, w.c.failed(rc, s.sql)
	}
	_, err := s.step()
	wrote := err == nil && w.c.changed() == 1
	s.reset()
	return wrote, err
}

// stored reads the meta of the row's key, nil if there is no row.
func (w *rowWriter) stored(i int) (*ledger.Stored, error) {
	if err := w.bindColumns(w.look, i, w.keys); err != nil {
		return nil, err
	}
	defer w.look.reset()
	more, err := w.look.step()
	if err != nil || !more {
		return nil, err
	}
	s := &ledger.Stored{Taken: w.look.null(0)}
	s.Version, s.Tie = w.look.int64(0), w.look.int64(1)
	copy(s.Hash[:], w.look.bytes(2))
	s.Deleted = w.look.int64(3) != 0
	return s, nil
}

// move brings the version of row i's key forward; its content is there.
func (w *rowWriter) move(i int, m *batch.Meta) error {
	s := w.advance
	if err := w.bindColumns(s, i, w.keys); err != nil {
		return err
	}
	var hash any
	if m.Hash != (batch.Hash{}) {
		hash = m.Hash[:]
	}
	if err := errors.Join(s.bind(w.keys+1, m.Version), s.bind(w.keys+2, m.Tie), s.bind(w.keys+3, hash)); err != nil {
		return err
	}
	_, err := s.step()
	s.reset()
	return err
}
