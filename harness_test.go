package syncline_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	destsqlite "github.com/synclinehq/syncline/destination/sqlite"
	journalsqlite "github.com/synclinehq/syncline/journal/sqlite"
)

// shop is a source made for tests: objects of one stream "orders" that the test
// changes as it likes. A pull lists everything, newest object first, in pages
// of pageSize.
type shop struct {
	mu       sync.Mutex
	name     string
	objects  map[string]string // id -> JSON
	order    []string
	pageSize int
	now      int64 // the shop's clock in microseconds: real time, never the same twice
	cursor   bool  // keep a cursor and list only what changed since
	detail   bool
	changed  map[string]int64

	beforePage func(n int) error // called before each page is handed over
	fetched    int               // objects read by id
	pulls      int
}

func newShop() *shop {
	return &shop{name: "shop/test", objects: map[string]string{}, pageSize: 10, changed: map[string]int64{}}
}

func (s *shop) tick() { s.now = max(s.now+1, time.Now().UnixMicro()) }

func (s *shop) set(id, rest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[id]; !ok {
		s.order = append(s.order, id)
	}
	s.tick()
	s.objects[id] = fmt.Sprintf(`{"id":%q,%s}`, id, rest)
	s.changed[id] = s.now
}

func (s *shop) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, id)
	s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == id })
	s.tick()
}

func (s *shop) fill(n int) {
	for i := range n {
		s.set(fmt.Sprintf("o%04d", i), fmt.Sprintf(`"amount":%d,"note":"note %d"`, i*100, i))
	}
}

func (s *shop) Name() string { return s.name }
func (s *shop) Close() error { return nil }

func (s *shop) Streams(context.Context) ([]syncline.Stream, error) {
	list := &batch.Schema{Fields: []batch.Field{
		{Name: "id", Type: batch.String, Key: true, Declared: true},
		{Name: "amount", Type: batch.Int64, Declared: true},
		{Name: "note", Type: batch.String, Declared: true},
	}}
	detail := list.Clone()
	detail.Fields = append(detail.Fields, batch.Field{Name: "more", Type: batch.String, Declared: true})
	return []syncline.Stream{{Name: "orders", Default: true, Fetchable: true, Detail: s.detail, Deletes: syncline.DeletePolicy{Absent: true},
		Schemas: map[string]*batch.Schema{syncline.ShapeList: list, syncline.ShapeDetail: detail, syncline.ShapeMerged: detail}}}, nil
}

var orderSpec = batch.Spec{Key: []string{"id"}}

func (s *shop) record(data string) syncline.Record {
	r, err := batch.NewScanner(orderSpec).One([]byte(data))
	out := syncline.Record{Key: slices.Clone(syncline.Key(r.Key)), Data: []byte(data), Hash: r.Hash, Version: s.now}
	if err == nil {
		err = r.Err
	}
	if err != nil {
		out.Reject = err.Error()
	}
	return out
}

func (s *shop) Pull(ctx context.Context, req syncline.PullRequest, emit func(context.Context, *syncline.Page) error) error {
	s.mu.Lock()
	s.pulls++
	s.tick()
	since := int64(-1)
	if s.cursor && req.After != nil && !req.Full {
		if err := json.Unmarshal(req.After, &since); err != nil {
			return err
		}
	}
	var recs []syncline.Record
	for _, id := range slices.Backward(s.order) {
		if s.changed[id] > since {
			recs = append(recs, s.record(s.objects[id]))
		}
	}
	next, _ := json.Marshal(s.now)
	s.mu.Unlock()
	n := 0
	for page := range slices.Chunk(recs, s.pageSize) {
		if s.beforePage != nil {
			if err := s.beforePage(n); err != nil {
				return err
			}
		}
		n++
		if err := emit(ctx, &syncline.Page{Stream: "orders", Shape: syncline.ShapeList, Records: page, Fetched: len(page), Sweep: since < 0}); err != nil {
			return err
		}
	}
	return emit(ctx, &syncline.Page{Stream: "orders", Shape: syncline.ShapeList, Next: next, Sweep: since < 0})
}

