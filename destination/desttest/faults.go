package desttest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

// CommitMarker is implemented by [Network]s whose client says something that
// can be recognised when it commits.
type CommitMarker interface {
	// Commit is what the client sends, Reply how long the server's answer is.
	Commit() (marker []byte, reply int)
}

// runFaults runs the tests that break connections and restart the server.
func runFaults(t *testing.T, h Harness) {
	db := h.Private(t)
	t.Run("F-04 answer to commit cut at each byte", func(t *testing.T) { testCommitCut(t, h, h.Private(t)) })
	t.Run("connection lost at many places", func(t *testing.T) { testConnectionLost(t, h, h.Private(t)) })
	t.Run("F-11 server restarted in the middle", func(t *testing.T) { testRestart(t, h, db) })
}

// through is a fixture whose destination is reached through a proxy.
func through(t *testing.T, h Harness, db Database) (*fixture, *proxy) {
	n, ok := db.(Network)
	if !ok {
		t.Skip("no network between")
	}
	p := newProxy(t, n.Addr())
	f := &fixture{TB: t, h: h, db: db, d: n.OpenAt(t, p.addr())}
	t.Cleanup(func() { _ = f.d.Close() })
	return f.prepared(notes()), p
}

// load is the rows of write number k.
func load(k, n int) []row {
	var list []row
	for i := range n {
		list = append(list, row{version: int64(k), hash: uint64(k*n + i + 1), values: []any{fmt.Sprintf("k%04d", i), k, "x"}})
	}
	return list
}

func testCommitCut(t *testing.T, h Harness, db Database) {
	f, p := through(t, h, db)
	m, ok := db.(CommitMarker)
	if !ok {
		t.Skip("the commit cannot be seen on the wire")
	}
	marker, reply := m.Commit()
	f.write(load(0, 10)...)
	writes := 1
	for n := 0; n < reply; n++ {
		writes++
		hit := p.next(cut{marker: marker, passedOn: true, replies: n})
		r, err := f.d.Write(f.Context(), f.table, rows(f.table.Schema, load(writes, 10)...), f.checkpoint())
		isHit(f, hit)
		if err != nil {
			f.Fatalf("%d bytes of the answer: the write happened and was reported as %v", n, err)
		}
		f.want(r, syncline.WriteResult{Updated: 10})
		f.settled(writes, "u")
	}
	// The commit never reached the server: it is reported, and nothing is there.
	hit := p.next(cut{marker: marker})
	list := rows(f.table.Schema, load(writes+1, 10)...)
	at := f.checkpoint()
	_, err := f.d.Write(f.Context(), f.table, list, at)
	isHit(f, hit)
	if err == nil || syncline.ClassOf(err) != syncline.Transient {
		f.Fatalf("commit lost on its way: %v", err)
	}
	f.settled(writes, "u")
	if r, err := f.d.Write(f.Context(), f.table, list, at); err != nil || r.Updated != 10 {
		f.Fatal(r, err)
	}
	writes++
	f.settled(writes, "u")
	// It cannot be asked: the outcome is unknown, and sending again is harmless.
	hit = p.next(cut{marker: marker, passedOn: true, shut: true})
	list = rows(f.table.Schema, load(writes+1, 10)...)
	at = f.checkpoint()
	_, err = f.d.Write(f.Context(), f.table, list, at)
	isHit(f, hit)
	if !errors.Is(err, syncline.ErrUnknownCommit) || syncline.ClassOf(err) != syncline.Transient {
		f.Fatalf("outcome that cannot be asked for: %v", err)
	}
	p.heal()
	if r, err := f.d.Write(f.Context(), f.table, list, at); err != nil || r.Unchanged != 10 {
		f.Fatal(r, err)
	}
}

func isHit(f *fixture, hit <-chan struct{}) {
	f.Helper()
	select {
	case <-hit:
	default:
		f.Fatal("the fault did not happen; the test is worth nothing")
	}
}

