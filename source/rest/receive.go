package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/source/webhook"
)

// Receive verifies a webhook request and returns its event, see
// [syncline.Receiver]. An authentic request always becomes an event: one whose
// body cannot be read carries a record with Reject set, one of an unknown type
// has no stream.
func (src *Source) Receive(h http.Header, body []byte, now time.Time) ([]syncline.Event, error) {
	if src.verifier == nil {
		return nil, &syncline.WebhookError{Status: http.StatusNotFound, Code: "not_found", What: "no webhooks here"}
	}
	m, err := src.verifier.Verify(h, body, now)
	if err != nil {
		return nil, err
	}
	w := src.conn.Webhooks
	e := syncline.Event{ID: m.ID, Shape: syncline.ShapeDetail, Body: body, Type: textAt(body, w.Type)}
	s := src.streamOf(e.Type)
	if s == nil {
		return []syncline.Event{e}, nil
	}
	e.Stream = s.def.Name
	e.Record = src.eventRecord(s, m, body)
	e.Refetch = s.def.Refetch == "always" && s.def.Get != "" && e.Record.Reject == ""
	return []syncline.Event{e}, nil
}

// streamOf returns the stream whose objects a type of event carries.
func (src *Source) streamOf(eventType string) *stream {
	if eventType == "" {
		return nil
	}
	for _, name := range src.order {
		for _, pattern := range src.streams[name].def.Events {
			prefix, open := strings.CutSuffix(pattern, "*")
			if eventType == pattern || open && strings.HasPrefix(eventType, prefix) {
				return src.streams[name]
			}
		}
	}
	return nil
}

// eventRecord reads the object out of an event.
//
// The object is the state at the time of sending, while the event's own time
// may be hours older: a repeated old event carries new data. So states are
// ordered by the time of sending, and by the event's time within its second. The
// whole second counts as the event's: a page read earlier in it must not win,
// for what the event tells would then stay unknown for long, while a page read
// later in it is soon read again.
func (src *Source) eventRecord(s *stream, m webhook.Message, body []byte) syncline.Record {
	w := src.conn.Webhooks
	if !wholeObject(body) {
		return syncline.Record{Data: body, Reject: "not_json: the event is not one JSON object"}
	}
	data := body
	if w.Data != "" {
		raw, ok := batch.Lookup(body, w.Data)
		if !ok || len(raw) == 0 || raw[0] != '{' {
			return syncline.Record{Data: body, Reject: "no_object: the event has no object at " + w.Data}
		}
		data = raw
	}
	data = without(data, w.Drop)
	if len(s.def.Add) > 0 {
		data = s.splice(data, mustJSON(map[string]string{"id": m.ID}))
	}
	row, err := batch.NewScanner(s.detail).One(data)
	if err != nil {
		return syncline.Record{Data: data, Reject: reject(err)}
	}
	r := syncline.Record{Key: row.Key, Data: row.Data, Hash: row.Hash, Reject: reject(row.Err)}
	var tie int64
	if raw, ok := batch.Lookup(body, w.Time); ok {
		tie = micros(unquote(raw))
	}
	s.version(&r, row.Cursor, m.Sent.Add(time.Second-time.Microsecond), tie)
	return r
}

// wholeObject reports whether b is one JSON object and nothing else. What is in
// it is checked with the object itself.
func wholeObject(b []byte) bool {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] != '{' {
		return false
	}
	_, err := batch.NewScanner(batch.Spec{}).One(b)
	return err == nil
}

// without returns the object without the named members, else byte for byte. An
// object that has none of them, or cannot be read, is returned as it is.
func without(obj []byte, names []string) []byte {
	has := false
	for _, name := range names {
		_, ok := batch.Lookup(obj, name)
		has = has || ok
	}
	if !has {
		return obj
	}
	d := json.NewDecoder(bytes.NewReader(obj))
	if _, err := d.Token(); err != nil {
		return obj
	}
	out := []byte{'{'}
	for d.More() {
		from := d.InputOffset()
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return obj
		}
		if text, _ := name.(string); slices.Contains(names, text) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, bytes.TrimLeft(obj[from:d.InputOffset()], ", \t\r\n")...)
	}
	return append(out, '}')
}
