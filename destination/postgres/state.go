package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// bookkeeping makes the tables of package ledger; SCHEMA is replaced.
var bookkeeping = []string{
	`CREATE TABLE IF NOT EXISTS SCHEMA._syncline_state (
		pipeline text NOT NULL, stream text NOT NULL, format bigint NOT NULL, journal text NOT NULL,
		epoch bigint NOT NULL, position bigint NOT NULL, batch_id text NOT NULL, writes bigint NOT NULL,
		digest text NOT NULL, updated_at timestamptz NOT NULL, PRIMARY KEY (pipeline, stream))`,
	`CREATE TABLE IF NOT EXISTS SCHEMA._syncline_tables (
		name text PRIMARY KEY, pipeline text NOT NULL, stream text NOT NULL, layout text NOT NULL,
		columns json NOT NULL, created_at timestamptz NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS SCHEMA._syncline_runs (
		run text NOT NULL, pipeline text NOT NULL, stream text NOT NULL, started_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, ` +
		strings.Join(ledger.CountColumns, " bigint NOT NULL, ") + ` bigint NOT NULL, PRIMARY KEY (run, stream))`,
	`CREATE TABLE IF NOT EXISTS SCHEMA._syncline_dead_letters (
		id text PRIMARY KEY, pipeline text NOT NULL, stream text NOT NULL, key text NOT NULL, class text NOT NULL,
		reason text NOT NULL, data bytea, position bigint NOT NULL, run text NOT NULL, at timestamptz NOT NULL)`,
}

const stateColumns = "format, journal, epoch, position, batch_id, writes, digest"

// readState reads and locks the state row, nil if there is none. The lock makes
// it wait for a transaction that is still about to move the row.
func (d *DB) readState(ctx context.Context, s *session, pipeline, stream string) (*ledger.State, error) {
	r := ledger.State{Pipeline: pipeline, Stream: stream}
	err := s.QueryRow(ctx, "SELECT "+stateColumns+" FROM "+d.qualified(ledger.States)+" WHERE pipeline = $1 AND stream = $2 FOR UPDATE", pipeline, stream).
		Scan(&r.Format, &r.Journal, &r.Epoch, &r.Position, &r.BatchID, &r.Writes, &r.Digest)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &r, err
}

// Attach opens the state of a stream and takes its fence.
func (d *DB) Attach(ctx context.Context, pipeline, stream, journal string) (out syncline.State, err error) {
	if err := d.writable(); err != nil {
		return out, err
	}
	err = d.session(ctx, func(s *session) error {
		_, err := s.transaction(ctx, func() error {
			out, err = d.attach(ctx, s, pipeline, stream, journal)
			return err
		})
		return err
	})
	return out, d.classed(err, "stream "+stream)
}

func (d *DB) attach(ctx context.Context, s *session, pipeline, stream, journal string) (out syncline.State, err error) {
	first := ledger.First(pipeline, stream, journal)
	_, err = s.Exec(ctx, "INSERT INTO "+d.qualified(ledger.States)+" (pipeline, stream, "+stateColumns+", updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now()) ON CONFLICT DO NOTHING",
		pipeline, stream, first.Format, first.Journal, first.Epoch, first.Position, first.BatchID, first.Writes, first.Digest)
	if err != nil {
		return out, err
	}
	row, err := d.readState(ctx, s, pipeline, stream)
	if err != nil {
		return out, err
	}
	if row == nil {
		return out, errors.New("postgres: the state row went away")
	}
	if err := row.Check(); err != nil {
		return out, err
	}
	row.Epoch++
	if _, err := s.Exec(ctx, "UPDATE "+d.qualified(ledger.States)+" SET epoch = $1 WHERE pipeline = $2 AND stream = $3", row.Epoch, pipeline, stream); err != nil {
		return out, err
	}
	out = row.Open(journal)
	var t ledger.Table
	var columns string
	err = s.QueryRow(ctx, "SELECT name, columns::text FROM "+d.qualified(ledger.Tables)+" WHERE pipeline = $1 AND stream = $2 ORDER BY created_at DESC LIMIT 1", pipeline, stream).
		Scan(&t.Name, &columns)
	if errors.Is(err, pgx.ErrNoRows) {
		return out, nil
	} else if err != nil {
		return out, err
	}
	if err := t.DecodeColumns(columns); err != nil {
		return out, err
	}
	out.Fields = t.Fields()
	return out, nil
}

// moveState stores the position that a write reaches, if its writer still has
// the fence.
func (d *DB) moveState(ctx context.Context, s *session, next ledger.State, at syncline.Checkpoint) error {
	tag, err := s.Exec(ctx, "UPDATE "+d.qualified(ledger.States)+" SET journal = $1, position = $2, batch_id = $3, writes = $4, digest = $5, updated_at = $6 WHERE pipeline = $7 AND stream = $8 AND epoch = $9",
		next.Journal, next.Position, next.BatchID, next.Writes, next.Digest, at.At, at.Pipeline, at.Stream, at.Epoch)
	if err == nil && tag.RowsAffected() != 1 {
		return syncline.ErrFenced
	}
	return err
}

