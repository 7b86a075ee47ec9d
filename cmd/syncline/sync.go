package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
)

// syncCommand has a subcommand for each connector, with a flag for each of its
// options.
func (a *app) syncCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "sync CONNECTOR --to URI", Short: "run a pipeline given on the command line, without a file",
		Example: `  export DODO_PAYMENTS_API_KEY=...
  syncline sync dodo --to sqlite:./dodo.db --env test_mode
  syncline sync dodo --to postgres://me@localhost/shop --env live_mode --streams payments,customers --every 5m`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name the connector, for example: syncline sync dodo --to sqlite:./dodo.db")
			}
			_, err := a.catalog.Connector(args[0])
			return err
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	// What follows an unknown connector is not this command's business.
	c.FParseErrWhitelist.UnknownFlags = true
	for i := range a.catalog.Connectors {
		c.AddCommand(a.syncConnector(&a.catalog.Connectors[i]))
	}
	return c
}

func (a *app) syncConnector(con *catalog.Connector) *cobra.Command {
	var to, name, journal string
	var streams []string
	var w work
	c := &cobra.Command{
		Use: con.Name, Short: con.Help, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p := &catalog.Pipeline{Name: name}
			var err error
			if p.Settings, err = a.optionValues(c.Flags(), catalog.PipelineOptions); err != nil {
				return err
			}
			if p.Settings, err = p.Settings.Complete(catalog.PipelineOptions); err != nil {
				return err
			}
			if p.Source, err = a.sourceFromFlags(c, con); err != nil {
				return err
			}
			if p.Destination, err = a.destinationFrom(to, "--to"); err != nil {
				return err
			}
			if streams, err = con.ChooseStreams(streams); err != nil {
				return usageError{err}
			}
			for _, s := range streams {
				p.Streams = append(p.Streams, catalog.StreamChoice{Name: s})
			}
			return a.workAlone(c.Context(), p, journal, w)
		},
	}
	c.Flags().StringVar(&to, "to", "", "where to: postgres://…, sqlite:FILE or a file name; default $DATABASE_URL")
	c.Flags().StringSliceVar(&streams, "streams", nil, "what to pull, all for every stream, default: "+defaultStreams(con))
	c.Flags().StringVar(&name, "name", con.Name, "the pipeline's name; state in the destination goes by it")
	c.Flags().StringVar(&journal, "journal", "", "journal file, default: one per source and destination in the user's state folder")
	c.Flags().BoolVar(&w.full, "full", false, "read everything at the source, whatever the plan says; unchanged rows are not rewritten")
	optionFlags(c, con.Options)
	optionFlags(c, catalog.PipelineOptions)
	return c
}

func defaultStreams(con *catalog.Connector) string {
	infos, err := con.Streams()
	if err != nil {
		return "the connector's"
	}
	text := ""
	for _, s := range infos {
		if s.Default {
			text += "," + s.Name
		}
	}
	return text[min(1, len(text)):]
}

func (a *app) sourceFromFlags(c *cobra.Command, con *catalog.Connector) (catalog.Part, error) {
	values, err := a.optionValues(c.Flags(), con.Options)
	if err != nil {
		return catalog.Part{}, err
	}
	if err := requireOptions(con.Options, values); err != nil {
		return catalog.Part{}, err
	}
	values, err = values.Complete(con.Options)
	return catalog.Part{Name: con.Name, Values: values}, firstError(con.Name, err)
}

// destinationFrom makes the destination of one URI, of DATABASE_URL if it is
// empty.
func (a *app) destinationFrom(uri, flag string) (catalog.Part, error) {
	if uri == "" {
		uri = a.getenv("DATABASE_URL")
	}
	if uri == "" {
		return catalog.Part{}, usagef("destination is missing: give %s, for example %s sqlite:./data.db, or set DATABASE_URL", flag, flag)
	}
	a.keepSecret(catalog.Sensitive(uri)...)
	d, values, err := a.catalog.DestinationFor(uri)
	if err != nil {
		return catalog.Part{}, usageError{err}
	}
	values, err = values.Complete(d.Options)
	return catalog.Part{Name: d.Name, Values: values}, firstError("destination "+d.Name, err)
}

// workAlone runs a pipeline that no file describes, with its journal in the
// user's state folder.
func (a *app) workAlone(ctx context.Context, p *catalog.Pipeline, journal string, w work) error {
	a.keepSecrets(p)
	if journal == "" {
		var err error
		if journal, err = a.statePath(p); err != nil {
			return err
		}
	}
	j := a.catalog.Journals[0]
	p.Journal = catalog.Part{Name: j.Name, Values: catalog.Values{"path": journal}}
	return a.work(ctx, []*catalog.Pipeline{p}, w)
}

// statePath is where the journal of a pipeline without a file lies: a name that
// is the same for the same source and destination, so that the next run goes
// on where this one stopped.
func (a *app) statePath(p *catalog.Pipeline) (string, error) {
	dir := a.getenv("XDG_STATE_HOME")
	if dir == "" {
		home := a.getenv("HOME")
		if home == "" {
			return "", &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal,
				What: "no place for the journal: neither XDG_STATE_HOME nor HOME is set", Fix: "Give --journal FILE"}
		}
		dir = filepath.Join(home, ".local", "state")
	}
	id := fmt.Sprintf("%s\n%s\n%s\n%s", p.Name, p.Source.Name, p.Source.Values.Text("environment")+p.Source.Values.Text("base_url"), destinationID(p))
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(dir, "syncline", p.Name+"-"+hex.EncodeToString(sum[:4])+".journal.db"), nil
}

// destinationID identifies a destination without its password, which may
// change; a relative file name means another file in another folder.
func destinationID(p *catalog.Pipeline) string {
	if path := p.Destination.Values.Text("path"); path != "" {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		return path
	}
	return catalog.SafeURI(p.Destination.Values.Text("uri"))
}

// userHome is for messages: the home folder as ~.
func tidyPath(path string) string {
	if home, err := os.UserHomeDir(); err == nil && home != "/" {
		if rel, err := filepath.Rel(home, path); err == nil && filepath.IsLocal(rel) {
			return filepath.Join("~", rel)
		}
	}
	return path
}
