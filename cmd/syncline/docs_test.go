package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/synclinehq/syncline/all"
	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/config"
)

var update = flag.Bool("update", false, "write the generated parts of the documentation anew")

// TestDocumentationIsCurrent compares the generated parts of the documentation
// with the code: what stands between "<!-- generated: NAME -->" and
// "<!-- end -->".
func TestDocumentationIsCurrent(t *testing.T) {
	a := newApp(all.Catalog(), strings.NewReader(""), io.Discard, io.Discard, func(string) (string, bool) { return "", false })
	generated := map[string]string{
		"commands":   commandDocs(a.rootCommand()),
		"exit codes": exitCodeDocs(),
		"options":    optionDocs(a.catalog),
	}
	for _, name := range []string{"cli.md", "configuration.md"} {
		path := "../../docs/" + name
		have, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := fillIn(t, string(have), generated)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if want != string(have) {
			t.Errorf("docs/%s is not what the code says; run: go test ./cmd/syncline -run TestDocumentation -update", name)
		}
	}
}

// fillIn replaces the generated parts of a document.
func fillIn(t *testing.T, doc string, generated map[string]string) string {
	t.Helper()
	const mark, end = "<!-- generated: ", "<!-- end -->"
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(doc, mark)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, rest, _ := strings.Cut(rest, " -->")
		_, after, closed := strings.Cut(rest, end)
		text, known := generated[name]
		if !closed || !known {
			t.Fatalf("generated part %q is not closed or not known", name)
		}
		b.WriteString(mark + name + " -->\n" + text + end)
		doc = after
	}
}

func commandDocs(root *cobra.Command) string {
	var b strings.Builder
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.HasParent() && !c.Hidden && c.Name() != "help" {
			oneCommand(&b, c)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	b.WriteString("### Flags of every command\n\n")
	flagTable(&b, root.PersistentFlags())
	return b.String()
}

func oneCommand(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "### %s\n\n%s.\n\n", c.CommandPath(), strings.ToUpper(c.Short[:1])+c.Short[1:])
	if c.Long != "" {
		b.WriteString(c.Long + "\n\n")
	}
	fmt.Fprintf(b, "```\n%s\n```\n\n", c.UseLine())
	if c.Example != "" {
		fmt.Fprintf(b, "For example:\n\n```sh\n%s\n```\n\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
	}
	flagTable(b, c.LocalNonPersistentFlags())
}

func flagTable(b *strings.Builder, flags *pflag.FlagSet) {
	rows := 0
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if rows++; rows == 1 {
			b.WriteString("| flag | meaning | default |\n|---|---|---|\n")
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name += ", `-" + f.Shorthand + "`"
		}
		def := f.DefValue
		if def == "[]" || def == "false" || def == "0" || def == "0s" {
			def = ""
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, cell(f.Usage), cell(def))
	})
	if rows > 0 {
		b.WriteString("\n")
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func exitCodeDocs() string {
	var b strings.Builder
	b.WriteString("| code | name | meaning |\n|---|---|---|\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", e.Code, e.Name, e.Meaning)
	}
	return b.String()
}

func optionDocs(c *catalog.Catalog) string {
	var b strings.Builder
	table := func(title string, o catalog.Options) {
		fmt.Fprintf(&b, "### %s\n\n| key | type | meaning | default | example |\n|---|---|---|---|---|\n", title)
		for i := range o {
			optionRow(&b, &o[i])
		}
		b.WriteString("\n")
	}
	table("A pipeline", catalog.PipelineOptions)
	for _, con := range c.Connectors {
		table("source: connector: "+con.Name, con.Options)
		table("A stream of "+con.Name, con.StreamOptions)
	}
	for _, d := range c.Destinations {
		if !d.Soon {
			table("destination: type: "+d.Name, d.Options)
		}
	}
	for _, j := range c.Journals {
		table("journal: type: "+j.Name, j.Options)
	}
	table("webhooks", catalog.WebhookOptions)
	return b.String()
}

func optionRow(b *strings.Builder, o *catalog.Option) {
	help := o.Help
	for i, ch := range o.Choices {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		help += sep + "`" + ch.Value + "`"
		if ch.Help != "" {
			help += " (" + ch.Help + ")"
		}
	}
	kind := string(o.Type)
	if o.Secret {
		kind += ", secret"
	}
	if o.Required {
		kind += ", required"
	}
	def, example := o.DefaultText(), o.Example
	if o.Secret && o.Env != "" {
		example = "${env:" + o.Env + "}"
	}
	if example != "" {
		example = "`" + example + "`"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", o.Name, kind, cell(help), cell(def), cell(example))
}

// TestSchemaIsCurrent holds the checked-in schema to the declared options.
func TestSchemaIsCurrent(t *testing.T) {
	const path = "../../config/syncline.schema.json"
	want, err := config.Schema(all.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, want) {
		t.Errorf("config/syncline.schema.json is not what the options say (%v); run: go test ./cmd/syncline -run TestSchema -update", err)
	}
}
