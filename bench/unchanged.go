package main

import (
	"context"
	"fmt"
)

// measureUnchanged loads once and then runs again: as the plan says, and as a
// full sweep that reads everything. The database is asked which rows were
// written, the journal what it holds, the sandbox how often it was asked.
func measureUnchanged(ctx context.Context, b *bench) ([]line, error) {
	a, err := b.startSandbox(ctx, b.rows, 0)
	if err != nil {
		return nil, err
	}
	defer a.stop()
	var lines []line
	for _, kind := range []string{"postgres", "sqlite"} {
		more, err := b.unchanged(ctx, a, kind)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		lines = append(lines, more...)
	}
	return lines, nil
}

func (b *bench) unchanged(ctx context.Context, a *api, kind string) ([]line, error) {
	db, err := b.newDatabase(ctx, kind)
	if err != nil {
		return nil, err
	}
	defer db.drop()
	p, err := b.newPipeline(a, db, "")
	if err != nil {
		return nil, err
	}
	defer p.remove()
	if _, err := p.run(ctx); err != nil {
		return nil, err
	}
	planned, err := b.again(ctx, a, p, kind+", planned run", false)
	if err != nil {
		return nil, err
	}
	swept, err := b.again(ctx, a, p, kind+", full sweep", true)
	return append(planned, swept...), err
}

// again runs the pipeline with nothing to write. A sweep is measured in turns
// with reading alone.
func (b *bench) again(ctx context.Context, a *api, p *pipeline, what string, sweep bool) ([]line, error) {
	written := line{What: what + ": rows written", Unit: "n", Bar: "0"}
	entries := line{What: what + ": journal entries added", Unit: "n", Bar: "0"}
	requests := line{What: what + ": requests", Unit: "n"}
	speed := line{What: what + ": rows read", Unit: "rows/s"}
	took := line{What: what + ": time", Unit: "s"}
	limit := func() error { return nil }
	var args []string
	if sweep {
		args = []string{"--full"}
		limit = func() error {
			u, err := b.readBare(ctx, a, b.rows)
			speed.Limit = append(speed.Limit, float64(b.rows)/u.elapsed.Seconds())
			return err
		}
	}
	ours := func() error {
		o, n, err := b.watched(ctx, a, p, args, &written, &entries)
		if err != nil {
			return err
		}
		requests.Ours = append(requests.Ours, float64(n))
		took.Ours = append(took.Ours, o.elapsed.Seconds())
		speed.Ours = append(speed.Ours, float64(b.rows)/o.elapsed.Seconds())
		return nil
	}
	if err := inTurns(b.repeats, limit, ours); err != nil {
		return nil, err
	}
	if sweep {
		return []line{written, entries, requests, speed}, nil
	}
	return []line{written, entries, requests, took}, nil
}

// watched is one run with what it wrote.
func (b *bench) watched(ctx context.Context, a *api, p *pipeline, args []string, written, entries *line) (o outcome, requests int, err error) {
	before, err := p.entries(ctx)
	if err != nil {
		return o, 0, err
	}
	count, err := p.db.watchWrites(ctx)
	if err != nil {
		return o, 0, err
	}
	if _, err := a.seen(ctx); err != nil {
		return o, 0, err
	}
	if o, err = p.run(ctx, args...); err != nil {
		return o, 0, err
	}
	s, err := a.seen(ctx)
	if err != nil {
		return o, 0, err
	}
	n, err := count()
	if err != nil {
		return o, 0, err
	}
	after, err := p.entries(ctx)
	written.Ours = append(written.Ours, float64(n))
	entries.Ours = append(entries.Ours, float64(after-before))
	return o, s.Requests, err
}

// readBare fetches and decodes all pages and does nothing with them.
func (b *bench) readBare(ctx context.Context, a *api, rows int) (usage, error) {
	c, err := startChild(ctx, nil, nil, b.self, b.bare("limit-read", a, rows)...)
	if err != nil {
		return usage{}, err
	}
	return c.wait()
}
