package dodo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox"
)

// RetrySchedule is the vendor's: eight retries after the first attempt, each
// delay counted from the attempt before, 27.6 hours in all.
var RetrySchedule = []time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
}

// Endpoint is where webhooks are sent to.
type Endpoint struct {
	URL string
	// Secret signs; a random-looking one is made up if it is empty. Give
	// several to Sender.SetSecrets for a rotation.
	Secret string
	// FilterTypes are the events wanted; nil means all, empty none.
	FilterTypes []string
	Description string
	Disabled    bool
	Header      map[string]string
	// Parallel is how many attempts may be in flight at once; default 1.
	Parallel int
	// Chaos is what goes wrong on purpose.
	Chaos sandbox.Chaos
	// Client sends; nil means a client of its own with the vendor's 15 s limit.
	Client *http.Client
}

// endpoint is an Endpoint as the API shows it.
type endpoint struct {
	ID      string
	Secret  string
	Sender  *sandbox.Sender
	created time.Time

	mu      sync.Mutex
	view    endpointView
	headers map[string]string
	updated time.Time
	gone    bool
}

// endpointView is the body of GET /webhooks/{id}.
type endpointView struct {
	ID          string            `json:"id"`
	CreatedAt   string            `json:"created_at"`
	UpdatedAt   string            `json:"updated_at"`
	URL         string            `json:"url"`
	Description string            `json:"description"`
	Metadata    map[string]string `json:"metadata"`
	Disabled    *bool             `json:"disabled"`
	FilterTypes *[]string         `json:"filter_types"`
	RateLimit   *int              `json:"rate_limit"`
}

// AddEndpoint registers an endpoint, as POST /webhooks does, and returns its
// id and its sender. From then on every event goes to it; call
// Server.FlushWebhooks or RunWebhooks to have them delivered.
func (s *Server) AddEndpoint(e Endpoint) (string, *sandbox.Sender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := uint64(len(s.endpoints))
	ep := &endpoint{ID: "whk_" + strconv.FormatUint(mix(number+0x3b+s.live.Seed), 36), Secret: e.Secret, headers: e.Header}
	if ep.Secret == "" {
		key := []byte("sandbox-" + strconv.FormatUint(mix(number^s.live.Seed), 16))
		ep.Secret = "whsec_" + base64.StdEncoding.EncodeToString(key)
	}
	ep.created = s.clock.Now()
	ep.updated = ep.created
	ep.Sender = sandbox.NewSender(sandbox.SenderOptions{
		URL: e.URL, Secrets: []string{ep.Secret}, Schedule: RetrySchedule, Clock: s.clock, Client: e.Client,
		Header: e.Header, Parallel: e.Parallel, Seed: s.live.Seed + number, Chaos: e.Chaos,
	})
	ep.view = endpointView{ID: ep.ID, URL: e.URL, Description: e.Description, Metadata: map[string]string{}, Disabled: &e.Disabled}
	if e.FilterTypes != nil {
		types := slices.Clone(e.FilterTypes)
		ep.view.FilterTypes = &types
	}
	ep.Sender.SetDisabled(e.Disabled)
	s.endpoints = append(s.endpoints, ep)
	return ep.ID, ep.Sender
}

// FlushWebhooks makes every delivery attempt that is due and returns how many
// it made.
func (s *Server) FlushWebhooks(ctx context.Context) int {
	made := 0
	for _, ep := range s.endpointList() {
		made += ep.Sender.Flush(ctx)
	}
	return made
}

// RunWebhooks delivers to every endpoint, including those added later, until
// the context ends.
func (s *Server) RunWebhooks(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	running := map[*endpoint]bool{}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		for _, ep := range s.endpointList() {
			if !running[ep] {
				running[ep] = true
				group.Go(func() {
					ep.Sender.Run(ctx) //nolint:errcheck // only ever the context's error
				})
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (s *Server) endpointList() []*endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.endpoints), func(ep *endpoint) bool { return ep.gone })
}

// offer queues an event if the endpoint wants it.
func (ep *endpoint) offer(e Event) {
	ep.mu.Lock()
	types := ep.view.FilterTypes
	ep.mu.Unlock()
	if types == nil || slices.Contains(*types, e.Type) {
		ep.Sender.Send(sandbox.Message{ID: e.ID, Body: e.Body})
	}
}

func (ep *endpoint) show() endpointView {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	v := ep.view
	v.CreatedAt = ep.created.Format(time.RFC3339Nano)
	v.UpdatedAt = ep.updated.Format(time.RFC3339Nano)
	return v
}

// endpointBody is the body of POST and PATCH /webhooks.
type endpointBody struct {
	URL            *string            `json:"url"`
	Description    *string            `json:"description"`
	Disabled       *bool              `json:"disabled"`
	FilterTypes    *[]string          `json:"filter_types"`
	Headers        *map[string]string `json:"headers"`
	IdempotencyKey *string            `json:"idempotency_key"`
	Metadata       *map[string]string `json:"metadata"`
	RateLimit      *int               `json:"rate_limit"`
}

