package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/all"
	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/config"
	"github.com/synclinehq/syncline/sandbox/dodo"
)

// output keeps what is written and lets a test wait for a text in it.
type output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{}
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(p)
	select {
	case o.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// wait waits for the n-th occurrence of a text.
func (o *output) wait(t *testing.T, text string, n int) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for strings.Count(o.String(), text) < n {
		select {
		case <-o.more:
		case <-deadline:
			t.Fatalf("no %q in:\n%s", text, o.String())
		}
	}
}

// sandboxFor serves a sandbox and returns its environment for a run.
func sandboxFor(t *testing.T, o dodo.Options) (*dodo.Server, map[string]string) {
	t.Helper()
	o.TestKey = canary
	server, err := dodo.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(server)
	t.Cleanup(s.Close)
	return server, map[string]string{"DODO_PAYMENTS_API_KEY": canary, "DODO_PAYMENTS_BASE_URL": s.URL, "XDG_STATE_HOME": t.TempDir()}
}

// session is a run of the program in this process.
type session struct {
	stdout, stderr *output
	signals        chan os.Signal
	code           chan int
}

func start(env map[string]string, stdin io.Reader, args ...string) *session {
	s := &session{newOutput(), newOutput(), make(chan os.Signal, 3), make(chan int, 1)}
	go func() {
		s.code <- run(context.Background(), args, stdin, s.stdout, s.stderr,
			func(name string) (string, bool) { v, ok := env[name]; return v, ok }, s.signals)
	}()
	return s
}

