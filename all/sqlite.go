package all

import (
	"context"
	"log/slog"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
	destination "github.com/synclinehq/syncline/destination/sqlite"
	journal "github.com/synclinehq/syncline/journal/sqlite"
)

func sqliteDestination() catalog.Destination {
	return catalog.Destination{
		Name: "sqlite", Title: "SQLite", Help: "a file on this machine; no server needed",
		Schemes: []string{"sqlite", "sqlite3", "file"},
		Options: catalog.Options{
			{Name: "path", Type: catalog.Path, Title: "Which file?", Required: true, Example: "syncline.db",
				Help: "the database file; made if there is none"},
		},
		FromURI: func(uri string) catalog.Values { return catalog.Values{"path": uri} },
		Open: func(ctx context.Context, v catalog.Values, readOnly bool, _ *slog.Logger) (syncline.Destination, error) {
			return destination.Open(ctx, destination.Options{Path: v.Text("path"), ReadOnly: readOnly})
		},
	}
}

func sqliteJournal() catalog.Journal {
	return catalog.Journal{
		Name: "sqlite", Title: "SQLite file", Help: "a file on this machine, written through to the disk",
		Options: catalog.Options{
			{Name: "path", Type: catalog.Path, Example: ".syncline/dodo.journal.db", DefaultNote: ".syncline/NAME.journal.db beside the configuration",
				Help: "the journal file; it belongs to one pipeline"},
		},
		Open: func(ctx context.Context, v catalog.Values, readOnly bool, log *slog.Logger) (syncline.Journal, error) {
			return journal.Open(ctx, journal.Options{Path: v.Text("path"), ReadOnly: readOnly, Log: log})
		},
	}
}
