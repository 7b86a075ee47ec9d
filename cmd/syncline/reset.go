package main

import (
	"bufio"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
)

func (a *app) resetCommand() *cobra.Command {
	var file fileFlags
	var yes, drop bool
	c := &cobra.Command{
		Use: "reset STREAM", Short: "forget how far a stream has come, so that it is read from the beginning",
		Long: `Forget how far a stream has come: the next run reads it from the beginning. Rows
that are in the table and have not changed are not rewritten. With --drop the
table is removed as well, with all rows in it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			pipelines, err := a.load(&file, needSecrets)
			if err != nil {
				return err
			}
			if len(pipelines) > 1 {
				return usagef("the file has %d pipelines; name one with --pipeline", len(pipelines))
			}
			return a.reset(c.Context(), pipelines[0], args[0], drop, yes)
		},
	}
	file.add(c)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&drop, "drop", false, "remove the table too")
	return c
}

func (a *app) reset(ctx context.Context, p *catalog.Pipeline, stream string, drop, yes bool) (err error) {
	con, err := a.catalog.Connector(p.Source.Name)
	if err != nil {
		return usageError{err}
	}
	if err := con.CheckStreams([]string{stream}); err != nil {
		return usageError{err}
	}
	e, err := a.catalog.Open(ctx, p, catalog.Run{Logger: a.logger(), Now: a.now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	table, err := tableOf(ctx, e, stream)
	if err != nil {
		return err
	}
	question := "Read stream " + stream + " of pipeline " + p.Name + " from the beginning at the next run?"
	if drop {
		question = "Remove table " + table.Name + " in " + destinationText(p) + " with all its rows, and read stream " + stream + " again at the next run?"
	}
	if !yes {
		if err := a.confirm(question); err != nil {
			return err
		}
	}
	if drop {
		if err := e.Destination.Drop(ctx, p.Name, stream, table); err != nil {
			return err
		}
		a.printf("table %s removed\n", table.Name)
	}
	if err := e.Journal.Reset(ctx, e.Source.Name(), p.Name, stream); err != nil {
		return err
	}
	a.printf("stream %s starts from the beginning at the next run\n", stream)
	return nil
}

// tableOf is the table the engine uses for a stream.
func tableOf(ctx context.Context, e *syncline.Engine, stream string) (*syncline.Table, error) {
	streams, err := e.Source.Streams(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(streams, func(s syncline.Stream) bool { return s.Name == stream })
	if i < 0 {
		return nil, usagef("the source has no stream %s", stream)
	}
	s := &streams[i]
	name := s.Name
	if s.Table != "" {
		name = s.Table
	}
	if t := e.Tables[stream]; t != "" {
		name = t
	}
	return &syncline.Table{Stream: stream, Name: e.TablePrefix + name, Layout: e.Layout, Schema: s.Schema()}, nil
}

// errDeclined is the answer no.
var errDeclined = errors.New("nothing was changed")

// confirm asks in a terminal; elsewhere --yes must say it.
func (a *app) confirm(question string) error {
	if !a.inTerminal {
		return usagef("%s Say so with --yes", question)
	}
	a.printf("%s [y/N] ", question)
	line, _ := bufio.NewReader(a.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}
