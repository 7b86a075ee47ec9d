package main

import (
	"context"
	"fmt"
	"slices"
)

// measureMemory loads few rows and many and compares the peaks: memory must not
// follow the number of rows.
func measureMemory(ctx context.Context, b *bench) ([]line, error) {
	var lines []line
	for _, kind := range []string{"postgres", "sqlite"} {
		small, err := b.peak(ctx, kind, b.rows)
		if err != nil {
			return nil, err
		}
		big, err := b.peak(ctx, kind, b.big)
		if err != nil {
			return nil, err
		}
		lines = append(lines,
			line{What: fmt.Sprintf("%s: peak at %s rows", kind, number(float64(b.rows))), Unit: "MB", Ours: small, Bar: "< 100 MB"},
			line{What: fmt.Sprintf("%s: peak at %s rows, to that", kind, number(float64(b.big))), Unit: "MB", Limit: small, Ours: big, Bar: "ratio <= 1.1"})
	}
	return lines, nil
}

// peak is the most memory the process of a first load had at any time.
func (b *bench) peak(ctx context.Context, kind string, rows int) (peaks []float64, err error) {
	a, err := b.startSandbox(ctx, rows, 0)
	if err != nil {
		return nil, err
	}
	defer a.stop()
	was := b.rows
	b.rows = rows
	defer func() { b.rows = was }()
	for range b.repeats {
		u, _, err := b.loadSyncline(ctx, a, kind)
		if err != nil {
			return nil, err
		}
		peaks = append(peaks, float64(u.peak)/megabyte)
	}
	return slices.Clip(peaks), nil
}
