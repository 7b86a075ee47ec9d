package dodo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// apiError is an error answer: a status and the body {code, message}.
type apiError struct {
	status  int
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.Code, e.Message) }

func (e *apiError) write(w http.ResponseWriter) {
	body, err := json.Marshal(e)
	if err != nil {
		panic(err) // two strings always marshal
	}
	writeBody(w, e.status, "application/json", body)
}

func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // the client may have gone
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		(&apiError{http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", err.Error()}).write(w)
		return
	}
	writeBody(w, status, "application/json", body)
}

func notFound(what string) *apiError {
	return &apiError{http.StatusNotFound, "NOT_FOUND", what + " not found"}
}

func invalidQuery(format string, args ...any) *apiError {
	return &apiError{http.StatusUnprocessableEntity, "INVALID_QUERY_PARAMS", fmt.Sprintf(format, args...)}
}

func notAnInteger(param, v string) *apiError {
	return &apiError{http.StatusUnprocessableEntity, "INTEGER_CONVERSION_FAILURE", fmt.Sprintf("%s: %q is not a valid integer", param, v)}
}

func badBody(err error) *apiError {
	return &apiError{http.StatusBadRequest, "INVALID_REQUEST_BODY", err.Error()}
}

// statusCodes is the code that goes with a status when there is nothing more
// to say; the vendor sends no message then.
var statusCodes = map[int]string{
	http.StatusBadRequest:          "INVALID_REQUEST_PARAMETERS",
	http.StatusUnauthorized:        "UNAUTHORIZED",
	http.StatusForbidden:           "FORBIDDEN",
	http.StatusNotFound:            "NOT_FOUND",
	http.StatusConflict:            "CONFLICT",
	http.StatusUnprocessableEntity: "INVALID_REQUEST_PARAMETERS",
	http.StatusTooManyRequests:     "TOO_MANY_REQUESTS",
}

// errorBody is the body of an injected error.
func errorBody(status int) []byte {
	code := statusCodes[status]
	if code == "" {
		code = "INTERNAL_SERVER_ERROR"
	}
	body, err := json.Marshal(apiError{Code: code})
	if err != nil {
		panic(err) // two strings always marshal
	}
	return body
}
