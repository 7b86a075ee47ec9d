package config

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Draft is a configuration to be written: the guided set-up's answers, as they
// shall stand in the file.
type Draft struct {
	// Comment goes to the top, line by line.
	Comment []string
	// SchemaPath, if set, is where the JSON Schema lies, for editors.
	SchemaPath  string
	Source      []Setting
	Destination []Setting
	Streams     []string
	Every       string
}

// Setting is one key with its value as text.
type Setting struct{ Key, Value string }

// Render writes a single-pipeline configuration.
func (d *Draft) Render() []byte {
	var b strings.Builder
	if d.SchemaPath != "" {
		b.WriteString("# yaml-language-server: $schema=" + d.SchemaPath + "\n")
	}
	for _, line := range d.Comment {
		b.WriteString("# " + line + "\n")
	}
	section(&b, "source", d.Source)
	section(&b, "destination", d.Destination)
	if len(d.Streams) > 0 {
		b.WriteString("streams:\n")
		for _, s := range d.Streams {
			b.WriteString("  - " + quote(s) + "\n")
		}
	}
	if d.Every != "" {
		b.WriteString("every: " + quote(d.Every) + "\n")
	}
	return []byte(b.String())
}

func section(b *strings.Builder, name string, settings []Setting) {
	b.WriteString(name + ":\n")
	for _, s := range settings {
		b.WriteString("  " + s.Key + ": " + quote(s.Value) + "\n")
	}
}

// plain texts mean themselves in YAML: no indicator at the start, no ": " or
// " #" inside, nothing that reads as another type.
var plain = regexp.MustCompile(`^[A-Za-z$./~][A-Za-z0-9_$./~{}:@?=&+%-]*[A-Za-z0-9_/}]$`)

var otherType = regexp.MustCompile(`(?i)^(true|false|null|yes|no|on|off|~|\.inf|\.nan|[.0-9].*)$`)

func quote(s string) string {
	if plain.MatchString(s) && !otherType.MatchString(s) || number.MatchString(s) {
		return s
	}
	out, err := json.Marshal(s) // a JSON string is a YAML string
	if err != nil {
		return `""`
	}
	return string(out)
}

// number and lengths of time need no quotes either.
var number = regexp.MustCompile(`^[0-9]{1,9}(ms|s|m|h|d)?$`)

// Literal writes a text so that it is taken as it is, not as a reference.
func Literal(s string) string { return strings.ReplaceAll(s, "${", "$${") }