func (s *session) end(t *testing.T, want int) {
	t.Helper()
	select {
	case got := <-s.code:
		if got != want {
			t.Errorf("exit code %d, want %d\n%s\n%s", got, want, s.stdout, s.stderr)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("did not end\n%s\n%s", s.stdout, s.stderr)
	}
}

func TestRepeatingPipelineEndsGreenOnSignal(t *testing.T) {
	_, env := sandboxFor(t, dodo.Options{Counts: dodo.Scaled(30)})
	s := start(env, strings.NewReader(""), "sync", "dodo", "--env", "test_mode", "--to", filepath.Join(t.TempDir(), "x.db"), "--streams", "payments", "--every", "1s")
	s.stdout.wait(t, "next run at", 1)
	s.stdout.wait(t, "green  ", 1) // the line of the second run
	s.signals <- syscall.SIGTERM
	s.end(t, exitGreen)
	if !strings.Contains(s.stderr.String(), "stopping after the batch in hand") {
		t.Errorf("stderr: %s", s.stderr)
	}
}

func TestSingleRunInterruptedGoesOn(t *testing.T) {
	under := make(chan struct{})
	var requests atomic.Int32
	_, env := sandboxFor(t, dodo.Options{Counts: dodo.Scaled(3000), OnRequest: func(*http.Request) {
		if requests.Add(1) == 5 {
			close(under)
		}
	}})
	args := []string{"sync", "dodo", "--env", "test_mode", "--to", filepath.Join(t.TempDir(), "x.db"), "--streams", "payments"}
	s := start(env, strings.NewReader(""), append(args, "--rate-limit", "20")...)
	<-under
	s.signals <- os.Interrupt
	s.end(t, exitInterrupted)
	if !strings.Contains(s.stdout.String(), "the next run goes on from here") {
		t.Errorf("stdout: %s", s.stdout)
	}
	again := start(env, strings.NewReader(""), append(args, "--rate-limit", "5000")...)
	again.end(t, exitGreen)
	if !strings.Contains(again.stdout.String(), "| 3,000 ") && !strings.Contains(again.stdout.String(), " 3,000 ") {
		t.Errorf("stdout: %s", again.stdout)
	}
}

// A webhook that arrives while a pipeline repeats is applied without waiting
// for the next run.
func TestWebhooksAreServed(t *testing.T) {
	server, env := sandboxFor(t, dodo.Options{Counts: dodo.Scaled(30)})
	dir := t.TempDir()
	env["HOOK"] = newWebhookSecret()
	env["BASE"] = env["DODO_PAYMENTS_BASE_URL"]
	path := filepath.Join(dir, "syncline.yaml")
	if err := os.WriteFile(path, []byte(`
source: {connector: dodo, environment: test_mode, api_key: "${env:DODO_PAYMENTS_API_KEY}", base_url: "${env:BASE}"}
destination: {type: sqlite, path: x.db}
streams: [payments]
every: 1h
webhooks: {listen: "127.0.0.1:0", secret: "${env:HOOK}"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(env, strings.NewReader(""), "run", "-c", path)
	s.stdout.wait(t, "next run at", 1)
	_, url, _ := strings.Cut(s.stderr.String(), "webhooks for dodo: ")
	url, _, _ = strings.Cut(url, "\n")
	server.AddEndpoint(dodo.Endpoint{URL: url, Secret: env["HOOK"]})
	if _, _, err := server.Create("payments", nil); err != nil {
		t.Fatal(err)
	}
	if n := server.FlushWebhooks(t.Context()); n == 0 {
		t.Fatal("no webhook was sent")
	}
	s.stdout.wait(t, "green  1 in, 1 written", 1)
	s.signals <- os.Interrupt
	s.end(t, exitGreen)
}

func TestExitCodes(t *testing.T) {
	code := func(c syncline.Code) error { return &syncline.Error{Code: c, Class: syncline.Fatal, What: "x"} }
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exitGreen},
		{errors.New("x"), exitRed},
		{usagef("x"), exitUsage},
		{fmt.Errorf("x: %w", shownError{code(syncline.CodeAuthFailed)}), exitAuth},
		{code(syncline.CodeDestPermission), exitAuth},
		{code(syncline.CodeDestDown), exitUnreachable},
		{code(syncline.CodeSourceDown), exitUnreachable},
		{code(syncline.CodeLocked), exitLocked},
		{fmt.Errorf("x: %w", syncline.ErrFenced), exitLocked},
		{code(syncline.CodeUnbalanced), exitRed},
		{code(syncline.CodeDeleteGuard), exitRed},
		{usageError{&catalog.SoonError{Title: "X"}}, exitNotBuilt},
		{code(syncline.CodeInterrupted), exitInterrupted},
		{context.Canceled, exitInterrupted},
		{errAborted, exitInterrupted},
		{config.Problems{{Code: syncline.CodeConfigInvalid}}, exitUsage},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v gives %d, want %d", c.err, got, c.want)
		}
	}
}

// H-61, H-65: what is shown holds no secret and no control character.
func TestShownTextIsCleaned(t *testing.T) {
	var out bytes.Buffer
	a := newApp(all.Catalog(), strings.NewReader(""), io.Discard, &out, func(string) (string, bool) { return "", false })
	a.keepSecret(canary, "")
	a.errorf("%s", "one\n{\"level\":\"error\"}\x1b[2J\u202e "+canary)
	a.logger().Warn("x\ny", "key", canary, "text", "a\nb\x1b")
	if got := out.String(); strings.Contains(got, canary) || strings.ContainsAny(got, "\x1b\u202e") || strings.Count(got, "\n") != 2 {
		t.Errorf("shown: %q", got)
	}
}

// A database URI with a password goes to a private file and is not shown, also
// when the database cannot be reached.
func TestSetUpKeepsDatabasePassword(t *testing.T) {
	_, env := sandboxFor(t, dodo.Options{Counts: dodo.Scaled(10)})
	delete(env, "DODO_PAYMENTS_API_KEY")
	env[accessibleEnv] = "1"
	t.Chdir(t.TempDir())
	const password = "canary-pass-word"
	uri := "postgres://u:" + password + "@127.0.0.1:1/d"
	answers := strings.Join([]string{"dodo", "test_mode", canary, "postgres", uri, "keep", "", "15m", "n", ""}, "\n")
	s := start(env, strings.NewReader(answers))
	s.end(t, exitGreen)
	if out := s.stdout.String() + s.stderr.String(); strings.Contains(out, password) || strings.Contains(out, canary) || !strings.Contains(out, "That did not work") {
		t.Errorf("shown:\n%s", out)
	}
	file, err := os.ReadFile(config.FileName)
	if err != nil || !strings.Contains(string(file), "uri: ${file:.syncline/secrets/postgres_uri}") || strings.Contains(string(file), password) {
		t.Errorf("%s, %v", file, err)
	}
	for _, path := range []string{config.FileName, ".syncline/secrets/postgres_uri", ".syncline/secrets/dodo_api_key"} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if text, err := os.ReadFile(".syncline/secrets/postgres_uri"); err != nil || string(text) != uri+"\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestSandboxCommand(t *testing.T) {
	env := map[string]string{}
	s := start(env, strings.NewReader(""), "sandbox", "dodo", "--listen", "127.0.0.1:0", "--objects", "10", "--touch", "10ms", "--webhook", "http://127.0.0.1:1/x")
	s.stdout.wait(t, "signed with whsec_", 1)
	_, url, _ := strings.Cut(s.stdout.String(), "Dodo Payments at ")
	url, _, _ = strings.Cut(url, ",")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/payments", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+sandboxKey)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("status %d", answer.StatusCode)
	}
	s.signals <- os.Interrupt
	s.end(t, exitGreen)

	for _, args := range [][]string{{"sandbox"}, {"sandbox", "stripe"}, {"sandbox", "dodo", "--tier", "9"}, {"sandbox", "dodo", "--objects", "-1", "--listen", "127.0.0.1:0"}, {"sandbox", "dodo", "--listen", "nowhere:x"}} {
		start(env, strings.NewReader(""), args...).end(t, exitUsage)
	}
}

func TestDemoWatchFollowsChanges(t *testing.T) {
	t.Chdir(t.TempDir())
	s := start(map[string]string{}, strings.NewReader(""), "demo", "--watch", "--objects", "30")
	s.stdout.wait(t, "Following live changes", 1)
	s.stdout.wait(t, "green  ", 3)
	s.signals <- os.Interrupt
	s.end(t, exitGreen)
}

// slowDetail starts a pipeline whose details take hours at the vendor's lowest
// rate, and returns once it reads them.
func slowDetail(t *testing.T, args ...string) *session {
	t.Helper()
	reading, once := make(chan struct{}), sync.Once{}
	_, env := sandboxFor(t, dodo.Options{Counts: dodo.Scaled(3000), RateLimit: dodo.Tier0, OnRequest: func(r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/payments/pay_") {
			once.Do(func() { close(reading) })
		}
	}})
	env["BASE"] = env["DODO_PAYMENTS_BASE_URL"]
	delete(env, "DODO_PAYMENTS_BASE_URL")
	path := filepath.Join(t.TempDir(), "syncline.yaml")
	if err := os.WriteFile(path, []byte(`
source: {connector: dodo, environment: test_mode, api_key: "${env:DODO_PAYMENTS_API_KEY}", base_url: "${env:BASE}"}
destination: {type: sqlite, path: x.db}
streams: [{name: payments, detail: true}, customers]
every: 1h
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(env, strings.NewReader(""), append([]string{"run", "-c", path}, args...)...)
	select {
	case <-reading:
	case <-time.After(30 * time.Second):
		t.Fatalf("reads no details\n%s\n%s", s.stdout, s.stderr)
	}
	return s
}

// "all" on the command line is every stream of the connector.
func TestAllStreamsOnCommandLine(t *testing.T) {
	cat := all.Catalog()
	names, err := cat.Connectors[0].StreamNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"sync", "run"} {
		_, env := sandboxFor(t, dodo.Options{Counts: dodo.Scaled(20)})
		args := []string{"sync", "dodo", "--env", "test_mode", "--to", filepath.Join(t.TempDir(), "x.db"), "--streams", "all", "--json"}
		if flag == "run" {
			path := filepath.Join(t.TempDir(), "syncline.yaml")
			text := "source: {connector: dodo, environment: test_mode, api_key: \"${env:DODO_PAYMENTS_API_KEY}\", base_url: \"${env:DODO_PAYMENTS_BASE_URL}\"}\n" +
				"destination: {type: sqlite, path: x.db}\nstreams: [payments]\n"
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			args = []string{"run", "-c", path, "--stream", "all", "--json"}
		}
		s := start(env, strings.NewReader(""), args...)
		s.stdout.wait(t, `"event":"progress"`, 1)
		s.signals <- os.Interrupt // the receipt names them all; reading them takes minutes
		s.end(t, exitInterrupted)
		for _, name := range names {
			if !strings.Contains(s.stdout.String(), `{"stream":"`+name+`"`) {
				t.Errorf("%s: no stream %s in %s", flag, name, s.stdout)
			}
		}
	}
}

// However a long run is stopped, it is stopped and not red.
func TestStoppingDetailsIsNotRed(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		signals int
		want    int
	}{
		{"single, asked", []string{"--once"}, 1, exitInterrupted},
		{"single, at once", []string{"--once"}, 2, exitInterrupted},
		{"repeating, asked", nil, 1, exitGreen},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := slowDetail(t, c.args...)
			for range c.signals {
				s.signals <- os.Interrupt
			}
			s.end(t, c.want)
			out := s.stdout.String() + s.stderr.String()
			if !strings.Contains(out, "stopped: ") || strings.Contains(out, "RED") || strings.Contains(out, "canceled") {
				t.Errorf("shown:\n%s", out)
			}
		})
	}
}

func TestSingleRunOfWebhookPipelineSaysSo(t *testing.T) {
	_, env := sandboxFor(t, dodo.Options{Counts: dodo.Scaled(5)})
	env["BASE"], env["HOOK"] = env["DODO_PAYMENTS_BASE_URL"], newWebhookSecret()
	path := filepath.Join(t.TempDir(), "syncline.yaml")
	if err := os.WriteFile(path, []byte(`
source: {connector: dodo, environment: test_mode, api_key: "${env:DODO_PAYMENTS_API_KEY}", base_url: "${env:BASE}"}
destination: {type: sqlite, path: x.db}
streams: [payments]
every: 1h
webhooks: {listen: "127.0.0.1:0", secret: "${env:HOOK}"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(env, strings.NewReader(""), "run", "--once", "-c", path)
	s.end(t, exitGreen)
	if !strings.Contains(s.stderr.String(), "a single run receives no webhooks") {
		t.Errorf("stderr: %s", s.stderr)
	}
}