// settled checks that exactly the first n writes are there: rows, position and
// ledger, seen by the independent program.
func (f *fixture) settled(n int, _ string) {
	f.Helper()
	got := f.db.Query(f, `SELECT min("n"), max("n"), count(*), (SELECT writes FROM _syncline_state), (SELECT sum(inserted + updated) FROM _syncline_runs) FROM "items"`)[0]
	want := []string{fmt.Sprint(n), fmt.Sprint(n), "10", fmt.Sprint(n), fmt.Sprint(10 * n)}
	if n == 1 {
		want[0], want[1] = "0", "0"
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.Fatalf("after %d writes: smallest and largest n, rows, writes, counted: %v, want %v", n, got, want)
	}
}

// testConnectionLost cuts the connection after many numbers of bytes and sends
// the batch again until it is accepted. Position and rows are always those of
// one and the same batch.
func testConnectionLost(t *testing.T, h Harness, db Database) {
	f, p := through(t, h, db)
	f.write(load(0, 500)...)
	cuts := 0
	for k, after := 1, 0; after < 60_000; k, after = k+1, after+after/3+97 {
		hit := p.next(cut{after: after})
		cuts += f.until(p, k, hit)
	}
	if cuts < 10 {
		t.Fatalf("only %d connections were lost", cuts)
	}
}

// until sends load k until it is accepted and returns 1 if the cut happened.
func (f *fixture) until(p *proxy, k int, hit <-chan struct{}) int {
	f.Helper()
	b := rows(f.table.Schema, load(k, 500)...)
	at := f.checkpoint()
	_, err := f.retry(b, at)
	p.heal()
	if err != nil {
		f.Fatal(err)
	}
	f.consistent(k)
	select {
	case <-hit:
		return 1
	default:
		return 0
	}
}

// retry sends a batch until it is accepted, as the engine does, and counts the
// failures.
func (f *fixture) retry(b *batch.Batch, at syncline.Checkpoint) (failures int, err error) {
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); failures++ {
		if _, err = f.d.Write(f.Context(), f.table, b, at); err == nil {
			return failures, nil
		}
		if syncline.ClassOf(err) != syncline.Transient {
			return failures, fmt.Errorf("class %d: %w", syncline.ClassOf(err), err)
		}
		time.Sleep(5 * time.Millisecond) // what a retry does
	}
	return failures, err
}

// consistent checks that the table holds load k and the state says so.
func (f *fixture) consistent(k int) {
	f.Helper()
	got := f.db.Query(f, `SELECT min("n"), max("n"), count(*), (SELECT position FROM _syncline_state) FROM "items"`)[0]
	if want := []string{fmt.Sprint(k), fmt.Sprint(k), "500", fmt.Sprint(f.pos)}; fmt.Sprint(got) != fmt.Sprint(want) {
		f.Fatalf("smallest and largest n, rows, position: %v, want %v", got, want)
	}
}

func testRestart(t *testing.T, h Harness, db Database) {
	n, ok := db.(Network)
	if !ok {
		t.Skip("no server")
	}
	f := newFixture(t, h, db).prepared(notes())
	stop := make(chan struct{})
	type outcome struct {
		writes, failures int
		err              error
	}
	done := make(chan outcome, 1)
	wrote := make(chan struct{}, 1)
	go func() {
		defer close(wrote)
		var o outcome
		for ; o.err == nil; o.writes++ {
			select {
			case <-stop:
				done <- o
				return
			default:
			}
			var failures int
			failures, o.err = f.retry(rows(f.table.Schema, load(o.writes, 500)...), f.checkpoint())
			o.failures += failures
			select {
			case wrote <- struct{}{}:
			default:
			}
		}
		done <- o
	}()
	for k := range 6 {
		n.Restart(t, k%2 == 0)
		<-wrote // may be of before
		<-wrote // is of after
	}
	close(stop)
	o := <-done
	if o.err != nil {
		t.Fatal(o.err)
	}
	if o.failures < 3 || o.writes < 2 {
		t.Fatalf("%d writes, %d failures: the restarts hit nothing", o.writes, o.failures)
	}
	f.consistent(o.writes - 1)
}
