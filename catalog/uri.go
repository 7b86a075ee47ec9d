package catalog

import (
	"net/url"
	"strings"
)

// SafeURI returns a URI for people to read: without its password.
func SafeURI(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" && strings.ContainsAny(uri, "@=") {
		return Mask
	}
	if _, set := u.User.Password(); set {
		u.User = url.UserPassword(u.User.Username(), "MASK")
	}
	q := u.Query()
	if q.Has("password") {
		q.Set("password", "MASK")
		u.RawQuery = q.Encode()
	}
	return strings.ReplaceAll(u.String(), "MASK", Mask)
}

// Sensitive returns the parts of a secret that must not be shown: of a URI its
// password, as written and decoded, of any other text the whole.
func Sensitive(secret string) []string {
	u, err := url.Parse(secret)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return []string{secret}
	}
	var out []string
	if password, set := u.User.Password(); set {
		out = append(out, password)
		if _, raw, ok := strings.Cut(strings.SplitN(secret, "@", 2)[0], "://"); ok {
			if _, raw, ok = strings.Cut(raw, ":"); ok && raw != password {
				out = append(out, raw)
			}
		}
	}
	if p := u.Query().Get("password"); p != "" {
		out = append(out, p)
	}
	return out
}
