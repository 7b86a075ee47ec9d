package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
)

// testCatalog has what the checks need, without the real connectors.
func testCatalog() *catalog.Catalog {
	streams := func() ([]catalog.StreamInfo, error) {
		return []catalog.StreamInfo{{Name: "payments", Default: true}, {Name: "customers", Default: true}, {Name: "refunds"}}, nil
	}
	return &catalog.Catalog{
		Connectors: []catalog.Connector{{Name: "dodo", Title: "Dodo", Help: "Dodo", Webhooks: true, Streams: streams,
			Options: catalog.Options{
				{Name: "environment", Type: catalog.Text, Required: true, Help: "environment", Choices: []catalog.Choice{{Value: "test_mode"}, {Value: "live_mode"}}},
				{Name: "api_key", Type: catalog.Text, Secret: true, Required: true, Env: "DODO_PAYMENTS_API_KEY", Help: "key"},
				{Name: "rate_limit", Type: catalog.Number, Min: 0.01, Help: "rate"},
			},
			StreamOptions: catalog.Options{{Name: "detail", Type: catalog.Bool, Help: "detail"}, {Name: "sweep", Type: catalog.Duration, Help: "sweep"}},
		}},
		Destinations: []catalog.Destination{
			{Name: "sqlite", Title: "SQLite", Help: "file", Options: catalog.Options{{Name: "path", Type: catalog.Path, Required: true, Help: "file"}}},
			{Name: "postgres", Title: "PostgreSQL", Help: "server", Options: catalog.Options{{Name: "uri", Type: catalog.URI, Secret: true, Required: true, Env: "DATABASE_URL", Help: "uri"}}},
			{Name: "mysql", Title: "MySQL", Soon: true},
		},
		Journals: []catalog.Journal{{Name: "sqlite", Title: "SQLite", Help: "file", Options: catalog.Options{{Name: "path", Type: catalog.Path, Help: "file"}}}},
	}
}

func testEnv(name string) (string, bool) {
	v, ok := map[string]string{"KEY": "key-from-env", "EMPTY": "", "DATABASE_URL": "postgres://u:pw-from-env@h/d", "RATE": "2.5"}[name]
	return v, ok
}

const good = `
source: {connector: dodo, environment: test_mode, api_key: "${env:KEY}", rate_limit: "${env:RATE}"}
destination:
  type: sqlite
  path: data/out.db
streams:
  - payments
  - {name: refunds, detail: true, sweep: 12h}
every: 5m
webhooks: {secret: "${env:KEY}"}
`

func parse(t *testing.T, text string) (*File, error) {
	t.Helper()
	return Parse("/etc/syncline/syncline.yaml", []byte(text), testCatalog(), testEnv)
}

func TestGoodFile(t *testing.T) {
	f, err := parse(t, good)
	if err != nil {
		t.Fatal(err)
	}
	p := f.Pipelines[0]
	checks := map[string]bool{
		"name":         p.Name == "dodo",
		"key":          p.Source.Values.Text("api_key") == "key-from-env",
		"rate":         p.Source.Values.Number("rate_limit") == 2.5,
		"path":         p.Destination.Values.Text("path") == "/etc/syncline/data/out.db",
		"journal":      p.Journal.Values.Text("path") == "/etc/syncline/.syncline/dodo.journal.db",
		"every":        p.Every() == 5*time.Minute,
		"streams":      len(p.Streams) == 2 && p.Streams[1].Values.Bool("detail") && p.Streams[1].Values.Duration("sweep") == 12*time.Hour,
		"listen":       p.Webhooks.Text("listen") == "127.0.0.1:8787",
		"layout":       p.Settings.Text("layout") == "columns",
		"no warnings":  len(f.Warnings) == 0,
		"nothing miss": len(f.Missing) == 0,
	}
	for what, ok := range checks {
		if !ok {
			t.Errorf("%s is wrong: %+v", what, p)
		}
	}
}

