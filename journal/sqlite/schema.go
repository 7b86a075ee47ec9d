package sqlite

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/synclinehq/syncline"
)

// applicationID marks the file as a Syncline journal ("SYNL").
const applicationID = 0x53594e4c

// positionBits: an entry's row id is its stream's id, shifted, plus its
// position, so entries of a stream lie together in order and need no index.
const positionBits = 40

// migrations bring a file from version i to i+1. They are never changed once
// released, only added to.
var migrations = []string{
	`
CREATE TABLE journal (
	id         TEXT NOT NULL,    -- for ever
	created_at INTEGER NOT NULL  -- microseconds, as all times here
) STRICT;

CREATE TABLE streams (
	id     INTEGER PRIMARY KEY,
	name   TEXT NOT NULL UNIQUE,
	pruned INTEGER NOT NULL DEFAULT 0 -- entries up to this position were removed
) STRICT;

CREATE TABLE entries (
	id          INTEGER PRIMARY KEY, -- stream id << 40 | position
	received_at INTEGER NOT NULL,
	source      TEXT NOT NULL,
	kind        TEXT NOT NULL,
	shape       TEXT NOT NULL,
	event_id    TEXT NOT NULL,
	records     INTEGER NOT NULL,
	block_size  INTEGER NOT NULL,
	body_size   INTEGER NOT NULL,
	encoding    INTEGER NOT NULL, -- 0 as it is, 1 S2
	digest      BLOB NOT NULL,    -- SHA-256 of what the reader gets, see digest
	payload     BLOB NOT NULL     -- block, then body
) STRICT;

CREATE TRIGGER entries_immutable BEFORE UPDATE ON entries BEGIN
	SELECT RAISE(ABORT, 'journal entries are immutable');
END;

-- Identities of events; they outlive the entries.
CREATE TABLE events (
	n           INTEGER PRIMARY KEY,
	key         BLOB NOT NULL UNIQUE, -- SHA-256 of source and event id, framed
	entry       INTEGER NOT NULL,     -- entries.id
	digest      BLOB NOT NULL,        -- SHA-256 of the body
	received_at INTEGER NOT NULL
) STRICT;

-- Bodies that came again under a known id and were different.
CREATE TABLE conflicts (
	event       INTEGER NOT NULL, -- events.n
	digest      BLOB NOT NULL,
	received_at INTEGER NOT NULL,
	PRIMARY KEY (event, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursors (
	source TEXT NOT NULL,
	stream TEXT NOT NULL,
	cursor BLOB NOT NULL,
	digest BLOB NOT NULL,
	PRIMARY KEY (source, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE intents (
	consumer TEXT NOT NULL,
	stream   TEXT NOT NULL,
	intent   BLOB NOT NULL, -- JSON
	digest   BLOB NOT NULL,
	PRIMARY KEY (consumer, stream)
) STRICT, WITHOUT ROWID;

-- How far a consumer had come in which hour: retention counts from delivery.
-- The row of hour 0 and position 0 says that the consumer is known.
CREATE TABLE deliveries (
	consumer     TEXT NOT NULL,
	stream       TEXT NOT NULL,
	hour         INTEGER NOT NULL, -- of delivered_at, since 1970
	position     INTEGER NOT NULL,
	delivered_at INTEGER NOT NULL, -- latest of that hour
	PRIMARY KEY (consumer, stream, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_stream ON deliveries (stream, consumer, position, delivered_at);

CREATE TABLE runs (
	n          INTEGER PRIMARY KEY,
	run        TEXT NOT NULL UNIQUE,
	pipeline   TEXT NOT NULL,
	started_at INTEGER NOT NULL,
	receipt    TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX runs_latest ON runs (pipeline, started_at);
`,
}

// migrate brings the file to the current schema, each step in a transaction of
// its own, so that a kill between or within steps is made good at the next
// start.
func migrate(ctx context.Context, c *sql.Conn, path string, now time.Time, random io.Reader) error {
	version, err := checkSchema(ctx, c, path)
	if err != nil {
		return err
	}
	for ; version < len(migrations); version++ {
		id := make([]byte, 16)
		if _, err := io.ReadFull(random, id); err != nil {
			return fmt.Errorf("random id for a new journal: %w", err)
		}
		script := "BEGIN IMMEDIATE;" + migrations[version]
		if version == 0 {
			script += fmt.Sprintf("INSERT INTO journal VALUES ('%s', %d); PRAGMA application_id = %d;",
				hex.EncodeToString(id), now.UnixMicro(), applicationID)
		}
		script += fmt.Sprintf("PRAGMA user_version = %d; COMMIT;", version+1)
		if _, err := c.ExecContext(ctx, script); err != nil {
			_, _ = c.ExecContext(ctx, "ROLLBACK")
			return storeError(path, "bring the schema to version "+fmt.Sprint(version+1), err)
		}
	}
	return nil
}

// checkSchema returns the version of the file's schema, 0 if the file is empty.
func checkSchema(ctx context.Context, c *sql.Conn, path string) (version int, err error) {
	var app, tables int
	err = c.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).Scan(&app, &version, &tables)
	if err != nil {
		return 0, storeError(path, "read its schema", err)
	}
	if app != applicationID && (app != 0 || version != 0 || tables != 0) {
		return 0, &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: "journal " + path,
			What: "this SQLite file is not a Syncline journal", Fix: "Choose another path for the journal"}
	}
	if version > len(migrations) {
		return 0, &syncline.Error{Code: syncline.CodeStateInvalid, Class: syncline.Fatal, Where: "journal " + path,
			What: fmt.Sprintf("the journal has schema version %d, this program knows versions up to %d", version, len(migrations)),
			Fix:  "Use the newer Syncline that wrote it, or a journal of your own for this one"}
	}
	return version, nil
}
