package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// directRows is how many rows, all of them new, make a table that is not empty
// a target for copying into it directly.
const directRows = 500

// copyInto brings rows of new keys into the data table without the stage, which
// is half of the work. All of them go in or none: a key that is there, and
// whatever else the server does not like, undoes the copying and leaves the
// decision to the merge, which also says what is wrong.
func (w *writing) copyInto(ctx context.Context, p part) (done bool, err error) {
	results, err := w.s.PgConn().Exec(ctx, w.asExpected(p)).ReadAll()
	if err == nil && string(results[len(results)-1].Rows[0][0]) == "t" {
		var n int64
		n, err = w.s.copy(ctx, w.copyStatement(p), &copier{b: w.b, cols: p.cols, rows: p.rows, direct: true, at: w.at.At.UnixMicro()})
		if err == nil && n == int64(len(p.rows)) {
			return true, nil // the savepoint ends with the transaction
		}
	}
	if err != nil && !undoable(err) {
		return false, err
	}
	_, err = w.s.PgConn().Exec(ctx, "ROLLBACK TO direct").ReadAll()
	return false, err
}

// undoable reports whether an error of the server concerns the rows, the table
// or permissions, so that the merge may succeed or say better what is wrong.
func undoable(err error) bool {
	var pg *pgconn.PgError
	return aboutRow(err) || errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "42") || strings.HasPrefix(pg.Code, "0A"))
}

// asExpected is the statements that ask whether the table is a table with the
// columns and the key it was prepared with, and no rules. Binary COPY takes the
// bytes for whatever the column is, does not look whether the key is still
// there, and passes rules by, where the merge fails; so
// this is asked once nobody can change the table any more.
func (w *writing) asExpected(p part) string {
	target := w.d.qualified(w.tab.Name)
	var have []string
	for _, c := range p.cols {
		have = append(have, "("+sqltext.Literal(c.Name)+", "+sqltext.Literal(columnTypes[c.Type])+")")
	}
	for i, m := range ledger.Meta {
		have = append(have, "("+sqltext.Literal(m)+", "+sqltext.Literal(metaTypes[i])+")")
	}
	var key []string
	for _, c := range w.tab.Keys() {
		key = append(key, sqltext.Literal(c.Name))
	}
	oid := sqltext.Literal(target) + "::regclass"
	return "SAVEPOINT direct; LOCK TABLE " + target + " IN ROW EXCLUSIVE MODE; SELECT EXISTS (SELECT FROM pg_class WHERE oid = " + oid + " AND relkind IN ('r', 'p') AND NOT relhasrules)" +
		" AND ARRAY(SELECT a.attname::text FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)" +
		" JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum" +
		" WHERE i.indrelid = " + oid + " AND i.indisprimary AND i.indimmediate ORDER BY k.place) = ARRAY[" + strings.Join(key, ", ") + "]" +
		" AND " + itoa(len(have)) + " = (SELECT count(*) FROM pg_attribute WHERE attrelid = " + oid +
		" AND attnum > 0 AND NOT attisdropped AND (attname::text, format_type(atttypid, atttypmod)) IN (" + strings.Join(have, ", ") + "))"
}

func (w *writing) copyStatement(p part) string {
	return "COPY " + w.d.qualified(w.tab.Name) + " (" + sqltext.QuoteAll("", append(names(p.cols), ledger.Meta...)) + ") FROM STDIN (FORMAT binary)"
}
