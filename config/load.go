package config

import (
	"fmt"
	"os"
	"path/filepath"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
)

// FileName is the name looked for when none is given.
const FileName = "syncline.yaml"

// StateDir is the folder beside the configuration that holds journals and the
// secrets that the guided set-up was given.
const StateDir = ".syncline"

// File is a checked configuration.
type File struct {
	Path      string
	Pipelines []catalog.Pipeline
	// Warnings do not keep a pipeline from running: a secret written out, a
	// secret file that others can read.
	Warnings Problems
	// Missing are references without a value. What they stand for is empty in
	// Pipelines; nothing should be opened while there are any.
	Missing Problems
}

// Load reads and checks a file. env looks up environment variables
// ([os.LookupEnv]). The error is [Problems], or says that there is no file.
func Load(path string, c *catalog.Catalog, env func(string) (string, bool)) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, What: "configuration cannot be read", Err: err,
			Fix: "Run `syncline` without arguments in a terminal to make one, or name the file with -c"}
	}
	f, err := Parse(path, text, c, env)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o077 != 0 && f.hasLiteral() {
		f.Warnings = append(f.Warnings, &syncline.Error{Code: "insecure_permissions", Class: syncline.Permanent, Where: path,
			What: fmt.Sprintf("the file holds a secret and can be read by others (mode %04o)", info.Mode().Perm()),
			Fix:  "Run: chmod 600 " + path})
	}
	return f, nil
}

func (f *File) hasLiteral() bool {
	for _, w := range f.Warnings {
		if w.Code == codeSecretLiteral {
			return true
		}
	}
	return false
}

// Parse checks a configuration's text; path names it in problems, and relative
// paths in it start at path's folder.
func Parse(path string, text []byte, c *catalog.Catalog, env func(string) (string, bool)) (*File, error) {
	r := &report{file: path}
	root := r.parse(text)
	if root == nil {
		return nil, r.problems
	}
	ch := &checker{resolver: resolver{report: r, dir: filepath.Dir(path), env: env}, catalog: c}
	pipelines := ch.root(root)
	if len(r.problems) > 0 {
		return nil, r.sorted()
	}
	return &File{Path: path, Pipelines: pipelines, Warnings: r.warnings, Missing: r.missing}, nil
}

// Pipeline returns the named pipeline, or the only one if name is empty.
func (f *File) Pipeline(name string) (*catalog.Pipeline, error) {
	var names []string
	for i := range f.Pipelines {
		if f.Pipelines[i].Name == name || name == "" && len(f.Pipelines) == 1 {
			return &f.Pipelines[i], nil
		}
		names = append(names, f.Pipelines[i].Name)
	}
	if name == "" {
		return nil, wrong("%s has %d pipelines; name one with --pipeline: %s", f.Path, len(names), names)
	}
	return nil, wrong("%s has no pipeline %q%s; it has %s", f.Path, name, catalog.DidYouMean(name, names), names)
}

func wrong(format string, args ...any) error {
	return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, What: fmt.Sprintf(format, args...)}
}
