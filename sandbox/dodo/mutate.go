package dodo

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"time"
)

// Fields are properties of an object by name. A value is anything that
// encodes as the JSON wanted; json.RawMessage goes in as it stands.
type Fields map[string]any

// ErrNotFound is returned for an entity or object that does not exist.
var ErrNotFound = errors.New("not found")

// Create adds an object, made up like a seeded one but for fields, and returns
// its id and the webhook event it causes, if any. It is created now by the
// sandbox clock, unless fields has a created_at: a row that becomes visible
// late.
func (s *Server) Create(entity string, fields Fields) (string, []Event, error) {
	c, err := s.collection(entity)
	if err != nil {
		return "", nil, err
	}
	at := s.clock.Now().UnixMicro()
	encoded, err := encode(fields)
	if err != nil {
		return "", nil, err
	}
	if v, ok := encoded["created_at"]; ok {
		var t time.Time
		if err := json.Unmarshal([]byte(v), &t); err != nil {
			return "", nil, fmt.Errorf("created_at of a new object: %w", err)
		}
		at = t.UnixMicro()
		delete(encoded, "created_at")
	}
	if err := c.known(encoded); err != nil {
		return "", nil, err
	}
	c.mu.Lock()
	o := &object{i: c.next, at: at, fields: encoded}
	c.next++
	c.put(o)
	if c.parent != nil {
		r := c.rowOf(item{o.i, o.at, o})
		if p, ok := r.linkedTo(c.parent); ok {
			c.linked[p] = append(c.linked[p], o.i)
		}
	}
	c.mu.Unlock()
	events := s.publish(s.eventsOf(c, o.i, eventCreated, nil))
	return c.idOf(o.i), append(events, s.propagate(c, o.i, encoded)...), nil
}

// Update changes fields of an object and returns the webhook events this
// causes. An updated_at that is not among the fields is set to now.
func (s *Server) Update(entity, id string, fields Fields) ([]Event, error) {
	c, i, err := s.lookup(entity, id)
	if err != nil {
		return nil, err
	}
	return s.update(c, i, fields)
}

func (s *Server) update(c *collection, i int64, fields Fields) ([]Event, error) {
	encoded, err := encode(fields)
	if err != nil {
		return nil, err
	}
	if err := c.known(encoded); err != nil {
		return nil, err
	}
	if c.props["updated_at"] != nil && encoded["updated_at"] == "" {
		encoded["updated_at"] = string(appendTime(nil, s.clock.Now().UnixMicro()))
	}
	c.mu.Lock()
	it, ok := c.findLocked(i)
	if !ok {
		c.mu.Unlock()
		return nil, fmt.Errorf("%s %s: %w", c.name, c.idOf(i), ErrNotFound)
	}
	next := &object{i: i, at: it.at, fields: encoded}
	if it.obj != nil {
		next.fields = maps.Clone(it.obj.fields)
		if next.fields == nil {
			next.fields = map[string]string{}
		}
		maps.Copy(next.fields, encoded)
	}
	c.put(next)
	c.mu.Unlock()
	events := s.publish(s.eventsOf(c, i, eventUpdated, encoded))
	return append(events, s.propagate(c, i, encoded)...), nil
}

// known reports the first field that objects do not have.
func (c *collection) known(fields map[string]string) error {
	for name := range fields {
		if c.props[name] == nil {
			return fmt.Errorf("%s has no field %s", c.name, name)
		}
	}
	return nil
}

// propagate carries a refund's or dispute's state over to its payment.
func (s *Server) propagate(c *collection, i int64, changed map[string]string) []Event {
	var fields Fields
	switch {
	case c == s.world.refunds && changed["status"] == `"succeeded"`:
		partial := s.prop(c, i, "is_partial") == "true"
		fields = Fields{"refund_status": "full"}
		if partial {
			fields = Fields{"refund_status": "partial"}
		}
	case c == s.world.disputes && changed["dispute_status"] != "":
		fields = Fields{"dispute_status": json.RawMessage(changed["dispute_status"])}
	default:
		return nil
	}
	it, ok := c.find(i)
	if !ok {
		return nil
	}
	r := c.rowOf(it)
	events, err := s.update(c.parent, r.parent(), fields)
	if err != nil {
		return nil // the payment is gone
	}
	return events
}

// Delete removes an object without a trace: lists skip it and its id is not
// found. The vendor announces no deletions, so there are no events.
func (s *Server) Delete(entity, id string) error {
	c, i, err := s.lookup(entity, id)
	if err != nil {
		return err
	}
	return c.remove(i)
}

func (c *collection) remove(i int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	it, ok := c.findLocked(i)
	if !ok {
		return fmt.Errorf("%s %s: %w", c.name, c.idOf(i), ErrNotFound)
	}
	c.put(&object{i: i, at: it.at, deleted: true})
	return nil
}

// Get returns an object in the detail shape.
func (s *Server) Get(entity, id string) ([]byte, error) {
	c, _, err := s.lookup(entity, id)
	if err != nil {
		return nil, err
	}
	body, ok := s.render(c, id, c.details)
	if !ok {
		return nil, fmt.Errorf("%s %s: %w", entity, id, ErrNotFound)
	}
	return body, nil
}

// Count returns how many objects there are, hidden ones included.
func (s *Server) Count(entity string) (int, error) {
	c, err := s.collection(entity)
	if err != nil {
		return 0, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return int(c.visible), nil
}

// Truth yields every object as its list row now, oldest first, by id; objects
// that a list hides by default are included, deleted ones are not. Entities
// without an id have the row's number instead. The rows are copies.
func (s *Server) Truth(entity string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		c := s.world.byName[entity]
		if c == nil {
			return
		}
		q := c.all()
		var items []item
		for number := range c.blockCount() {
			c.mu.RLock()
			items = c.collect(q, number, items[:0])
			c.mu.RUnlock()
			for _, it := range items {
				r := c.rowOf(it)
				if !yield(r.identity(), r.append(nil, c.lists)) {
					return
				}
			}
		}
	}
}

// identity is the value of the identity field.
func (r *row) identity() string {
	if r.c.id == "" {
		return fmt.Sprint(r.i)
	}
	v := r.appendProp(nil, r.c.props[r.c.id])
	return string(v[1 : len(v)-1])
}

func (s *Server) collection(entity string) (*collection, error) {
	c := s.world.byName[entity]
	if c == nil {
		return nil, fmt.Errorf("entity %q: %w", entity, ErrNotFound)
	}
	return c, nil
}

func (s *Server) lookup(entity, id string) (*collection, int64, error) {
	c, err := s.collection(entity)
	if err != nil {
		return nil, 0, err
	}
	i, ok := c.indexOf(id)
	if !ok {
		return nil, 0, fmt.Errorf("%s %s: %w", entity, id, ErrNotFound)
	}
	return c, i, nil
}

// prop is the JSON of one property of an object, "" if there is none.
func (s *Server) prop(c *collection, i int64, name string) string {
	it, ok := c.find(i)
	if !ok || c.props[name] == nil {
		return ""
	}
	r := c.rowOf(it)
	return string(r.appendProp(nil, c.props[name]))
}

func encode(fields Fields) (map[string]string, error) {
	out := make(map[string]string, len(fields))
	for name, v := range fields {
		if t, ok := v.(time.Time); ok {
			out[name] = string(appendTime(nil, t.UnixMicro()))
			continue
		}
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", name, err)
		}
		out[name] = string(b)
	}
	return out, nil
}
