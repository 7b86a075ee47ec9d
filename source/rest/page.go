package rest

import (
	"encoding/binary"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

// page is one answer of a listing with all that is made of it. It is reused:
// its records are valid until it is filled again.
type page struct {
	s       *stream
	body    []byte
	sent    time.Time
	scanner *batch.Scanner
	splitup *batch.Scanner // for streams with added members: rows without key
	rows    []batch.Record
	ids     []rowID
	fresh   []bool
	records []syncline.Record
	parent  []byte // row of the parent, for added members
	keys    []byte
}

func newPage(s *stream) *page {
	p := &page{s: s, scanner: batch.NewScanner(s.list)}
	if len(s.def.Add) > 0 {
		spec := s.list
		spec.Key = nil
		p.splitup = batch.NewScanner(spec)
	}
	return p
}

// scan splits the body into rows. An error means that the body is not what was
// asked for.
func (p *page) scan(body []byte) (err error) {
	if p.splitup == nil {
		p.rows, err = p.scanner.Scan(p.rows[:0], body)
	} else {
		p.rows, err = p.splitup.Scan(p.rows[:0], body)
	}
	if err != nil {
		return err
	}
	if p.splitup != nil {
		p.complete()
	}
	p.identify()
	return nil
}

// complete puts the added members into each row and reads it again as a whole.
func (p *page) complete() {
	p.keys = p.keys[:0]
	for i := range p.rows {
		row := &p.rows[i]
		if row.Err != nil {
			continue
		}
		data := p.s.splice(row.Data, p.parent)
		r, err := p.scanner.One(data)
		if err != nil {
			row.Err = err
			continue
		}
		// Key and cursor are only valid until the next call.
		r.Key = append([]byte(nil), r.Key...)
		r.Cursor = append([]byte(nil), r.Cursor...)
		*row = r
	}
}

// splice returns the object with the added members at its front, those that it
// lacks.
func (s *stream) splice(obj, parent []byte) []byte {
	out := []byte{'{'}
	for _, m := range s.def.Add {
		if _, has := batch.Lookup(obj, m.Name); has {
			continue
		}
		name, _ := cutScope(m.From)
		v, ok := batch.Lookup(parent, name)
		if !ok {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, mustJSON(m.Name)...)
		out = append(append(out, ':'), v...)
	}
	rest := obj[1:]
	if i := skipBlank(rest); len(out) > 1 && i < len(rest) && rest[i] != '}' {
		out = append(out, ',')
	}
	return append(out, rest...)
}

func skipBlank(b []byte) int {
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// identify fills in ids: what the pager needs to know of the rows.
func (p *page) identify() {
	p.ids, p.fresh = p.ids[:0], p.fresh[:0]
	for i := range p.rows {
		r := &p.rows[i]
		id := rowID{hash: binary.LittleEndian.Uint64(r.Hash[:8])}
		if len(r.Key) > 0 {
			id.key = hash64(r.Key)
		} else {
			id.key = hash64(r.Data)
		}
		if r.Err != nil {
			id.hash = hash64(r.Data)
		}
		if p.s.made != "" {
			if p.s.list.Cursor == p.s.made {
				id.made = micros(r.Cursor)
			} else if raw, ok := batch.Lookup(r.Data, p.s.made); ok {
				id.made = micros(unquote(raw))
			}
		}
		p.ids, p.fresh = append(p.ids, id), append(p.fresh, true)
	}
}

// build makes records of the fresh rows and returns them as a page to emit.
func (p *page) build(sweep bool) *syncline.Page {
	p.records = p.records[:0]
	for i := range p.rows {
		if !p.fresh[i] {
			continue
		}
		row := &p.rows[i]
		r := syncline.Record{Key: row.Key, Data: row.Data, Hash: row.Hash, Reject: reject(row.Err)}
		p.s.version(&r, row.Cursor, p.sent, 0)
		p.records = append(p.records, r)
	}
	return &syncline.Page{
		Stream: p.s.def.Name, Shape: syncline.ShapeList, Records: p.records,
		Fetched: len(p.rows), Duplicates: len(p.rows) - len(p.records), Sweep: sweep,
	}
}
