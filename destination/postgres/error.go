package postgres

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	syncline "github.com/synclinehq/syncline"
)

// classed gives an error its class, its code and what to do. Errors that have
// them stay as they are.
func (d *DB) classed(err error, where string) error {
	var have *syncline.Error
	var rows *syncline.RowErrors
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case err == nil, errors.As(err, &have), errors.As(err, &rows), errors.Is(err, syncline.ErrFenced):
		return err
	case errors.As(err, &pg):
		e := d.serverError(pg, where)
		if pg.Code == "42501" && errors.As(err, &connect) {
			e.Fix = "Have an administrator run: GRANT CONNECT ON DATABASE " + quoteIfNeeded(d.config.Database) + " TO " + quoteIfNeeded(d.config.User)
		}
		return e
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !isNetwork(err):
		return err
	}
	e := &syncline.Error{Code: syncline.CodeDestDown, Class: syncline.Transient, Where: where, What: "no connection to the database at " + d.address(), Err: err}
	if errors.As(err, &connect) {
		e.Err = &oneLine{errors.Unwrap(connect)} // without the list of settings
		e.Fix = "Check that the server runs and that host and port are right"
	}
	return e
}

// oneLine is the errors of several attempts to connect, which mostly say the
// same, in one line.
type oneLine struct{ error }

func (e *oneLine) Error() string {
	var lines []string
	for line := range strings.Lines(e.error.Error()) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

func (e *oneLine) Unwrap() error { return e.error }

func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n)
}

// serverError explains what the server answered.
func (d *DB) serverError(pg *pgconn.PgError, where string) *syncline.Error {
	e := &syncline.Error{Class: syncline.Transient, Where: where, Err: pg}
	if pg.TableName != "" && where == "" {
		e.Where = pg.TableName
	}
	fatal := func(code syncline.Code, what, fix string) {
		e.Code, e.Class, e.What, e.Fix = code, syncline.Fatal, what, fix
	}
	switch pg.Code {
	case "28P01", "28000":
		fatal(syncline.CodeDestAuth, "the server refuses user "+d.config.User, "Check user name and password in the database URI")
	case "3D000":
		fatal(syncline.CodeConfigInvalid, "there is no such database", "Create it: CREATE DATABASE "+quoteIfNeeded(d.config.Database))
	case "42501":
		fatal(syncline.CodeDestPermission, "user "+d.config.User+" lacks a permission", d.grant(pg.Message))
	case "25006":
		e.Code, e.What = syncline.CodeDestDown, "the server takes no writes (a standby, or default_transaction_read_only is on)"
		e.Fix = "Connect to the primary, e.g. with target_session_attrs=read-write in the URI"
	case "53100":
		fatal(syncline.CodeDestFull, "the server's disk is full", "Free space; what was not stored is delivered by the next run")
	case "42P01":
		fatal(syncline.CodeTableMissing, "a table is gone", "Restore it, or run `syncline reset` for its stream")
	case "42703", "42804":
		fatal(syncline.CodeTableChanged, "the table was changed", "Change it back, or drop it and run `syncline reset` for its stream")
	case "0A000":
		fatal(syncline.CodeTableChanged, "the server cannot change the table", "If a view or rule uses the column, drop it, run again, and make it anew")
	case "54011":
		fatal(syncline.CodeConfigInvalid, "the stream has more fields than a table can have columns", "Use the document layout for it")
	case "55P03", "57014":
		e.Code, e.What = syncline.CodeDestDown, "a lock or a statement took too long"
		e.Fix = "Find the session that holds a lock on the table, e.g. in pg_stat_activity"
	case "40001", "40P01":
		e.What = "the transaction collided with another one"
	default:
		switch {
		case aboutRow(pg):
			e.Code, e.Class, e.What = syncline.CodeRowRefused, syncline.Permanent, "the database refuses a row"
		case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "57"), strings.HasPrefix(pg.Code, "53"):
			e.Code, e.What = syncline.CodeDestDown, "the server is not available"
		case strings.HasPrefix(pg.Code, "42"):
			e.Class = syncline.Permanent
		}
	}
	return e
}

// aboutRow reports whether the error concerns values of a row: data exceptions,
// constraints, what a trigger raises, and values too large or too deep.
func aboutRow(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "P0001", "54000", "54001":
		return true
	}
	return strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23")
}

// grant says which statement gives the permission that the server's message
// says is missing.
func (d *DB) grant(message string) string {
	user := quoteIfNeeded(d.config.User)
	schema := quoteIfNeeded(d.schema)
	switch {
	case strings.Contains(message, "row-level security"):
		return "Syncline must see all rows of its tables: have an administrator run: ALTER ROLE " + user + " BYPASSRLS, or switch row-level security off for the table"
	case strings.Contains(message, "temporary"):
		return "Have an administrator run: GRANT TEMPORARY ON DATABASE " + quoteIfNeeded(d.config.Database) + " TO " + user
	case strings.Contains(message, "must be owner"):
		return "Have an administrator make " + user + " the owner of that table: ALTER TABLE ... OWNER TO " + user
	case strings.Contains(message, "for table"), strings.Contains(message, "for relation"):
		return "Have its owner run: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + schema + " TO " + user
	case strings.Contains(message, "for database"):
		return "Have an administrator run: GRANT CREATE ON DATABASE " + quoteIfNeeded(d.config.Database) + " TO " + user + ", or create the schema"
	}
	return "Have an administrator run: GRANT USAGE, CREATE ON SCHEMA " + schema + " TO " + user
}

func (d *DB) address() string {
	return net.JoinHostPort(d.config.Host, itoa(int(d.config.Port)))
}
