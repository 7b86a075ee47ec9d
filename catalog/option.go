package catalog

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Type is the type of an option's value.
type Type string

// The option types, with the Go type [Option.Parse] returns.
const (
	Text     Type = "text"     // string
	Integer  Type = "integer"  // int
	Number   Type = "number"   // float64
	Bool     Type = "bool"     // bool
	Duration Type = "duration" // time.Duration, written 90s, 5m, 12h, 7d
	Time     Type = "time"     // time.Time in UTC, written 2026-01-31 or 2026-01-31T12:00:00Z
	URI      Type = "uri"      // string
	Path     Type = "path"     // string; relative to the configuration file
)

// Choice is one allowed value of an option.
type Choice struct{ Value, Help string }

// Option is one setting of a connector, destination, journal, stream or
// pipeline.
type Option struct {
	// Name is the key in syncline.yaml; the flag has "-" for "_".
	Name string
	Type Type
	// Alias is a second, shorter name for the flag.
	Alias string
	// Title is the question of the guided set-up, "" if it does not ask.
	Title string
	// Help is one sentence on what the value does, in lower case.
	Help string
	// Default is the value if none is given, in the type's Go type; nil: none.
	Default any
	// DefaultNote says in words what happens without a value, where that is
	// not a fixed value.
	DefaultNote string
	Example     string
	Choices     []Choice
	// Secret values are given by reference and never shown.
	Secret   bool
	Required bool
	// Env is the environment variable that flags and the set-up offer.
	Env string
	// Min and Max bound integers, numbers and durations (in seconds), both
	// inclusive; Max 0 means no bound.
	Min, Max float64
}

// Parse turns the text of a flag, variable or YAML scalar into the option's
// value and checks it.
func (o *Option) Parse(text string) (any, error) {
	if o.Secret && text == "" {
		return nil, fmt.Errorf("%s is empty", o.Name)
	}
	v, err := o.parse(text)
	if err != nil {
		return nil, err
	}
	if len(o.Choices) > 0 && !slices.Contains(o.ChoiceValues(), text) {
		return nil, fmt.Errorf("%s %s is not one of %s%s", o.Name, o.quote(text), strings.Join(o.ChoiceValues(), ", "),
			DidYouMean(text, o.ChoiceValues()))
	}
	return v, nil
}

func (o *Option) parse(text string) (any, error) {
	switch o.Type {
	case Integer:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%s %s is not a whole number", o.Name, o.quote(text))
		}
		return n, o.bounds(float64(n), text)
	case Number:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, fmt.Errorf("%s %s is not a number", o.Name, o.quote(text))
		}
		return n, o.bounds(n, text)
	case Bool:
		switch text {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, fmt.Errorf("%s %s is neither true nor false", o.Name, o.quote(text))
	case Time:
		return o.parseTime(text)
	case Duration:
		d, err := ParseDuration(text)
		if err != nil {
			return nil, fmt.Errorf("%s %s %w", o.Name, o.quote(text), err)
		}
		return d, o.bounds(d.Seconds(), text)
	}
	if strings.ContainsRune(text, 0) {
		return nil, fmt.Errorf("%s holds a NUL character", o.Name)
	}
	if o.Secret {
		return NewSecret(text), nil
	}
	return text, nil
}

func (o *Option) parseTime(text string) (any, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return nil, fmt.Errorf("%s %s is not a time: write 2026-01-31 or 2026-01-31T12:00:00Z", o.Name, o.quote(text))
}

func (o *Option) bounds(v float64, text string) error {
	unit := ""
	if o.Type == Duration {
		unit = " s"
	}
	if v < o.Min || o.Max > 0 && v > o.Max {
		most := "or more"
		if o.Max > 0 {
			most = "to " + strconv.FormatFloat(o.Max, 'f', -1, 64)
		}
		return fmt.Errorf("%s %s is out of range: %s%s %s%s", o.Name, o.quote(text),
			strconv.FormatFloat(o.Min, 'f', -1, 64), unit, most, unit)
	}
	return nil
}

// quote shows a value in an error message, unless it is a secret.
func (o *Option) quote(text string) string {
	if o.Secret {
		return Mask
	}
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return strconv.Quote(text)
}

// ChoiceValues returns the allowed values, empty if all are.
func (o *Option) ChoiceValues() []string {
	out := make([]string, len(o.Choices))
	for i, c := range o.Choices {
		out[i] = c.Value
	}
	return out
}

// Flag is the option's name on the command line.
func (o *Option) Flag() string { return strings.ReplaceAll(o.Name, "_", "-") }

// DefaultText shows the default to people, "" if there is none.
func (o *Option) DefaultText() string {
	switch v := o.Default.(type) {
	case nil:
		return o.DefaultNote
	case time.Duration:
		return FormatDuration(v)
	default:
		return fmt.Sprint(v)
	}
}

// ParseDuration reads a length of time as 500ms, 90s, 5m, 12h, 7d or a sum of
// those. A number without a unit is refused, because seconds and minutes are
// both guessed.
func ParseDuration(text string) (time.Duration, error) {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return 0, fmt.Errorf("has no unit: write %ss or %sm", text, text)
	}
	days, rest, found := strings.Cut(text, "d")
	var total time.Duration
	if found {
		n, err := strconv.ParseInt(days, 10, 32)
		if err != nil || n > 36500 || n < -36500 {
			return 0, errDuration
		}
		total = time.Duration(n) * 24 * time.Hour
		if rest == "" {
			return total, nil
		}
		text = rest
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errDuration
	}
	return total + d, nil
}

var errDuration = fmt.Errorf("is not a length of time: write it like 90s, 5m, 12h or 7d")

// FormatDuration writes a duration the way ParseDuration reads it, shortest
// first: 5m instead of 5m0s.
func FormatDuration(d time.Duration) string {
	if d >= 24*time.Hour && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
