package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/config"
	"github.com/synclinehq/syncline/sandbox/dodo"
)

const (
	demoFile    = "syncline-demo.db"
	demoObjects = 2000
)

// demoStreams are the usual four and a few that belong to them.
var demoStreams = []string{"payments", "customers", "subscriptions", "license_keys", "refunds", "disputes", "products"}

type demoFlags struct {
	watch   bool
	objects int
	file    string
}

func (a *app) demoCommand() *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use: "demo", Short: "see it work: no account, no server, no configuration", Args: cobra.NoArgs,
		Long: `Start a sandbox of Dodo Payments inside this process, pull it into an SQLite file,
change a few objects, send webhooks, pull again and show that just those rows
were written. Nothing leaves this machine.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), f) },
	}
	c.Flags().BoolVar(&f.watch, "watch", false, "go on and follow live changes until Ctrl-C")
	c.Flags().IntVar(&f.objects, "objects", demoObjects, "number of payments; the other objects in proportion")
	c.Flags().StringVar(&f.file, "db", demoFile, "the SQLite file to fill; one of an earlier demo is replaced")
	return c
}

// demonstration is a running demo: a sandbox and an engine that reads it, each
// behind an address of this machine.
type demonstration struct {
	a        *app
	f        demoFlags
	server   *dodo.Server
	pipeline *catalog.Pipeline
	engine   *syncline.Engine
	rep      reporter
}

func (a *app) demo(ctx context.Context, f demoFlags) (err error) {
	if f.file == "" {
		f.file = demoFile
	}
	if f.objects < 1 || f.objects > 1_000_000 {
		return usagef("--objects %d is not between 1 and 1000000", f.objects)
	}
	d := &demonstration{a: a, f: f, rep: a.newReporter(false)}
	defer d.rep.close()
	if err := d.clear(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	defer func() {
		cancel()
		err = errors.Join(err, g.Wait())
	}()
	if err := d.start(ctx, g); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.engine.Close()) }()
	if err := d.show(ctx); err != nil || !f.watch {
		return err
	}
	return d.watch(ctx)
}

// journal lies in a private folder beside the database. It also marks the database as one that a
// demo made.
func (d *demonstration) journal() string {
	name := strings.TrimSuffix(filepath.Base(d.f.file), filepath.Ext(d.f.file)) + ".journal.db"
	return filepath.Join(filepath.Dir(d.f.file), config.StateDir, name)
}

// clear removes what an earlier demo left, and nothing else.
func (d *demonstration) clear() error {
	if !fileExists(d.f.file) {
		return nil
	}
	if !fileExists(d.journal()) {
		return usagef("%s exists and was not made by a demo; name another file with --db", d.f.file)
	}
	for _, name := range []string{d.f.file, d.journal()} {
		for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
			if err := os.Remove(name + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// start serves the sandbox, opens the engine and connects the sandbox's
// webhooks to it.
func (d *demonstration) start(ctx context.Context, g *errgroup.Group) (err error) {
	d.server, err = dodo.New(dodo.Options{Seed: 1, Counts: dodo.Scaled(d.f.objects), Epoch: d.a.now().UTC().Add(-time.Hour)})
	if err != nil {
		return err
	}
	api, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	g.Go(func() error { return serve(ctx, api, d.server) })
	secret := newWebhookSecret()
	// Below 0 the vendor's limits are off: this sandbox has none.
	d.pipeline = &catalog.Pipeline{
		Name: "demo",
		Source: catalog.Part{Name: "dodo", Values: catalog.Values{"environment": "test_mode", "api_key": catalog.NewSecret(sandboxKey),
			"base_url": "http://" + api.Addr().String(), "rate_limit": -1.0, "concurrency": 8}},
		Destination: catalog.Part{Name: "sqlite", Values: catalog.Values{"path": d.f.file}},
		Journal:     catalog.Part{Name: "sqlite", Values: catalog.Values{"path": d.journal()}},
		Settings:    catalog.Values{"every": 3 * time.Second},
		Webhooks:    catalog.Values{"secret": catalog.NewSecret(secret)},
	}
	for _, s := range demoStreams {
		d.pipeline.Streams = append(d.pipeline.Streams, catalog.StreamChoice{Name: s})
	}
	d.engine, err = d.a.catalog.Open(ctx, d.pipeline, catalog.Run{Logger: d.a.logger(),
		Progress:  func(p syncline.Progress) { d.rep.progress("demo", p) },
		OnReceipt: func(r *syncline.Receipt, err error) { d.rep.receipt(r, err, 0) }})
	if err != nil {
		return err
	}
	hooks, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	g.Go(func() error { return serve(ctx, hooks, d.engine.WebhookHandler()) })
	d.server.AddEndpoint(dodo.Endpoint{URL: "http://" + hooks.Addr().String() + "/webhooks", Secret: secret})
	d.step("A sandbox of Dodo Payments with %s payments and what belongs to them runs at http://%s.", grouped(d.f.objects), api.Addr())
	return nil
}

func (d *demonstration) step(format string, args ...any) {
	if !d.a.json {
		d.a.printf("\n%s\n", d.a.paint(bold, fmt.Sprintf(format, args...)))
	}
}

// show pulls, changes, receives, pulls again.
func (d *demonstration) show(ctx context.Context) error {
	d.step("1. Pull everything into %s.", d.f.file)
	if err := d.run(ctx, false, d.engine.Run); err != nil {
		return err
	}
	if err := d.landed(ctx); err != nil {
		return err
	}
	changed, events := d.change()
	d.step("2. In the sandbox %d objects change (%s); it sends %d webhooks, applied without asking the API.", changed, demoChanges, events)
	d.server.FlushWebhooks(ctx)
	if err := d.run(ctx, false, d.engine.Deliver); err != nil {
		return err
	}
	d.step("3. Read everything again. What webhooks did not announce is found; no other row is written.")
	if err := d.run(ctx, true, d.engine.Run); err != nil {
		return err
	}
	d.next()
	return nil
}

// run makes one run and prints its receipt.
func (d *demonstration) run(ctx context.Context, full bool, do func(context.Context) (*syncline.Receipt, error)) error {
	d.engine.Full = full
	defer func() { d.engine.Full = false }()
	r, err := do(ctx)
	if live, ok := d.rep.(*live); ok {
		live.runs = 0 // every receipt of the demo is shown in full
	}
	if p, ok := d.rep.(*plain); ok {
		p.runs = 0
	}
	d.rep.receipt(r, err, 0)
	if err != nil {
		return shownError{err}
	}
	return nil
}

const demoChanges = "3 payments, 2 subscriptions, 4 customers, 1 new payment"

// change changes what demoChanges says and returns how many objects those are
// and how many webhooks they cause.
func (d *demonstration) change() (changed, events int) {
	for _, c := range []struct {
		entity string
		n      int
	}{{"payments", 3}, {"subscriptions", 2}, {"customers", 4}} {
		sent, err := d.server.TouchEntity(c.entity, c.n)
		if err == nil {
			changed, events = changed+c.n, events+len(sent)
		}
	}
	if _, sent, err := d.server.Create("payments", nil); err == nil {
		changed, events = changed+1, events+len(sent)
	}
	return changed, events
}

// landed shows what is in the file, counted there.
func (d *demonstration) landed(ctx context.Context) error {
	if d.a.json {
		return nil
	}
	rows := [][]string{{"table", "rows", "columns"}}
	for _, s := range demoStreams {
		table, err := tableOf(ctx, d.engine, s)
		if err != nil {
			return err
		}
		n, err := d.engine.Destination.Count(ctx, table)
		if err != nil {
			return err
		}
		rows = append(rows, []string{table.Name, grouped(n), grouped(len(table.Schema.Fields))})
	}
	path, err := filepath.Abs(d.f.file)
	if err != nil {
		path = d.f.file
	}
	d.a.printf("\nIn %s:\n", tidyPath(path))
	writeTable(d.a.out, rows)
	return nil
}

func (d *demonstration) next() {
	if d.a.json {
		return
	}
	d.step("Try next:")
	d.a.printf(`  sqlite3 %[1]s "select status, count(*), sum(total_amount) from payments group by status"
  syncline demo --watch          follow live changes
  syncline sandbox dodo          the sandbox alone, to develop against
  syncline                       connect your own account
`, d.f.file)
}

// watch lets the sandbox live and follows it.
func (d *demonstration) watch(ctx context.Context) error {
	d.step("Following live changes; Ctrl-C ends.")
	go touch(ctx, d.server, 2*time.Second)
	go func() { _ = d.server.RunWebhooks(ctx) }()
	stopped := make(chan struct{})
	defer d.a.onStop(func() {
		close(stopped)
		go func() { _ = d.engine.Stop(ctx) }()
	})()
	if err := d.engine.Start(ctx); err != nil {
		return err
	}
	err := d.engine.Wait()
	select {
	case <-stopped:
		return nil // the normal end
	default:
		return err
	}
}
