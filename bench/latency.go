package main

import (
	"context"
	"fmt"
	"time"
)

// latency is what the sandbox waits before every answer of this figure.
const latency = 20 * time.Millisecond

// latencyRows are enough for five seconds; more would say the same.
const latencyRows = 100000

// measureLatency loads from an API that answers late and has no rate limit. The
// most that so many requests at a time allow is workers/latency; the bare
// program, which only reads, shows what the machine makes of that. The rate is
// counted by the sandbox, from the first request to the last answer.
func measureLatency(ctx context.Context, b *bench) ([]line, error) {
	rows := min(b.rows, latencyRows)
	a, err := b.startSandbox(ctx, rows, latency)
	if err != nil {
		return nil, err
	}
	defer a.stop()
	what := fmt.Sprintf("requests, %d at a time, 20 ms each", b.workers)
	rate := line{What: what, Unit: "1/s", Bar: "ratio >= 0.9"}
	bare := line{What: "the same, to the bare program", Unit: "1/s"}
	useful := line{What: "rows, to the bare program", Unit: "rows/s"}
	limit := func() error {
		if _, err := a.seen(ctx); err != nil {
			return err
		}
		if _, err := b.readBare(ctx, a, rows); err != nil {
			return err
		}
		s, err := a.seen(ctx)
		rate.Limit = append(rate.Limit, float64(b.workers)/latency.Seconds())
		bare.Limit = append(bare.Limit, s.rate())
		useful.Limit = append(useful.Limit, float64(rows)/s.Last.Sub(s.First).Seconds())
		return err
	}
	ours := func() error {
		s, err := b.loadLate(ctx, a, rows)
		if err != nil {
			return err
		}
		rate.Ours = append(rate.Ours, s.rate())
		bare.Ours = append(bare.Ours, s.rate())
		useful.Ours = append(useful.Ours, float64(rows)/s.Last.Sub(s.First).Seconds())
		return nil
	}
	err = inTurns(b.repeats, limit, ours)
	return []line{rate, bare, useful}, err
}

// rate is requests per second.
func (s *seen) rate() float64 { return float64(s.Requests) / s.Last.Sub(s.First).Seconds() }

func (b *bench) loadLate(ctx context.Context, a *api, rows int) (s seen, err error) {
	db, err := b.newDatabase(ctx, "postgres")
	if err != nil {
		return s, err
	}
	defer db.drop()
	p, err := b.newPipeline(a, db, "")
	if err != nil {
		return s, err
	}
	defer p.remove()
	if _, err := a.seen(ctx); err != nil {
		return s, err
	}
	if _, err := p.run(ctx); err != nil {
		return s, err
	}
	if s, err = a.seen(ctx); err != nil {
		return s, err
	}
	return s, db.holds(ctx, rows)
}
