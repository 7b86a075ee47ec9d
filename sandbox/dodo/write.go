package dodo

import (
	"encoding/json"
	"errors"
	"net/http"
)

// writeRoutes offers the few write calls that a test of a sync tool may want
// to make through the API itself.
func (s *Server) writeRoutes(mux *http.ServeMux) {
	for path, name := range map[string]string{
		"/customers/{id}": "customers", "/products/{id}": "products",
		"/subscriptions/{id}": "subscriptions", "/license_keys/{id}": "license_keys",
	} {
		c := s.world.byName[name]
		mux.HandleFunc("PATCH "+path, func(w http.ResponseWriter, r *http.Request) { s.patchObject(w, r, c) })
	}
	for path, name := range map[string]string{"/customers": "customers", "/refunds": "refunds", "/products": "products"} {
		c := s.world.byName[name]
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { s.postObject(w, r, c) })
	}
	mux.HandleFunc("DELETE /products/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, err := s.Update("products", r.PathValue("id"), Fields{"archived": true})
		answerWrite(w, err, nil)
	})
	mux.HandleFunc("DELETE /entitlements/{id}", func(w http.ResponseWriter, r *http.Request) {
		answerWrite(w, s.Delete("entitlements", r.PathValue("id")), nil)
	})
}

func (s *Server) patchObject(w http.ResponseWriter, r *http.Request, c *collection) {
	var fields Fields
	if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
		badBody(err).write(w)
		return
	}
	if _, err := s.Update(c.name, r.PathValue("id"), fields); err != nil {
		answerWrite(w, err, nil)
		return
	}
	body, err := s.Get(c.name, r.PathValue("id"))
	answerWrite(w, err, body)
}

func (s *Server) postObject(w http.ResponseWriter, r *http.Request, c *collection) {
	var fields Fields
	if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
		badBody(err).write(w)
		return
	}
	id, _, err := s.Create(c.name, fields)
	if err != nil {
		answerWrite(w, err, nil)
		return
	}
	body, err := s.Get(c.name, id)
	answerWrite(w, err, body)
}

// answerWrite answers a write call: with body, or with no content if that is
// nil.
func answerWrite(w http.ResponseWriter, err error, body []byte) {
	switch {
	case errors.Is(err, ErrNotFound):
		(&apiError{http.StatusNotFound, "NOT_FOUND", err.Error()}).write(w)
	case err != nil:
		(&apiError{http.StatusUnprocessableEntity, "INVALID_REQUEST_BODY", err.Error()}).write(w)
	case body == nil:
		w.WriteHeader(http.StatusOK)
	default:
		writeBody(w, http.StatusOK, "application/json", body)
	}
}
