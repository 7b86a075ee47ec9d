package main

import (
	"context"
	"flag"
	"fmt"
	"sync/atomic"
)

// runLimitRead is the limit of a run that finds nothing to write: the pages are
// fetched and decoded, and that is all.
func runLimitRead(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("limit-read", flag.ContinueOnError)
	var p pageReader
	p.flags(fs)
	if err := fs.Parse(args); err != nil {
		return err
	}
	decoders := make([]pageDecoder, p.workers)
	var read atomic.Int64
	err := p.each(ctx, func(_ context.Context, worker int, body []byte) error {
		rows, err := decoders[worker].decode(body)
		read.Add(int64(len(rows)))
		return err
	})
	if err == nil && read.Load() != int64(p.rows) {
		err = fmt.Errorf("read %d payments of %d", read.Load(), p.rows)
	}
	return err
}
