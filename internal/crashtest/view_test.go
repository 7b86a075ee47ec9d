//go:build unix

package crashtest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	journal "github.com/synclinehq/syncline/journal/sqlite"
)

// version orders the states of one row.
type version = batch.Meta

// stored is a row of the destination.
type stored struct {
	version
	columns row
}

// view is what journal and destination hold at one moment.
type view struct {
	entries  map[string][]*syncline.Entry // by stream
	position map[string]syncline.Position // in the destination, by stream
	rows     map[string]map[string]stored // by stream and key
	dead     map[string]map[string]bool   // dead letters by stream, see deadLetter
	events   map[string]int               // journal entries by event id, of any stream
	back     []string                     // rows that went back
}

// look reads journal and destination as the child left them.
func (r *rig) look() *view {
	r.t.Helper()
	v := &view{entries: map[string][]*syncline.Entry{}, position: map[string]syncline.Position{},
		rows: map[string]map[string]stored{}, dead: map[string]map[string]bool{}, events: map[string]int{}}
	for _, s := range streams {
		v.rows[s.name], v.dead[s.name] = map[string]stored{}, map[string]bool{}
	}
	id := r.readJournal(v)
	r.dest.look(r.t, func(q query) { r.readDestination(q, v, id) })
	return v
}

// readJournal reads a copy of the journal and returns its id.
func (r *rig) readJournal(v *view) string {
	r.t.Helper()
	ctx := context.Background()
	if info, err := os.Stat(r.journalPath()); errors.Is(err, os.ErrNotExist) || info.Size() == 0 {
		return ""
	}
	path := copyDatabase(r.t, r.journalPath())
	j, err := journal.Open(ctx, journal.Options{Path: path})
	if err != nil {
		r.t.Fatalf("the journal cannot be read: %v", err)
	}
	defer j.Close()
	db := openSQLite(r.t, path)
	defer db.Close()
	eachSQLite(r.t, db, "SELECT event_id FROM entries WHERE event_id <> ''", func(c row) { v.events[text(c["event_id"])]++ })
	for _, s := range streams {
		var after syncline.Position
		for {
			entries, err := j.Read(ctx, s.name, after, math.MaxInt)
			if err != nil {
				r.t.Fatalf("journal, stream %q: %v", s.name, err)
			}
			if len(entries) == 0 {
				break
			}
			v.entries[s.name] = append(v.entries[s.name], entries...)
			after = entries[len(entries)-1].Position
		}
	}
	return j.ID()
}

func (r *rig) readDestination(q query, v *view, journalID string) {
	r.t.Helper()
	have := r.tables(q)
	if have["_syncline_state"] {
		q(`SELECT stream, position, journal FROM _syncline_state`, func(c row) {
			if text(c["journal"]) == journalID {
				v.position[text(c["stream"])] = syncline.Position(integer(c["position"]))
			}
		})
		q(`SELECT stream, "key", data FROM _syncline_dead_letters`, func(c row) {
			v.dead[text(c["stream"])][deadLetter(text(c["key"]), octets(c["data"]))] = true
		})
	}
	if have["went_back"] {
		q(`SELECT what FROM went_back`, func(c row) { v.back = append(v.back, text(c["what"])) })
	}
	for _, s := range streams {
		if !have[s.name] {
			continue
		}
		q(fmt.Sprintf(`SELECT * FROM "%s"`, s.name), func(c row) {
			key := text(c[s.key])
			if _, twice := v.rows[s.name][key]; twice {
				r.t.Fatalf("%s %s is in the table twice", s.name, key)
			}
			v.rows[s.name][key] = stored{metaOf(c), c}
		})
	}
}

// tables returns the names of the tables.
func (r *rig) tables(q query) map[string]bool {
	have := map[string]bool{}
	q(r.dest.tables(), func(c row) { have[text(c["name"])] = true })
	return have
}

func metaOf(c row) version {
	v := version{Version: integer(c["_syncline_version"]), Tie: integer(c["_syncline_tie"]), Deleted: c["_syncline_deleted_at"] != nil}
	copy(v.Hash[:], octets(c["_syncline_hash"]))
	return v
}

// deadLetter identifies a record that was set aside.
func deadLetter(key string, data []byte) string { return key + "\x00" + string(data) }

// octets is a binary value however the driver hands it over.
func octets(v any) []byte {
	if s, ok := v.(string); ok {
		b, _ := hex.DecodeString(strings.TrimPrefix(s, `\x`))
		return b
	}
	b, _ := v.([]byte)
	return b
}

// text is a text value however the driver hands it over.
func text(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

// integer is an integer value however the driver hands it over, 0 if it is
// none.
func integer(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case json.Number:
		n, _ := v.Int64()
		return n
	}
	return 0
}

// records calls yield for the records of an entry.
func (r *rig) records(e *syncline.Entry, yield func(key string, rec syncline.Record)) {
	r.t.Helper()
	err := syncline.ReadBlock(e.Block, func(rec syncline.Record) error {
		yield(rec.Key.String(), rec)
		return nil
	})
	if err != nil {
		r.t.Fatalf("entry %d: %v", e.Position, err)
	}
}
