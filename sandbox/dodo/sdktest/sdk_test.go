package sdktest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/sandbox/dodo"
)

// pageSize makes lists of several pages from little data.
const pageSize = 10

const webhookKey = "whsec_ZG9kby10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmISE="

func TestTypeScriptLibrary(t *testing.T) {
	node := need(t, "node")
	install(t, need(t, "npm"))
	v := newVendor(t)
	r := v.read(t, exec.CommandContext(t.Context(), node, "lists.mjs"))
	v.check(t, r, nil, nil)
}

func TestGoLibrary(t *testing.T) {
	goTool := need(t, "go")
	run := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), goTool, args...)
		cmd.Dir = "gosdk"
		cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
		return cmd
	}
	if out, err := run("mod", "download").CombinedOutput(); err != nil {
		lacking(t, "the vendor's Go library (go mod download in gosdk: "+err.Error()+": "+string(out)+")")
	}
	v := newVendor(t)
	// A type this version does not know is taken for another one.
	v.input.Webhooks = slices.DeleteFunc(v.input.Webhooks, func(w webhook) bool {
		return strings.Contains(w.Body, `"type":"subscription.past_due"`)
	})
	v.check(t, v.read(t, run("run", ".")), []string{"blocklist", "emails"}, goProblems)
}

// need finds a program.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		lacking(t, name)
	}
	return path
}

// lacking skips a test for want of something, which is a failure in CI.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("missing:", what)
	}
	t.Skip("missing:", what)
}

// install puts the vendor's TypeScript library beside lists.mjs, unless the
// one the lock file names is there already.
func install(t *testing.T, npm string) {
	t.Helper()
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join("node_modules", ".installed-from")
	if old, err := os.ReadFile(mark); err == nil && bytes.Equal(old, lock) {
		return
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	if out, err := cmd.CombinedOutput(); err != nil {
		lacking(t, "the vendor's TypeScript library (npm ci: "+err.Error()+": "+string(out)+")")
	}
	if err := os.WriteFile(mark, lock, 0o644); err != nil {
		t.Fatal(err)
	}
}

// vendor is a sandbox with the webhooks it has sent.
type vendor struct {
	*dodo.Server
	endpoints []string
	input     input
}

func newVendor(t *testing.T) *vendor {
	t.Helper()
	s, err := dodo.New(dodo.Options{Seed: 11, Counts: dodo.Scaled(120)})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(s)
	t.Cleanup(api.Close)
	v := &vendor{Server: s, input: input{BaseURL: api.URL, Key: "sandbox_test_key", PageSize: pageSize, WebhookKey: webhookKey}}
	for v.input.CheckoutID = range s.Truth("checkouts") {
		break
	}
	about := v.create(t)

	var mu sync.Mutex
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got := webhook{Headers: map[string]string{}, Body: string(body)}
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			got.Headers[name] = r.Header.Get(name)
		}
		mu.Lock()
		defer mu.Unlock()
		v.input.Webhooks = append(v.input.Webhooks, got)
	}))
	t.Cleanup(receiver.Close)
	id, _ := s.AddEndpoint(dodo.Endpoint{URL: receiver.URL, Secret: webhookKey})
	v.endpoints = append(v.endpoints, id)
	for range 4 { // with these, the list of endpoints has three pages
		id, _ := s.AddEndpoint(dodo.Endpoint{URL: receiver.URL, FilterTypes: []string{}})
		v.endpoints = append(v.endpoints, id)
	}
	v.emit(t, about)
	return v
}

// create makes one object of every entity that has webhooks and returns their
// ids.
func (v *vendor) create(t *testing.T) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for _, entity := range slices.Sorted(maps.Keys(eventTypes)) {
		id, _, err := v.Create(entity, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids[entity] = id
	}
	return ids
}

// emit sends one webhook of every type.
func (v *vendor) emit(t *testing.T, about map[string]string) {
	t.Helper()
	sent := 0
	for entity, types := range eventTypes {
		for _, name := range types {
			if _, err := v.Emit(name, entity, about[entity]); err != nil {
				t.Fatal(err)
			}
			sent++
		}
	}
	v.FlushWebhooks(t.Context())
	if n := len(v.input.Webhooks); n != sent {
		t.Fatalf("%d webhooks arrived of %d", n, sent)
	}
}

// read runs a reader.
func (v *vendor) read(t *testing.T, cmd *exec.Cmd) report {
	t.Helper()
	in, err := json.Marshal(v.input)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.Bytes())
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v wrote no report: %v\n%s", cmd.Args, err, out)
	}
	return r
}

// check compares a report with the sandbox. The lists without are not in the
// library, the problems known are its own.
func (v *vendor) check(t *testing.T, r report, without, known []string) {
	t.Helper()
	checkLists(t, v.Server, r.Lists, without)
	if diff := cmp.Diff(v.endpoints, fields(t, r.Lists["webhooks"], "id")); diff != "" {
		t.Errorf("webhook endpoints (-want +got):\n%s", diff)
	}
	checkDetails(t, v.Server, r.Details, v.endpoints, without)
	checkMissedPage(t, r.WithoutPageNumber, r.Lists["payments"])
	checkWebhooks(t, v.input.Webhooks, r.Webhooks)
	for _, problem := range r.Problems {
		if !slices.Contains(known, problem) {
			t.Error("not understood by the library: ", problem)
		}
	}
}
