package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/config"
)

// setup is the guided set-up under way: the questions come from the options
// that the catalogue declares.
type setup struct {
	a   *app
	ask asker
	p   catalog.Pipeline // the answers, ready to be tried
	// draft is the answers as they shall stand in the file; files is what it
	// refers to, by path.
	draft config.Draft
	files map[string]string
}

// setUp asks, tries both ends, writes syncline.yaml and offers to run it.
func (a *app) setUp(ctx context.Context) error {
	s := &setup{a: a, ask: a.newAsker(ctx), files: map[string]string{}}
	a.setPainter(s.ask)
	next, err := s.askAll(ctx)
	a.setPainter(nil)
	s.ask.close()
	if err != nil || next == nil {
		return err
	}
	return next()
}

// askAll asks everything and returns what to do when the terminal is free
// again, nil if nothing.
func (s *setup) askAll(ctx context.Context) (next func() error, err error) {
	if fileExists(config.FileName) {
		return s.existing(ctx)
	}
	return s.fresh(ctx)
}

// Choices of the first question where there is a configuration already.
const (
	doRun     = "run"
	doCheck   = "check"
	doReplace = "replace"
	doQuit    = "quit"
)

func (s *setup) existing(ctx context.Context) (next func() error, err error) {
	what, err := s.ask.choose("There is a "+config.FileName+" here. What shall happen?", []catalog.Choice{
		{Value: doRun, Help: "run it"},
		{Value: doCheck, Help: "check it and connect to both ends"},
		{Value: doReplace, Help: "make a new one; the old one is kept as " + config.FileName + ".old"},
		{Value: doQuit, Help: "leave everything as it is"},
	}, doRun)
	switch {
	case err != nil:
		return nil, err
	case what == doReplace:
		return s.fresh(ctx)
	case what == doQuit:
		return nil, nil
	case what == doRun:
		return func() error { return s.a.runFile(ctx) }, nil
	}
	return func() error { return s.a.validateFile(ctx, &fileFlags{path: config.FileName}, true) }, nil
}

// noAccount is the choice of the source question that leads to the demo.
const noAccount = "demo"

func (s *setup) fresh(ctx context.Context) (next func() error, err error) {
	s.ask.above("Syncline brings business data into your database. A few questions; Ctrl-C leaves at any time.\n")
	con, err := s.source(ctx)
	if err != nil {
		return nil, err
	}
	if con == nil {
		return func() error { return s.a.demo(ctx, demoFlags{objects: demoObjects}) }, nil
	}
	for _, step := range []func() error{
		func() error { return s.destination(ctx) },
		func() error { return s.streams(con) },
		s.every,
		s.write,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s.offerRun(ctx)
}

func (s *setup) said(what, answer string) {
	s.ask.above(s.a.paint(green, "✓") + " " + what + ": " + s.a.line(answer))
}

func (s *setup) source(ctx context.Context) (*catalog.Connector, error) {
	var choices []catalog.Choice
	for _, c := range s.a.catalog.Connectors {
		choices = append(choices, catalog.Choice{Value: c.Name, Help: c.Title})
	}
	choices = append(choices, catalog.Choice{Value: noAccount, Help: "look at it first, without an account or a server"})
	name, err := s.ask.choose("Where do the records come from?", choices, choices[0].Value)
	if err != nil || name == noAccount {
		return nil, err
	}
	con, err := s.a.catalog.Connector(name)
	if err != nil {
		return nil, err
	}
	s.p.Name = con.Name
	s.said("Source", con.Title)
	for {
		s.p.Source, s.draft.Source = catalog.Part{Name: con.Name, Values: catalog.Values{}}, []config.Setting{{Key: "connector", Value: con.Name}}
		if err := s.options(con.Name, con.Options, s.p.Source.Values, &s.draft.Source); err != nil {
			return nil, err
		}
		again, err := s.try("source", func(ctx context.Context) error {
			return s.a.catalog.CheckSource(ctx, &s.p, catalog.Run{Logger: s.a.logger(), Now: s.a.now})
		}, ctx)
		if err != nil || !again {
			return con, err
		}
	}
}

func (s *setup) destination(ctx context.Context) error {
	var choices []catalog.Choice
	for _, d := range s.a.catalog.Destinations {
		if !d.Soon {
			choices = append(choices, catalog.Choice{Value: d.Name, Help: d.Help})
		}
	}
	name, err := s.ask.choose("Where shall they land?", choices, choices[0].Value)
	if err != nil {
		return err
	}
	d, err := s.a.catalog.Destination(name)
	if err != nil {
		return err
	}
	for {
		s.p.Destination, s.draft.Destination = catalog.Part{Name: d.Name, Values: catalog.Values{}}, []config.Setting{{Key: "type", Value: d.Name}}
		if err := s.options(d.Name, d.Options, s.p.Destination.Values, &s.draft.Destination); err != nil {
			return err
		}
		again, err := s.try("destination", func(ctx context.Context) error {
			_, err := s.a.checkDestination(ctx, &s.p)
			return err
		}, ctx)
		if err != nil || !again {
			return err
		}
	}
}

// try shows whether one end works; if not, the person may answer again, keep
// the answers all the same, or leave.
func (s *setup) try(what string, check func(context.Context) error, ctx context.Context) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	s.ask.above("  trying the " + what + " …")
	if err = check(ctx); err == nil {
		s.said("Connection", what+" works")
		return false, nil
	}
	s.ask.above(s.a.paint(red, "✗") + " " + s.a.line(err.Error()))
	next, err := s.ask.choose("That did not work. And now?", []catalog.Choice{
		{Value: "again", Help: "answer again"}, {Value: "keep", Help: "keep it, I will see to it later"},
	}, "again")
	return next == "again", err
}

