package dodo

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/synclinehq/syncline/sandbox"
)

// controlPrefix starts the paths that drive the sandbox itself. They need no
// key and are neither counted nor limited nor hit by faults.
const controlPrefix = "/_sandbox/"

// controlRoutes lets another process drive the sandbox.
func (s *Server) controlRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	on := func(pattern string, f func(r *http.Request) (any, error)) {
		method, path := pattern[:len(pattern)-len(trimMethod(pattern))], trimMethod(pattern)
		mux.HandleFunc(method+controlPrefix+path, func(w http.ResponseWriter, r *http.Request) {
			answer, err := f(r)
			if err != nil {
				(&apiError{http.StatusBadRequest, "SANDBOX", err.Error()}).write(w)
				return
			}
			writeJSON(w, http.StatusOK, answer)
		})
	}
	on("GET counters", func(*http.Request) (any, error) { return s.Counters(), nil })
	on("DELETE counters", func(*http.Request) (any, error) { s.ResetCounters(); return done, nil })

	on("GET faults", func(*http.Request) (any, error) {
		return map[string]any{"active": s.faults.Active(), "hits": s.faults.Hits()}, nil
	})
	on("POST faults", func(r *http.Request) (any, error) {
		var f sandbox.Fault
		if err := readBody(r, &f); err != nil {
			return nil, err
		}
		return done, s.Inject(f)
	})
	on("DELETE faults", func(*http.Request) (any, error) { s.faults.Clear(); return done, nil })

	on("GET clock", func(*http.Request) (any, error) { return s.showClock(), nil })
	on("POST clock", s.controlClock)

	on("GET settings", func(*http.Request) (any, error) { return s.Settings(), nil })
	on("POST settings", func(r *http.Request) (any, error) {
		to := s.Settings() // what the body leaves out stays
		if err := readBody(r, &to); err != nil {
			return nil, err
		}
		return done, s.Change(to)
	})

	on("POST touch", s.controlTouch)
	on("POST create", s.controlCreate)
	on("POST update", s.controlUpdate)
	on("POST delete", s.controlDelete)
	on("GET count", func(r *http.Request) (any, error) {
		n, err := s.Count(r.URL.Query().Get("entity"))
		return map[string]int{"count": n}, err
	})
	mux.HandleFunc("GET "+controlPrefix+"truth", s.controlTruth)

	on("POST endpoints", s.controlEndpoint)
	on("POST emit", s.controlEmit)
	on("POST flush", func(r *http.Request) (any, error) {
		return map[string]int{"attempts": s.FlushWebhooks(r.Context())}, nil
	})
	on("GET deliveries", func(*http.Request) (any, error) {
		out := map[string][]sandbox.Delivery{}
		for _, ep := range s.endpointList() {
			out[ep.ID] = ep.Sender.Deliveries()
		}
		return out, nil
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { notFound(r.URL.Path).write(w) })
	return mux
}

var done = map[string]bool{"ok": true}

func trimMethod(pattern string) string {
	for i := range pattern {
		if pattern[i] == ' ' {
			return pattern[i+1:]
		}
	}
	return pattern
}

// readBody decodes a JSON body; an empty one leaves v as it is.
func readBody(r *http.Request, v any) error {
	err := json.NewDecoder(r.Body).Decode(v)
	if err == io.EOF {
		return nil
	}
	return err
}

func (s *Server) showClock() any {
	return map[string]any{"now": s.clock.Now(), "rate": s.clock.Rate()}
}

func (s *Server) controlClock(r *http.Request) (any, error) {
	var body struct {
		Set     time.Time `json:"set"`
		Advance string    `json:"advance"`
		Rate    *float64  `json:"rate"`
	}
	if err := readBody(r, &body); err != nil {
		return nil, err
	}
	if !body.Set.IsZero() {
		s.clock.Set(body.Set)
	}
	if body.Advance != "" {
		d, err := time.ParseDuration(body.Advance)
		if err != nil {
			return nil, err
		}
		s.clock.Advance(d)
	}
	if body.Rate != nil {
		s.clock.SetRate(*body.Rate)
	}
	return s.showClock(), nil
}

// number reads a query parameter n, default 1.
func number(r *http.Request) (int, error) {
	v := r.URL.Query().Get("n")
	if v == "" {
		return 1, nil
	}
	return strconv.Atoi(v)
}

