package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// merge is the statements that bring rows from a stage into the data table. All
// take the first place, the place after the last one and the time of writing.
type merge struct {
	insert string // rows of new keys only; the others are left alone
	upsert string // decides on each row and says what became of it
}

// The guard of P-13 in the two forms it is needed, and what it compares.
const (
	excludedTuple = "(excluded._syncline_version, excluded._syncline_tie, coalesce(excluded._syncline_hash, ''))"
	stageTuple    = "(s.version, s.tie, coalesce(s.hash, ''))"
	tableTuple    = "(t._syncline_version, t._syncline_tie, coalesce(t._syncline_hash, ''))"
)

// mergeOf builds the statements for rows that have the given columns, the key
// first; if deleted, only the key counts and the rows become deleted.
func mergeOf(d *DB, tab *table, cols []sqltext.Column, keys int, stage string, deleted bool) merge {
	target := d.qualified(tab.Name)
	var into, from, set, join []string
	for i, c := range cols {
		q := sqltext.Quote(c.Name)
		into, from = append(into, q), append(from, "s.c"+itoa(i))
		if i < keys {
			join = append(join, "t."+q+" = s.c"+itoa(i))
		} else {
			set = append(set, q+" = excluded."+q)
		}
	}
	if deleted && tab.Layout == syncline.LayoutDocument {
		// The column must not be null, and nothing is known of the object.
		into, from = append(into, sqltext.Quote(tab.Columns[keys].Name)), append(from, "'{}'::jsonb")
	}
	deletedAt, isSame := "NULL::timestamptz", "t._syncline_deleted_at IS NULL AND t._syncline_hash = s.hash"
	if deleted {
		deletedAt, isSame = "$3::timestamptz", "t._syncline_deleted_at IS NOT NULL"
	}
	into = append(into, ledger.Meta...)
	from = append(from, "s.version", "s.tie", "s.hash", "$3::timestamptz", deletedAt)
	for _, m := range ledger.Meta {
		set = append(set, m+" = excluded."+m)
	}
	keyList := sqltext.QuoteAll("", names(cols[:keys]))
	head := "INSERT INTO " + target + " AS t (" + strings.Join(into, ", ") + ") SELECT " + strings.Join(from, ", ")
	rows := " FROM pg_temp." + stage + " s WHERE s.place >= $1 AND s.place < $2"
	conflict := " ON CONFLICT (" + keyList + ") DO "
	return merge{
		insert: head + rows + conflict + "NOTHING",
		upsert: fmt.Sprintf(upsertForm, target, strings.Join(join, " AND "), isSame, deleted,
			head+" FROM decided s WHERE outcome <= 1"+conflict+"UPDATE SET "+strings.Join(set, ", "),
			keyIsNull(cols[:keys]), stage, int64(syncline.DoubtfulMicros), sqltext.Quote(cols[0].Name)),
	}
}

func keyIsNull(keys []sqltext.Column) string { return "t." + sqltext.Quote(keys[0].Name) + " IS NULL" }

// lookup finds the stored row of a row. Together with LIMIT 1 it is planned as
// one look into the index for each row, whatever the planner guesses about a
// table that was never analyzed; as a plain join it may read the whole table.
const lookup = "SELECT %[9]s, _syncline_version, _syncline_tie, _syncline_hash, _syncline_deleted_at FROM %[1]s t WHERE %[2]s"

// upsertForm decides on each row as ledger.Decide does, on the rows as they
// were before the statement. Only rows that are to be written reach the INSERT,
// so that the others are not even locked; it decides again by version, for the
// case that someone else wrote meanwhile. The result is the number of rows by
// outcome, the numbers really written and advanced, and the places that tie.
const upsertForm = `WITH met AS (
	SELECT s.*, %[6]s AS is_new, t._syncline_version IS NULL AS taken,
		` + stageTuple + ` > ` + tableTuple + ` AS newer,
		coalesce(%[3]s, false) OR ` + stageTuple + ` = ` + tableTuple + ` AND (t._syncline_deleted_at IS NOT NULL) = %[4]t AS same,
		s.version <= t._syncline_version AND t._syncline_version::numeric - s.version < %[8]d AS doubtful
	FROM pg_temp.%[7]s s LEFT JOIN LATERAL (` + lookup + ` LIMIT 1) t ON true WHERE s.place >= $1 AND s.place < $2
), decided AS MATERIALIZED (
	SELECT met.*, CASE WHEN is_new THEN 0 WHEN taken THEN 1 WHEN same AND newer THEN 2 WHEN same THEN 3 WHEN newer THEN 1 ELSE 4 END AS outcome,
		NOT is_new AND NOT taken AND doubtful AND NOT same AS tied
	FROM met
), written AS (
	%[5]s WHERE t._syncline_version IS NULL OR ` + excludedTuple + ` > ` + tableTuple + ` RETURNING 1
), advanced AS (
	UPDATE %[1]s t SET _syncline_version = s.version, _syncline_tie = s.tie, _syncline_hash = s.hash
	FROM decided s WHERE s.outcome = 2 AND %[2]s AND ` + stageTuple + ` > ` + tableTuple + ` RETURNING 1
)
SELECT count(*) FILTER (WHERE outcome = 0), count(*) FILTER (WHERE outcome = 1), count(*) FILTER (WHERE outcome = 2),
	count(*) FILTER (WHERE outcome = 3), count(*) FILTER (WHERE outcome = 4),
	(SELECT count(*) FROM written), (SELECT count(*) FROM advanced), array_agg(place ORDER BY place) FILTER (WHERE tied)
FROM decided`

// tally is what became of the rows of one merge.
type tally struct {
	outcome [5]int
	tied    []int32 // places
}

// run merges the places from..to of the stage. filling says to try inserting
// first.
func (m merge) run(ctx context.Context, s *session, from, to int, at time.Time, filling bool) (tally, error) {
	var t tally
	inserted := 0
	if filling {
		tag, err := s.Exec(ctx, m.insert, from, to, at)
		if err != nil {
			return t, err
		}
		if inserted = int(tag.RowsAffected()); inserted == to-from {
			t.outcome[ledger.Insert] = inserted
			return t, nil
		}
	}
	var written, advanced int
	o := &t.outcome
	err := s.QueryRow(ctx, m.upsert, from, to, at).Scan(&o[0], &o[1], &o[2], &o[3], &o[4], &written, &advanced, &t.tied)
	if err != nil {
		return t, err
	}
	if written != o[ledger.Insert]+o[ledger.Replace] || advanced != o[ledger.Advance] {
		return t, &syncline.Error{Class: syncline.Transient, What: fmt.Sprintf("%d rows were to be written and %d were: something else writes to the table, or a trigger keeps rows out",
			o[ledger.Insert]+o[ledger.Replace]+o[ledger.Advance], written+advanced)}
	}
	// Rows inserted just now are found again as they are.
	o[ledger.Same] -= inserted
	o[ledger.Insert] += inserted
	return t, nil
}