// options asks for every option with a question.
func (s *setup) options(of string, o catalog.Options, values catalog.Values, draft *[]config.Setting) error {
	for i := range o {
		opt := &o[i]
		if opt.Title == "" {
			// Not asked, but honoured where the environment sets it.
			if text := s.a.getenv(opt.Env); opt.Env != "" && text != "" && !opt.Secret {
				if err := values.Set(o, opt.Name, text); err != nil {
					return usagef("environment variable %s: %w", opt.Env, err)
				}
				*draft = append(*draft, config.Setting{Key: opt.Name, Value: config.Literal(text)})
				s.said(opt.Name, text+" (from "+opt.Env+")")
			}
			continue
		}
		written, text, err := s.option(of, opt)
		if err != nil {
			return err
		}
		if err := values.Set(o, opt.Name, text); err != nil {
			return err
		}
		*draft = append(*draft, config.Setting{Key: opt.Name, Value: written})
	}
	return nil
}

// option asks for one value and returns it as it shall stand in the file and
// as it is.
func (s *setup) option(of string, o *catalog.Option) (written, text string, err error) {
	switch {
	case len(o.Choices) > 0:
		def := o.DefaultText()
		if def == "" {
			def = o.Choices[0].Value
		}
		text, err = s.ask.choose(o.Title, o.Choices, def)
	case o.Secret:
		return s.secret(of, o)
	default:
		def := o.DefaultText()
		if def == "" {
			def = o.Example
		}
		text, err = s.ask.text(o.Title, def, func(t string) error { _, err := o.Parse(t); return err })
	}
	if err == nil {
		s.said(o.Name, text)
	}
	return config.Literal(text), text, err
}

