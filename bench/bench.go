package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/testserver"
)

// bench is one sitting: where things lie and what has been started.
type bench struct {
	options
	self     string // this program
	syncline string // the program that is measured
	server   string // URI of the PostgreSQL server's superuser, empty until needed
	made     int    // databases so far
	host     host
}

// newBench makes the folder.
func newBench(o options) (*bench, error) {
	b := &bench{options: o, syncline: o.binary, server: o.postgres}
	if b.big == 0 {
		b.big = 10 * b.rows
	}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	b.dir, err = os.MkdirTemp(o.dir, "syncline-bench-")
	return b, err
}

// close stops the server and removes the folder.
func (b *bench) close() {
	b.host.clean()
	os.RemoveAll(b.dir)
}

// database is a destination that a program fills.
type database struct {
	uri  string // for syncline --to and the limit programs
	kind string // "postgres" or "sqlite"
	drop func()
}

// newDatabase makes an empty database. What an earlier one left to be written
// is written first, so that each begins alike.
func (b *bench) newDatabase(ctx context.Context, kind string) (*database, error) {
	b.made++
	name := fmt.Sprintf("bench%d_%d", os.Getpid(), b.made)
	if kind == "sqlite" {
		path := filepath.Join(b.dir, name+".db")
		return &database{path, kind, func() {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				os.Remove(path + suffix)
			}
		}}, nil
	}
	if err := b.startPostgres(); err != nil {
		return nil, err
	}
	if _, err := query(ctx, b.server, "CREATE DATABASE "+name); err != nil {
		return nil, err
	}
	if _, err := query(ctx, b.server, "CHECKPOINT"); err != nil {
		return nil, err
	}
	u, err := url.Parse(b.server)
	if err != nil {
		return nil, err
	}
	u.Path = "/" + name
	return &database{u.String(), kind, func() {
		_, _ = query(context.WithoutCancel(ctx), b.server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") // only space is lost
	}}, nil
}

// startPostgres starts the server on first use: durable as by default, with a
// buffer that holds the smaller loads.
func (b *bench) startPostgres() (err error) {
	if b.server != "" {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			if err, _ = p.(hostError); err == nil {
				panic(p)
			}
		}
	}()
	pg := testserver.StartPostgres(&b.host, testserver.Options{Durable: true,
		Settings: map[string]string{"shared_buffers": "1GB", "wal_level": "replica"}})
	b.server = pg.URI("postgres")
	return nil
}

// host lets the test server run outside of a test.
type host struct {
	testing.TB
	cleanups []func()
}

type hostError struct{ error }

func (h *host) Helper()           {}
func (h *host) Cleanup(fn func()) { h.cleanups = append(h.cleanups, fn) }
func (h *host) Skip(args ...any)  { h.Fatal(args...) }
func (h *host) Fatal(args ...any) { panic(hostError{errors.New(fmt.Sprint(args...))}) }
func (h *host) clean() {
	for i := len(h.cleanups) - 1; i >= 0; i-- {
		h.cleanups[i]()
	}
	h.cleanups = nil
}

// query runs SQL and returns the last result's first value.
func query(ctx context.Context, uri, sql string) (string, error) {
	c, err := pgconn.Connect(ctx, uri)
	if err != nil {
		return "", err
	}
	defer c.Close(context.WithoutCancel(ctx))
	results, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return "", fmt.Errorf("%s: %w", sql, err)
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return "", nil
	}
	return string(last.Rows[0][0]), nil
}
