package catalog

import (
	"fmt"
	"strings"
	"time"
)

// Options is the declaration of everything a thing can be set to.
type Options []Option

// Find returns the option of that name, nil if there is none.
func (o Options) Find(name string) *Option {
	for i := range o {
		if o[i].Name == name {
			return &o[i]
		}
	}
	return nil
}

// Names returns the names in order of declaration.
func (o Options) Names() []string {
	out := make([]string, len(o))
	for i := range o {
		out[i] = o[i].Name
	}
	return out
}

// Values are checked option values by name, in the Go types of [Type]; secrets
// are [Secret]. Its getters return the zero value of what is not set.
type Values map[string]any

// Set parses text as the named option's value.
func (v Values) Set(o Options, name, text string) error {
	opt := o.Find(name)
	if opt == nil {
		return fmt.Errorf("unknown option %q%s", name, DidYouMean(name, o.Names()))
	}
	value, err := opt.Parse(text)
	if err != nil {
		return err
	}
	v[name] = value
	return nil
}

// Complete returns a copy with the defaults filled in. It fails if a required
// option has no value; the error tells every one.
func (v Values) Complete(o Options) (Values, error) {
	out := Values{}
	var missing []string
	for i := range o {
		value, ok := v[o[i].Name]
		switch {
		case ok:
			out[o[i].Name] = value
		case o[i].Default != nil:
			out[o[i].Name] = o[i].Default
		case o[i].Required:
			missing = append(missing, o[i].Name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s missing", strings.Join(missing, ", "))
	}
	return out, nil
}

// Has reports whether a value is set.
func (v Values) Has(name string) bool { _, ok := v[name]; return ok }

// Text returns a text, URI or path; of a secret the revealed text.
func (v Values) Text(name string) string {
	switch t := v[name].(type) {
	case string:
		return t
	case Secret:
		return t.Reveal()
	}
	return ""
}

// Int returns an integer.
func (v Values) Int(name string) int { n, _ := v[name].(int); return n }

// Number returns a number; an integer is one too.
func (v Values) Number(name string) float64 {
	switch n := v[name].(type) {
	case float64:
		return n
	case int:
		return float64(n)
	}
	return 0
}

// Bool returns a truth value.
func (v Values) Bool(name string) bool { b, _ := v[name].(bool); return b }

// Duration returns a length of time.
func (v Values) Duration(name string) time.Duration { d, _ := v[name].(time.Duration); return d }

// Time returns an instant.
func (v Values) Time(name string) time.Time { t, _ := v[name].(time.Time); return t }
