// Package webhook verifies webhook requests by the vendors' signature schemes.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// Tolerance is how far a request's timestamp may be off, both ways.
const Tolerance = 300 * time.Second

// Secret is a signing secret: "whsec_" (optional) and base64.
type Secret struct {
	Key string
	// NotAfter, if set, is when the secret ceases to be accepted: the end of a
	// rotation.
	NotAfter time.Time
}

// Verifier verifies requests by the Standard Webhooks scheme: HMAC-SHA256 over
// id, timestamp and raw body. It is safe for concurrent use.
type Verifier struct{ keys []key }

type key struct {
	bytes    []byte
	notAfter time.Time
}

// NewVerifier returns a verifier that accepts any of the secrets; with none it
// refuses everything.
func NewVerifier(secrets ...Secret) (*Verifier, error) {
	v := &Verifier{}
	for i, s := range secrets {
		b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(s.Key), "whsec_"))
		if err != nil {
			return nil, fmt.Errorf("webhook secret %d is not base64", i+1) // the secret itself is not shown
		}
		if len(b) < 16 {
			return nil, fmt.Errorf("webhook secret %d is too short to be safe", i+1)
		}
		v.keys = append(v.keys, key{b, s.NotAfter})
	}
	return v, nil
}

// Message is what the headers of a verified request say.
type Message struct {
	ID   string
	Sent time.Time
}

func refuse(status int, code, what string) error {
	return &syncline.WebhookError{Status: status, Code: code, What: what}
}

// Verify checks signature and timestamp of a request received at now. Errors
// are [*syncline.WebhookError].
func (v *Verifier) Verify(h http.Header, body []byte, now time.Time) (Message, error) {
	var m Message
	id, err := single(h, "webhook-id")
	if err != nil {
		return m, err
	}
	stamp, err := single(h, "webhook-timestamp")
	if err != nil {
		return m, err
	}
	signatures, err := single(h, "webhook-signature")
	if err != nil {
		return m, err
	}
	// The parts of the signed text are joined by dots: one in the id would let
	// a signature be moved to another id.
	if len(id) > 255 || strings.ContainsAny(id, ".,\r\n\x00") {
		return m, refuse(http.StatusBadRequest, "signature_malformed", "webhook-id is not an id")
	}
	sent, err := parseStamp(stamp)
	if err != nil {
		return m, err
	}
	if d := now.Sub(sent); d > Tolerance || d < -Tolerance {
		return m, refuse(http.StatusUnauthorized, "timestamp_out_of_range", fmt.Sprintf("webhook-timestamp is more than %s off", Tolerance))
	}
	if !v.signed(id, stamp, body, signatures, now) {
		return m, refuse(http.StatusUnauthorized, "signature_invalid", "no signature fits")
	}
	return Message{ID: id, Sent: sent}, nil
}

// single returns a header that must be there once.
func single(h http.Header, name string) (string, error) {
	values := h.Values(name)
	switch {
	case len(values) == 0 || values[0] == "":
		return "", refuse(http.StatusUnauthorized, "signature_missing", name+" is missing")
	case len(values) > 1:
		return "", refuse(http.StatusBadRequest, "signature_malformed", name+" is there more than once")
	}
	return values[0], nil
}

// parseStamp reads unix seconds in plain digits.
func parseStamp(s string) (time.Time, error) {
	for i, c := range s {
		if (c < '0' || c > '9') && !(i == 0 && c == '-') {
			return time.Time{}, refuse(http.StatusBadRequest, "signature_malformed", "webhook-timestamp is not in unix seconds")
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) || err == nil && (n > 1<<40 || n < 0) {
		return time.Time{}, refuse(http.StatusUnauthorized, "timestamp_out_of_range", "webhook-timestamp is out of range")
	}
	if err != nil {
		return time.Time{}, refuse(http.StatusBadRequest, "signature_malformed", "webhook-timestamp is not in unix seconds")
	}
	return time.Unix(n, 0), nil
}

// signed compares every v1 signature with every secret, in constant time and
// without stopping at the first that fits.
func (v *Verifier) signed(id, stamp string, body []byte, list string, now time.Time) bool {
	var macs [][]byte
	for _, k := range v.keys {
		if !k.notAfter.IsZero() && now.After(k.notAfter) {
			continue
		}
		mac := hmac.New(sha256.New, k.bytes)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		macs = append(macs, mac.Sum(nil))
	}
	ok := false
	for i, item := range strings.Split(list, " ") {
		text, isV1 := strings.CutPrefix(item, "v1,")
		if !isV1 || i >= maxSignatures {
			continue
		}
		given, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		for _, mac := range macs {
			if hmac.Equal(mac, given) {
				ok = true
			}
		}
	}
	return ok
}

// maxSignatures bounds the work an unverified request can cause.
const maxSignatures = 32
