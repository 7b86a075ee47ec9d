package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// writeStatements are prepared once on the writer's connection.
type writeStatements struct {
	prepared
	begin, commit, rollback              *sql.Stmt
	addStream, addEntry                  *sql.Stmt
	event, addEvent                      *sql.Stmt
	conflict, addConflict                *sql.Stmt
	cursor, setCursor, dropCursor        *sql.Stmt
	intend, dropIntent                   *sql.Stmt
	register, deliver, dropDeliveries    *sql.Stmt
	delivered, firstYoung                *sql.Stmt
	dropEntries, setPruned               *sql.Stmt
	dropOldDeliveries, saveRun, dropRuns *sql.Stmt
}

func (s *writeStatements) prepare(ctx context.Context, c *sql.Conn) error {
	return s.prepareAll(ctx, c, []statement{
		{&s.begin, `BEGIN IMMEDIATE`},
		{&s.commit, `COMMIT`},
		{&s.rollback, `ROLLBACK`},

		{&s.addStream, `INSERT INTO streams (name) VALUES (?)`},
		{&s.addEntry, `INSERT INTO entries (id, received_at, source, kind, shape, event_id,
			records, block_size, body_size, encoding, digest, payload) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`},
		{&s.event, `SELECT n, entry, digest FROM events WHERE key = ?`},
		{&s.addEvent, `INSERT INTO events (key, entry, digest, received_at) VALUES (?,?,?,?)`},
		{&s.conflict, `SELECT 1 FROM conflicts WHERE event = ? AND digest = ?`},
		{&s.addConflict, `INSERT INTO conflicts (event, digest, received_at) VALUES (?,?,?)`},

		{&s.cursor, `SELECT cursor FROM cursors WHERE source = ? AND stream = ?`},
		{&s.setCursor, `INSERT INTO cursors (source, stream, cursor, digest) VALUES (?,?,?,?)
			ON CONFLICT (source, stream) DO UPDATE SET cursor = excluded.cursor, digest = excluded.digest`},
		{&s.dropCursor, `DELETE FROM cursors WHERE source = ? AND stream = ?`},

		{&s.intend, `INSERT INTO intents (consumer, stream, intent, digest) VALUES (?,?,?,?)
			ON CONFLICT (consumer, stream) DO UPDATE SET intent = excluded.intent, digest = excluded.digest`},
		{&s.dropIntent, `DELETE FROM intents WHERE consumer = ? AND stream = ?`},

		{&s.register, `INSERT INTO deliveries (consumer, stream, hour, position, delivered_at) VALUES (?,?,0,0,0)
			ON CONFLICT DO NOTHING`},
		{&s.deliver, `INSERT INTO deliveries (consumer, stream, hour, position, delivered_at) VALUES (?,?,?,?,?)
			ON CONFLICT (consumer, stream, hour) DO UPDATE SET
			position = max(position, excluded.position), delivered_at = max(delivered_at, excluded.delivered_at)`},
		{&s.dropDeliveries, `DELETE FROM deliveries WHERE consumer = ? AND stream = ?`},
		{&s.dropOldDeliveries, `DELETE FROM deliveries AS d WHERE stream = ? AND hour > 0 AND EXISTS (
			SELECT 1 FROM deliveries n WHERE n.consumer = d.consumer AND n.stream = d.stream AND n.hour > d.hour
			AND n.position >= d.position AND n.delivered_at < ?)`},

		// What every consumer of a stream had been delivered before a time, 0
		// if there is no consumer.
		{&s.delivered, `SELECT coalesce(min(p), 0) FROM (
			SELECT max(CASE WHEN delivered_at < ? THEN position ELSE 0 END) AS p
			FROM deliveries WHERE stream = ? GROUP BY consumer)`},
		{&s.firstYoung, `SELECT coalesce(min(id), 0) FROM entries WHERE id > ? AND id <= ? AND received_at >= ?`},
		{&s.dropEntries, `DELETE FROM entries WHERE id > ? AND id <= ?`},
		{&s.setPruned, `UPDATE streams SET pruned = ? WHERE id = ?`},

		{&s.saveRun, `INSERT INTO runs (run, pipeline, started_at, receipt) VALUES (?,?,?,?)
			ON CONFLICT (run) DO UPDATE SET pipeline = excluded.pipeline, started_at = excluded.started_at, receipt = excluded.receipt`},
		{&s.dropRuns, `DELETE FROM runs WHERE pipeline = ? AND n NOT IN (
			SELECT n FROM runs WHERE pipeline = ? ORDER BY started_at DESC, n DESC LIMIT ?)`},
	})
}

// readStatements are prepared on the reading connections.
type readStatements struct {
	prepared
	entries, bounds, cursor, intent, runs, streams, events *sql.Stmt
}

// lastOf is the last position of stream s: of the last row in its range, or
// what was pruned.
const lastOf = `coalesce((SELECT max(e.id) FROM entries e WHERE e.id > s.id << 40 AND e.id < (s.id + 1) << 40)
	- (s.id << 40), s.pruned)`

func (s *readStatements) prepare(ctx context.Context, db *sql.DB) error {
	return s.prepareAll(ctx, db, []statement{
		{&s.entries, `SELECT e.id - (s.id << 40), s.pruned, e.received_at, e.source, e.kind, e.shape, e.event_id,
			e.records, e.block_size, e.body_size, e.encoding, e.digest, e.payload
			FROM streams s JOIN entries e ON e.id > (s.id << 40) + ? AND e.id < (s.id + 1) << 40
			WHERE s.name = ? ORDER BY e.id`},
		{&s.bounds, `SELECT s.pruned, ` + lastOf + ` FROM streams s WHERE s.name = ?`},
		{&s.cursor, `SELECT cursor, digest FROM cursors WHERE source = ? AND stream = ?`},
		{&s.intent, `SELECT intent, digest, coalesce((SELECT max(position) FROM deliveries d
			WHERE d.consumer = i.consumer AND d.stream = i.stream), 0) FROM intents i WHERE consumer = ? AND stream = ?`},
		{&s.runs, `SELECT receipt FROM runs WHERE pipeline = ?1 OR ?1 = '' ORDER BY started_at DESC, n DESC LIMIT ?2`},
		{&s.streams, `WITH b AS (SELECT s.id, s.name, s.pruned, ` + lastOf + ` AS last, coalesce((SELECT min(p) FROM (
				SELECT max(d.position) AS p FROM deliveries d WHERE d.stream = s.name GROUP BY d.consumer)), 0) AS had
			FROM streams s)
			SELECT name, pruned, last, had,
				(SELECT received_at FROM entries e WHERE e.id = (b.id << 40) + max(b.pruned, b.had) + 1)
			FROM b`},
		{&s.events, `SELECT coalesce(max(n), 0) FROM events`},
	})
}

type statement struct {
	into **sql.Stmt
	text string
}

// prepared statements are to be closed before their connection is: an open one
// keeps it, and with it the file, open behind the back of database/sql.
type prepared []*sql.Stmt

type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func (p *prepared) prepareAll(ctx context.Context, c preparer, all []statement) (err error) {
	for _, s := range all {
		if *s.into, err = c.PrepareContext(ctx, s.text); err != nil { //nolint:sqlclosecheck // p closes them
			return err
		}
		*p = append(*p, *s.into)
	}
	return nil
}

func (p *prepared) close() (err error) {
	for _, s := range *p {
		err = errors.Join(err, s.Close())
	}
	*p = nil
	return err
}
