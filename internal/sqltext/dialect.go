package sqltext

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Dialect is what a database thinks of identifiers.
type Dialect struct {
	// MaxBytes is the longest identifier; longer ones would be cut silently.
	MaxBytes int
	// FoldCase is true if names that differ only in the case of ASCII letters
	// are one name even when quoted.
	FoldCase bool
	// Reserved are names that no table or column of ours may have, and
	// ReservedPrefix what none may begin with; both without regard to case if
	// FoldCase is set.
	Reserved       []string
	ReservedPrefix []string
}

// Prefix is how the names begin that Syncline keeps for itself.
const Prefix = "_syncline_"

// The dialects.
var (
	Postgres = Dialect{
		MaxBytes:       63,
		Reserved:       []string{"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"},
		ReservedPrefix: []string{Prefix},
	}
	SQLite = Dialect{
		// SQLite has no limit; this one keeps names fit for people.
		MaxBytes:       255,
		FoldCase:       true,
		ReservedPrefix: []string{Prefix, "sqlite_"},
	}
)

// Quote returns the identifier in double quotes. It must not hold U+0000, which
// [Dialect.Name] sees to.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Literal returns text as a quoted literal for the places where a statement
// takes no parameter. It must not hold U+0000.
func Literal(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }

// QuoteAll returns the quoted names, each behind prefix, joined by ", ".
func QuoteAll(prefix string, names []string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(prefix + Quote(n))
	}
	return b.String()
}

// Name returns the identifier for a name of an API. It is the name itself if
// the database can hold it and taken does not say that it is in use; otherwise
// it is as much of the name as fits, "_" and the beginning of the name's
// SHA-256 in hex, so that the same name always gets the same identifier.
// U+0000 and bytes that are not UTF-8 become "?" first. Taken gets names in the
// form of [Dialect.Fold]; nil means none is in use.
func (d Dialect) Name(name string, taken func(folded string) bool) string {
	if taken == nil {
		taken = func(string) bool { return false }
	}
	base := printable(name)
	if base == name && len(name) > 0 && len(name) <= d.MaxBytes && !d.reserved(name) && !taken(d.Fold(name)) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	digits := hex.EncodeToString(sum[:])
	for n := 8; ; n += 4 {
		// Names that still meet are told apart by hashing on.
		for n > len(digits) {
			sum = sha256.Sum256(sum[:])
			digits += hex.EncodeToString(sum[:])
		}
		suffix := "_" + digits[max(0, n-min(32, d.MaxBytes-1)):n]
		out := cut(base, d.MaxBytes-len(suffix)) + suffix
		if !d.reserved(out) && !taken(d.Fold(out)) {
			return out
		}
		if d.reserved(out) {
			base = "x" + base
		}
	}
}

// Fold returns the form under which two names are the same identifier.
func (d Dialect) Fold(name string) string {
	if !d.FoldCase {
		return name
	}
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

func (d Dialect) reserved(name string) bool {
	name = d.Fold(name)
	for _, r := range d.Reserved {
		if name == r {
			return true
		}
	}
	for _, p := range d.ReservedPrefix {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

func printable(name string) string {
	name = strings.ToValidUTF8(name, "?")
	return strings.ReplaceAll(name, "\x00", "?")
}

// cut returns the longest beginning of s of at most n bytes that does not split
// a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
