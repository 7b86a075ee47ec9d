package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	syncline "github.com/synclinehq/syncline"
)

// maxSecretFile bounds what ${file:…} reads.
const maxSecretFile = 64 << 10

// resolver replaces references in texts.
type resolver struct {
	*report
	dir string // relative paths start here
	env func(name string) (string, bool)
}

// expand replaces every ${env:NAME} and ${file:PATH} in text; "$${" stands for
// "${". It tells whether there was a reference, and whether all had a value:
// those that had none are in the report's list of missing ones.
func (r *resolver) expand(where place, text string) (out string, referred, complete bool) {
	var b strings.Builder
	complete = true
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			b.WriteString(text)
			return b.String(), referred, complete
		}
		if strings.HasSuffix(before, "$") {
			b.WriteString(before[:len(before)-1] + "${")
			text = rest
			continue
		}
		b.WriteString(before)
		ref, after, closed := strings.Cut(rest, "}")
		if !closed {
			r.add(where, "a reference is not closed: \"${\" without \"}\"")
			return "", true, false
		}
		value, ok := r.value(where, ref)
		referred, complete = true, complete && ok
		b.WriteString(value)
		text = after
	}
}

func (r *resolver) value(where place, ref string) (string, bool) {
	kind, name, found := strings.Cut(ref, ":")
	switch {
	case !found || name == "" || kind != "env" && kind != "file":
		r.add(where, "a reference is ${env:NAME} or ${file:PATH}, not ${%s}; write $${ for a plain ${", shorten(ref))
		return "", false
	case kind == "env":
		v, ok := r.env(name)
		if !ok || v == "" {
			state := "is not set"
			if ok {
				state = "is empty"
			}
			r.miss(where, fmt.Sprintf("environment variable %s %s", name, state), "Set it, or put the value in a file and write ${file:PATH}")
			return "", false
		}
		return v, true
	default:
		return r.readFile(where, name)
	}
}

func (r *resolver) readFile(where place, name string) (string, bool) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	f, err := os.Open(path)
	if err != nil {
		r.miss(where, "secret file cannot be read: "+err.Error(), "Create it with mode 0600, the value alone in it")
		return "", false
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		r.warn(where, "insecure_permissions", fmt.Sprintf("secret file %s can be read by others (mode %04o)", name, info.Mode().Perm()),
			"Run: chmod 600 "+name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil || len(text) > maxSecretFile {
		r.miss(where, fmt.Sprintf("secret file %s cannot be read or has more than %d bytes", name, maxSecretFile), "")
		return "", false
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		r.miss(where, fmt.Sprintf("secret file %s is empty", name), "")
		return "", false
	}
	return value, true
}

func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

const codeSecretLiteral syncline.Code = "secret_literal"
