package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	syncline "github.com/synclinehq/syncline"
	journal "github.com/synclinehq/syncline/journal/sqlite"
)

// pipeline is a folder with a syncline.yaml that reads the payments of a
// sandbox into a database.
type pipeline struct {
	b  *bench
	db *database
	// dir holds the configuration and, in .syncline, the journal.
	dir string
}

// newPipeline writes the configuration. every is the interval between runs,
// empty for single ones.
func (b *bench) newPipeline(a *api, db *database, every string) (*pipeline, error) {
	dir, err := os.MkdirTemp(b.dir, "pipeline-")
	if err != nil {
		return nil, err
	}
	key := "uri"
	if db.kind == "sqlite" {
		key = "path"
	}
	var c strings.Builder
	fmt.Fprintf(&c, "source:\n  connector: dodo\n  environment: test_mode\n  api_key: ${env:BENCH_KEY}\n  base_url: %s\n  concurrency: %d\n", a.url, b.workers)
	fmt.Fprintf(&c, "destination:\n  type: %s\n  %s: %q\nstreams: [payments]\n", db.kind, key, db.uri)
	if every != "" {
		fmt.Fprintf(&c, "every: %s\n", every)
	}
	return &pipeline{b, db, dir}, os.WriteFile(filepath.Join(dir, "syncline.yaml"), []byte(c.String()), 0o600)
}

func (p *pipeline) remove() { os.RemoveAll(p.dir) }

// command is the command line of syncline run.
func (p *pipeline) command(args ...string) []string {
	return append([]string{"run", "--json", "-q", "-c", filepath.Join(p.dir, "syncline.yaml")}, args...)
}

var pipelineEnv = []string{"BENCH_KEY=" + sandboxKey}

// outcome is what came of a run.
type outcome struct {
	usage
	receipt *syncline.Receipt
}

// run runs the pipeline once, to the end. A receipt that is not green is an
// error.
func (p *pipeline) run(ctx context.Context, args ...string) (o outcome, err error) {
	var out bytes.Buffer
	c, err := startChild(ctx, &out, pipelineEnv, p.b.syncline, p.command(args...)...)
	if err != nil {
		return o, err
	}
	if o.usage, err = c.wait(); err != nil {
		return o, fmt.Errorf("%w%s", err, out.Bytes())
	}
	o.receipt, err = readReceipt(out.Bytes())
	return o, err
}

func readReceipt(out []byte) (*syncline.Receipt, error) {
	for line := range bytes.Lines(out) {
		var e struct {
			Event   string
			Receipt *syncline.Receipt
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%w: %s", err, line)
		}
		if e.Event == "receipt" {
			return e.Receipt, e.Receipt.Err()
		}
	}
	return nil, fmt.Errorf("no receipt: %s", out)
}

// entries counts what the journal holds.
func (p *pipeline) entries(ctx context.Context) (n int, err error) {
	j, err := journal.Open(ctx, journal.Options{Path: filepath.Join(p.dir, ".syncline", "dodo.journal.db"), ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer j.Close()
	s, err := j.Stats(ctx)
	return s.Entries, err
}
