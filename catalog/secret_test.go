package catalog

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// H-61: no formatter shows a secret, also not inside other values.
func TestSecretIsMaskedByEveryFormatter(t *testing.T) {
	const canary = "canary-0123456789"
	s := NewSecret(canary)
	type holder struct {
		Secret  Secret
		Pointer *Secret
	}
	h := holder{s, &s}
	values := Values{"api_key": s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%20s", "%-5v"} {
		for _, v := range []any{s, &s, h, &h, values, []Secret{s}, map[Secret]int{s: 1}, Part{Name: "x", Values: values}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	for _, v := range []any{s, h, values} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
		if b, err = yaml.Marshal(v); err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	b, err := xml.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	var logs bytes.Buffer
	for _, l := range []*slog.Logger{slog.New(slog.NewTextHandler(&logs, nil)), slog.New(slog.NewJSONHandler(&logs, nil))} {
		l.Info("x", "secret", s, "pointer", &s, "holder", h, "values", values)
	}
	out.Write(logs.Bytes())
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("%d", []byte(canary))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret shows as %q", form)
		}
	}
	if !strings.Contains(out.String(), Mask) || s.Reveal() != canary {
		t.Error("the test does not print what it should, or Reveal does not reveal")
	}
}

func TestSafeURI(t *testing.T) {
	for uri, want := range map[string]string{
		"postgres://u:p%40ss@h:5432/d":           "postgres://u:***@h:5432/d",
		"postgres://u@h/d":                       "postgres://u@h/d",
		"postgres://h/d?user=u&password=x":       "postgres://h/d?password=***&user=u",
		"host=h user=u password=x":               Mask,
		"postgres://u:p%zz@h/d":                  Mask,
		"":                                       "",
		"postgres://u:pa:ss@h/d?sslmode=disable": "postgres://u:***@h/d?sslmode=disable",
	} {
		if got := SafeURI(uri); got != want {
			t.Errorf("SafeURI(%q) = %q, want %q", uri, got, want)
		}
	}
}

func TestSensitivePartsCoverPasswords(t *testing.T) {
	for secret, want := range map[string]string{
		"dp_test_abcdef":                 "dp_test_abcdef",
		"postgres://u:p%40ssw@h/d":       "p@ssw p%40ssw",
		"postgres://u@h/d":               "",
		"postgres://h/d?password=hidden": "hidden",
		"host=h password=hidden":         "host=h password=hidden",
	} {
		if got := strings.Join(Sensitive(secret), " "); got != want {
			t.Errorf("Sensitive(%q) = %q, want %q", secret, got, want)
		}
	}
}
