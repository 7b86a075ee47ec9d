package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/ledger"
)

// Check tells what keeps a run from writing, and changes nothing: a server that
// takes no writes, and permissions that the user lacks, all of them at once
// with the statements that give them. CREATE on the schema is asked for only
// until the tables are made.
func (d *DB) Check(ctx context.Context) error {
	err := d.session(ctx, func(s *session) error {
		if err := d.takesWrites(ctx, s); err != nil {
			return err
		}
		lacks, grants, err := d.lacking(ctx, s)
		if err == nil && len(lacks) == 0 {
			lacks, grants, err = d.lackingTables(ctx, s)
		}
		if err != nil || len(lacks) == 0 {
			return err
		}
		return &syncline.Error{Code: syncline.CodeDestPermission, Class: syncline.Fatal, Where: d.address() + "/" + d.config.Database,
			What: "user " + d.config.User + " lacks " + strings.Join(lacks, ", "), Fix: "Have an administrator run: " + strings.Join(grants, "; ")}
	})
	return d.classed(err, d.address()+"/"+d.config.Database)
}

// lacking compares the permissions on database and schema with what a first
// run needs.
func (d *DB) lacking(ctx context.Context, s *session) (lacks, grants []string, err error) {
	var temporary, create, exists, usage, make bool
	var made int
	err = s.QueryRow(ctx, `SELECT has_database_privilege(current_database(), 'TEMPORARY'), has_database_privilege(current_database(), 'CREATE'),
		n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'USAGE'), false), coalesce(has_schema_privilege(n.oid, 'CREATE'), false),
		(SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = ANY($2))
		FROM (SELECT) AS one LEFT JOIN pg_namespace n ON n.nspname = $1`, d.schema, bookkeepingNames).Scan(&temporary, &create, &exists, &usage, &make, &made)
	if err != nil {
		return nil, nil, err
	}
	user, database, schema := quoteIfNeeded(d.config.User), quoteIfNeeded(d.config.Database), quoteIfNeeded(d.schema)
	if !temporary {
		lacks, grants = append(lacks, "TEMPORARY on the database"), append(grants, "GRANT TEMPORARY ON DATABASE "+database+" TO "+user)
	}
	switch {
	case !exists && !create:
		lacks, grants = append(lacks, "CREATE on the database, to make schema "+d.schema), append(grants, "GRANT CREATE ON DATABASE "+database+" TO "+user)
	case exists && !usage, exists && !make && made < len(bookkeepingNames):
		lacks, grants = append(lacks, "USAGE or CREATE on schema "+d.schema), append(grants, "GRANT USAGE, CREATE ON SCHEMA "+schema+" TO "+user)
	}
	return lacks, grants, nil
}

// bookkeepingNames are the tables that Open makes.
var bookkeepingNames = []string{ledger.States, ledger.Runs, ledger.DeadLetters, ledger.Tables}

// lackingTables compares the permissions on the tables that are ours with what
// a run needs.
func (d *DB) lackingTables(ctx context.Context, s *session) (lacks, grants []string, err error) {
	ours := append([]string(nil), bookkeepingNames...)
	rows, err := s.Query(ctx, "SELECT name FROM "+d.qualified(ledger.Tables))
	if err == nil {
		for rows.Next() {
			var name string
			if err = rows.Scan(&name); err == nil {
				ours = append(ours, name)
			}
		}
		rows.Close()
		err = errors.Join(err, rows.Err())
	}
	var pg *pgconn.PgError
	if err != nil && !(errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "42501")) {
		return nil, nil, err
	}
	var denied, hidden []string
	err = s.QueryRow(ctx, `SELECT array_agg(relname::text ORDER BY relname) FILTER (WHERE NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
			AND has_table_privilege(c.oid, 'UPDATE') AND (relname <> ALL($3) OR has_table_privilege(c.oid, 'DELETE')))),
		array_agg(relname::text ORDER BY relname) FILTER (WHERE row_security_active(c.oid))
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = ANY($2)`,
		d.schema, ours, []string{ledger.States, ledger.Tables}).Scan(&denied, &hidden)
	if err != nil {
		return nil, nil, err
	}
	user := quoteIfNeeded(d.config.User)
	if len(denied) > 0 {
		lacks = append(lacks, "SELECT, INSERT, UPDATE or DELETE on "+strings.Join(denied, " and "))
		for _, name := range denied {
			grants = append(grants, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+d.readable(name)+" TO "+user)
		}
	}
	if len(hidden) > 0 {
		lacks = append(lacks, "the right to see all rows of "+strings.Join(hidden, " and ")+", which have row-level security")
		grants = append(grants, "ALTER ROLE "+user+" BYPASSRLS")
	}
	return lacks, grants, nil
}

func (d *DB) readable(table string) string {
	return quoteIfNeeded(d.schema) + "." + quoteIfNeeded(table)
}

// writable refuses to change a database that was opened for looking only.
func (d *DB) writable() error {
	if !d.options.ReadOnly {
		return nil
	}
	return &syncline.Error{Code: syncline.CodeDestPermission, Class: syncline.Fatal, Where: d.address(),
		What: "the destination was opened for reading only", Fix: "Open it for writing"}
}

// absent reports whether an error means that nothing was made yet, in a
// database that was opened for looking only.
func (d *DB) absent(err error) bool {
	var pg *pgconn.PgError
	return d.options.ReadOnly && errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "3F000")
}
