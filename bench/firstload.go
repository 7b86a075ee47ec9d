package main

import (
	"context"
	"fmt"
)

// megabyte is a million bytes.
const megabyte = 1e6

func measurePostgres(ctx context.Context, b *bench) ([]line, error) {
	return b.firstLoad(ctx, "postgres")
}
func measureSQLite(ctx context.Context, b *bench) ([]line, error) { return b.firstLoad(ctx, "sqlite") }

// firstLoad fills an empty database with all payments, by the limit program and
// by Syncline in turns, each time a new database and a new journal. Time is from
// the start of the process to its end.
func (b *bench) firstLoad(ctx context.Context, kind string) ([]line, error) {
	a, err := b.startSandbox(ctx, b.rows, 0)
	if err != nil {
		return nil, err
	}
	defer a.stop()
	speed := line{What: "first load", Unit: "rows/s", Bar: "ratio >= 0.6"}
	cpu := line{What: "CPU of the program", Unit: "us/row"}
	peak := line{What: "peak memory", Unit: "MB", Bar: "< 100 MB"}
	requests := line{What: "requests", Unit: "n"}
	note := func(to func(*line) *[]float64, u usage, n int) {
		for _, v := range []struct {
			l     *line
			value float64
		}{
			{&speed, float64(b.rows) / u.elapsed.Seconds()},
			{&cpu, float64(u.cpu.Microseconds()) / float64(b.rows)},
			{&peak, float64(u.peak) / megabyte},
			{&requests, float64(n)},
		} {
			*to(v.l) = append(*to(v.l), v.value)
		}
	}
	limit := func() error {
		u, n, err := b.loadBare(ctx, a, kind)
		note(func(l *line) *[]float64 { return &l.Limit }, u, n)
		return err
	}
	ours := func() error {
		u, n, err := b.loadSyncline(ctx, a, kind)
		note(func(l *line) *[]float64 { return &l.Ours }, u, n)
		return err
	}
	err = inTurns(b.repeats, limit, ours)
	return []line{speed, cpu, peak, requests}, err
}

// inTurns runs both so many times, each going first every other time.
func inTurns(repeats int, limit, ours func() error) error {
	for i := range repeats {
		first, second := limit, ours
		if i%2 == 1 {
			first, second = ours, limit
		}
		if err := first(); err != nil {
			return err
		}
		if err := second(); err != nil {
			return err
		}
	}
	return nil
}

// bare is the command line of a limit program.
func (b *bench) bare(name string, a *api, rows int, more ...string) []string {
	return append([]string{name, "-from", a.url, "-rows", fmt.Sprint(rows), "-workers", fmt.Sprint(b.workers)}, more...)
}

// loadBare is one turn of the limit program.
func (b *bench) loadBare(ctx context.Context, a *api, kind string) (u usage, requests int, err error) {
	db, err := b.newDatabase(ctx, kind)
	if err != nil {
		return u, 0, err
	}
	defer db.drop()
	if _, err := a.seen(ctx); err != nil {
		return u, 0, err
	}
	more := []string{"-to", db.uri}
	if kind == "postgres" {
		more = append(more, "-writers", fmt.Sprint(b.writers), "-merge", fmt.Sprint(b.merge))
	}
	c, err := startChild(ctx, nil, nil, b.self, b.bare("limit-"+kind, a, b.rows, more...)...)
	if err != nil {
		return u, 0, err
	}
	if u, err = c.wait(); err != nil {
		return u, 0, err
	}
	s, err := a.seen(ctx)
	if err != nil {
		return u, 0, err
	}
	return u, s.Requests, db.holds(ctx, b.rows)
}

// loadSyncline is one turn of Syncline.
func (b *bench) loadSyncline(ctx context.Context, a *api, kind string) (u usage, requests int, err error) {
	db, err := b.newDatabase(ctx, kind)
	if err != nil {
		return u, 0, err
	}
	defer db.drop()
	p, err := b.newPipeline(a, db, "")
	if err != nil {
		return u, 0, err
	}
	defer p.remove()
	if _, err := a.seen(ctx); err != nil {
		return u, 0, err
	}
	o, err := p.run(ctx)
	if err != nil {
		return u, 0, err
	}
	s, err := a.seen(ctx)
	if err != nil {
		return u, 0, err
	}
	return o.usage, s.Requests, db.holds(ctx, b.rows)
}
