// Package docs_test keeps the documentation true: links lead somewhere, commands and configurations are accepted by the
// program itself, and lists are complete.
package docs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/synclinehq/syncline/source/rest"
)

// binary is the program, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "syncline-docs")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "syncline")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/syncline").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// call runs the program without anything of the user's environment.
func call(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, args...)
	c.Dir = t.TempDir()
	c.Env = append(env, "HOME="+c.Dir, "NO_COLOR=1")
	out, err := c.CombinedOutput()
	return string(out), err
}

// document is a page: its text outside of code, and its blocks of code.
type document struct {
	path   string
	prose  string
	blocks []block
}

type block struct {
	line       int
	lang, text string
}

func documents(t *testing.T) []document {
	t.Helper()
	paths, err := filepath.Glob("../README*.md")
	if err != nil {
		t.Fatal(err)
	}
	paths = append(paths, "../CONTRIBUTING.md")
	err = filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []document
	for _, path := range paths {
		out = append(out, read(t, path))
	}
	return out
}

func read(t *testing.T, path string) document {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := document{path: path}
	var prose, code strings.Builder
	indent, open := "", false
	for i, line := range strings.Split(string(text), "\n") {
		before, lang, fence := strings.Cut(line, "```")
		switch {
		case fence && strings.TrimSpace(before) == "" && !open:
			open, indent = true, before
			d.blocks = append(d.blocks, block{line: i + 1, lang: lang})
			code.Reset()
		case fence && open:
			open = false
			d.blocks[len(d.blocks)-1].text = code.String()
		case open:
			code.WriteString(strings.TrimPrefix(line, indent) + "\n")
		default:
			prose.WriteString(line + "\n")
		}
	}
	if open {
		t.Errorf("%s: a block of code is not closed", path)
	}
	d.prose = prose.String()
	return d
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinks(t *testing.T) {
	for _, d := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(d.prose, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			path := d.path
			if file != "" {
				path = filepath.Join(filepath.Dir(d.path), file)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: link to %s: no such file", d.path, m[1])
			} else if anchor != "" && !slices.Contains(anchors(read(t, path).prose), anchor) {
				t.Errorf("%s: link to %s: no such heading", d.path, m[1])
			}
		}
	}
}

// anchors returns the names that the headings of a page get.
func anchors(prose string) []string {
	var out []string
	for _, line := range strings.Split(prose, "\n") {
		title := strings.TrimLeft(line, "#")
		if len(title) == len(line) || !strings.HasPrefix(title, " ") {
			continue
		}
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsNumber(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title))
		base := name
		for n := 1; slices.Contains(out, name); n++ {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		out = append(out, name)
	}
	return out
}

// TestCommands asks the program about each command that stands in a block of
// sh: with --help it checks command, flags and the form of their values, and
// does nothing.
func TestCommands(t *testing.T) {
	for _, d := range documents(t) {
		for _, b := range d.blocks {
			if b.lang != "sh" {
				continue
			}
			for _, line := range strings.Split(strings.ReplaceAll(b.text, "\\\n", " "), "\n") {
				if words := splitWords(line); len(words) > 1 && words[0] == "syncline" {
					checkCommand(t, fmt.Sprintf("%s:%d: %s", d.path, b.line, line), words[1:])
				}
			}
		}
	}
}

func checkCommand(t *testing.T, where string, words []string) {
	t.Helper()
	out, err := call(t, nil, append(words, "--help")...)
	if err != nil {
		t.Errorf("%s\n%s", where, out)
		return
	}
	_, usage, _ := strings.Cut(out, "Usage:\n  syncline ")
	if !strings.HasPrefix(words[0], "-") && !strings.HasPrefix(usage, words[0]+" ") || strings.Contains(out, "Available Commands:") {
		t.Errorf("%s: no such command", where)
	}
}

// splitWords splits a line as a shell does, without expanding anything, up to a
// comment, a pipe or a redirection.
func splitWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, begun := rune(0), false
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case quote == 0 && unicode.IsSpace(r):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		case quote == 0 && !begun && strings.ContainsRune("#|>;&", r):
			return words
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	return words
}

var (
	envRef  = regexp.MustCompile(`\$\{env:(\w+)\}`)
	fileRef = regexp.MustCompile(`\$\{file:[^}]+\}`)
)

// TestConfigurations validates each block of YAML that is a whole syncline.yaml,
// and loads each that is a connector.
func TestConfigurations(t *testing.T) {
	configs, connectors := 0, 0
	for _, d := range documents(t) {
		for _, b := range d.blocks {
			where := fmt.Sprintf("%s:%d", d.path, b.line)
			top := "\n" + b.text
			switch {
			case b.lang != "yaml":
			case strings.Contains(top, "\nconnector:"):
				connectors++
				if _, err := rest.Load(where, []byte(b.text)); err != nil {
					t.Error(err)
				}
			case strings.Contains(top, "\npipelines:"), strings.Contains(top, "\nsource:") && strings.Contains(top, "\ndestination:"):
				configs++
				validate(t, where, b.text)
			}
		}
	}
	if configs < 5 || connectors < 1 {
		t.Errorf("%d configurations and %d connectors found: the search is broken", configs, connectors)
	}
}

func validate(t *testing.T, where, text string) {
	t.Helper()
	dir := t.TempDir()
	secret, path := filepath.Join(dir, "secret"), filepath.Join(dir, "syncline.yaml")
	text = fileRef.ReplaceAllLiteralString(text, "${file:"+secret+"}")
	var env []string
	for _, m := range envRef.FindAllStringSubmatch(text, -1) {
		value := "a-value-of-some-length"
		if m[1] == "DATABASE_URL" {
			value = "postgres://u:" + value + "@127.0.0.1/d"
		}
		env = append(env, m[1]+"="+value)
	}
	for file, content := range map[string]string{secret: "from-a-file", path: text} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := call(t, env, "validate", "-c", path); err != nil {
		t.Errorf("%s: %s", where, out)
	}
}

// TestStreamsAreListed: the pages about Dodo name every stream.
func TestStreamsAreListed(t *testing.T) {
	c := exec.CommandContext(t.Context(), binary, "streams", "--json", "dodo")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); names++ {
		var s struct{ Name string }
		if err := dec.Decode(&s); err != nil {
			t.Fatal(err)
		}
		for _, page := range []string{"dodo.md", "zh-CN/dodo.md"} {
			if !strings.Contains(read(t, page).prose, "`"+s.Name+"`") {
				t.Errorf("%s does not name stream %s", page, s.Name)
			}
		}
	}
	for _, page := range []string{"../README.md", "../README.zh-CN.md", "dodo.md", "zh-CN/dodo.md"} {
		if want := fmt.Sprint(names); !strings.Contains(read(t, page).prose, want) {
			t.Errorf("%s does not say that there are %s streams", page, want)
		}
	}
}

var tableRow = regexp.MustCompile("(?m)^\\| (`[^`]+`|[0-9]+)")

// TestTranslationsAreComplete: what the English tables name is in the Chinese
// page as well.
func TestTranslationsAreComplete(t *testing.T) {
	for _, name := range []string{"cli.md", "configuration.md"} {
		translated := read(t, "zh-CN/"+name).prose
		for _, m := range tableRow.FindAllStringSubmatch(read(t, name).prose, -1) {
			if !strings.Contains(translated, m[1]) {
				t.Errorf("zh-CN/%s has nothing about %s", name, m[1])
			}
		}
	}
}