// secret takes a secret from its environment variable or asks for it, in which
// case it goes to a file of its own that only the user can read.
func (s *setup) secret(of string, o *catalog.Option) (written, text string, err error) {
	if now := s.a.getenv(o.Env); o.Env != "" && now != "" {
		use, err := s.ask.confirm(o.Title+" $"+o.Env+" is set. Use it from there?", true)
		if err != nil {
			return "", "", err
		}
		if use {
			s.a.keepSecret(catalog.Sensitive(now)...)
			s.said(o.Name, "from the environment variable "+o.Env)
			return "${env:" + o.Env + "}", now, nil
		}
	}
	if o.Type == catalog.URI {
		text, err = s.ask.text(o.Title, o.Example, func(t string) error { _, err := o.Parse(t); return err })
	} else {
		text, err = s.ask.secret(o.Title)
	}
	if err != nil {
		return "", "", err
	}
	sensitive := catalog.Sensitive(text)
	s.a.keepSecret(sensitive...)
	if len(sensitive) == 0 {
		s.said(o.Name, text)
		return config.Literal(text), text, nil
	}
	path := filepath.Join(config.StateDir, "secrets", of+"_"+o.Name)
	s.files[path] = text
	s.said(o.Name, "kept in "+path+", readable by you alone")
	return "${file:" + path + "}", text, nil
}

func (s *setup) streams(con *catalog.Connector) error {
	infos, err := con.Streams()
	if err != nil {
		return err
	}
	var choices []catalog.Choice
	var def []string
	for _, i := range infos {
		choices = append(choices, catalog.Choice{Value: i.Name, Help: i.Staleness})
		if i.Default {
			def = append(def, i.Name)
		}
	}
	if s.draft.Streams, err = s.ask.several("Which streams?", choices, def); err != nil {
		return err
	}
	s.said("Streams", fmt.Sprint(s.draft.Streams))
	return nil
}

const justOnce = "once"

func (s *setup) every() error {
	answer, err := s.ask.choose("How often?", []catalog.Choice{
		{Value: "1m", Help: "every minute"}, {Value: "5m", Help: "every five minutes"}, {Value: "15m", Help: "every quarter of an hour"},
		{Value: "1h", Help: "every hour"}, {Value: "1d", Help: "every day"}, {Value: justOnce, Help: "once per start, for cron and the like"},
	}, "5m")
	if err != nil {
		return err
	}
	if answer != justOnce {
		s.draft.Every = answer
	}
	s.said("Interval", answer)
	return nil
}

// write writes the file, what it refers to, and the schema that lets editors
// complete it; then reads it back, so that it is known to need no edit.
func (s *setup) write() error {
	if err := catalog.PrivateDir(config.StateDir); err != nil {
		return err
	}
	for path, text := range s.files {
		if err := writePrivate(path, []byte(text+"\n")); err != nil {
			return err
		}
	}
	schema, err := config.Schema(s.a.catalog)
	if err != nil {
		return err
	}
	s.draft.SchemaPath = filepath.Join(config.StateDir, "schema.json")
	if err := writePrivate(s.draft.SchemaPath, schema); err != nil {
		return err
	}
	if fileExists(config.FileName) {
		if err := os.Rename(config.FileName, config.FileName+".old"); err != nil {
			return err
		}
	}
	if err := writePrivate(config.FileName, s.draft.Render()); err != nil {
		return err
	}
	if _, err := config.Load(config.FileName, s.a.catalog, s.a.env); err != nil {
		return fmt.Errorf("the written %s does not read back; please report this: %w", config.FileName, err)
	}
	s.ask.above("\n" + config.FileName + " written; it needs no edit.")
	return nil
}

// writePrivate writes a file that only its owner can read, replacing one of
// that name, and makes its folder.
func writePrivate(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // one left over might be readable by others
	}
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// offerRun asks whether to run what was written. Leaving here is no failure:
// the file is there.
func (s *setup) offerRun(ctx context.Context) (next func() error, err error) {
	yes, err := s.ask.confirm("Run it now?", true)
	if errors.Is(err, errAborted) {
		yes, err = false, nil
	}
	if err != nil {
		return nil, err
	}
	if !yes {
		s.ask.above("Later: syncline run")
		return nil, nil
	}
	return func() error { return s.a.runFile(ctx) }, nil
}

func (a *app) runFile(ctx context.Context) error {
	pipelines, err := a.load(&fileFlags{path: config.FileName}, needSecrets)
	if err != nil {
		return err
	}
	return a.work(ctx, pipelines, work{})
}
