package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/config"
)

// fileFlags are the flags of the commands that read a configuration.
type fileFlags struct {
	path      string
	pipelines []string
}

func (f *fileFlags) add(c *cobra.Command) {
	c.Flags().StringVarP(&f.path, "config", "c", config.FileName, "configuration file")
	c.Flags().StringSliceVarP(&f.pipelines, "pipeline", "p", nil, "pipelines of the file, by default all")
}

func (a *app) runCommand() *cobra.Command {
	var file fileFlags
	var w work
	c := &cobra.Command{
		Use: "run", Short: "run the pipelines of syncline.yaml", Args: cobra.NoArgs,
		Long: `Run the pipelines of syncline.yaml: once, or every interval the file sets until
it is stopped. Ctrl-C lets the batch in hand finish; the next run goes on there.`,
		Example: `  syncline run
  syncline run --once --full --stream payments
  syncline run -c billing.yaml --json`,
		RunE: func(c *cobra.Command, _ []string) error {
			pipelines, err := a.load(&file, needSecrets)
			if err != nil {
				return err
			}
			for _, p := range pipelines {
				if _, err := a.chooseStreams(p, w.streams); err != nil {
					return err
				}
				if w.once && p.Webhooks != nil {
					a.note("pipeline %s: a single run receives no webhooks; leave --once out to listen", p.Name)
				}
			}
			return a.work(c.Context(), pipelines, w)
		},
	}
	file.add(c)
	c.Flags().BoolVar(&w.once, "once", false, "run once even if the file sets an interval")
	c.Flags().BoolVar(&w.full, "full", false, "read everything at the source, whatever the plan says; unchanged rows are not rewritten")
	c.Flags().StringSliceVar(&w.streams, "stream", nil, "only these streams, all for every stream")
	return c
}

// What a command wants of references that have no value.
const (
	needSecrets = true
	anySecrets  = false
)

// load reads the configuration and returns the chosen pipelines. Warnings are
// shown, secrets kept from being shown.
func (a *app) load(f *fileFlags, complete bool) ([]*catalog.Pipeline, error) {
	file, err := config.Load(f.path, a.catalog, a.env)
	if err != nil {
		return nil, err
	}
	for _, w := range file.Warnings {
		a.warnf("%v", w)
	}
	if complete && len(file.Missing) > 0 {
		return nil, file.Missing
	}
	var out []*catalog.Pipeline
	for i := range file.Pipelines {
		a.keepSecrets(&file.Pipelines[i])
	}
	for _, name := range f.pipelines {
		p, err := file.Pipeline(name)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	for i := range file.Pipelines {
		if len(f.pipelines) == 0 {
			out = append(out, &file.Pipelines[i])
		}
	}
	for _, p := range out {
		a.warnOfEnvironment(p)
	}
	return out, nil
}

// chooseStreams returns the named streams of the pipeline's connector, and
// refuses those it does not have.
func (a *app) chooseStreams(p *catalog.Pipeline, streams []string) ([]string, error) {
	con, err := a.catalog.Connector(p.Source.Name)
	if err != nil {
		return nil, usageError{err}
	}
	if streams, err = con.ChooseStreams(streams); err != nil {
		return nil, usageError{err}
	}
	return streams, nil
}

// warnOfEnvironment tells of variables that `syncline sync` would take and a
// file does not: it says by itself all that it means.
func (a *app) warnOfEnvironment(p *catalog.Pipeline) {
	con, err := a.catalog.Connector(p.Source.Name)
	if err != nil {
		return
	}
	for i := range con.Options {
		o := &con.Options[i]
		if o.Secret || o.Env == "" || a.getenv(o.Env) == "" || p.Source.Values.Has(o.Name) {
			continue
		}
		a.warnf("pipeline %s: the environment variable %s is set and not used, because the file has no %s; to use it write %s: ${env:%s} under source",
			p.Name, o.Env, o.Name, o.Name, o.Env)
	}
}

// fileExists tells whether there is a file, without opening it.
func fileExists(path string) bool { _, err := os.Stat(path); return err == nil }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
