package rest

import (
	"encoding/json"
	"hash/maphash"
	"net/url"
	"strings"
	"time"
)

// unquote returns the content of a JSON string; text that is not one comes back
// as it is.
func unquote(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return raw
	}
	plain := true
	for _, c := range raw[1 : len(raw)-1] {
		plain = plain && c != '\\'
	}
	if plain {
		return raw[1 : len(raw)-1]
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return raw
	}
	return []byte(s)
}

// expand replaces ${scope.name} in a path template by escaped values.
func expand(template string, value func(ref string) (string, bool)) (string, bool) {
	var b strings.Builder
	for rest := template; ; {
		i := strings.Index(rest, "${")
		if i < 0 {
			b.WriteString(rest)
			return b.String(), true
		}
		ref, after, _ := strings.Cut(rest[i+2:], "}")
		v, ok := value(ref)
		// A dot alone would change the path.
		if !ok || v == "" || v == "." || v == ".." {
			return "", false
		}
		b.WriteString(rest[:i])
		b.WriteString(url.PathEscape(v))
		rest = after
	}
}

// cutScope splits "parent.customer_id" behind the first dot.
func cutScope(ref string) (name, scope string) {
	scope, name, _ = strings.Cut(ref, ".")
	return name, scope
}

var hashSeed = maphash.MakeSeed()

func hash64(b []byte) uint64 { return maphash.Bytes(hashSeed, b) }

// micros reads an RFC 3339 time, 0 if it is none.
func micros(b []byte) int64 {
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return 0
	}
	return t.UnixMicro()
}
