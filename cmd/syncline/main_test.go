package main

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/synclinehq/syncline/internal/testserver"
	"github.com/synclinehq/syncline/sandbox/dodo"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"syncline": main})
}

// canary is the API key the scripts' sandboxes accept. It must show nowhere.
const canary = "canary_key_0123456789"

// TestScripts runs testdata/script/*.txtar through the real main, each against
// a sandbox of its own: $SANDBOX is its address.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			server, err := dodo.New(dodo.Options{Seed: 7, Counts: dodo.Scaled(60), TestKey: canary})
			if err != nil {
				return err
			}
			s := httptest.NewServer(server)
			env.Defer(s.Close)
			env.Setenv("SANDBOX", s.URL)
			env.Setenv("KEY", canary)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("TERM", "xterm")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":     wantCode,
			"postgres": makePostgres(t),
			"looker":   asLooker,
			"nosecret": noSecret,
		},
	})
}

// wantCode runs "code N COMMAND..." and wants that exit code.
func wantCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// makePostgres sets $PG to the URI of a new database, with a password.
func makePostgres(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Setenv("PG", testserver.Postgres(t).NewDatabase(t))
	}
}

// asLooker sets $DATABASE to the name of $PG's database and $LOOKER to its URI
// for user looker.
func asLooker(ts *testscript.TestScript, _ bool, _ []string) {
	u, err := url.Parse(ts.Getenv("PG"))
	ts.Check(err)
	u.User = url.UserPassword("looker", "hunter22")
	ts.Setenv("LOOKER", u.String())
	ts.Setenv("DATABASE", strings.TrimPrefix(u.Path, "/"))
}

// noSecret wants that no file below the working folder, nor the last output,
// holds the canary, apart from the files named.
func noSecret(ts *testscript.TestScript, _ bool, allowed []string) {
	for _, name := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(name), canary) {
			ts.Fatalf("%s shows the secret", name)
		}
	}
	root := ts.MkAbs(".")
	ts.Check(filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		for _, a := range allowed {
			if rel == a {
				return nil
			}
		}
		if strings.Contains(string(text), canary) {
			return fmt.Errorf("%s holds the secret", rel)
		}
		return nil
	}))
}
