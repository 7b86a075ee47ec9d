package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/catalog"
)

func (a *app) validateCommand() *cobra.Command {
	var file fileFlags
	var connect bool
	c := &cobra.Command{
		Use: "validate", Short: "check syncline.yaml, and with --connect the systems behind it", Args: cobra.NoArgs,
		Example: "  syncline validate\n  syncline validate --connect",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.validateFile(c.Context(), &file, connect)
		},
	}
	file.add(c)
	c.Flags().BoolVar(&connect, "connect", false, "send one request to the source, and look at the database without changing anything")
	return c
}

func (a *app) validateFile(ctx context.Context, file *fileFlags, connect bool) error {
	pipelines, err := a.load(file, needSecrets)
	if err != nil {
		return err
	}
	var failed error
	for _, p := range pipelines {
		if err := a.validate(ctx, p, connect); err != nil && failed == nil {
			failed = shownError{err}
		}
	}
	return failed
}

// check is one line of validate's result.
type check struct {
	Pipeline string `json:"pipeline"`
	Check    string `json:"check"`
	OK       bool   `json:"ok"`
	Detail   string `json:"detail,omitempty"`
}

// validate shows what the pipeline comes to and, if asked, whether both ends
// answer. It goes on after a failure: both ends are worth knowing.
func (a *app) validate(ctx context.Context, p *catalog.Pipeline, connect bool) error {
	a.showCheck(check{p.Name, "configuration", true, describe(p)})
	if !connect {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var failed error
	for _, c := range []struct {
		what string
		try  func() (string, error)
	}{
		{"source", func() (string, error) {
			return "answers and takes the credentials", a.catalog.CheckSource(ctx, p, catalog.Run{Logger: a.logger(), Now: a.now})
		}},
		{"destination", func() (string, error) { return a.checkDestination(ctx, p) }},
		{"journal", func() (string, error) { return a.checkJournal(ctx, p) }},
	} {
		detail, err := c.try()
		if err != nil {
			detail = err.Error()
			if failed == nil {
				failed = err
			}
		}
		a.showCheck(check{p.Name, c.what, err == nil, detail})
	}
	return failed
}

// checkDestination changes nothing in the destination.
func (a *app) checkDestination(ctx context.Context, p *catalog.Pipeline) (string, error) {
	return a.catalog.CheckDestination(ctx, p, a.logger())
}

func (a *app) checkJournal(ctx context.Context, p *catalog.Pipeline) (string, error) {
	if path := p.Journal.Values.Text("path"); path != "" && !fileExists(path) {
		return "will be made at " + tidyPath(path), nil
	}
	j, err := a.catalog.OpenJournal(ctx, p, true, a.logger())
	if err != nil {
		return "", err
	}
	return j.Capabilities().DurabilityNote, j.Close()
}

func (a *app) showCheck(c check) {
	c.Detail = a.line(c.Detail)
	if a.json {
		_ = json.NewEncoder(a.out).Encode(c)
		return
	}
	mark := "ok    "
	if !c.OK {
		mark = "FAILED"
	}
	a.printf("%s  %s: %s: %s\n", mark, c.Pipeline, c.Check, c.Detail)
}

// describe says in a line what a pipeline does.
func describe(p *catalog.Pipeline) string {
	text := p.Source.Name
	if env := p.Source.Values.Text("environment"); env != "" {
		text += " (" + env + ")"
	}
	text += " -> " + p.Destination.Name + " (" + destinationText(p) + "), "
	if n := len(p.Streams); n > 0 {
		text += count(n, "stream")
	} else {
		text += "default streams"
	}
	if every := p.Every(); every > 0 {
		return text + ", every " + catalog.FormatDuration(every)
	}
	return text + ", one run"
}

func destinationText(p *catalog.Pipeline) string {
	if path := p.Destination.Values.Text("path"); path != "" {
		return tidyPath(path)
	}
	return catalog.SafeURI(p.Destination.Values.Text("uri"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if stem, ok := strings.CutSuffix(what, "y"); ok {
		return grouped(n) + " " + stem + "ies"
	}
	return grouped(n) + " " + what + "s"
}
