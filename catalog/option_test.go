package catalog

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestOptionParse(t *testing.T) {
	text := Option{Name: "o", Type: Text}
	integer := Option{Name: "o", Type: Integer, Min: 1, Max: 9}
	number := Option{Name: "o", Type: Number, Min: 0.5}
	duration := Option{Name: "o", Type: Duration, Min: 1}
	truth := Option{Name: "o", Type: Bool}
	choice := Option{Name: "o", Type: Text, Choices: []Choice{{"test_mode", ""}, {"live_mode", ""}}}
	secret := Option{Name: "o", Type: Integer, Secret: true}
	for _, c := range []struct {
		option Option
		in     string
		want   any
		err    string
	}{
		{text, "x", "x", ""},
		{text, "a\x00b", nil, "NUL"},
		{integer, "9", 9, ""},
		{integer, "10", nil, "out of range: 1 to 9"},
		{integer, "1.5", nil, "not a whole number"},
		{integer, "99999999999999999999", nil, "not a whole number"},
		{number, "0.5", 0.5, ""},
		{number, "0.4", nil, "0.5 or more"},
		{number, "NaN", nil, "not a number"},
		{number, "1e999", nil, "not a number"},
		{duration, "90s", 90 * time.Second, ""},
		{duration, "1d12h", 36 * time.Hour, ""},
		{duration, "300", nil, "no unit: write 300s or 300m"},
		{duration, "5 minutes", nil, "write it like 90s"},
		{duration, "-5m", nil, "out of range"},
		{duration, "99999999999d", nil, "write it like"},
		{truth, "true", true, ""},
		{truth, "yes", nil, "neither true nor false"},
		{choice, "live_mode", "live_mode", ""},
		{choice, "live", nil, `did you mean "live_mode"?`},
		{secret, "hunter2", nil, "*** is not a whole number"},
	} {
		got, err := c.option.Parse(c.in)
		switch {
		case c.err == "" && (err != nil || got != c.want):
			t.Errorf("%s %q = %v, %v; want %v", c.option.Type, c.in, got, err, c.want)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s %q: error %v, want one with %q", c.option.Type, c.in, err, c.err)
		}
	}
}

func TestDurationsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(1000*24*time.Hour)).Draw(t, "d"))
		if rapid.Bool().Draw(t, "whole") {
			d = d.Truncate(time.Hour)
		}
		text := FormatDuration(d)
		if got, err := ParseDuration(text); d > 0 && (err != nil || got != d) {
			t.Fatalf("%v is written %q and read back as %v, %v", d, text, got, err)
		}
	})
}

func TestNearest(t *testing.T) {
	names := []string{"payments", "customers", "subscriptions", "license_keys", "destination", "rate_limit"}
	for in, want := range map[string]string{
		"paymnets": "payments", "Payment": "payments", "licensekeys": "license_keys", "licence_keys": "license_keys",
		"rate-limit": "rate_limit", "desstination": "destination", "zebra": "", "": "", "x": "",
	} {
		if got := Nearest(in, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCompleteNamesWhatIsMissing(t *testing.T) {
	o := Options{{Name: "a", Required: true}, {Name: "b", Default: 5}, {Name: "c", Required: true}}
	if _, err := (Values{}).Complete(o); err == nil || err.Error() != "a, c missing" {
		t.Errorf("error %v", err)
	}
	v, err := Values{"a": "x", "c": nil}.Complete(o)
	if err != nil || v.Int("b") != 5 || v.Text("a") != "x" {
		t.Errorf("%v, %v", v, err)
	}
}
