package syncline

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"
)

const (
	maxWebhookBody = 1 << 20
	appendBudget   = 5 * time.Second // senders give up soon after
)

// WebhookHandler returns the handler that takes the source's webhooks: it
// verifies, journals and only then answers 200, a copy of a known event
// included. Without room or with a slow disk it answers 503, and the sender's
// retry is safe. The events are applied by the next run, or at once after
// [Engine.Start]. It returns nil if the source takes no webhooks.
func (e *Engine) WebhookHandler() http.Handler {
	r, ok := e.Source.(Receiver)
	if !ok {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		answer, err := e.receive(r, req)
		var refused *WebhookError
		switch {
		case err == nil:
			writeJSON(w, http.StatusOK, answer)
		case errors.As(err, &refused):
			if refused.Status == http.StatusMethodNotAllowed {
				w.Header().Set("Allow", http.MethodPost)
			}
			writeProblem(w, refused.Status, refused.Code, refused.What)
		default:
			e.Logger.Error("webhook not journalled", "error", err)
			w.Header().Set("Retry-After", "5")
			writeProblem(w, http.StatusServiceUnavailable, "journal_unavailable", "the event could not be stored; send it again")
		}
	})
}

type webhookAnswer struct {
	Status string `json:"status"` // accepted or duplicate
	Event  string `json:"event"`
}

func (e *Engine) receive(r Receiver, req *http.Request) (webhookAnswer, error) {
	var none webhookAnswer
	if req.Method != http.MethodPost {
		return none, &WebhookError{http.StatusMethodNotAllowed, "method_not_allowed", "webhooks are POSTed"}
	}
	if t, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); req.Header.Get("Content-Type") != "" && (err != nil || t != "application/json") {
		return none, &WebhookError{http.StatusUnsupportedMediaType, "unsupported_media_type", "the body must be application/json"}
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxWebhookBody+1))
	switch {
	case err != nil:
		return none, &WebhookError{http.StatusBadRequest, "body_incomplete", "the body ended early"}
	case len(body) > maxWebhookBody:
		return none, &WebhookError{http.StatusRequestEntityTooLarge, "body_too_large", "the body is larger than 1 MiB"}
	}
	now := e.Now()
	events, err := r.Receive(req.Header, body, now)
	if err != nil || len(events) == 0 {
		return none, err
	}
	entries := make([]*Entry, len(events))
	for i := range events {
		entries[i] = eventEntry(e.Source.Name(), &events[i], now)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), appendBudget)
	defer cancel()
	if err := hit("webhook.before_append"); err != nil {
		return none, err
	}
	if err := e.Journal.Append(ctx, entries); err != nil {
		return none, err
	}
	if err := hit("webhook.after_append"); err != nil {
		return none, err
	}
	if entries[0].Conflict {
		e.Logger.Warn("a webhook came again under the same id with other content; the first is kept", "event", events[0].ID)
	}
	if entries[0].Duplicate {
		return webhookAnswer{"duplicate", events[0].ID}, nil
	}
	if entries[0].Stream != "" && (len(e.Streams) == 0 || slices.Contains(e.Streams, entries[0].Stream)) {
		signal(e.wake)
	}
	return webhookAnswer{"accepted", events[0].ID}, nil
}

// eventEntry makes the journal entry of an event. An event of no stream is kept
// with its body and never applied.
func eventEntry(source string, ev *Event, now time.Time) *Entry {
	en := &Entry{Source: source, Stream: ev.Stream, Kind: KindEvent, Shape: ev.Shape, EventID: ev.ID, ReceivedAt: now.UTC(), Body: ev.Body}
	if ev.Refetch {
		en.Kind = KindTrigger
	}
	if ev.Stream != "" {
		en.Records = 1
		en.Block = AppendBlock(nil, []Record{ev.Record})
	}
	return en
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the sender is gone; nothing to do
}

// writeProblem answers with the problem-details form.
func writeProblem(w http.ResponseWriter, status int, code, what string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(status), "status": status, "code": code, "detail": what})
}
