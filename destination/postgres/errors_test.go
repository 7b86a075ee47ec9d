package postgres

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/testserver"
)

const secret = "hunter2-秘密"

// checkError checks code and class, that there is something to do, and that the
// password does not show.
func checkError(t *testing.T, err error, code syncline.Code, class syncline.Class, mention string) {
	t.Helper()
	var e *syncline.Error
	if !errors.As(err, &e) || e.Code != code || e.Class != class {
		t.Fatalf("got %v, want %s of class %d", err, code, class)
	}
	if e.Fix == "" || !strings.Contains(err.Error(), mention) {
		t.Errorf("%q does not say %q", err, mention)
	}
	for _, s := range []string{secret, url.QueryEscape(secret), "hunter2", testserver.Password} {
		if strings.Contains(err.Error(), s) || strings.Contains(fmt.Sprintf("%+v", err), s) {
			t.Errorf("the password shows in %q", err)
		}
	}
}

func with(t *testing.T, uri string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

func TestOpenErrors(t *testing.T) {
	pg := testserver.Postgres(t)
	uri := pg.NewDatabase(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	login := func(u *url.URL) { u.User = url.UserPassword("nobody_here", secret) }
	for _, c := range []struct {
		name, uri string
		code      syncline.Code
		class     syncline.Class
		mention   string
	}{
		{"unreachable", with(t, uri, func(u *url.URL) { login(u); u.Host = closed.Addr().String() }), syncline.CodeDestDown, syncline.Transient, closed.Addr().String()},
		{"unreachable twice", with(t, uri, func(u *url.URL) { login(u); u.Host = closed.Addr().String(); u.RawQuery = "sslmode=prefer" }), syncline.CodeDestDown, syncline.Transient, closed.Addr().String()},
		{"unknown host", with(t, uri, func(u *url.URL) { login(u); u.Host = "no.such.host.invalid:1" }), syncline.CodeDestDown, syncline.Transient, "no.such.host"},
		{"unknown role", with(t, uri, login), syncline.CodeDestAuth, syncline.Fatal, "nobody_here"},
		{"unknown database", with(t, uri, func(u *url.URL) { u.Path = "/No Such" }), syncline.CodeConfigInvalid, syncline.Fatal, `CREATE DATABASE "No Such"`},
		{"read only", with(t, uri, func(u *url.URL) { u.RawQuery += "&default_transaction_read_only=on" }), syncline.CodeDestPermission, syncline.Fatal, "primary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(t.Context(), Options{URI: c.uri})
			checkError(t, err, c.code, c.class, c.mention)
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		if !pg.Private() {
			t.Skip("needs the role " + testserver.PasswordRole)
		}
		_, err := Open(t.Context(), Options{URI: with(t, uri, func(u *url.URL) { u.User = url.UserPassword(testserver.PasswordRole, secret) })})
		checkError(t, err, syncline.CodeDestAuth, syncline.Fatal, testserver.PasswordRole)
		db, err := Open(t.Context(), Options{URI: with(t, uri, func(u *url.URL) { u.User = url.UserPassword(testserver.PasswordRole, testserver.Password) })})
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
	})
}

// TestTooOld speaks the server's side of the protocol as version 9.6.
func TestTooOld(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := pgproto3.NewBackend(c, c)
		if _, err := b.ReceiveStartupMessage(); err != nil {
			return
		}
		b.Send(&pgproto3.AuthenticationOk{})
		b.Send(&pgproto3.ParameterStatus{Name: "server_version", Value: "9.6.24"})
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		b.Flush()
		b.Receive()
	}()
	_, err = Open(t.Context(), Options{URI: "postgres://u:" + url.QueryEscape(secret) + "@" + l.Addr().String() + "/x?sslmode=disable"})
	checkError(t, err, syncline.CodeConfigInvalid, syncline.Fatal, "9.6.24")
}

func TestServerErrors(t *testing.T) {
	config, err := parse("postgres://me@localhost/db")
	if err != nil {
		t.Fatal(err)
	}
	d := &DB{config: config, schema: "public"}
	for _, c := range []struct {
		sqlstate, message string
		code              syncline.Code
		class             syncline.Class
	}{
		{"53100", "could not extend file", syncline.CodeDestFull, syncline.Fatal},
		{"53300", "too many clients already", syncline.CodeDestDown, syncline.Transient},
		{"57P01", "terminating connection", syncline.CodeDestDown, syncline.Transient},
		{"57P03", "the database system is starting up", syncline.CodeDestDown, syncline.Transient},
		{"40P01", "deadlock detected", "", syncline.Transient},
		{"40001", "could not serialize", "", syncline.Transient},
		{"55P03", "lock timeout", syncline.CodeDestDown, syncline.Transient},
		{"25006", "read-only transaction", syncline.CodeDestDown, syncline.Transient},
		{"23505", "duplicate key", syncline.CodeRowRefused, syncline.Permanent},
		{"22P05", "unicode", syncline.CodeRowRefused, syncline.Permanent},
		{"54011", "tables can have at most 1600 columns", syncline.CodeConfigInvalid, syncline.Fatal},
		{"42601", "syntax error", "", syncline.Permanent},
		{"XX000", "whatever", "", syncline.Transient},
	} {
		err := d.classed(&pgconn.PgError{Code: c.sqlstate, Message: c.message}, "t")
		if syncline.CodeOf(err) != c.code || syncline.ClassOf(err) != c.class {
			t.Errorf("%s: %v, class %d", c.sqlstate, err, syncline.ClassOf(err))
		}
	}
}

// TestMinimalRole gives a role step by step what it needs; each error names the
// statement that helps, and running just that is enough for the next step.
func TestMinimalRole(t *testing.T) {
	pg := testserver.StartPostgres(t, testserver.Options{})
	uri := pg.NewDatabase(t)
	admin := &database{pg, uri}
	admin.Query(t, `CREATE ROLE "Small" LOGIN; REVOKE ALL ON DATABASE `+uri[strings.LastIndex(uri, "/")+1:strings.Index(uri, "?")]+` FROM PUBLIC; CREATE SCHEMA small`)
	small := with(t, uri, func(u *url.URL) { u.User = url.User("Small") })
	grant := func(err error) {
		t.Helper()
		var e *syncline.Error
		if !errors.As(err, &e) || e.Code != syncline.CodeDestPermission || e.Class != syncline.Fatal {
			t.Fatalf("got %v", err)
		}
		_, sql, ok := strings.Cut(e.Fix, "run: ")
		if !ok {
			t.Fatalf("no statement in %q", e.Fix)
		}
		admin.Query(t, sql)
	}
	admin.Query(t, `GRANT CONNECT ON DATABASE `+uri[strings.LastIndex(uri, "/")+1:strings.Index(uri, "?")]+` TO "Small"`)
	_, err := Open(t.Context(), Options{URI: small, Schema: "other"})
	if syncline.CodeOf(err) != syncline.CodeDestPermission || !strings.Contains(err.Error(), "GRANT CREATE ON DATABASE") {
		t.Fatalf("schema that cannot be made: %v", err)
	}
	_, err = Open(t.Context(), Options{URI: small, Schema: "small"})
	grant(err)
	d, err := Open(t.Context(), Options{URI: small, Schema: "small"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	state, err := d.Attach(t.Context(), "p", "s", "j")
	if err != nil {
		t.Fatal(err)
	}
	schema := &batch.Schema{Fields: []batch.Field{{Name: "id", Type: batch.String, Key: true}}}
	table := &syncline.Table{Stream: "s", Name: "items", Layout: syncline.LayoutColumns, Schema: schema}
	if err := d.Prepare(t.Context(), table, state); err != nil {
		t.Fatal(err)
	}
	b := batch.New(schema.Clone())
	b.Column(0).AppendBytes([]byte("a"))
	b.EndRow(batch.Meta{Version: 1})
	at := syncline.Checkpoint{Pipeline: "p", Stream: "s", Journal: "j", Epoch: state.Epoch, Through: 1, Run: "r", At: time.Unix(0, 0)}
	_, err = d.Write(t.Context(), table, b, at)
	grant(err) // TEMPORARY
	if r, err := d.Write(t.Context(), table, b, at); err != nil || r.Inserted != 1 {
		t.Fatal(r, err)
	}
	admin.Query(t, `ALTER TABLE small.items OWNER TO postgres`)
	b.Meta(0).Version = 2
	_, err = d.Write(t.Context(), table, b, at)
	grant(err)
	if _, err := d.Write(t.Context(), table, b, at); err != nil {
		t.Fatal(err)
	}
	table.Schema = &batch.Schema{Fields: append(schema.Fields, batch.Field{Name: "n", Type: batch.Int64})}
	checkError(t, d.Prepare(t.Context(), table, state), syncline.CodeDestPermission, syncline.Fatal, "OWNER TO")
}

// TestLockedTable: someone else's lock makes a write wait and then fail for now.
func TestLockedTable(t *testing.T) {
	f := prepared(t, Options{LockTimeout: 50 * time.Millisecond})
	err := f.d.session(t.Context(), func(s *session) error {
		_, err := s.transaction(t.Context(), func() error {
			if _, err := s.Exec(t.Context(), "LOCK TABLE "+f.d.qualified("items")); err != nil {
				return err
			}
			_, err := f.d.Write(t.Context(), f.table, f.batch(1, "a"), f.at)
			checkError(t, err, syncline.CodeDestDown, syncline.Transient, "pg_stat_activity")
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.d.Write(t.Context(), f.table, f.batch(1, "a"), f.at); err != nil {
		t.Fatal(err)
	}
}

// small is a destination with a table of an id and a number.
type small struct {
	d     *DB
	db    *database
	state syncline.State
	table *syncline.Table
	at    syncline.Checkpoint
}

func prepared(t *testing.T, o Options) *small {
	t.Helper()
	f := &small{db: newDatabase(t, testserver.Postgres(t))}
	o.URI = f.db.uri
	var err error
	if f.d, err = Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.d.Close() })
	if f.state, err = f.d.Attach(t.Context(), "p", "s", "j"); err != nil {
		t.Fatal(err)
	}
	f.table = &syncline.Table{Stream: "s", Name: "items", Layout: syncline.LayoutColumns,
		Schema: &batch.Schema{Fields: []batch.Field{{Name: "id", Type: batch.String, Key: true, Declared: true}, {Name: "n", Type: batch.Int64, Declared: true}}}}
	if err := f.d.Prepare(t.Context(), f.table, f.state); err != nil {
		t.Fatal(err)
	}
	f.at = syncline.Checkpoint{Pipeline: "p", Stream: "s", Journal: "j", Epoch: f.state.Epoch, Through: 1, At: time.Unix(1, 0)}
	return f
}

func (f *small) batch(version int64, ids ...string) *batch.Batch {
	b := batch.New(f.table.Schema.Clone())
	for _, id := range ids {
		b.Column(0).AppendBytes([]byte(id))
		b.Column(1).AppendInt64(version)
		b.EndRow(batch.Meta{Version: version, Hash: batch.Hash{byte(version), 1}})
	}
	return b
}

// TestWidenUnderView: a view keeps the server from widening, which is said.
func TestWidenUnderView(t *testing.T) {
	f := prepared(t, Options{})
	f.db.Query(t, "CREATE VIEW v AS SELECT n FROM items")
	f.table.Schema.Fields[1].Type = batch.Decimal
	checkError(t, f.d.Prepare(t.Context(), f.table, f.state), syncline.CodeTableChanged, syncline.Fatal, "view")
}

// TestManyTablesAtOnce writes to several tables from several goroutines.
func TestManyTablesAtOnce(t *testing.T) {
	f := prepared(t, Options{})
	done := make(chan error)
	for k := range 12 {
		go func() {
			done <- func() error {
				stream := fmt.Sprint("s", k)
				state, err := f.d.Attach(t.Context(), "p", stream, "j")
				if err != nil {
					return err
				}
				table := &syncline.Table{Stream: stream, Name: stream, Layout: syncline.LayoutColumns, Schema: f.table.Schema}
				if err := f.d.Prepare(t.Context(), table, state); err != nil {
					return err
				}
				for i := range 5 {
					at := f.at
					at.Stream, at.Epoch, at.Through = stream, state.Epoch, syncline.Position(i+1)
					if r, err := f.d.Write(t.Context(), table, f.batch(int64(i), "a", "b"), at); err != nil || r.Applied() != 2 {
						return fmt.Errorf("%+v %w", r, err)
					}
				}
				return nil
			}()
		}()
	}
	for range 12 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
