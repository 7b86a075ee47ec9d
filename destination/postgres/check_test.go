package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/internal/testserver"
)

// TestCheck takes a role from nothing to everything with the statements that
// Check gives; looking leaves nothing behind.
func TestCheck(t *testing.T) {
	pg := testserver.StartPostgres(t, testserver.Options{})
	uri := pg.NewDatabase(t)
	name := uri[strings.LastIndex(uri, "/")+1 : strings.Index(uri, "?")]
	admin := &database{pg, uri}
	admin.Query(t, `CREATE ROLE "Small" LOGIN; REVOKE ALL ON DATABASE `+name+` FROM PUBLIC; CREATE SCHEMA small`)
	o := Options{URI: with(t, uri, func(u *url.URL) { u.User = url.User("Small") }), Schema: "small", ReadOnly: true}
	follow := func(err error, mention ...string) {
		t.Helper()
		var e *syncline.Error
		if !errors.As(err, &e) || e.Code != syncline.CodeDestPermission || e.Class != syncline.Fatal {
			t.Fatalf("got %v", err)
		}
		_, sql, _ := strings.Cut(e.Fix, "run: ")
		for _, m := range mention {
			if !strings.Contains(sql, m) {
				t.Fatalf("%q does not say %q", e.Fix, m)
			}
		}
		admin.Query(t, sql)
	}
	_, err := Open(t.Context(), o)
	follow(err, "GRANT CONNECT ON DATABASE")
	d, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	other := o
	other.Schema = "other"
	d2, err := Open(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	defer d2.Close()
	if err := d2.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "GRANT CREATE ON DATABASE") {
		t.Error(err)
	}
	follow(d.Check(t.Context()), "GRANT TEMPORARY ON DATABASE", "GRANT USAGE, CREATE ON SCHEMA small")
	if err := d.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l, err := d.DeadLetters(t.Context(), "p", 0); err != nil || l != nil {
		t.Error(l, err)
	}
	table := &syncline.Table{Stream: "s", Name: "items"}
	if _, err := d.Count(t.Context(), table); syncline.CodeOf(err) != syncline.CodeTableMissing {
		t.Error(err)
	}
	if _, err := d.Attach(t.Context(), "p", "s", "j"); syncline.CodeOf(err) != syncline.CodeDestPermission {
		t.Error(err)
	}
	if got := admin.Query(t, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('small', 'other') OR relname LIKE '%syncline%'"); fmt.Sprint(got) != "[[0]]" {
		t.Errorf("%v tables", got)
	}

	made, err := Open(t.Context(), Options{URI: uri, Schema: "small"})
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	err = d.Check(t.Context())
	follow(err, "ON small._syncline_state TO")
	admin.Query(t, "ALTER TABLE small._syncline_runs ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON small._syncline_runs USING (true)")
	follow(d.Check(t.Context()), "BYPASSRLS")
	if err := d.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOneLine: attempts to connect that fail alike are told once.
func TestOneLine(t *testing.T) {
	err := &oneLine{errors.Join(errors.New("refused"), errors.New("refused"), fmt.Errorf("other\n refused\n"))}
	if got := err.Error(); got != "refused; other" {
		t.Errorf("%q", got)
	}
}
