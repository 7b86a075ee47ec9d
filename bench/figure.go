package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// options are what the user chose.
type options struct {
	rows, big, repeats, workers int
	writers, merge              int // of the limit program for PostgreSQL
	postgres, binary, dir       string
	settle                      time.Duration // before idle memory is read
}

// sourceConcurrency is what the connector allows at a time (limits.concurrency
// in connectors/dodo.yaml); the limit programs get the same.
const sourceConcurrency = 4

// figure is one thing that is measured. It returns the lines of the table.
type figure struct {
	name, title string
	measure     func(ctx context.Context, b *bench) ([]line, error)
}

// figures are all of them, in the order they are measured.
var figures = []figure{
	{"start", "Start and size", measureStart},
	{"latency", "Requests under latency", measureLatency},
	{"postgres", "First load, PostgreSQL", measurePostgres},
	{"sqlite", "First load, SQLite", measureSQLite},
	{"unchanged", "Second run, nothing changed", measureUnchanged},
	{"memory", "Memory", measureMemory},
}

func figureNames() (names []string) {
	for _, f := range figures {
		names = append(names, f.name)
	}
	return names
}

// measure runs the named figures one after the other and prints each when it is
// there.
func measure(ctx context.Context, o options, names []string, out io.Writer) (*report, error) {
	b, err := newBench(o)
	if err != nil {
		return nil, err
	}
	defer b.close()
	if err := b.build(ctx); err != nil {
		return nil, err
	}
	r := &report{Machine: describeMachine(b.dir), Rows: o.rows, Repeats: o.repeats}
	r.Machine.print(out)
	for _, f := range figures {
		if !slices.Contains(names, f.name) {
			continue
		}
		lines, err := f.measure(ctx, b)
		if err != nil {
			return nil, fmt.Errorf("figure %s: %w", f.name, err)
		}
		r.Figures = append(r.Figures, measured{Name: f.name, Title: f.title, Lines: lines})
		r.Figures[len(r.Figures)-1].print(out)
	}
	return r, nil
}
