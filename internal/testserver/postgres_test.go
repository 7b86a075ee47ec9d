package testserver

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func query(t *testing.T, uri, sql string) string {
	t.Helper()
	ctx := t.Context()
	c, err := pgconn.Connect(ctx, uri)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	r, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	last := r[len(r)-1]
	if len(last.Rows) == 0 {
		return ""
	}
	return string(last.Rows[0][0])
}

func TestDatabasesAreSeparate(t *testing.T) {
	pg := Postgres(t)
	a, b := pg.NewDatabase(t), pg.NewDatabase(t)
	query(t, a, "CREATE TABLE x(i int)")
	if got := query(t, b, "SELECT count(*) FROM pg_class WHERE relname = 'x'"); got != "0" {
		t.Fatalf("table of one database seen in the other: %s", got)
	}
}

func TestRestartKeepsData(t *testing.T) {
	pg := StartPostgres(t, Options{Settings: map[string]string{"max_connections": "7"}})
	uri := pg.NewDatabase(t)
	if got := query(t, uri, "SHOW max_connections"); got != "7" {
		t.Fatalf("setting is %s", got)
	}
	query(t, uri, "CREATE TABLE x AS SELECT 1 AS i")
	for _, how := range []Shutdown{Fast, Immediate, Crash} {
		pg.Restart(t, how)
		if got := query(t, uri, "SELECT count(*) FROM x"); got != "1" {
			t.Fatalf("after %s: %s rows", how, got)
		}
	}
}

func TestPasswordRoleNeedsPassword(t *testing.T) {
	pg := StartPostgres(t, Options{})
	_, err := pgconn.Connect(t.Context(), strings.Replace(pg.URI("postgres"), "postgres@", PasswordRole+":wrong@", 1))
	if err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Fatalf("got %v", err)
	}
}

// TestServerEndsWithProcess kills a test process and waits for its server to go.
func TestServerEndsWithProcess(t *testing.T) {
	if os.Getenv("SYNCLINE_TEST_CHILD") != "" {
		pg := Postgres(t)
		os.Stdout.WriteString("ADDR " + pg.URI("postgres") + "\n")
		select {}
	}
	if !Postgres(t).Private() {
		t.Skip("uses a running server")
	}
	child := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithProcess$")
	child.Env = append(os.Environ(), "SYNCLINE_TEST_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, _ := out.Read(buf)
	_, uri, ok := strings.Cut(strings.TrimSpace(string(buf[:n])), "ADDR ")
	if !ok {
		t.Fatalf("child said %q", buf[:n])
	}
	query(t, uri, "SELECT 1")
	child.Process.Kill()
	child.Wait()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := pgconn.Connect(t.Context(), uri)
		if err != nil {
			return
		}
		c.Close(t.Context())
		if time.Now().After(deadline) {
			t.Fatal("the server outlived its process")
		}
	}
}
