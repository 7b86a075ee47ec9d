package main

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/catalog"
)

func (a *app) streamsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "streams [CONNECTOR]", Short: "list a connector's streams and how fresh each is kept",
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range a.catalog.Connectors {
				names = append(names, c.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			name := a.catalog.Connectors[0].Name
			if len(args) > 0 {
				name = args[0]
			}
			con, err := a.catalog.Connector(name)
			if err != nil {
				return usageError{err}
			}
			return a.showStreams(con)
		},
	}
}

func (a *app) showStreams(con *catalog.Connector) error {
	infos, err := con.Streams()
	if err != nil {
		return err
	}
	if a.json {
		enc := json.NewEncoder(a.out)
		for i := range infos {
			if err := enc.Encode(infos[i]); err != nil {
				return err
			}
		}
		return nil
	}
	rows := [][]string{{"  stream", "key", "columns", "webhooks", "how changes are found", "at most this stale"}}
	for _, s := range infos {
		mark := "  "
		if s.Default {
			mark = "* "
		}
		webhooks := "-"
		if s.Webhooks > 0 {
			webhooks = grouped(s.Webhooks)
		}
		rows = append(rows, []string{mark + s.Name, strings.Join(s.Key, ", "), grouped(s.Columns), webhooks, s.Means, s.Staleness})
	}
	writeTextTable(a.out, rows)
	a.printf("\n* pulled when the configuration names no streams\n")
	return nil
}
