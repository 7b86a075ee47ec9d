package main

import (
	"context"
	"flag"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"
)

// mergeRows is how many rows the limit programs merge at a time.
const mergeRows = 10000

// postgresColumns is the limit program's table, in the order of
// [payment.appendCopy].
func postgresColumns() (names []string, ddl string) {
	var defs []string
	add := func(sqlType string, columns ...string) {
		for _, c := range columns {
			names = append(names, c)
			defs = append(defs, c+" "+sqlType)
		}
	}
	add("text", textColumns...)
	add("jsonb", jsonColumns...)
	add("timestamptz", "created_at")
	add("bigint", "total_amount")
	add("boolean", flagColumns...)
	return names, strings.Join(defs, ", ")
}

// runLimitPostgres is the limit: the same pages, decoded into structs and
// brought in by binary COPY into a temporary table and one INSERT .. ON CONFLICT
// for each 10,000 rows. Nothing is compared, journalled or counted.
func runLimitPostgres(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("limit-postgres", flag.ContinueOnError)
	var p pageReader
	p.flags(fs)
	uri := fs.String("to", "", "database")
	writers := fs.Int("writers", 1, "connections that write")
	merge := fs.Int("merge", mergeRows, "rows merged at a time")
	if err := fs.Parse(args); err != nil {
		return err
	}
	names, ddl := postgresColumns()
	if _, err := query(ctx, *uri, "CREATE TABLE payments ("+ddl+", PRIMARY KEY (payment_id))"); err != nil {
		return err
	}
	w := postgresLimit{uri: *uri, stage: "CREATE TEMP TABLE incoming (" + ddl + ")", pages: max(1, *merge/pageSize),
		merge: "INSERT INTO payments SELECT * FROM incoming ON CONFLICT (payment_id) DO UPDATE SET " + excluded(names[1:]) + "; TRUNCATE incoming"}
	blocks := make(chan []byte, p.workers)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(blocks); return w.read(ctx, &p, blocks) })
	for range *writers {
		g.Go(func() error { return w.write(ctx, blocks) })
	}
	return g.Wait()
}

type postgresLimit struct {
	uri, stage, merge string
	pages             int // merged at a time
	free              freeList
}

// read fetches the pages and encodes each as rows of binary COPY, in the worker
// that fetched it.
func (w *postgresLimit) read(ctx context.Context, p *pageReader, out chan<- []byte) error {
	decoders := make([]pageDecoder, p.workers)
	return p.each(ctx, func(ctx context.Context, worker int, body []byte) error {
		rows, err := decoders[worker].decode(body)
		if err != nil {
			return err
		}
		block := w.free.get()
		for i := range rows {
			block = rows[i].appendCopy(block)
		}
		select {
		case out <- block:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// excluded is the assignments of an upsert.
func excluded(columns []string) string {
	sets := make([]string, len(columns))
	for i, c := range columns {
		sets[i] = c + " = excluded." + c
	}
	return strings.Join(sets, ", ")
}

// write copies and merges so many pages at a time, in one transaction each.
func (w *postgresLimit) write(ctx context.Context, blocks <-chan []byte) error {
	conn, err := pgconn.Connect(ctx, w.uri)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	exec := func(sql string) error { _, err := conn.Exec(ctx, sql).ReadAll(); return err }
	if err := exec(w.stage); err != nil {
		return err
	}
	for {
		batch := &copyReader{blocks: blocks, left: w.pages, free: &w.free, rest: copyHeader}
		if err := exec("BEGIN"); err != nil {
			return err
		}
		if _, err := conn.CopyFrom(ctx, batch, "COPY incoming FROM STDIN BINARY"); err != nil {
			return err
		}
		if err := exec(w.merge + "; COMMIT"); err != nil {
			return err
		}
		if batch.ended {
			return nil
		}
	}
}

// copyReader is the stream of one COPY: header, up to left blocks, trailer.
type copyReader struct {
	blocks <-chan []byte
	left   int
	free   *freeList
	rest   []byte // of the current part
	block  []byte // the current block, to be given back
	done   bool   // the trailer was sent
	ended  bool   // there are no more blocks
}

func (r *copyReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(r.rest) == 0 {
			if !r.next() {
				break
			}
		}
		k := copy(p[n:], r.rest)
		r.rest = r.rest[k:]
		n += k
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (r *copyReader) next() bool {
	if r.block != nil {
		r.free.put(r.block)
		r.block = nil
	}
	if r.done {
		return false
	}
	if r.left > 0 {
		if b, ok := <-r.blocks; ok {
			r.left--
			r.block, r.rest = b, b
			return true
		}
		r.ended = true
	}
	r.done, r.rest = true, copyTrailer
	return true
}
