package syncline_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/connectors"
	destsqlite "github.com/synclinehq/syncline/destination/sqlite"
	journalsqlite "github.com/synclinehq/syncline/journal/sqlite"
	"github.com/synclinehq/syncline/sandbox/dodo"
	"github.com/synclinehq/syncline/source/rest"
)

// open returns an engine that syncs the sandbox, in place of Dodo Payments,
// into an SQLite file in dir. It stands for the few lines a program has of its
// own.
func open(ctx context.Context, dir, apiURL string, c syncline.Config) (*syncline.Engine, error) {
	source, err := rest.New(connectors.Dodo(), rest.Options{
		BaseURL: apiURL, // leave it out and set Environment: "live_mode"
		Secrets: map[string]string{"api_key": "sandbox_test_key"},
	})
	if err != nil {
		return nil, err
	}
	destination, err := destsqlite.Open(ctx, destsqlite.Options{Path: filepath.Join(dir, "shop.db")})
	if err != nil {
		return nil, err
	}
	journal, err := journalsqlite.Open(ctx, journalsqlite.Options{Path: filepath.Join(dir, "journal.db")})
	if err != nil {
		return nil, err
	}
	c.Source, c.Destination, c.Journal = source, destination, journal
	return syncline.New(c)
}

// fakeAPI starts the sandbox with a hundred payments and what belongs to them.
func fakeAPI() (url string, server *dodo.Server, stop func()) {
	server, err := dodo.New(dodo.Options{Counts: dodo.Scaled(100)})
	if err != nil {
		log.Fatal(err)
	}
	h := httptest.NewServer(server)
	return h.URL, server, h.Close
}

func tempDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "syncline")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(dir) }
}

// One pass, and what its receipt says.
func Example() {
	ctx := context.Background()
	url, api, stop := fakeAPI()
	defer stop()
	dir, remove := tempDir()
	defer remove()

	engine, err := open(ctx, dir, url, syncline.Config{Streams: []string{"payments", "customers"}})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()

	for range 2 {
		receipt, err := engine.Run(ctx)
		if err != nil {
			log.Fatal(err) // not green: something is missing, and it says what
		}
		for _, s := range receipt.Streams {
			c := s.Counts
			fmt.Printf("%s: %d written, %d rows, balanced: %v\n", s.Stream, c.Applied(), s.Rows, c.In() == c.Out())
		}
		if _, _, err := api.Create("payments", nil); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// payments: 100 written, 100 rows, balanced: true
	// customers: 40 written, 40 rows, balanced: true
	// payments: 1 written, 101 rows, balanced: true
	// customers: 0 written, 40 rows, balanced: true
}

// Runs at an interval until the program is told to stop. A run that takes
// longer than the interval is never overlapped by the next.
func ExampleEngine_Start() {
	ctx := context.Background()
	url, _, stop := fakeAPI()
	defer stop()
	dir, remove := tempDir()
	defer remove()

	first := make(chan *syncline.Receipt, 1)
	engine, err := open(ctx, dir, url, syncline.Config{
		Streams:  []string{"customers"},
		Interval: 5 * time.Minute,
		OnReceipt: func(r *syncline.Receipt, err error) {
			if err != nil {
				log.Print(err) // the next interval tries again
			}
			first <- r
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := engine.Start(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("green:", (<-first).Green())
	if err := engine.Stop(ctx); err != nil { // finishes the batch in hand
		log.Fatal(err)
	}
	if err := engine.Close(); err != nil {
		log.Fatal(err)
	}
	// Output: green: true
}

// Webhooks are taken by a handler that answers 200 once the event is on disk.
func ExampleEngine_WebhookHandler() {
	ctx := context.Background()
	url, _, stop := fakeAPI()
	defer stop()
	dir, remove := tempDir()
	defer remove()
	engine, err := open(ctx, dir, url, syncline.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()

	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/dodo", engine.WebhookHandler())
	server := httptest.NewServer(mux)
	defer server.Close()

	resp, err := http.Post(server.URL+"/webhooks/dodo", "application/json", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println("unsigned:", resp.StatusCode)
	// Output: unsigned: 401
}

// Progress is a value, four times a second at most.
func ExampleConfig_progress() {
	ctx := context.Background()
	url, _, stop := fakeAPI()
	defer stop()
	dir, remove := tempDir()
	defer remove()
	engine, err := open(ctx, dir, url, syncline.Config{
		Streams: []string{"payments"},
		Progress: func(p syncline.Progress) {
			if p.Phase == syncline.PhaseDone {
				fmt.Println(p.Stream, p.Applied, "applied")
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	if _, err := engine.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: payments 100 applied
}
