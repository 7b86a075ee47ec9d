package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// measureStart measures what does not depend on the number of rows: the size of
// the program, the time from its start to the first request that the sandbox
// sees, and what it holds in memory while it waits for its next run.
func measureStart(ctx context.Context, b *bench) ([]line, error) {
	info, err := os.Stat(b.syncline)
	if err != nil {
		return nil, err
	}
	lines := []line{{What: "program, CGO_ENABLED=0, stripped", Unit: "MB", Ours: []float64{float64(info.Size()) / megabyte}, Bar: "< 40 MB"}}
	a, err := b.startSandbox(ctx, b.rows, 0)
	if err != nil {
		return nil, err
	}
	defer a.stop()
	for _, kind := range []string{"sqlite", "postgres"} {
		more, err := b.starts(ctx, a, kind)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		lines = append(lines, more...)
	}
	return lines, nil
}

// starts starts a repeating pipeline on an empty database, which loads
// everything and waits, and once more, which finds nothing new and waits.
func (b *bench) starts(ctx context.Context, a *api, kind string) ([]line, error) {
	first := line{What: kind + ": start to first request, empty database", Unit: "ms", Bar: "< 100 ms"}
	again := line{What: kind + ": the same, filled database", Unit: "ms", Bar: "< 100 ms"}
	loaded := line{What: kind + ": memory while waiting, after the first load", Unit: "MB", Bar: "< 30 MB"}
	quiet := line{What: kind + ": memory while waiting, after a run without changes", Unit: "MB", Bar: "< 30 MB"}
	once := func() error {
		db, err := b.newDatabase(ctx, kind)
		if err != nil {
			return err
		}
		defer db.drop()
		p, err := b.newPipeline(a, db, "1h")
		if err != nil {
			return err
		}
		defer p.remove()
		if err := p.startAndWait(ctx, a, &first, &loaded); err != nil {
			return err
		}
		return p.startAndWait(ctx, a, &again, &quiet)
	}
	for range b.repeats {
		if err := once(); err != nil {
			return nil, err
		}
	}
	return []line{first, again, loaded, quiet}, nil
}

// startAndWait starts the pipeline, waits for its first receipt and then for its
// memory to settle, and stops it.
func (p *pipeline) startAndWait(ctx context.Context, a *api, first, idle *line) error {
	if _, err := a.seen(ctx); err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	c, err := startChild(ctx, w, pipelineEnv, p.b.syncline, p.command()...)
	w.Close()
	if err != nil {
		return err
	}
	receipt, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil {
		_, werr := c.wait()
		return errors.Join(err, werr)
	}
	defer c.stop()
	if _, err := readReceipt(receipt); err != nil {
		return err
	}
	s, err := a.seen(ctx)
	if err != nil {
		return err
	}
	select {
	case <-time.After(p.b.settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	first.Ours = append(first.Ours, float64(s.First.Sub(c.started).Microseconds())/1000)
	idle.Ours = append(idle.Ours, float64(memory(c.cmd.Process.Pid, "VmRSS"))/megabyte)
	return nil
}
