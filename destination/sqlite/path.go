package sqlite

import (
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	syncline "github.com/synclinehq/syncline"
)

// Path returns the file a URI or path means. What looks like a URI with a slip
// in it, or of another kind of database, gives CodeConfigInvalid: taken for a
// path it would quietly become a new file.
func Path(uri string) (string, error) {
	path, isURI := uri, false
	for _, scheme := range []string{"sqlite3:", "sqlite:", "file:"} {
		if rest, ok := strings.CutPrefix(uri, scheme); ok {
			path, isURI = strings.TrimPrefix(rest, "//"), true
			break
		}
	}
	if !isURI {
		if err := mistyped(uri); err != nil {
			return "", err
		}
	}
	if isURI {
		path, _, _ = strings.Cut(path, "?")
		if p, err := url.PathUnescape(path); err == nil {
			path = p
		}
	}
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.ContainsRune(path, 0) {
		return "", invalid("no path of an SQLite file in "+uri, "Write it as sqlite:data.db or sqlite:///var/lib/data.db")
	}
	return filepath.Clean(path), nil
}

var (
	withColon = regexp.MustCompile(`^\s*([A-Za-z][A-Za-z0-9+.-]+):+/+(.*)$`) // a single letter is a drive
	known     = regexp.MustCompile(`(?i)^\s*(postgres|postgresql|pgsql|sqlite|sqlite3|file|mysql|mariadb|mongodb|https?)(?::+|//+|:*/{2,})(.*)$`)
)

// mistyped refuses what looks like a URI and shows how it may have been meant.
func mistyped(uri string) error {
	m := withColon.FindStringSubmatch(uri)
	if k := known.FindStringSubmatch(uri); k != nil {
		m = k
	}
	if m == nil {
		return nil
	}
	scheme, rest := strings.ToLower(m[1]), strings.TrimLeft(m[2], ":/")
	hidden := rest
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		hidden = "***" + rest[at:] // there may be a password
	}
	switch scheme {
	case "sqlite", "sqlite3", "file":
		slash := ""
		if n := strings.Count(m[0][:len(m[0])-len(rest)], "/"); n == 1 || n > 2 {
			slash = "/" // the path is absolute
		}
		return invalid("the path looks like a mistyped URI", "Write it as "+scheme+"://"+slash+rest)
	case "postgres", "postgresql", "pgsql":
		return invalid("the path looks like the URI of a PostgreSQL database", "Write it as postgres://"+hidden+" and choose the destination postgres")
	}
	return invalid("the path looks like a URI, "+scheme+"://"+hidden+", and not like a file", "Write it as sqlite://"+hidden)
}

func invalid(what, fix string) error {
	return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: "destination", What: what, Fix: fix}
}
