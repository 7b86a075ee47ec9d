package sandbox

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// ErrorBody writes a vendor's JSON error body for a status.
type ErrorBody func(status int) []byte

// Serve answers r through next, or wrongly if a fault hits it.
func (s *Faults) Serve(w http.ResponseWriter, r *http.Request, next http.Handler, errorBody ErrorBody) {
	f, hit := s.next(r)
	if !hit {
		next.ServeHTTP(w, r)
		return
	}
	if f.Latency > 0 {
		timer := time.NewTimer(f.Latency)
		defer timer.Stop()
		select {
		case <-r.Context().Done():
			return
		case <-timer.C:
		}
	}
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	s.setRetryAfter(w.Header(), &f)
	switch f.Kind {
	case FaultLatency:
		next.ServeHTTP(w, r)
	case FaultStatus:
		answer(w, f.Status, "application/json", errorBody(f.Status))
	case FaultError200:
		answer(w, http.StatusOK, "application/json", errorBody(http.StatusInternalServerError))
	case FaultHTML:
		answer(w, orOK(f.Status), "text/html; charset=utf-8", []byte("<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body><h1>Bad gateway</h1></body></html>\n"))
	case FaultEmpty:
		answer(w, orOK(f.Status), "application/json", nil)
	case FaultBody:
		answer(w, orOK(f.Status), "application/json", []byte(f.Body))
	case FaultReset:
		reset(w)
	case FaultTruncate, FaultWrongType:
		var whole heldResponse
		whole.header = w.Header()
		next.ServeHTTP(&whole, r)
		if rec, ok := w.(*Recorder); ok {
			rec.AddRows(int(whole.rows))
		}
		if f.Kind == FaultTruncate {
			truncate(w, &whole, &f)
			return
		}
		answer(w, orOK(whole.status), "text/plain; charset=utf-8", whole.body.Bytes())
	}
}

func (s *Faults) setRetryAfter(h http.Header, f *Fault) {
	if f.RetryAfter <= 0 {
		return
	}
	switch f.RetryAfterForm {
	case RetryAfterMillis:
		h.Set("Retry-After-Ms", strconv.FormatInt(f.RetryAfter.Milliseconds(), 10))
	case RetryAfterDate:
		at := s.clock.Now().Add(f.RetryAfter + time.Second - 1)
		h.Set("Retry-After", at.Format(http.TimeFormat))
	default:
		SetRetryAfter(h, f.RetryAfter)
	}
}

func orOK(status int) int {
	if status == 0 {
		return http.StatusOK
	}
	return status
}

func answer(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // the client may have gone
}

// truncate sends whole up to f.At bytes in the framing that f asks for.
func truncate(w http.ResponseWriter, whole *heldResponse, f *Fault) {
	body := whole.body.Bytes()
	part := body[:min(max(f.At, 0), len(body))]
	if f.Framing == FramingClose {
		sendUntilClose(w, orOK(whole.status), part)
		return
	}
	if f.Framing != FramingChunked {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	} else {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(orOK(whole.status))
	w.Write(part) //nolint:errcheck // about to be cut anyway
	// What is not flushed before the abort would be thrown away.
	http.NewResponseController(w).Flush() //nolint:errcheck // a recorder in a test has no connection
	panic(http.ErrAbortHandler)
}

// sendUntilClose answers in the HTTP/1.0 manner: the body ends where the
// connection does. Where the connection cannot be taken over it sends a short
// body with a matching Content-Length, which reads the same.
func sendUntilClose(w http.ResponseWriter, status int, part []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(part)))
		w.WriteHeader(status)
		w.Write(part) //nolint:errcheck // the client may have gone
		return
	}
	defer conn.Close() //nolint:errcheck // nothing is lost that was not meant to be
	if rec, ok := w.(*Recorder); ok {
		rec.Status, rec.Bytes = status, int64(len(part))
	}
	h := w.Header().Clone()
	h.Del("Content-Length")
	h.Set("Connection", "close")
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	h.Write(&out) //nolint:errcheck // a buffer does not fail
	out.WriteString("\r\n")
	out.Write(part)
	conn.Write(out.Bytes()) //nolint:errcheck // the client may have gone
}

// reset drops the connection, with a TCP reset where there is one.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // a plain close is the fallback
	}
	conn.Close() //nolint:errcheck // being dropped is its purpose
}

// heldResponse keeps an answer back so that it can be spoilt.
type heldResponse struct {
	header http.Header
	status int
	rows   int64
	body   bytes.Buffer
}

func (h *heldResponse) Header() http.Header { return h.header }

func (h *heldResponse) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *heldResponse) Write(p []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(p)
}

// AddRows notes n list rows served.
func (h *heldResponse) AddRows(n int) { h.rows += int64(n) }