func (s *Server) endpointRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /webhooks", s.listEndpoints)
	mux.HandleFunc("POST /webhooks", func(w http.ResponseWriter, r *http.Request) {
		var body endpointBody
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			badBody(err).write(w)
			return
		}
		if body.URL == nil {
			(&apiError{http.StatusUnprocessableEntity, "INVALID_REQUEST_BODY", "missing field url"}).write(w)
			return
		}
		id, _ := s.AddEndpoint(Endpoint{URL: *body.URL})
		ep := s.endpointByID(id)
		ep.patch(&body, s.clock.Now())
		writeJSON(w, http.StatusOK, ep.show())
	})
	on := func(pattern string, f func(w http.ResponseWriter, r *http.Request, ep *endpoint)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			ep := s.endpointByID(r.PathValue("id"))
			if ep == nil {
				notFound("webhook " + r.PathValue("id")).write(w)
				return
			}
			f(w, r, ep)
		})
	}
	on("GET /webhooks/{id}", func(w http.ResponseWriter, _ *http.Request, ep *endpoint) {
		writeJSON(w, http.StatusOK, ep.show())
	})
	on("PATCH /webhooks/{id}", func(w http.ResponseWriter, r *http.Request, ep *endpoint) {
		var body endpointBody
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			badBody(err).write(w)
			return
		}
		ep.patch(&body, s.clock.Now())
		writeJSON(w, http.StatusOK, ep.show())
	})
	on("DELETE /webhooks/{id}", func(w http.ResponseWriter, _ *http.Request, ep *endpoint) {
		ep.Sender.SetDisabled(true)
		s.mu.Lock()
		ep.gone = true
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	})
	on("GET /webhooks/{id}/secret", func(w http.ResponseWriter, _ *http.Request, ep *endpoint) {
		writeJSON(w, http.StatusOK, map[string]string{"secret": ep.Secret})
	})
	on("GET /webhooks/{id}/headers", func(w http.ResponseWriter, _ *http.Request, ep *endpoint) {
		ep.mu.Lock()
		headers := ep.headers
		ep.mu.Unlock()
		if headers == nil {
			headers = map[string]string{}
		}
		writeJSON(w, http.StatusOK, map[string]any{"headers": headers, "sensitive": []string{}})
	})
	on("PATCH /webhooks/{id}/headers", func(w http.ResponseWriter, r *http.Request, ep *endpoint) {
		var body endpointBody
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			badBody(err).write(w)
			return
		}
		ep.patch(&endpointBody{Headers: body.Headers}, s.clock.Now())
		w.WriteHeader(http.StatusNoContent)
	})
}

func (ep *endpoint) patch(body *endpointBody, now time.Time) {
	ep.mu.Lock()
	defer ep.mu.Unlock()
	v := &ep.view
	ep.updated = now
	if body.URL != nil {
		v.URL = *body.URL
		ep.Sender.SetURL(v.URL)
	}
	if body.Description != nil {
		v.Description = *body.Description
	}
	if body.Disabled != nil {
		v.Disabled = body.Disabled
		ep.Sender.SetDisabled(*body.Disabled)
	}
	if body.FilterTypes != nil {
		v.FilterTypes = body.FilterTypes
	}
	if body.Headers != nil {
		ep.headers = *body.Headers
		ep.Sender.SetHeader(ep.headers)
	}
	if body.Metadata != nil {
		v.Metadata = *body.Metadata
	}
	if body.RateLimit != nil {
		v.RateLimit = body.RateLimit
	}
}

func (s *Server) endpointByID(id string) *endpoint {
	for _, ep := range s.endpointList() {
		if ep.ID == id {
			return ep
		}
	}
	return nil
}

// listEndpoints pages by cursor: limit and iterator in, data, iterator and
// done out.
func (s *Server) listEndpoints(w http.ResponseWriter, r *http.Request) {
	params := r.URL.Query()
	limit, refused := integerParam(params, "limit", 50)
	if refused == nil && (limit < 1 || limit > 250) {
		refused = invalidQuery("limit must be between 1 and 250")
	}
	if refused != nil {
		refused.write(w)
		return
	}
	all := s.endpointList()
	start := 0
	if after := params.Get("iterator"); after != "" {
		k := slices.IndexFunc(all, func(ep *endpoint) bool { return ep.ID == after })
		if k < 0 {
			invalidQuery("unknown iterator %q", after).write(w)
			return
		}
		start = k + 1
	}
	part := all[start:min(start+int(limit), len(all))]
	page := struct {
		Data     []endpointView `json:"data"`
		Iterator *string        `json:"iterator"`
		Done     bool           `json:"done"`
	}{Data: []endpointView{}, Done: start+len(part) >= len(all)}
	for _, ep := range part {
		page.Data = append(page.Data, ep.show())
		page.Iterator = &ep.ID
	}
	writeJSON(w, http.StatusOK, page)
}
