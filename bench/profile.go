package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/all"
	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/config"
	"github.com/synclinehq/syncline/connectors"
	"github.com/synclinehq/syncline/source/rest"
)

// runProfile is the subcommand that makes a first load in its own process and
// writes what go tool pprof reads: cpu.prof, and allocs.prof with the
// allocations since the start.
func runProfile(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("profile", flag.ContinueOnError)
	o := options{workers: sourceConcurrency}
	fs.IntVar(&o.rows, "rows", 200000, "payments to load")
	fs.StringVar(&o.postgres, "postgres", "", "URI of a superuser on a running server; by default one is started")
	fs.StringVar(&o.dir, "dir", "", "folder for databases and journals, by default a temporary one")
	kind := fs.String("to", "postgres", "postgres or sqlite")
	out := fs.String("out", ".", "folder for cpu.prof and allocs.prof")
	again := fs.Bool("again", false, "profile a full sweep over the loaded rows in place of the load")
	if err := fs.Parse(args); err != nil {
		return err
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	return b.profile(ctx, *kind, *out, *again)
}

func (b *bench) profile(ctx context.Context, kind, out string, again bool) error {
	a, err := b.startSandbox(ctx, b.rows, 0)
	if err != nil {
		return err
	}
	defer a.stop()
	db, err := b.newDatabase(ctx, kind)
	if err != nil {
		return err
	}
	defer db.drop()
	p, err := b.newPipeline(a, db, "")
	if err != nil {
		return err
	}
	if again {
		if err := p.runHere(ctx, false); err != nil {
			return err
		}
	}
	cpu, err := os.Create(filepath.Join(out, "cpu.prof"))
	if err != nil {
		return err
	}
	defer cpu.Close()
	start := time.Now()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	err = p.runHere(ctx, again)
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	took := time.Since(start)
	fmt.Printf("%d rows in %s: %.0f rows/s\n", b.rows, took.Round(time.Millisecond), float64(b.rows)/took.Seconds())
	return writeAllocs(filepath.Join(out, "allocs.prof"))
}

// runHere runs the pipeline in this process.
func (p *pipeline) runHere(ctx context.Context, full bool) error {
	c := all.Catalog()
	con, err := c.Connector("dodo")
	if err != nil {
		return err
	}
	con.Open = openUnlimited
	env := func(string) (string, bool) { return sandboxKey, true }
	file, err := config.Load(filepath.Join(p.dir, "syncline.yaml"), c, env)
	if err != nil {
		return err
	}
	e, err := c.Open(ctx, &file.Pipelines[0], catalog.Run{Full: full, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer e.Close()
	_, err = e.Run(ctx)
	return err
}

// openUnlimited opens the source without the vendor's rate limit, see
// [bench.build].
func openUnlimited(_ context.Context, a catalog.Account) (syncline.Source, error) {
	return rest.New(connectors.Dodo(), rest.Options{Environment: a.Values.Text("environment"), BaseURL: a.Values.Text("base_url"),
		Secrets: map[string]string{"api_key": sandboxKey}, Concurrency: a.Values.Int("concurrency"), RateLimit: -1})
}

func writeAllocs(path string) error {
	runtime.GC() // so that the profile is up to date
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return pprof.Lookup("allocs").WriteTo(f, 0)
}
