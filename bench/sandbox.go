package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/dodo"
)

// sandboxKey is the key the sandbox accepts.
const sandboxKey = "sandbox_test_key"

// runSandbox is the subcommand that serves the vendor's API with the given
// number of payments until it is told to stop. It prints its address first.
func runSandbox(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	rows := fs.Int("rows", 20000, "payments")
	latency := fs.Duration("latency", 0, "wait before every answer")
	if err := fs.Parse(args); err != nil {
		return err
	}
	api, err := dodo.New(dodo.Options{Counts: dodo.Scaled(*rows)})
	if err != nil {
		return err
	}
	if *latency > 0 {
		if err := api.Inject(sandbox.Fault{Kind: sandbox.FaultLatency, Latency: *latency, Times: -1}); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	server := &http.Server{Handler: &witness{next: api}, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// witness notes when requests came and went.
type witness struct {
	next http.Handler

	mu   sync.Mutex
	seen seen
}

// seen is what the witness has noted since it was last asked.
type seen struct {
	Requests int       `json:"requests"`
	First    time.Time `json:"first"` // the first request came
	Last     time.Time `json:"last"`  // the last answer was written
}

// seenPath asks for what was seen and begins anew.
const seenPath = "/_bench/seen"

func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == seenPath {
		w.mu.Lock()
		defer w.mu.Unlock()
		_ = json.NewEncoder(rw).Encode(w.seen) // a client that has gone has no use for it
		w.seen = seen{}
		return
	}
	now := time.Now()
	w.mu.Lock()
	if w.seen.Requests++; w.seen.Requests == 1 {
		w.seen.First = now
	}
	w.mu.Unlock()
	w.next.ServeHTTP(rw, r)
	now = time.Now()
	w.mu.Lock()
	w.seen.Last = now
	w.mu.Unlock()
}

// api is a sandbox process.
type api struct {
	*child
	url string
}

// startSandbox starts a sandbox and waits until it serves.
func (b *bench) startSandbox(ctx context.Context, rows int, latency time.Duration) (*api, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c, err := startChild(ctx, w, nil, b.self, "sandbox", "-rows", fmt.Sprint(rows), "-latency", latency.String())
	w.Close()
	if err != nil {
		return nil, err
	}
	s := bufio.NewScanner(r)
	if !s.Scan() {
		_, err := c.wait()
		return nil, fmt.Errorf("the sandbox did not start: %w", err)
	}
	return &api{c, s.Text()}, nil
}

// seen returns what the sandbox was asked for since the last call.
func (a *api) seen(ctx context.Context) (s seen, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+seenPath, nil)
	if err != nil {
		return s, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	return s, json.NewDecoder(res.Body).Decode(&s)
}
