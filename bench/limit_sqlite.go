package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite" // the driver
)

// commitPages is how many pages the limit program commits together: as many
// rows as the one for PostgreSQL merges at a time.
const commitPages = mergeRows / pageSize

// runLimitSQLite is the limit for SQLite: the same pages, decoded into structs
// and brought in by a prepared upsert of a page's rows, 10,000 rows a
// transaction, as durable as Syncline's (a write-ahead log, synchronous=FULL).
func runLimitSQLite(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("limit-sqlite", flag.ContinueOnError)
	var p pageReader
	p.flags(fs)
	path := fs.String("to", "", "database file")
	if err := fs.Parse(args); err != nil {
		return err
	}
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "cache_size(-65536)", "wal_autocheckpoint(4000)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: *path, RawQuery: q.Encode()}).String())
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	w := sqliteLimit{conn: conn, pages: make(chan []any, p.workers), free: make(chan []any, 3*p.workers)}
	if _, err := conn.ExecContext(ctx, sqliteTable()); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(w.pages); return w.read(ctx, &p) })
	g.Go(func() error { return w.write(ctx) })
	if err := g.Wait(); err != nil {
		return err
	}
	return db.Close()
}

type sqliteLimit struct {
	conn  *sql.Conn
	pages chan []any // the parameters of one statement
	free  chan []any
}

func sqliteTable() string {
	names, _ := postgresColumns()
	texts := len(textColumns) + len(jsonColumns)
	defs := make([]string, len(names))
	for i, n := range names {
		defs[i] = n + " TEXT"
		if i >= texts {
			defs[i] = n + " INTEGER"
		}
	}
	defs[0] += " PRIMARY KEY"
	return "CREATE TABLE payments (" + strings.Join(defs, ", ") + ")"
}

// sqliteUpsert is the statement for so many rows.
func sqliteUpsert(rows int) string {
	names, _ := postgresColumns()
	row := "(" + strings.Repeat("?, ", len(names)-1) + "?)"
	return fmt.Sprintf("INSERT INTO payments VALUES %s%s ON CONFLICT (payment_id) DO UPDATE SET %s",
		strings.Repeat(row+", ", rows-1), row, excluded(names[1:]))
}

func (w *sqliteLimit) read(ctx context.Context, p *pageReader) error {
	decoders := make([]pageDecoder, p.workers)
	return p.each(ctx, func(ctx context.Context, worker int, body []byte) error {
		rows, err := decoders[worker].decode(body)
		if err != nil {
			return err
		}
		var args []any
		select {
		case args = <-w.free:
		default:
		}
		args = args[:0]
		for i := range rows {
			args = rows[i].appendArgs(args)
		}
		select {
		case w.pages <- args:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// appendArgs appends the payment as parameters, in the order of the columns.
func (p *payment) appendArgs(args []any) []any {
	for _, v := range p.texts() {
		if v == nil {
			args = append(args, nil)
		} else {
			args = append(args, string(v))
		}
	}
	return append(args, string(p.customer), string(p.metadata), string(p.subscriptionIDs),
		p.createdAt.UnixMicro(), p.totalAmount, p.delivered, p.licenceKey, p.multi)
}

func (w *sqliteLimit) write(ctx context.Context) error {
	names, _ := postgresColumns()
	whole, err := w.conn.PrepareContext(ctx, sqliteUpsert(pageSize))
	if err != nil {
		return err
	}
	defer whole.Close()
	exec := func(sql string) error { _, err := w.conn.ExecContext(ctx, sql); return err }
	n := 0
	for args := range w.pages {
		if n%commitPages == 0 {
			if err := exec("BEGIN IMMEDIATE"); err != nil {
				return err
			}
		}
		n++
		if rows := len(args) / len(names); rows == pageSize {
			_, err = whole.ExecContext(ctx, args...)
		} else {
			_, err = w.conn.ExecContext(ctx, sqliteUpsert(rows), args...)
		}
		if err != nil {
			return err
		}
		select {
		case w.free <- args:
		default:
		}
		if n%commitPages == 0 {
			if err := exec("COMMIT"); err != nil {
				return err
			}
		}
	}
	if n%commitPages != 0 {
		return exec("COMMIT")
	}
	return nil
}
