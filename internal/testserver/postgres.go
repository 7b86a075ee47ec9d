package testserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// PasswordRole is a role of every server started here that has to give a
// password, and Password is it. All other roles are trusted.
const (
	PasswordRole = "with_password"
	Password     = "correct horse/battery@staple"
)

// Options are the settings of a private server.
type Options struct {
	// Durable leaves fsync on. Tests that kill processes and servers do not
	// need it, since the operating system lives on; benchmarks do.
	Durable bool
	// Settings are more server settings, e.g. "max_connections": "5".
	Settings map[string]string
}

// PG is a PostgreSQL server.
type PG struct {
	admin  string // URI of a superuser, database "postgres"
	server *pgServer
}

var shared struct {
	sync.Mutex
	pg  *PG
	err error
}

// Postgres returns the server shared by all tests of the process.
func Postgres(t testing.TB) *PG {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.pg == nil && shared.err == nil {
		if uri := os.Getenv("SYNCLINE_TEST_POSTGRES"); uri != "" {
			shared.pg = &PG{admin: uri}
		} else {
			shared.pg, shared.err = newPG(Options{}, true)
		}
	}
	if shared.err != nil {
		missing(t, shared.err)
	}
	return shared.pg
}

// StartPostgres starts a server for one test and removes it at its end.
func StartPostgres(t testing.TB, o Options) *PG {
	t.Helper()
	pg, err := newPG(o, false)
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() {
		pg.server.stop(Immediate)
		os.RemoveAll(pg.server.dir)
	})
	return pg
}

// errNoServer is a machine without the programs; anything else is a failure.
var errNoServer = errors.New("no PostgreSQL server")

// missing ends the test: skipped where the server is not installed, failed in
// CI or if it is installed and does not start.
func missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errNoServer) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	t.Fatal(err)
}

func newPG(o Options, own bool) (*PG, error) {
	bin, err := findPrograms()
	if err != nil {
		return nil, err
	}
	server, err := createServer(bin, o, own)
	if err != nil {
		return nil, err
	}
	if err := server.start(); err != nil {
		return nil, err
	}
	admin := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", server.port)
	return &PG{admin: admin, server: server}, nil
}

// URI returns the connection URI of a database for the superuser.
func (p *PG) URI(database string) string {
	u, err := url.Parse(p.admin)
	if err != nil {
		panic(err)
	}
	u.Path = "/" + database
	return u.String()
}

// Addr returns the server's host and port.
func (p *PG) Addr() string {
	u, err := url.Parse(p.admin)
	if err != nil {
		panic(err)
	}
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Private reports whether the server was started here, so that its roles and
// settings are known.
func (p *PG) Private() bool { return p.server != nil }

var databases atomic.Int64

// NewDatabase creates an empty database and returns its URI. It is dropped at
// the end of the test.
func (p *PG) NewDatabase(t testing.TB) (uri string) {
	t.Helper()
	name := "t" + strconv.Itoa(os.Getpid()) + "_" + strconv.FormatInt(databases.Add(1), 10)
	p.Exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		if p.server == nil || p.server.running() {
			p.Exec(t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		}
	})
	return p.URI(name)
}

// Exec runs SQL as the superuser in the database "postgres".
func (p *PG) Exec(t testing.TB, sql string) {
	t.Helper()
	if err := execAdmin(p.admin, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func execAdmin(uri, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgconn.Connect(ctx, uri)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	_, err = c.Exec(ctx, sql).ReadAll()
	return err
}

// Stop ends a private server.
func (p *PG) Stop(t testing.TB, how Shutdown) {
	t.Helper()
	p.private(t).stop(how)
}

// Start starts a stopped private server on the same port with the same data.
func (p *PG) Start(t testing.TB) {
	t.Helper()
	if err := p.private(t).start(); err != nil {
		t.Fatal(err)
	}
}

// Restart is Stop and Start.
func (p *PG) Restart(t testing.TB, how Shutdown) {
	t.Helper()
	p.Stop(t, how)
	p.Start(t)
}

func (p *PG) private(t testing.TB) *pgServer {
	t.Helper()
	if p.server == nil {
		t.Skip("needs a server that the test may stop; SYNCLINE_TEST_POSTGRES is set")
	}
	return p.server
}

// findPrograms returns the directory of initdb and postgres.
func findPrograms() (string, error) {
	if dir := os.Getenv("SYNCLINE_TEST_PGBIN"); dir != "" {
		return dir, nil
	}
	dirs := filepath.SplitList(os.Getenv("PATH"))
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for i := len(installed) - 1; i >= 0; i-- {
		dirs = append(dirs, installed[i])
	}
	for _, dir := range dirs {
		_, errA := os.Stat(filepath.Join(dir, "initdb"))
		_, errB := os.Stat(filepath.Join(dir, "postgres"))
		if errA == nil && errB == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%w: initdb and postgres are neither on PATH nor in /usr/lib/postgresql/*/bin, and SYNCLINE_TEST_POSTGRES is not set (looked in %s)", errNoServer, strings.Join(dirs, ", "))
}