// eventJSON is an event as control answers show it.
type eventJSON struct {
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Entity   string    `json:"entity"`
	ObjectID string    `json:"object_id"`
	At       time.Time `json:"at"`
}

func showEvents(events []Event) map[string]any {
	out := make([]eventJSON, len(events))
	for i, e := range events {
		out[i] = eventJSON{e.ID, e.Type, e.Entity, e.ObjectID, e.At}
	}
	return map[string]any{"events": out}
}

func (s *Server) controlTouch(r *http.Request) (any, error) {
	n, err := number(r)
	if err != nil {
		return nil, err
	}
	entity := r.URL.Query().Get("entity")
	if entity == "" {
		return showEvents(s.Touch(n)), nil
	}
	events, err := s.TouchEntity(entity, n)
	return showEvents(events), err
}

// change is the body of the create, update and delete controls.
type change struct {
	Entity string `json:"entity"`
	ID     string `json:"id"`
	N      int    `json:"n"` // how many to create, default 1; how many of the newest to delete if there is no id
	Fields Fields `json:"fields"`
}

func readChange(r *http.Request) (change, error) {
	c := change{Entity: r.URL.Query().Get("entity"), ID: r.URL.Query().Get("id")}
	n, err := number(r)
	if err != nil {
		return c, err
	}
	c.N = n
	return c, readBody(r, &c)
}

func (s *Server) controlCreate(r *http.Request) (any, error) {
	body, err := readChange(r)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	var events []Event
	for range body.N {
		id, caused, err := s.Create(body.Entity, body.Fields)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
		events = append(events, caused...)
	}
	out := showEvents(events)
	out["ids"] = ids
	return out, nil
}

func (s *Server) controlUpdate(r *http.Request) (any, error) {
	body, err := readChange(r)
	if err != nil {
		return nil, err
	}
	events, err := s.Update(body.Entity, body.ID, body.Fields)
	return showEvents(events), err
}

func (s *Server) controlDelete(r *http.Request) (any, error) {
	body, err := readChange(r)
	if err != nil {
		return nil, err
	}
	if body.ID != "" {
		return done, s.Delete(body.Entity, body.ID)
	}
	c, err := s.collection(body.Entity)
	if err != nil {
		return nil, err
	}
	q := c.all()
	q.order = NewestFirst
	ids := []string{}
	for _, it := range c.page(q, 0, int64(body.N)) {
		if err := c.remove(it.i); err != nil {
			return nil, err
		}
		ids = append(ids, c.idOf(it.i))
	}
	return map[string]any{"ids": ids}, nil
}

// controlTruth streams every row of an entity, one to a line.
func (s *Server) controlTruth(w http.ResponseWriter, r *http.Request) {
	entity := r.URL.Query().Get("entity")
	if s.world.byName[entity] == nil {
		notFound("entity " + entity).write(w)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	for _, row := range s.Truth(entity) {
		if _, err := w.Write(append(row, '\n')); err != nil {
			return
		}
	}
}

func (s *Server) controlEndpoint(r *http.Request) (any, error) {
	var body struct {
		URL         string            `json:"url"`
		Secret      string            `json:"secret"`
		FilterTypes []string          `json:"filter_types"`
		Headers     map[string]string `json:"headers"`
		Parallel    int               `json:"parallel"`
		Chaos       sandbox.Chaos     `json:"chaos"`
	}
	if err := readBody(r, &body); err != nil {
		return nil, err
	}
	id, _ := s.AddEndpoint(Endpoint{
		URL: body.URL, Secret: body.Secret, FilterTypes: body.FilterTypes,
		Header: body.Headers, Parallel: body.Parallel, Chaos: body.Chaos,
	})
	return map[string]string{"id": id, "secret": s.endpointByID(id).Secret}, nil
}

func (s *Server) controlEmit(r *http.Request) (any, error) {
	var body struct {
		Type   string `json:"type"`
		Entity string `json:"entity"`
		ID     string `json:"id"`
	}
	if err := readBody(r, &body); err != nil {
		return nil, err
	}
	e, err := s.Emit(body.Type, body.Entity, body.ID)
	if err != nil {
		return nil, err
	}
	return showEvents([]Event{e}), nil
}
