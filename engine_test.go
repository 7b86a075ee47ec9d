package syncline_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

func checkRows(t *testing.T, r *rig) {
	t.Helper()
	if d := cmp.Diff(r.shop.want(), r.rows()); d != "" {
		t.Fatalf("table differs from the source (-source +table):\n%s", d)
	}
}

func TestFirstRunThenNothingToDo(t *testing.T) {
	r := newRig(t)
	r.shop.fill(57)
	s := r.green()
	if s.Counts.Inserted != 57 || s.Counts.Fetched != 57 || s.Keys != 57 || s.Rows != 57 || !s.Sweep {
		t.Fatalf("first receipt: %+v", s)
	}
	checkRows(t, r)
	hash := s.ContentHash
	s = r.green()
	if s.Counts.Unchanged != 57 || s.Counts.Applied() != 0 {
		t.Fatalf("second receipt: %+v", s.Counts)
	}
	if s.ContentHash != hash {
		t.Error("same content, another content hash")
	}
	if st := r.journalStats(); st.Entries != 6 {
		t.Errorf("journal holds %d entries, want the 6 pages of the first run only", st.Entries)
	}
}

func (r *rig) journalStats() syncline.JournalStats {
	r.t.Helper()
	e := r.open()
	defer e.Close()
	st, err := e.Journal.Stats(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return st
}

func TestOnlyChangedRowsAreWritten(t *testing.T) {
	r := newRig(t)
	r.shop.fill(40)
	r.green()
	r.shop.set("o0007", `"amount":1,"note":"changed"`)
	r.shop.set("new", `"amount":2,"note":"new"`)
	s := r.green()
	if s.Counts.Updated != 1 || s.Counts.Inserted != 1 || s.Counts.Unchanged != 39 {
		t.Fatalf("%+v", s.Counts)
	}
	checkRows(t, r)
}

// The hash index must not hide a row that the destination lost.
func TestLostRowComesBack(t *testing.T) {
	r := newRig(t)
	r.shop.fill(30)
	r.green()
	exec(t, r.dbPath(), `delete from orders where id in ('o0003','o0029')`)
	s := r.green()
	if s.Counts.Inserted != 2 || s.Counts.Unchanged != 28 {
		t.Fatalf("%+v", s.Counts)
	}
	checkRows(t, r)
}

func TestDeletedAtTheSource(t *testing.T) {
	r := newRig(t)
	r.shop.fill(30)
	r.green()
	r.shop.remove("o0004")
	s := r.green()
	if s.Counts.Deleted != 1 || s.Counts.Swept != 1 || s.Rows != 29 {
		t.Fatalf("%+v rows %d", s.Counts, s.Rows)
	}
	checkRows(t, r)
	kept := query(t, r.dbPath(), `select id, note from orders where _syncline_deleted_at is not null`)
	if d := cmp.Diff(map[string]string{"o0004": "note 4"}, kept); d != "" {
		t.Errorf("the deleted row: %s", d)
	}
	if s = r.green(); s.Counts.Applied() != 0 {
		t.Errorf("a deletion repeated: %+v", s.Counts)
	}
	r.shop.set("o0004", `"amount":4,"note":"back"`)
	if s = r.green(); s.Counts.Updated != 1 {
		t.Errorf("coming back: %+v", s.Counts)
	}
	checkRows(t, r)
}

func TestDeleteBrake(t *testing.T) {
	r := newRig(t)
	r.shop.fill(1300)
	r.shop.pageSize = 200
	r.green()
	for i := range 1100 {
		r.shop.remove(fmt.Sprintf("o%04d", i))
	}
	rec, err := r.run()
	if syncline.CodeOf(err) != syncline.CodeDeleteGuard {
		t.Fatalf("want delete_guard, got %v", err)
	}
	if len(r.rows()) != 1300 || rec.Streams[0].Counts.Deleted != 0 {
		t.Error("rows were marked deleted although the brake tripped")
	}
}

// A run that lists only what is new, possibly nothing, says nothing about the
// rows it does not list.
func TestIncrementalRunDeletesNothing(t *testing.T) {
	r := newRig(t)
	r.shop.cursor = true
	r.shop.fill(30)
	r.green()
	for _, change := range []func(){func() {}, func() { r.shop.set("o0003", `"amount":1,"note":"x"`) }} {
		change()
		s := r.green()
		if s.Sweep || s.Counts.Deleted != 0 || s.Rows != 30 || r.shop.fetched != 0 {
			t.Errorf("%+v, %d objects asked for", s, r.shop.fetched)
		}
		checkRows(t, r)
	}
}

// A table emptied behind our back is filled again, although the source has
// nothing new.
func TestEmptiedTableIsFilledAgain(t *testing.T) {
	r := newRig(t)
	r.shop.cursor = true
	r.shop.fill(30)
	r.green()
	exec(t, r.dbPath(), `delete from orders`)
	if s := r.green(); s.Counts.Inserted != 30 || !s.Sweep || s.Missing != 0 {
		t.Errorf("%+v", s)
	}
	checkRows(t, r)
}

func TestEmptyListingDeletesNothing(t *testing.T) {
	r := newRig(t)
	r.shop.fill(3)
	r.green()
	for i := range 3 {
		r.shop.remove(fmt.Sprintf("o%04d", i))
	}
	if _, err := r.run(); syncline.CodeOf(err) != syncline.CodeDeleteGuard {
		t.Errorf("want delete_guard, got %v", err)
	}
	if n := len(r.rows()); n != 3 {
		t.Errorf("%d rows left", n)
	}
}

func TestDetailOnlyForChangedRows(t *testing.T) {
	r := newRig(t)
	r.shop.detail = true
	r.shop.fill(12)
	r.green()
	if r.shop.fetched != 12 {
		t.Fatalf("%d objects read by id, want 12", r.shop.fetched)
	}
	r.shop.set("o0001", `"amount":5,"note":"x","extra":{"a":1}`)
	r.green()
	if r.shop.fetched != 13 {
		t.Errorf("%d objects read by id after one change, want 13", r.shop.fetched)
	}
	checkRows(t, r)
	more := query(t, r.dbPath(), `select id, more from orders where more is not null`)
	if len(more) != 12 || more["o0001"] != "only in detail" {
		t.Errorf("detail: %v", more)
	}
}

func TestFailedPullKeepsWhatItHas(t *testing.T) {
	r := newRig(t)
	r.shop.fill(50)
	r.shop.beforePage = func(n int) error {
		if n == 3 {
			return &syncline.Error{Code: syncline.CodeSourceDown, Class: syncline.Fatal, Err: errBoom}
		}
		return nil
	}
	rec, err := r.run()
	if syncline.CodeOf(err) != syncline.CodeSourceDown || rec.Green() {
		t.Fatalf("want source_down, got %v", err)
	}
	if n := len(r.rows()); n != 30 {
		t.Errorf("%d rows delivered, want the 30 that were fetched", n)
	}
	if rec.Streams[0].Counts.Pending != 0 {
		t.Errorf("%+v", rec.Streams[0].Counts)
	}
	r.shop.beforePage = nil
	s := r.green()
	if s.Counts.Inserted != 20 || s.Counts.Unchanged != 30 {
		t.Errorf("second run: %+v", s.Counts)
	}
	checkRows(t, r)
}

func TestStopFinishesAndNextRunGoesOn(t *testing.T) {
	r := newRig(t)
	r.shop.fill(50)
	e := r.open()
	r.shop.beforePage = func(n int) error {
		if n == 2 {
			_ = e.Stop(context.Background())
		}
		return nil
	}
	rec, err := e.Run(context.Background())
	if syncline.CodeOf(err) != syncline.CodeInterrupted {
		t.Fatalf("want interrupted, got %v", err)
	}
	c := rec.Streams[0].Counts
	if c.In() != c.Out() {
		t.Errorf("interrupted run does not balance: %+v", c)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	r.shop.beforePage = nil
	r.green()
	checkRows(t, r)
}

func TestBadRecordIsSetAside(t *testing.T) {
	r := newRig(t)
	r.shop.fill(20)
	r.shop.set("bad", "\"amount\":1,\"note\":\"\xff\xfe\"")
	r.shop.set("twice", `"amount":1,"amount":2,"note":"x"`)
	s := r.green()
	if s.Counts.Rejected != 2 || s.Counts.Inserted != 20 {
		t.Fatalf("%+v", s.Counts)
	}
	e := r.open()
	defer e.Close()
	dead, err := e.Destination.DeadLetters(context.Background(), "default", 10)
	if err != nil || len(dead) != 2 {
		t.Fatalf("dead letters: %v %v", dead, err)
	}
	for _, d := range dead {
		if d.Class != "rejected" || d.Reason == "" || len(d.Data) == 0 {
			t.Errorf("dead letter without reason or data: %+v", d)
		}
	}
}

func TestTooManyRejectsStopTheStream(t *testing.T) {
	r := newRig(t)
	r.shop.fill(100)
	for i := range 30 {
		r.shop.set(fmt.Sprintf("bad%d", i), `"amount":1,"amount":2`)
	}
	_, err := r.run()
	if syncline.CodeOf(err) != syncline.CodeRejectRatio {
		t.Fatalf("want reject_ratio, got %v", err)
	}
	r.mod = func(c *syncline.Config) { c.RejectRatio = 0.5 }
	s := r.green() // nothing was lost: the journal still has them
	if s.Counts.Rejected < 30 || len(r.rows()) != 100 {
		t.Errorf("after raising the ratio: %+v, %d rows", s.Counts, len(r.rows()))
	}
}

func TestNewAndFlippedFields(t *testing.T) {
	r := newRig(t)
	r.shop.fill(30)
	r.green()
	r.shop.set("o0001", `"amount":9223372036854775808,"note":"beyond int64"`)
	r.shop.set("o0002", `"amount":"12 EUR","note":"flip","colour":"red"`)
	r.shop.set("o0003", `"amount":3,"note":"nested","tags":["a","b"]`)
	r.green()
	got := query(t, r.dbPath(), `select id, amount || '|' || coalesce(amount__string,'') || '|' || coalesce(colour,'') || '|' || coalesce(tags,'') from orders where id in ('o0001','o0003')`)
	if d := cmp.Diff(map[string]string{"o0001": "9223372036854775808|||", "o0003": `3|||["a","b"]`}, got); d != "" {
		t.Error(d)
	}
	got = query(t, r.dbPath(), `select id, coalesce(amount,'null') || '|' || amount__string || '|' || colour from orders where id = 'o0002'`)
	if d := cmp.Diff(map[string]string{"o0002": `null|12 EUR|red`}, got); d != "" {
		t.Error(d)
	}
	// The flip ends: the variant goes, the undeclared field that vanished stays.
	r.shop.set("o0002", `"amount":7,"note":"flip over"`)
	r.green()
	got = query(t, r.dbPath(), `select id, amount || '|' || coalesce(amount__string,'null') || '|' || colour from orders where id = 'o0002'`)
	if d := cmp.Diff(map[string]string{"o0002": `7|null|red`}, got); d != "" {
		t.Error(d)
	}
}

func post(h http.Handler, sig, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	req.Header.Set("Signature", sig)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func TestWebhooks(t *testing.T) {
	r := newRig(t)
	r.shop.fill(5)
	e := r.open()
	defer e.Close()
	ctx := context.Background()
	if _, err := e.Run(ctx); err != nil {
		t.Fatal(err)
	}
	h := e.WebhookHandler()
	r.shop.set("o0001", `"amount":5,"note":"by webhook"`)
	body := fmt.Sprintf(`{"event":"e1","version":%d,"object":{"id":"o0001","amount":5,"note":"by webhook"}}`, r.shop.now)
	if w := post(h, "no", body); w.Code != 401 {
		t.Errorf("unsigned: %d", w.Code)
	}
	if w := post(h, "yes", body); w.Code != 200 || !strings.Contains(w.Body.String(), "accepted") {
		t.Fatalf("signed: %d %s", w.Code, w.Body)
	}
	if w := post(h, "yes", body); w.Code != 200 || !strings.Contains(w.Body.String(), "duplicate") {
		t.Errorf("copy: %d %s", w.Code, w.Body)
	}
	rec, err := e.Deliver(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if c := rec.Streams[0].Counts; c.Updated != 1 || c.In() != 1 {
		t.Errorf("delivering the event: %+v", c)
	}
	checkRows(t, r)
	// An older one changes nothing.
	post(h, "yes", `{"event":"e0","version":5,"object":{"id":"o0001","amount":0,"note":"old"}}`)
	rec, err = e.Deliver(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if c := rec.Streams[0].Counts; c.Superseded != 1 {
		t.Errorf("old event: %+v", c)
	}
	checkRows(t, r)
}

// An event of the same version with other content makes the engine ask.
func TestTieIsResolvedByReading(t *testing.T) {
	r := newRig(t)
	r.shop.fill(3)
	e := r.open()
	defer e.Close()
	ctx := context.Background()
	h := e.WebhookHandler()
	v := r.shop.now + 1
	for _, n := range []string{"a", "b", "c"} {
		post(h, "yes", fmt.Sprintf(`{"event":"%s","version":%d,"object":{"id":"o0001","amount":1,"note":"%s"}}`, n, v, n))
		r.shop.now = max(r.shop.now, v)
		if n == "a" {
			r.shop.set("o0001", `"amount":1,"note":"truth"`)
		}
		if _, err := e.Deliver(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.rows()["o0001"]; got != "1/truth" {
		t.Errorf("after a tie the row is %q, want what the source says", got)
	}
}

// A webhook is dated to the end of its second, so a page read in that second
// seems older and may be the later state: the object is read again.
func TestDoubtfulPullIsReadAgain(t *testing.T) {
	r := newRig(t)
	r.shop.fill(3)
	r.green()
	e := r.open()
	defer e.Close()
	v := time.Now().Add(800 * time.Millisecond).UnixMicro()
	post(e.WebhookHandler(), "yes", fmt.Sprintf(`{"event":"e","version":%d,"object":{"id":"o0001","amount":1,"note":"by webhook"}}`, v))
	r.shop.set("o0001", `"amount":1,"note":"just after"`)
	rec, err := e.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := r.rows()["o0001"]; got != "1/just after" {
		t.Errorf("row %q, receipt %+v", got, rec.Streams[0].Counts)
	}
}

// An object that is listed and then found to be gone within the same run is a
// deletion, not a missing row.
func TestDeletedWhileListing(t *testing.T) {
	r := newRig(t)
	r.shop.fill(25)
	r.green()
	e := r.open()
	defer e.Close()
	r.shop.beforePage = func(n int) error {
		if n == 1 {
			r.shop.remove("o0024") // it was on the first page
			post(e.WebhookHandler(), "yes", `{"event":"gone","refetch":true,"version":1,"object":{"id":"o0024"}}`)
		}
		return nil
	}
	rec, err := e.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if c := rec.Streams[0].Counts; c.Deleted != 1 {
		t.Errorf("%+v", c)
	}
	checkRows(t, r)
}

func TestTriggerIsFetched(t *testing.T) {
	r := newRig(t)
	r.shop.fill(3)
	e := r.open()
	defer e.Close()
	r.shop.set("o0001", `"amount":1,"note":"now"`)
	w := post(e.WebhookHandler(), "yes", `{"event":"t","refetch":true,"version":1,"object":{"id":"o0001","note":"whatever"}}`)
	if w.Code != 200 {
		t.Fatal(w.Body)
	}
	rec, err := e.Deliver(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := r.rows()["o0001"]; got != "1/now" {
		t.Errorf("row %q, receipt %+v", got, rec.Streams[0].Counts)
	}
}

// liar is a destination that says it wrote rows and drops some.
type liar struct {
	syncline.Destination
	drop string
}

func (l *liar) Write(ctx context.Context, t *syncline.Table, b *batch.Batch, at syncline.Checkpoint) (syncline.WriteResult, error) {
	var keep []int
	for i := range b.Len() {
		if b.Column(0).Text(i) != l.drop {
			keep = append(keep, i)
		}
	}
	res, err := l.Destination.Write(ctx, t, b.Select(keep), at)
	res.Inserted += b.Len() - len(keep)
	return res, err
}

func TestMissingRowTurnsTheRunRed(t *testing.T) {
	r := newRig(t)
	r.shop.fill(20)
	r.dest = func(d syncline.Destination) syncline.Destination { return &liar{d, "o0011"} }
	rec, err := r.run()
	if syncline.CodeOf(err) != syncline.CodeUnbalanced || rec.Streams[0].Missing != 1 {
		t.Fatalf("a destination dropped a row and the run says: %v, missing %d", err, rec.Streams[0].Missing)
	}
}

// miscount is a destination that forgets to account for rows.
type miscount struct{ syncline.Destination }

func (m *miscount) Write(ctx context.Context, t *syncline.Table, b *batch.Batch, at syncline.Checkpoint) (syncline.WriteResult, error) {
	res, err := m.Destination.Write(ctx, t, b, at)
	if res.Inserted > 0 {
		res.Inserted--
	}
	return res, err
}

func TestUnbalancedRunIsRed(t *testing.T) {
	r := newRig(t)
	r.shop.fill(20)
	r.dest = func(d syncline.Destination) syncline.Destination { return &miscount{d} }
	if _, err := r.run(); syncline.CodeOf(err) != syncline.CodeUnbalanced {
		t.Fatalf("want unbalanced, got %v", err)
	}
}

// picky is a destination that refuses batches holding a poison row without
// saying which row it is.
type picky struct {
	syncline.Destination
	poison string
}

func (p *picky) Write(ctx context.Context, t *syncline.Table, b *batch.Batch, at syncline.Checkpoint) (syncline.WriteResult, error) {
	for i := range b.Len() {
		if b.Column(0).Text(i) == p.poison {
			return syncline.WriteResult{}, &syncline.Error{Code: syncline.CodeRowRefused, Class: syncline.Permanent, What: "batch failed"}
		}
	}
	return p.Destination.Write(ctx, t, b, at)
}

func TestPoisonRowIsIsolated(t *testing.T) {
	for _, poison := range []string{"o0000", "o0050", "o0099"} {
		t.Run(poison, func(t *testing.T) {
			r := newRig(t)
			r.shop.fill(100)
			r.dest = func(d syncline.Destination) syncline.Destination { return &picky{d, poison} }
			rec, err := r.run()
			if err != nil {
				t.Fatal(err)
			}
			if c := rec.Streams[0].Counts; c.DeadLettered != 1 || c.Inserted != 99 {
				t.Errorf("%+v", c)
			}
			if _, ok := r.rows()[poison]; ok || len(r.rows()) != 99 {
				t.Errorf("%d rows", len(r.rows()))
			}
		})
	}
}

func TestSecondWriterFencesTheFirst(t *testing.T) {
	r := newRig(t)
	r.shop.fill(30)
	other := newRig(t)
	other.shop = r.shop
	r.shop.beforePage = func(n int) error {
		if n == 1 && r.shop.pulls == 1 {
			other.mod = func(c *syncline.Config) { c.Destination = mustOpen(t, r.dbPath()) }
			other.green()
		}
		return nil
	}
	_, err := r.run()
	if !errors.Is(err, syncline.ErrFenced) && syncline.CodeOf(err) != syncline.CodeFenced {
		t.Fatalf("the first writer ended with %v, want fenced", err)
	}
	checkRows(t, r)
}

func TestIntervalRunsNeverOverlap(t *testing.T) {
	r := newRig(t)
	r.shop.fill(20)
	done := make(chan struct{}, 100)
	active := 0
	r.mod = func(c *syncline.Config) {
		c.Interval = time.Millisecond
		c.OnReceipt = func(rec *syncline.Receipt, err error) {
			if err != nil && syncline.CodeOf(err) != syncline.CodeInterrupted {
				t.Error(err)
			}
			done <- struct{}{}
		}
	}
	r.shop.beforePage = func(n int) error {
		if n == 0 {
			if active++; active > 1 {
				t.Error("two pulls at the same time")
			}
			time.Sleep(5 * time.Millisecond)
			active--
		}
		return nil
	}
	e := r.open()
	if err := e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		<-done
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Wait(); err != nil {
		t.Error(err)
	}
}