func (s *shop) Fetch(_ context.Context, _ string, key syncline.Key) (syncline.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetched++
	s.tick()
	data, ok := s.objects[key.String()]
	if !ok {
		return syncline.Record{}, syncline.ErrGone
	}
	return s.record(strings.TrimSuffix(data, "}") + `,"more":"only in detail"}`), nil
}

// Receive takes {"event": id, "object": {...}, "version": n} signed "yes".
func (s *shop) Receive(h http.Header, body []byte, _ time.Time) ([]syncline.Event, error) {
	if h.Get("Signature") != "yes" {
		return nil, &syncline.WebhookError{Status: 401, Code: "signature_invalid", What: "no"}
	}
	var e struct {
		Event   string
		Object  json.RawMessage
		Version int64
		Refetch bool
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, &syncline.WebhookError{Status: 400, Code: "body_invalid", What: err.Error()}
	}
	ev := syncline.Event{ID: e.Event, Stream: "orders", Shape: syncline.ShapeDetail, Record: s.record(string(e.Object)), Refetch: e.Refetch, Body: body}
	ev.Record.Version = e.Version
	return []syncline.Event{ev}, nil
}

// rig is an engine over a shop, an SQLite journal and an SQLite destination.
type rig struct {
	t    testing.TB
	dir  string
	shop *shop
	mod  func(*syncline.Config)
	dest func(syncline.Destination) syncline.Destination
}

func newRig(t testing.TB) *rig { return &rig{t: t, dir: t.TempDir(), shop: newShop()} }

func (r *rig) dbPath() string { return filepath.Join(r.dir, "data.db") }

func (r *rig) open() *syncline.Engine {
	r.t.Helper()
	ctx := context.Background()
	j, err := journalsqlite.Open(ctx, journalsqlite.Options{Path: filepath.Join(r.dir, "journal.db")})
	if err != nil {
		r.t.Fatal(err)
	}
	d, err := destsqlite.Open(ctx, destsqlite.Options{Path: r.dbPath()})
	if err != nil {
		r.t.Fatal(err)
	}
	c := syncline.Config{Source: r.shop, Destination: d, Journal: j, TempDir: r.dir, RetryFor: 2 * time.Second}
	if r.dest != nil {
		c.Destination = r.dest(d)
	}
	if r.mod != nil {
		r.mod(&c)
	}
	e, err := syncline.New(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

// run makes one run with a new engine, as a new process would.
func (r *rig) run() (*syncline.Receipt, error) {
	r.t.Helper()
	e := r.open()
	defer func() {
		if err := e.Close(); err != nil {
			r.t.Error(err)
		}
	}()
	return e.Run(context.Background())
}

func (r *rig) green() *syncline.StreamReceipt {
	r.t.Helper()
	rec, err := r.run()
	if err != nil {
		r.t.Fatalf("run is red: %v", err)
	}
	return &rec.Streams[0]
}

// rows reads the live rows with a connection of its own: id -> amount/note.
func (r *rig) rows() map[string]string {
	r.t.Helper()
	return query(r.t, r.dbPath(), `select "id", coalesce("amount",'') || '/' || coalesce("note",'') from "orders" where "_syncline_deleted_at" is null`)
}

func query(t testing.TB, path, q string) map[string]string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var k, v string
		if err := rows.Scan(&k, &v); err != nil {
			t.Fatal(err)
		}
		out[k] = v
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func exec(t testing.TB, path, q string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(q); err != nil {
		t.Fatal(err)
	}
}

// want is what the table must hold: what the shop has.
func (s *shop) want() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for id, data := range s.objects {
		var o struct {
			Amount json.Number
			Note   string
		}
		if err := json.Unmarshal([]byte(data), &o); err != nil {
			continue
		}
		out[id] = o.Amount.String() + "/" + o.Note
	}
	return out
}

var errBoom = errors.New("boom")

func mustOpen(t testing.TB, path string) syncline.Destination {
	t.Helper()
	d, err := destsqlite.Open(context.Background(), destsqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
