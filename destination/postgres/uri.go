package postgres

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	syncline "github.com/synclinehq/syncline"
)

var passwordPair = regexp.MustCompile(`(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)`)

var (
	schemePart = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	pairs      = regexp.MustCompile(`^\s*\w+\s*=`)
)

// Mask returns the URI with its password replaced by "***", whatever is wrong
// with the URI.
func Mask(uri string) string {
	if pairs.MatchString(uri) {
		return passwordPair.ReplaceAllString(uri, "${1}***")
	}
	head := schemePart.FindString(uri)
	rest := uri[len(head):]
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if user, _, found := strings.Cut(rest[:at], ":"); found {
			head, rest = head+user+":***", rest[at:]
		}
	}
	return head + passwordPair.ReplaceAllString(rest, "${1}***")
}

// parse reads a connection URI, or a list of keyword=value pairs.
func parse(uri string) (*pgx.ConnConfig, error) {
	bad := func(what, corrected string) error {
		fix := "Write it as postgres://USER:PASSWORD@HOST:5432/DATABASE"
		if corrected != "" {
			fix = "Write it as " + Mask(corrected)
		}
		return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: "destination",
			What: "the database URI " + Mask(uri) + " cannot be used: " + what, Fix: fix}
	}
	head := schemePart.FindString(uri)
	isURI, scheme, rest := head != "", strings.TrimSuffix(head, "://"), uri[len(head):]
	switch {
	case strings.TrimSpace(uri) == "":
		return nil, bad("it is empty", "")
	case !isURI && !pairs.MatchString(uri):
		return nil, bad("the scheme is missing", "postgres://"+uri)
	case isURI && scheme != "postgres" && scheme != "postgresql":
		return nil, bad("the scheme is "+scheme, "postgres://"+rest)
	}
	if isURI {
		if corrected, what := encodePassword(rest); what != "" {
			return nil, bad(what, "postgres://"+corrected)
		}
		if u, err := url.Parse(uri); err != nil || u.Opaque != "" {
			return nil, bad("it is not a valid URI", "")
		}
	}
	config, err := pgx.ParseConfig(uri)
	if err != nil {
		return nil, bad("it is not a valid connection string", "")
	}
	return config, nil
}

// encodePassword returns the part of a URI after "://" with a password that is
// written correctly, and what is wrong with the one it has.
func encodePassword(rest string) (corrected, what string) {
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return rest, ""
	}
	user, password, found := strings.Cut(rest[:at], ":")
	if !found {
		return rest, ""
	}
	_, err := url.PathUnescape(password)
	if err == nil && !strings.ContainsAny(password, "@/?#[] ") {
		return rest, ""
	}
	return user + ":" + url.QueryEscape(password) + rest[at:],
		"characters of the password that mean something in a URI must be percent-encoded, such as @ as %40, / as %2F, # as %23, ? as %3F and % as %25"
}