// H-63: each mistake is found with its place and, for a name, the name meant.
func TestBadFiles(t *testing.T) {
	source := "source: {connector: dodo, environment: test_mode, api_key: \"${env:KEY}\"}\n"
	dest := "destination: {type: sqlite, path: x.db}\n"
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":        {source + "destnation: {type: sqlite}\n", `f.yaml:2:1: unknown key "destnation" in a pipeline (did you mean "destination"?)`},
		"unknown option":     {strings.Replace(source, "api_key", "apikey", 1) + dest, `f.yaml:1:51: unknown key "apikey" in source (did you mean "api_key"?)`},
		"duplicate key":      {source + dest + "every: 5m\nevery: 6m\n", `f.yaml:4:1: key "every" stands here a second time; first in line 3`},
		"duplicate in flow":  {source + "destination: {type: sqlite, path: a, path: b}\n", `f.yaml:2:38: key "path" stands here a second time`},
		"no destination":     {source, `destination is missing`},
		"no connector":       {"source: {environment: test_mode}\n" + dest, `source has no connector`},
		"unknown connector":  {strings.Replace(source, "dodo", "doodo", 1) + dest, `f.yaml:1:21: unknown connector "doodo" (did you mean "dodo"?)`},
		"unknown type":       {source + "destination: {type: postgre, path: x}\n", `(did you mean "postgres"?)`},
		"soon":               {source + "destination: {type: mysql}\n", `MySQL is not built yet`},
		"bad environment":    {strings.Replace(source, "test_mode", "test", 1) + dest, `environment "test" is not one of test_mode, live_mode`},
		"unknown stream":     {source + dest + "streams: [payments, custmers]\n", `f.yaml:3:21: unknown stream "custmers" of dodo (did you mean "customers"?)`},
		"stream twice":       {source + dest + "streams: [payments, payments]\n", `stream payments is listed twice`},
		"streams empty":      {source + dest + "streams: []\n", `streams is empty`},
		"stream option":      {source + dest + "streams: [{name: payments, detial: true}]\n", `(did you mean "detail"?)`},
		"interval unit":      {source + dest + "every: 300\n", `f.yaml:3:8: every "300" has no unit: write 300s or 300m`},
		"interval list":      {source + dest + "every: [5m]\n", `every must be a single value, it is a list`},
		"list at top":        {"- a\n- b\n", `the configuration must be a mapping, it is a list`},
		"empty":              {"# nothing\n", `the file is empty`},
		"second document":    {source + dest + "---\n" + source, `second document`},
		"unquoted":           {"source: {connector: dodo, api_key: ${env:KEY}}\n" + dest, `f.yaml:1:37: not YAML: ',' or '}' must be specified; inside { } a reference needs quotes`},
		"syntax":             {source + "destination: {type: sqlite\n", `f.yaml:`},
		"tab":                {"source:\n\tconnector: dodo\n", `not YAML`},
		"bad reference":      {source + "destination: {type: sqlite, path: \"${vault:x}\"}\n", `a reference is ${env:NAME} or ${file:PATH}`},
		"open reference":     {source + "destination: {type: sqlite, path: \"${env:X\"}\n", `a reference is not closed`},
		"unknown alias":      {source + "destination: *d\n", `alias *d stands for nothing`},
		"loop":               {source + dest + "streams: &a [*a]\n", `alias *a stands for nothing`},
		"both forms":         {"pipelines: {a: {}}\n" + source + dest, `unknown key "source" in the configuration`},
		"pipeline name":      {"pipelines:\n  \"a/../b\": {}\n", `pipeline name "a/../b" may have`},
		"name":               {source + dest + "name: A B\n", `pipeline name "A B" may have`},
		"pipelines empty":    {"pipelines: {}\n", `pipelines is empty`},
		"one journal":        {"pipelines:\n  a: {source: &s {connector: dodo, environment: test_mode, api_key: \"${env:KEY}\"}, destination: &d {type: sqlite, path: x}, journal: {path: j}}\n  b: {source: *s, destination: *d, journal: {path: j}}\n", `pipelines a and b have the same journal`},
		"webhooks no secret": {source + dest + "webhooks: {listen: \"127.0.0.1:1\"}\n", `webhooks: secret missing`},
		"webhooks, no every": {source + dest + "webhooks: {secret: \"${env:KEY}\"}\n", `f.yaml:3:1: webhooks need every`},
		"too large":          {strings.Repeat("#", maxBytes+1), `more than the`},
		"too deep":           {"a: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), `deeper than 32`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(c.text), testCatalog(), testEnv)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if syncline.CodeOf(err) != syncline.CodeConfigInvalid {
				t.Errorf("code %q", syncline.CodeOf(err))
			}
		})
	}
}