var addRun = func() string {
	var add, marks []string
	for i, n := range ledger.CountColumns {
		add = append(add, n+" = r."+n+" + excluded."+n)
		marks = append(marks, "$"+itoa(i+5))
	}
	return " AS r (run, pipeline, stream, started_at, updated_at, " + strings.Join(ledger.CountColumns, ", ") + ") VALUES ($1, $2, $3, $4, $4, " +
		strings.Join(marks, ", ") + ") ON CONFLICT (run, stream) DO UPDATE SET updated_at = excluded.updated_at, " + strings.Join(add, ", ")
}()

func (d *DB) saveRun(ctx context.Context, s *session, at syncline.Checkpoint, res syncline.WriteResult) error {
	if at.Run == "" {
		return nil
	}
	args := []any{at.Run, at.Pipeline, at.Stream, at.At}
	for _, n := range ledger.CountValues(at.Counts, res) {
		args = append(args, n)
	}
	_, err := s.Exec(ctx, "INSERT INTO "+d.qualified(ledger.Runs)+addRun, args...)
	return err
}

func (d *DB) saveDead(ctx context.Context, s *session, dead []syncline.DeadLetter) error {
	if len(dead) == 0 {
		return nil
	}
	n := len(dead)
	text := make([][]string, 7)
	for i := range text {
		text[i] = make([]string, n)
	}
	data, position, at := make([][]byte, n), make([]int64, n), make([]time.Time, n)
	for i := range dead {
		l := &dead[i]
		for j, v := range []string{l.ID, l.Pipeline, l.Stream, l.Key, l.Class, l.Reason, l.Run} {
			text[j][i] = ledger.Text(v)
		}
		data[i], position[i], at[i] = l.Data, int64(l.Position), l.At
	}
	_, err := s.Exec(ctx, "INSERT INTO "+d.qualified(ledger.DeadLetters)+` (id, pipeline, stream, key, class, reason, run, data, position, at)
		SELECT DISTINCT ON (id) * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::bigint[], $10::timestamptz[])
		AS l(id, pipeline, stream, key, class, reason, run, data, position, at) ORDER BY id ON CONFLICT (id) DO NOTHING`,
		text[0], text[1], text[2], text[3], text[4], text[5], text[6], data, position, at)
	return err
}

// DeadLetters returns the records that were set aside, newest first; all of
// them if limit is 0.
func (d *DB) DeadLetters(ctx context.Context, pipeline string, limit int) ([]syncline.DeadLetter, error) {
	var out []syncline.DeadLetter
	err := d.session(ctx, func(s *session) error {
		var most *int
		if limit > 0 {
			most = &limit
		}
		rows, err := s.Query(ctx, "SELECT id, pipeline, stream, key, class, reason, data, position, run, at FROM "+d.qualified(ledger.DeadLetters)+
			" WHERE pipeline = $1 ORDER BY at DESC, position DESC, id LIMIT $2", pipeline, most)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (l syncline.DeadLetter, err error) {
			err = r.Scan(&l.ID, &l.Pipeline, &l.Stream, &l.Key, &l.Class, &l.Reason, &l.Data, (*int64)(&l.Position), &l.Run, &l.At)
			l.At = l.At.UTC()
			return l, err
		})
		return err
	})
	if d.absent(err) {
		return nil, nil
	}
	return out, d.classed(err, "dead letters of "+pipeline)
}

// Drop removes the stream's table, if it is ours, and its state. Ledger and
// dead letters stay.
func (d *DB) Drop(ctx context.Context, pipeline, stream string, t *syncline.Table) error {
	if err := d.writable(); err != nil {
		return err
	}
	name := sqltext.Postgres.Name(t.Name, nil)
	err := d.session(ctx, func(s *session) error {
		_, err := s.transaction(ctx, func() error {
			if err := d.lock(ctx, s, name); err != nil {
				return err
			}
			tag, err := s.Exec(ctx, "DELETE FROM "+d.qualified(ledger.Tables)+" WHERE name = $1 AND pipeline = $2 AND stream = $3", name, pipeline, stream)
			if err == nil && tag.RowsAffected() == 1 {
				_, err = s.Exec(ctx, "DROP TABLE IF EXISTS "+d.qualified(name))
			}
			if err == nil {
				_, err = s.Exec(ctx, "DELETE FROM "+d.qualified(ledger.States)+" WHERE pipeline = $1 AND stream = $2", pipeline, stream)
			}
			return err
		})
		return err
	})
	d.generation.Add(1)
	d.mu.Lock()
	delete(d.tables, t.Name)
	d.mu.Unlock()
	return d.classed(err, name)
}
