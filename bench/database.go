package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strconv"
)

// value runs SQL that yields one number.
func (d *database) value(ctx context.Context, stmt string) (int64, error) {
	if d.kind == "postgres" {
		text, err := query(ctx, d.uri, stmt)
		if err != nil {
			return 0, err
		}
		return strconv.ParseInt(text, 10, 64)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: d.uri}).String())
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var n int64
	if err := db.QueryRowContext(ctx, stmt).Scan(&n); err != nil {
		return 0, fmt.Errorf("%s: %w", stmt, err)
	}
	return n, nil
}

// holds checks that the table has so many rows.
func (d *database) holds(ctx context.Context, rows int) error {
	n, err := d.value(ctx, "SELECT count(*) FROM payments")
	if err == nil && n != int64(rows) {
		err = fmt.Errorf("the table holds %d rows of %d", n, rows)
	}
	return err
}

// watchWrites makes the database count from now on which rows are written, by
// its own means and not by what Syncline says: PostgreSQL marks each row with
// the transaction that wrote it, in SQLite triggers count.
func (d *database) watchWrites(ctx context.Context) (count func() (int64, error), err error) {
	if d.kind == "postgres" {
		from, err := d.value(ctx, "SELECT pg_current_xact_id()::text::bigint")
		return func() (int64, error) {
			return d.value(ctx, fmt.Sprintf("SELECT count(*) FROM payments WHERE xmin::text::bigint >= %d", from))
		}, err
	}
	_, err = d.value(ctx, sqliteWatch)
	return func() (int64, error) { return d.value(ctx, "SELECT count(*) FROM bench_writes") }, err
}

const sqliteWatch = `CREATE TABLE IF NOT EXISTS bench_writes (n INTEGER);
	CREATE TRIGGER IF NOT EXISTS bench_insert AFTER INSERT ON payments BEGIN INSERT INTO bench_writes VALUES (1); END;
	CREATE TRIGGER IF NOT EXISTS bench_update AFTER UPDATE ON payments BEGIN INSERT INTO bench_writes VALUES (1); END;
	CREATE TRIGGER IF NOT EXISTS bench_delete AFTER DELETE ON payments BEGIN INSERT INTO bench_writes VALUES (1); END;
	DELETE FROM bench_writes;
	SELECT count(*) FROM bench_writes`
