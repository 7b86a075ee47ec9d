package postgres

import (
	"errors"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/destination/desttest"
	"github.com/synclinehq/syncline/internal/sqltext"
	"github.com/synclinehq/syncline/internal/testserver"
)

func TestConformance(t *testing.T) {
	desttest.Run(t, desttest.Harness{
		Database: func(t testing.TB) desttest.Database { return newDatabase(t, testserver.Postgres(t)) },
		Private: func(t testing.TB) desttest.Database {
			return newDatabase(t, testserver.StartPostgres(t, testserver.Options{}))
		},
		Dialect: sqltext.Postgres,
		Text: func(column string, typ batch.Type) string {
			switch typ {
			case batch.Bytes:
				return "encode(" + column + ", 'hex')"
			case batch.Time:
				return "to_char(" + column + ` AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
			}
			return column + "::text"
		},
		ForeignTable: func(name string) string {
			return `CREATE TABLE ` + name + ` (id text PRIMARY KEY, "secret" text); INSERT INTO ` + name + ` VALUES ('a', 'mine')`
		},
		DocumentTable: func(name string) string {
			return `CREATE TABLE ` + name + ` (id TEXT PRIMARY KEY, data JSONB NOT NULL); INSERT INTO ` + name + ` VALUES ('old', '{"v":1}')`
		},
		RefuseTrigger: func(table string) string {
			return `ALTER TABLE ` + table + ` ADD CONSTRAINT no_poison CHECK (note <> 'poison')`
		},
		HistoryTrigger: func(table string) string {
			return `CREATE TABLE history (seq bigserial, id text, version bigint);
				CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO history (id, version) VALUES (NEW.id, NEW._syncline_version); RETURN NULL; END $$;
				CREATE TRIGGER remember AFTER INSERT OR UPDATE ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION remember()`
		},
		InterfereTrigger: func(table string) string {
			return `CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE ` + table + ` SET _syncline_version = 9, note = 'theirs' WHERE id = 'a'; RETURN NEW; END $$;
				CREATE TRIGGER interfere BEFORE INSERT ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION interfere()`
		},
		RowVersion: "xmin::text",
	})
}

// database is a test database seen through psql.
type database struct {
	pg  *testserver.PG
	uri string
}

func newDatabase(t testing.TB, pg *testserver.PG) *database {
	return &database{pg, pg.NewDatabase(t)}
}

func (d *database) Open(t testing.TB) syncline.Destination { return open(t, d.uri) }

func open(t testing.TB, uri string) *DB {
	t.Helper()
	db, err := Open(t.Context(), Options{URI: uri, ResolveTimeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func (d *database) Query(t testing.TB, sql string) [][]string {
	t.Helper()
	cmd := exec.Command("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-F", "\x1f", "-R", "\x1e", "-P", "null=\x1dnull", "-d", d.uri, "-c", sql)
	cmd.Env = append(cmd.Environ(), "PGCLIENTENCODING=UTF8", "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("psql: %v %s", err, exit.Stderr)
		}
		t.Fatalf("psql, needed as an independent witness: %v", err)
	}
	text := strings.TrimSuffix(string(out), "\n")
	if text == "" {
		return nil
	}
	var rows [][]string
	for _, r := range strings.Split(text, "\x1e") {
		rows = append(rows, strings.Split(strings.ReplaceAll(r, "\x1dnull", desttest.Null), "\x1f"))
	}
	return rows
}

func (d *database) Addr() string { return d.pg.Addr() }

func (d *database) OpenAt(t testing.TB, addr string) syncline.Destination {
	u, err := url.Parse(d.uri)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = addr
	return open(t, u.String())
}

func (d *database) Restart(t testing.TB, hard bool) {
	how := testserver.Fast
	if hard {
		how = testserver.Immediate
	}
	d.pg.Restart(t, how)
}

// Commit is the Query message; its answer is CommandComplete and ReadyForQuery.
func (d *database) Commit() (marker []byte, reply int) {
	return []byte("Q\x00\x00\x00\x0bCOMMIT\x00"), len("C____COMMIT\x00") + len("Z____I")
}
