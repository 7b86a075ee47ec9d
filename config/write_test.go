package config

import (
	"testing"

	"pgregory.net/rapid"
)

// What Render writes, Parse reads as the same texts, whatever is in them.
func TestRenderReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`[ -~]{0,20}`), rapid.StringMatching(`(true|no|~|null|0x1f|1_0|-|\? x|a: b|x #y|\*a|&b|12:30:45)`), rapid.String(),
		).Filter(valid).Draw(t, "text")
		d := Draft{SchemaPath: ".syncline/schema.json",
			Source:      []Setting{{"connector", "dodo"}, {"environment", "test_mode"}, {"api_key", Literal(text)}},
			Destination: []Setting{{"type", "sqlite"}, {"path", "/" + Literal(text)}},
			Streams:     []string{"payments", "refunds"}, Every: "5m"}
		f, err := Parse("f.yaml", d.Render(), testCatalog(), testEnv)
		if err != nil {
			t.Fatalf("%v\n%s", err, d.Render())
		}
		p := f.Pipelines[0]
		if got := p.Source.Values.Text("api_key"); got != text {
			t.Fatalf("%q was read back as %q\n%s", text, got, d.Render())
		}
		if len(p.Streams) != 2 || p.Every() == 0 {
			t.Fatalf("%+v", p)
		}
	})
}

// valid texts can be a value at all: not empty, no NUL, UTF-8 as rapid gives
// it.
func valid(s string) bool {
	for _, r := range s {
		if r == 0 || r == '\uFFFD' {
			return false
		}
	}
	return s != ""
}