func TestAliasesAreLimited(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		n, m := string(rune('0'+i)), string(rune('0'+i-1))
		b.WriteString("a" + n + ": &a" + n + " [" + strings.TrimSuffix(strings.Repeat("*a"+m+", ", 10), ", ") + "]\n")
	}
	start := time.Now()
	_, err := parse(t, b.String())
	if err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("an alias bomb gives %v", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestMergeKeysAndAliases(t *testing.T) {
	f, err := parse(t, `
pipelines:
  a: &base
    source: {connector: dodo, environment: test_mode, api_key: "${env:KEY}"}
    destination: {type: sqlite, path: a.db}
    every: 5m
  b:
    <<: *base
    every: 1h
`)
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Pipeline("b")
	if err != nil || b.Every() != time.Hour || b.Source.Name != "dodo" {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := f.Pipeline("bb"); err == nil || !strings.Contains(err.Error(), `did you mean "b"?`) {
		t.Errorf("error %v", err)
	}
}

// H-60, H-61: a secret written out is warned of and shown nowhere.
func TestLiteralSecretsWarnAndStayHidden(t *testing.T) {
	const canary = "dp_live_canary"
	text := "source: {connector: dodo, environment: live_mode, api_key: " + canary + "}\n" +
		"destination: {type: postgres, uri: \"postgres://u:canary-password@h/d\"}\n"
	f, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Warnings) != 2 || !strings.Contains(f.Warnings.Error(), "syncline.yaml:1:60: api_key is written out in the file. Write ${env:DODO_PAYMENTS_API_KEY}") {
		t.Errorf("warnings: %v", f.Warnings)
	}
	if strings.Contains(f.Warnings.Error(), "canary") {
		t.Error("a warning shows the secret")
	}
	// A mistake next to it must not show it either, nor must the parser.
	for _, broken := range []string{text + "evry: 5m\n", strings.Replace(text, "}", "", 1), text + "\t" + canary + ": x\n: :\n", strings.Replace(text, "live_mode", canary, 1)[:0] + text + "source: x\n"} {
		if _, err := parse(t, broken); err == nil {
			t.Error("a broken file was taken")
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
	if f, err := parse(t, strings.Replace(text, "u:canary-password@", "u@", 1)); err != nil || len(f.Warnings) != 1 {
		t.Errorf("a URI without password warns: %v, %v", f.Warnings, err)
	}
}

func TestReferences(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "syncline.yaml")
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("key", "from-file\n", 0o600)
	write("open", "from-file", 0o644)
	write("empty", "\n", 0o600)
	load := func(ref string) (*File, error) {
		t.Helper()
		write("syncline.yaml", "source: {connector: dodo, environment: test_mode, api_key: \""+ref+"\"}\ndestination: {type: sqlite, path: x}\n", 0o600)
		return Load(path, testCatalog(), testEnv)
	}
	for ref, want := range map[string]string{
		"${file:key}": "from-file", "${file:" + dir + "/key}": "from-file", "${env:KEY}": "key-from-env",
		"a-${env:KEY}-${file:key}": "a-key-from-env-from-file", "$${env:KEY}": "${env:KEY}",
	} {
		f, err := load(ref)
		if err != nil || f.Pipelines[0].Source.Values.Text("api_key") != want {
			t.Errorf("%s: %v, %v", ref, f, err)
		}
	}
	for ref, want := range map[string]string{
		"${env:NONE}": "environment variable NONE is not set", "${env:EMPTY}": "NONE"[:0] + "environment variable EMPTY is empty",
		"${file:none}": "secret file cannot be read", "${file:empty}": "secret file empty is empty",
	} {
		f, err := load(ref)
		if err != nil || len(f.Missing) != 1 || !strings.Contains(f.Missing.Error(), want) || !strings.Contains(f.Missing.Error(), "syncline.yaml:1:") {
			t.Errorf("%s: %+v, %v", ref, f, err)
		}
	}
	if f, err := load("${file:open}"); err != nil || len(f.Warnings) != 1 || f.Warnings[0].Code != "insecure_permissions" {
		t.Errorf("a secret file others can read: %+v, %v", f, err)
	}
}

func TestLoadWarnsOfReadableSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "syncline.yaml")
	text := "source: {connector: dodo, environment: test_mode, api_key: literal-key}\ndestination: {type: sqlite, path: x}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Load(path, testCatalog(), testEnv)
	if err != nil || len(f.Warnings) != 2 || f.Warnings[1].Code != "insecure_permissions" {
		t.Errorf("%+v, %v", f, err)
	}
	_, err = Load(path+".none", testCatalog(), testEnv)
	if err == nil || !errors.Is(err, os.ErrNotExist) || syncline.CodeOf(err) != syncline.CodeConfigInvalid {
		t.Errorf("no file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("pipelines: {a: &x {source: *x}}")
	f.Add("a: [[[[{b: !!str 1}]]]]")
	f.Add("? x\n: y\n")
	f.Add("a: |\n  ${env:KEY}\n<<: {b: 1}\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("f.yaml", []byte(text), testCatalog(), testEnv)
		if (file == nil) == (err == nil) {
			t.Fatalf("%v, %v", file, err)
		}
		if err != nil && syncline.CodeOf(err) != syncline.CodeConfigInvalid {
			t.Fatalf("code %q of %v", syncline.CodeOf(err), err)
		}
		if err != nil && strings.Contains(err.Error(), "key-from-env") {
			t.Fatalf("the error shows a value of the environment: %v", err)
		}
	})
}
