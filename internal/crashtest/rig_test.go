//go:build unix

package crashtest

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/failpoint"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/dodo"
)

// stream is a stream under test with the entity of the API it comes from.
type stream struct{ name, entity, key string }

var streams = []stream{
	{"payments", "payments", "payment_id"},
	{"customers", "customers", "customer_id"},
	{"subscriptions", "subscriptions", "subscription_id"},
	{"license_keys", "license_keys", "id"},
	{"refunds", "refunds", "refund_id"},
}

const (
	apiKey  = "sandbox_test_key"
	hookKey = "whsec_Y3Jhc2gtdGVzdC1zaWduaW5nLWtleS0wMDAxCg=="
)

// rig is one pipeline that lives through all kills: the API with its data, the
// configuration, and where the journal and the destination are.
type rig struct {
	t      testing.TB
	dir    string
	api    *dodo.Server
	url    string
	dest   database
	random *rand.Rand
	hooks  *sender
	newest map[string]map[string]version // per stream and key, for going back
	lives  int

	journal string                    // the journal's path, as the tests reach it
	wrap    func(*exec.Cmd) *exec.Cmd // changes how the program is started, if set
}

// size is how much data a rig begins with.
type size struct{ payments, customers, others int }

var (
	small = size{payments: 240, customers: 130, others: 60}
	// sliced has more payments than are read in one slice, so that a load has
	// cursors on the way.
	sliced = size{payments: 3200, customers: 130, others: 60}
)

// newRig makes a rig with an empty destination.
func newRig(t testing.TB, dest database, n size, seed uint64) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), dest: dest, random: rand.New(rand.NewPCG(seed, 1)), newest: map[string]map[string]version{}}
	r.hooks = newSender(seed)
	var err error
	r.api, err = dodo.New(dodo.Options{
		Seed:  seed,
		Epoch: time.Now().Add(-time.Hour).Truncate(time.Second),
		Counts: map[string]int{"payments": n.payments, "customers": n.customers, "subscriptions": n.others,
			"license_keys": n.others, "refunds": n.others, "disputes": 5, "products": 5},
		TestKey: apiKey,
		// No limit in effect, and headers that say so.
		RateLimit: sandbox.Rate{PerSecond: 100_000, PerMinute: 1_000_000},
		OnEvent:   func(e dodo.Event) { r.hooks.add(message{e.ID, e.Body}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r.api)
	t.Cleanup(server.Close)
	r.url = server.URL
	r.journal = filepath.Join(r.dir, "journal.db")
	if dest != nil {
		r.configure("journal.db")
	}
	return r
}

// configure writes the configuration.
func (r *rig) configure(journal string) { r.configureIn(r.dir, journal) }

func (r *rig) configureIn(dir, journal string) {
	r.t.Helper()
	names := make([]string, len(streams))
	for i, s := range streams {
		names[i] = s.name
	}
	text := fmt.Sprintf(`name: shop
source:
  connector: dodo
  environment: test_mode
  base_url: %s
  api_key: ${env:CRASH_API_KEY}
destination:
%s
journal:
  path: %s
streams: [%s]
batch_rows: 40
every: 1s
webhooks:
  listen: 127.0.0.1:0
  path: /hooks
  secret: ${env:CRASH_HOOK_KEY}
`, r.url, r.dest.yaml(), journal, strings.Join(names, ", "))
	if err := os.WriteFile(filepath.Join(dir, "syncline.yaml"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) journalPath() string { return r.journal }

// command is a life of the program that was not started yet. fail arms crash
// points.
func (r *rig) command(fail string, args ...string) *exec.Cmd {
	r.t.Helper()
	cmd := exec.Command(program(r.t), append([]string{"run", "--json"}, args...)...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "CRASH_API_KEY="+apiKey, "CRASH_HOOK_KEY="+hookKey, failEnv+"="+fail, "TMPDIR="+r.dir)
	if r.wrap != nil {
		return r.wrap(cmd)
	}
	return cmd
}

const failEnv = "SYNCLINE_FAILPOINT"

// start begins a life.
func (r *rig) start(fail string, args ...string) *child {
	r.t.Helper()
	r.lives++
	return startChild(r.t, r.command(fail, args...))
}

// once makes one full run and returns how it ended.
func (r *rig) once(fail string) outcome {
	r.t.Helper()
	return r.start(fail, "--once", "--full").wait(r.t)
}

// serve begins a life that runs every second and takes webhooks. It returns
// once it takes them, or has ended.
func (r *rig) serve(fail string, args ...string) *child {
	r.t.Helper()
	c := r.start(fail, args...)
	if url, err := c.address(); err == nil {
		r.hooks.to(url)
	}
	return c
}

// green makes a full run that must end green.
func (r *rig) green() *receipt {
	r.t.Helper()
	r.hooks.past()
	return r.mustBeGreen(r.once(""))
}

// resumed makes a run that goes on where the last one stopped; it must end
// green.
func (r *rig) resumed() *receipt {
	r.t.Helper()
	return r.mustBeGreen(r.start("", "--once").wait(r.t))
}

func (r *rig) mustBeGreen(o outcome) *receipt {
	r.t.Helper()
	if o.exit != 0 || !o.last().Green {
		r.t.Fatalf("the run after the crash is not green: exit code %d, %+v\n%s", o.exit, o.last().Receipt, o.log)
	}
	balanced(r.t, o)
	r.ledger(&o.last().Receipt)
	return o.last()
}

// balanced checks that every receipt accounts for every record.
func balanced(t testing.TB, o outcome) {
	t.Helper()
	for _, r := range o.receipts {
		for _, s := range r.Receipt.Streams {
			if s.Counts.In() != s.Counts.Out() {
				t.Fatalf("run %s, stream %s: %d in, %d out: %+v", r.Receipt.Run, s.Stream, s.Counts.In(), s.Counts.Out(), s.Counts)
			}
		}
	}
}

// untilRequests waits until the program has asked the API n times more than
// when the counters were reset last, or the child is gone.
func (r *rig) untilRequests(c *child, n int64) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); r.api.Counters().Requests < n && c.alive(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("no %d requests: %s", n, c.log)
		}
	}
}

func seed(t testing.TB) uint64 {
	t.Helper()
	var n uint64
	if _, err := fmt.Sscan(os.Getenv("SYNCLINE_SEED"), &n); err != nil {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with SYNCLINE_SEED=%d", n)
	return n
}

// points returns the names of all crash points.
func points() []string { return failpoint.Names() }
