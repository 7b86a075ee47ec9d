package postgres

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// session is one connection with what belongs to it.
type session struct {
	*pgx.Conn
	stages map[string]string // name of the temporary table by its column types
	made   int64             // the DB's generation when the session began
	room   []byte            // for rows being encoded
}

// settings are made in every session. The time-outs keep a lost connection
// from holding locks for ever, keepalives notice that it is lost. A commit is
// answered when it is on disk even if the database's default is otherwise. The
// joins that are off would read whole tables to find a batch's rows, and so
// would a plan that was kept from when the table was small.
const settings = `
SET statement_timeout = '10min'; SET idle_in_transaction_session_timeout = '60s';
SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
SET timezone = 'UTC'; SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET client_min_messages = warning;
SET datestyle = 'ISO'; SET extra_float_digits = 1; SET bytea_output = 'hex';
SET jit = off; SET work_mem = '32MB'; SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_custom_plan; SET row_security = off`

func (d *DB) connect(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, d.options.ConnectTimeout)
	defer cancel()
	c, err := pgx.ConnectConfig(ctx, d.config.Copy())
	if err != nil {
		return nil, err
	}
	if err := supported(c.PgConn().ParameterStatus("server_version")); err != nil {
		_ = c.Close(ctx)
		return nil, err
	}
	lock := "; SET lock_timeout = " + strconv.FormatInt(d.options.LockTimeout.Milliseconds(), 10)
	if _, err := c.PgConn().Exec(ctx, settings+lock).ReadAll(); err != nil {
		_ = c.Close(ctx)
		return nil, err
	}
	return &session{Conn: c, stages: map[string]string{}, made: d.generation.Load()}, nil
}

var errClosed = errors.New("postgres: the destination is closed")

// session runs fn with a connection of its own for as long as it takes.
func (d *DB) session(ctx context.Context, fn func(*session) error) error {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.slots }()
	s, err := d.take(ctx)
	if err != nil {
		return err
	}
	err = fn(s)
	d.give(s)
	return err
}

// take returns an idle session that is alive, or a new one.
func (d *DB) take(ctx context.Context) (*session, error) {
	for {
		d.mu.Lock()
		if d.closed {
			d.mu.Unlock()
			return nil, errClosed
		}
		var s *session
		if n := len(d.idle); n > 0 {
			s, d.idle = d.idle[n-1], d.idle[:n-1]
		}
		d.mu.Unlock()
		if s == nil {
			return d.connect(ctx)
		}
		// A server that was restarted has closed the connection. What this does
		// not notice is a transient error of the first statement.
		if s.made == d.generation.Load() && s.PgConn().CheckConn() == nil { //nolint:staticcheck // Ping would cost every small read a round trip
			return s, nil
		}
		s.end()
	}
}

// give puts a session back if it is in order.
func (d *DB) give(s *session) {
	if !s.IsClosed() && s.PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err := s.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
		cancel()
		if err != nil {
			s.end()
			return
		}
	}
	d.mu.Lock()
	if s.IsClosed() || d.closed {
		d.mu.Unlock()
		s.end()
		return
	}
	d.idle = append(d.idle, s)
	d.mu.Unlock()
}

func (s *session) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = s.Close(ctx)
}

// transaction runs fn in a transaction. commit tells whether the error, if any,
// came from COMMIT without an answer, so that the outcome is not known. Each
// statement sees what was committed before it, whatever the database's default.
func (s *session) transaction(ctx context.Context, fn func() error) (unknown bool, err error) {
	if _, err := s.PgConn().Exec(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED").ReadAll(); err != nil {
		return false, err
	}
	if err = fn(); err != nil {
		s.rollback()
		return false, err
	}
	done, err := s.PgConn().Exec(ctx, "COMMIT").ReadAll()
	if err == nil && (len(done) != 1 || done[0].CommandTag.String() != "COMMIT") {
		return false, errors.New("postgres: the server rolled the transaction back")
	}
	var pg *pgconn.PgError
	if err == nil || errors.As(err, &pg) && s.PgConn().TxStatus() == 'I' && !s.IsClosed() {
		return false, err
	}
	return true, err
}

func (s *session) rollback() {
	if s.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := s.PgConn().Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		s.end()
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
