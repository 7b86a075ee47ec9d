package rest

import (
	"errors"
	"strings"
	"testing"

	syncline "github.com/synclinehq/syncline"
)

const smallFile = `connector: shop
version: 1
environments:
  main: {base_url: https://shop.example}
secrets:
  token: {title: Token}
auth: {kind: bearer, secret: token}
paging:
  page: {kind: page, number: p, size: n, max_size: 100}
defaults: {paging: page, records: items}
streams:
  orders:
    path: /orders
    get: /orders/${key.id}
    key: [id]
    slice: {field: made, from: since, to: until}
    fields: {id: string, made: time, note: string?}
  lines:
    path: /orders/${parent.id}/lines
    parent: orders
    add: {order_id: parent.id}
    key: [order_id, line]
    fields:
      order_id: string
      line: int64
`

func TestLoad_Small(t *testing.T) {
	c, err := Load("shop.yaml", []byte(smallFile))
	if err != nil {
		t.Fatal(err)
	}
	o := c.Stream("orders")
	if o == nil || len(o.Fields) != 3 || o.Fields[2].Name != "note" || !o.Fields[2].Optional || o.Slice.Unit == 0 || *o.Records != "items" {
		t.Errorf("%+v", o)
	}
	if c.Environment("").BaseURL != "https://shop.example" || c.Limits.Concurrency != 4 {
		t.Errorf("%+v", c)
	}
}

// TestLoad_Mistakes changes the small file and expects the place and the words
// of the error.
func TestLoad_Mistakes(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown setting", "secrets:", "secretz:", `shop.yaml:5:1: unknown setting "secretz". Perhaps "secrets" is meant.`},
		{"unknown nested", "max_size: 100", "maxsize: 100", `shop.yaml:9:42: unknown setting "maxsize". Perhaps "max_size" is meant.`},
		{"far off", "parent: orders", "whatever_this_is: 1", `One of title, note`},
		{"duplicate", "    key: [id]\n", "    key: [id]\n    key: [id]\n", `shop.yaml:16:5: mapping key "key" already defined`},
		{"missing", "connector: shop\n", "", `shop.yaml:1:1: "connector" is missing`},
		{"missing nested", "key: [id]", "title: x", `shop.yaml:13:5: "key" is missing`},
		{"wrong kind", "key: [id]", "key: id", `shop.yaml:15:10: expected a list, found string`},
		{"wrong enum", "kind: page,", "kind: pages,", `shop.yaml:9:16: unknown value "pages". One of page, cursor, none`},
		{"type", "made: time", "made: date-time", `shop.yaml:17:32: unknown type "date-time"`},
		{"number", "max_size: 100", "max_size: many", `shop.yaml:9:52: "many" is not a whole number`},
		{"negative", "max_size: 100", "max_size: -1", `"-1" is not a whole number`},
		{"version", "version: 1", "version: 7", `shop.yaml:2:10: version 7 of the connector language is not known`},
		{"secret", "secret: token", "secret: tokem", `shop.yaml:7:30: secret "tokem" is not declared`},
		{"paging", "paging: page,", "paging: pages,", `paging "pages" is not declared`},
		{"parent", "parent: orders", "parent: order", `shop.yaml:20:13: stream "order" is not declared`},
		{"key field", "key: [id]", "key: [ident]", `shop.yaml:15:10: key member "ident" is not among the fields`},
		{"template", "${key.id}", "${key.name}", `shop.yaml:14:10: ${key.name} refers to nothing`},
		{"open template", "${parent.id}", "${parent.id", `refers to nothing`},
		{"added", "add: {order_id: parent.id}", "add: {order_id: id}", `"id" refers to nothing`},
		{"added member", "add: {order_id: parent.id}", "add: {number: parent.id}", `added member "number" is not among the fields`},
		{"slice field", "field: made", "field: created", `member "created" is not among the fields`},
		{"duration", "until}", "until, unit: soon}", `"soon" is not a duration`},
		{"anchor", "key: [id]", "key: &k [id]", `anchors, aliases and tags are not part`},
		{"window without slice", "    parent: orders\n", "    parent: orders\n    freshness: {window: {every: 1h, age: 1d}}\n", `a window needs a filter by time of creation`},
		{"syntax", "key: [id]", "key: [id", `shop.yaml:`},
		{"name", "connector: shop", "connector: My Shop", `"My Shop" is not a name`},
		{"empty", smallFile, "", `a connector file holds one YAML document`},
		{"two documents", smallFile, "a: 1\n---\nb: 2\n", `a connector file holds one YAML document`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(smallFile, c.old, c.new, 1)
			if text == smallFile {
				t.Fatal("nothing was changed")
			}
			_, err := Load("shop.yaml", []byte(text))
			if err == nil {
				t.Fatal("accepted")
			}
			var e *syncline.Error
			if !errors.As(err, &e) || e.Code != syncline.CodeConfigInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestLoad_ReportsAllMistakes(t *testing.T) {
	text := strings.NewReplacer("secrets:", "secretz:", "kind: page,", "kind: pages,").Replace(smallFile)
	_, err := Load("shop.yaml", []byte(text))
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(smallFile))
	f.Add([]byte("a: [1, {b: c}]\n- x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Load("f.yaml", text)
		if (c == nil) == (err == nil) {
			t.Fatal("neither connector nor error")
		}
	})
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]string{"30d": "30d", "1d12h": "36h0m0s", "24h": "1d", "90s": "1m30s", "0": "0s", "0s": "0s"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if b, _ := d.MarshalText(); string(b) != want {
			t.Errorf("%s: %s", text, b)
		}
	}
	for _, text := range []string{"", "d", "-1h", "1", "1x", "1.5d", "-1d", "99999999d"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q accepted", text)
		}
	}
}
