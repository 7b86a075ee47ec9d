package postgres

import (
	"net/url"
	"strings"
	"testing"

	syncline "github.com/synclinehq/syncline"
)

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"postgres://me:s3cret@host:5432/db?sslmode=require": "postgres://me:***@host:5432/db?sslmode=require",
		"postgres://me@host/db":                             "postgres://me@host/db",
		"postgres://host/db":                                "postgres://host/db",
		"postgres://me:p@ss/w:rd@host/db":                   "postgres://me:***@host/db",
		"me:s3cret@host/db":                                 "me:***@host/db",
		"postgres://host/db?user=me&password=s3cret&x=1":    "postgres://host/db?user=me&password=***&x=1",
		"host=h user=me password=s3cret dbname=d":           "host=h user=me password=*** dbname=d",
		`host=h password='s3 cr\'et' dbname=d`:              "host=h password=*** dbname=d",
		"":                                                  "",
	} {
		if got := Mask(in); got != want {
			t.Errorf("Mask(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestBadURIs(t *testing.T) {
	for uri, mention := range map[string]string{
		"":                                    "postgres://USER:PASSWORD@HOST:5432/DATABASE",
		"me:" + secret + "@host:5432/db":      "Write it as postgres://me:***@host:5432/db",
		"localhost:5432/db":                   "Write it as postgres://localhost:5432/db",
		"mysql://me:" + secret + "@host/db":   "the scheme is mysql",
		"postgres://me:" + secret + "@x@h/db": "percent-encoded",
		"postgres://me:" + secret + "/x@h/db": "Write it as postgres://me:***@h/db",
		"postgres://me:" + secret + "#x@h/db": "percent-encoded",
		"postgres://me:" + secret + "%x@h/db": "percent-encoded",
		"postgres://h:port/db":                "not a valid",
		"postgres://h/db?sslmode=sometimes":   "not a valid",
		"host=h port=x password=" + secret:    "not a valid",
	} {
		_, err := Open(t.Context(), Options{URI: uri})
		checkError(t, err, syncline.CodeConfigInvalid, syncline.Fatal, mention)
	}
}

func FuzzURIHidesPassword(f *testing.F) {
	for _, s := range []string{"a@b", "p/q", "#", "%zz", "://", "a b", "'", "?password=x", "=", "@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, extra string) {
		password := "Zx9" + extra + "qV7"
		for _, uri := range []string{
			"postgres://me:" + password + "@127.0.0.1:1/db", "me:" + password + "@127.0.0.1:1/db",
			"postgres://me:" + url.QueryEscape(password) + "@127.0.0.1:x/db",
		} {
			if m := Mask(uri); strings.Contains(m, password) {
				t.Errorf("Mask(%q) = %q", uri, m)
			}
			if _, err := parse(uri); err != nil && (strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "Zx9")) {
				t.Errorf("parse(%q): %v", uri, err)
			}
		}
	})
}
