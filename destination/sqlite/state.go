package sqlite

import (
	"context"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// bookkeeping makes the tables of package ledger.
var bookkeeping = []string{
	`CREATE TABLE IF NOT EXISTS _syncline_state (
		pipeline TEXT NOT NULL, stream TEXT NOT NULL, format INTEGER NOT NULL, journal TEXT NOT NULL,
		epoch INTEGER NOT NULL, position INTEGER NOT NULL, batch_id TEXT NOT NULL, writes INTEGER NOT NULL,
		digest TEXT NOT NULL, updated_at TEXT NOT NULL, PRIMARY KEY (pipeline, stream)) STRICT, WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS _syncline_tables (
		name TEXT PRIMARY KEY COLLATE NOCASE, pipeline TEXT NOT NULL, stream TEXT NOT NULL, layout TEXT NOT NULL,
		columns TEXT NOT NULL, created_at TEXT NOT NULL) STRICT, WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS _syncline_runs (
		run TEXT NOT NULL, pipeline TEXT NOT NULL, stream TEXT NOT NULL, started_at TEXT NOT NULL, updated_at TEXT NOT NULL, ` +
		strings.Join(ledger.CountColumns, " INTEGER NOT NULL, ") + ` INTEGER NOT NULL, PRIMARY KEY (run, stream)) STRICT`,
	`CREATE TABLE IF NOT EXISTS _syncline_dead_letters (
		id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL, class TEXT NOT NULL,
		reason TEXT NOT NULL, data BLOB, position INTEGER NOT NULL, run TEXT NOT NULL, at TEXT NOT NULL) STRICT`,
}

// now is the time of the database's clock in the form of ledger.Time.
const now = "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"

const stateColumns = "format, journal, epoch, position, batch_id, writes, digest"

func readState(c *conn, pipeline, stream string) (*ledger.State, error) {
	var row *ledger.State
	err := c.query("SELECT "+stateColumns+" FROM _syncline_state WHERE pipeline = ? AND stream = ?", []any{pipeline, stream}, func(s *stmt) error {
		row = &ledger.State{Pipeline: pipeline, Stream: stream, Format: s.int64(0), Journal: s.text(1), Epoch: s.int64(2),
			Position: s.int64(3), BatchID: s.text(4), Writes: s.int64(5), Digest: s.text(6)}
		return nil
	})
	return row, err
}

// Attach opens the state of a stream and takes its fence.
func (d *DB) Attach(ctx context.Context, pipeline, stream, journal string) (syncline.State, error) {
	var out syncline.State
	err := d.writing(ctx, func(c *conn) error {
		return d.transaction(ctx, c, func() error {
			row, err := readState(c, pipeline, stream)
			if err != nil {
				return err
			}
			if row == nil {
				first := ledger.First(pipeline, stream, journal)
				row = &first
				err = c.exec("INSERT INTO _syncline_state (pipeline, stream, "+stateColumns+", updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "+now+")",
					pipeline, stream, row.Format, row.Journal, row.Epoch, row.Position, row.BatchID, row.Writes, row.Digest)
			} else if err = row.Check(); err == nil {
				row.Epoch++
				err = c.exec("UPDATE _syncline_state SET epoch = ? WHERE pipeline = ? AND stream = ?", row.Epoch, pipeline, stream)
			}
			if err != nil {
				return err
			}
			out = row.Open(journal)
			return c.query("SELECT name, layout, columns FROM _syncline_tables WHERE pipeline = ? AND stream = ? ORDER BY created_at DESC LIMIT 1", []any{pipeline, stream}, func(s *stmt) error {
				t := ledger.Table{Name: s.text(0)}
				if err := t.DecodeColumns(s.text(2)); err != nil {
					return err
				}
				out.Fields = t.Fields()
				return nil
			})
		})
	})
	return out, d.classed(err, "stream "+stream)
}

// moveState stores the position that a write reaches, if its writer still has
// the fence.
func moveState(c *conn, row *ledger.State, at syncline.Checkpoint) error {
	next := row.After(at)
	err := c.exec("UPDATE _syncline_state SET journal = ?, position = ?, batch_id = ?, writes = ?, digest = ?, updated_at = ? WHERE pipeline = ? AND stream = ? AND epoch = ?",
		next.Journal, next.Position, next.BatchID, next.Writes, next.Digest, ledger.Time(at.At), at.Pipeline, at.Stream, at.Epoch)
	if err == nil && c.changed() != 1 {
		return syncline.ErrFenced
	}
	return err
}

var addRun = func() string {
	var add, marks []string
	for _, n := range ledger.CountColumns {
		add = append(add, n+" = "+n+" + excluded."+n)
		marks = append(marks, "?")
	}
	return "INSERT INTO _syncline_runs (run, pipeline, stream, started_at, updated_at, " + strings.Join(ledger.CountColumns, ", ") +
		") VALUES (?1, ?2, ?3, ?4, ?4, " + strings.Join(marks, ", ") + ") ON CONFLICT (run, stream) DO UPDATE SET updated_at = excluded.updated_at, " + strings.Join(add, ", ")
}()

func saveRun(c *conn, at syncline.Checkpoint, res syncline.WriteResult) error {
	if at.Run == "" {
		return nil
	}
	args := []any{at.Run, at.Pipeline, at.Stream, ledger.Time(at.At)}
	for _, n := range ledger.CountValues(at.Counts, res) {
		args = append(args, n)
	}
	return c.exec(addRun, args...)
}

func saveDead(c *conn, dead []syncline.DeadLetter) error {
	for i := range dead {
		l := &dead[i]
		err := c.exec("INSERT INTO _syncline_dead_letters (id, pipeline, stream, key, class, reason, data, position, run, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
			ledger.Text(l.ID), l.Pipeline, l.Stream, ledger.Text(l.Key), l.Class, ledger.Text(l.Reason), l.Data, int64(l.Position), l.Run, ledger.Time(l.At))
		if err != nil {
			return err
		}
	}
	return nil
}

// DeadLetters returns the records that were set aside, newest first; all of
// them if limit is 0.
func (d *DB) DeadLetters(ctx context.Context, pipeline string, limit int) ([]syncline.DeadLetter, error) {
	if limit <= 0 {
		limit = -1
	}
	var out []syncline.DeadLetter
	err := d.reading(ctx, func(c *conn) error {
		return c.query("SELECT id, stream, key, class, reason, data, position, run, at FROM _syncline_dead_letters WHERE pipeline = ? ORDER BY at DESC, position DESC, id LIMIT ?",
			[]any{pipeline, int64(limit)}, func(s *stmt) error {
				at, err := time.Parse(time.RFC3339Nano, s.text(8))
				out = append(out, syncline.DeadLetter{ID: s.text(0), Pipeline: pipeline, Stream: s.text(1), Key: s.text(2), Class: s.text(3),
					Reason: s.text(4), Data: []byte(s.text(5)), Position: syncline.Position(s.int64(6)), Run: s.text(7), At: at})
				return err
			})
	})
	if d.absent(err) {
		return nil, nil
	}
	return out, d.classed(err, "dead letters of "+pipeline)
}

// Drop removes the stream's table, if it is ours, and its state. Ledger and
// dead letters stay.
func (d *DB) Drop(ctx context.Context, pipeline, stream string, t *syncline.Table) error {
	name := sqltext.SQLite.Name(t.Name, nil)
	err := d.writing(ctx, func(c *conn) error {
		c.forget()
		return d.transaction(ctx, c, func() error {
			reg, err := readTable(c, name)
			if err != nil {
				return err
			}
			if reg != nil && reg.Stream == stream && reg.Pipeline == pipeline {
				if err := c.exec("DROP TABLE IF EXISTS " + sqltext.Quote(name)); err != nil {
					return err
				}
				if err := c.exec("DELETE FROM _syncline_tables WHERE name = ?", name); err != nil {
					return err
				}
			}
			return c.exec("DELETE FROM _syncline_state WHERE pipeline = ? AND stream = ?", pipeline, stream)
		})
	})
	d.mu.Lock()
	delete(d.tables, t.Name)
	d.mu.Unlock()
	return d.classed(err, name)
}
