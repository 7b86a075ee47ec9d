package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// Options say where the database is.
type Options struct {
	// URI is postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=..., or the
	// same as keyword=value pairs.
	URI string
	// Schema holds the tables and is made if it does not exist; empty means the
	// first schema of the user's search path, usually "public".
	Schema string
	// ConnectTimeout bounds one attempt to connect; 0 means 10 seconds.
	ConnectTimeout time.Duration
	// LockTimeout bounds the wait for a lock that someone else holds; 0 means
	// 30 seconds.
	LockTimeout time.Duration
	// ResolveTimeout bounds how long to ask for the outcome of a commit whose
	// answer was lost; 0 means 30 seconds.
	ResolveTimeout time.Duration
	// ReadOnly opens the database for looking: nothing is made, and methods
	// that change something are refused. Where nothing was made yet, there are
	// no dead letters, and asking for a table's rows gives CodeTableMissing.
	ReadOnly bool
}

// DB is a destination in a PostgreSQL database. It is safe for concurrent use.
type DB struct {
	options Options
	config  *pgx.ConnConfig
	schema  string

	slots      chan struct{} // bounds the connections
	generation atomic.Int64  // counts changes of tables; older sessions end

	mu     sync.Mutex
	closed bool
	idle   []*session
	tables map[string]*table // by name of the stream's table
}

var _ syncline.Destination = (*DB)(nil)

const maxSessions = 8

// Open connects and, unless o.ReadOnly is set, makes the bookkeeping tables.
func Open(ctx context.Context, o Options) (*DB, error) {
	config, err := parse(o.URI)
	if err != nil {
		return nil, err
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 10 * time.Second
	}
	if o.ResolveTimeout == 0 {
		o.ResolveTimeout = 30 * time.Second
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 30 * time.Second
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "syncline"
	}
	d := &DB{options: o, config: config, schema: o.Schema, slots: make(chan struct{}, maxSessions), tables: map[string]*table{}}
	err = d.session(ctx, func(s *session) error { return d.setUp(ctx, s) })
	if err != nil {
		_ = d.Close()
		return nil, d.classed(err, d.address()+"/"+config.Database)
	}
	return d, nil
}

var leadingNumber = regexp.MustCompile(`^\d+`)

// supported refuses servers that are too old.
func supported(version string) error {
	major, err := strconv.Atoi(leadingNumber.FindString(version))
	if err == nil && major >= 12 {
		return nil
	}
	return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: "destination",
		What: fmt.Sprintf("the server is PostgreSQL %q", version), Fix: "Use PostgreSQL 12 or newer"}
}

// setUp finds the schema and makes the bookkeeping tables.
func (d *DB) setUp(ctx context.Context, s *session) error {
	if d.schema == "" {
		var schema *string
		if err := s.QueryRow(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
			return err
		}
		if schema == nil {
			return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: d.address(),
				What: "no schema of the user's search path exists", Fix: "Name one in the option schema"}
		}
		d.schema = *schema
	}
	if d.options.ReadOnly {
		return nil
	}
	if err := d.takesWrites(ctx, s); err != nil {
		return err
	}
	var have int
	err := s.QueryRow(ctx, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = ANY($2)",
		d.schema, bookkeepingNames).Scan(&have)
	if err != nil || have == len(bookkeepingNames) {
		return err
	}
	_, err = s.transaction(ctx, func() error { return d.makeBookkeeping(ctx, s) })
	return err
}

// takesWrites refuses servers that are there for reading.
func (d *DB) takesWrites(ctx context.Context, s *session) error {
	var refuses bool
	err := s.QueryRow(ctx, "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'").Scan(&refuses)
	if err != nil || !refuses {
		return err
	}
	return &syncline.Error{Code: syncline.CodeDestPermission, Class: syncline.Fatal, Where: d.address(),
		What: "the server takes no writes (a standby, or default_transaction_read_only is on)", Fix: "Connect to the primary"}
}

func (d *DB) makeBookkeeping(ctx context.Context, s *session) error {
	if err := d.lock(ctx, s, "bookkeeping"); err != nil {
		return err
	}
	var exists bool
	if err := s.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", d.schema).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		if _, err := s.Exec(ctx, "CREATE SCHEMA "+sqltext.Quote(d.schema)); err != nil {
			return err
		}
	}
	for _, sql := range bookkeeping {
		if _, err := s.Exec(ctx, strings.Replace(sql, "SCHEMA", sqltext.Quote(d.schema), 1)); err != nil {
			return err
		}
	}
	return nil
}

// lock keeps other processes of ours from changing the same thing until the
// transaction ends.
func (d *DB) lock(ctx context.Context, s *session, what string) error {
	_, err := s.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "syncline "+d.schema+" "+what)
	return err
}

// qualified returns a table's name with its schema, quoted.
func (d *DB) qualified(name string) string {
	return sqltext.Quote(d.schema) + "." + sqltext.Quote(name)
}

var plain = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

func quoteIfNeeded(name string) string {
	if plain.MatchString(name) {
		return name
	}
	return sqltext.Quote(name)
}

// Capabilities says what PostgreSQL can do.
func (d *DB) Capabilities() syncline.Capabilities {
	return syncline.Capabilities{Name: "postgres", Transactional: true, NUL: false, MaxBatchRows: 10000, MaxBatchBytes: 16 << 20,
		Guarantee: "Each record once, in its newest state: rows and position are one transaction."}
}

// Close ends the connections.
func (d *DB) Close() error {
	d.mu.Lock()
	idle := d.idle
	d.idle, d.closed = nil, true
	d.mu.Unlock()
	for _, s := range idle {
		s.end()
	}
	return nil
}
