package all

import (
	"context"
	"log/slog"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/destination/postgres"
)

func postgresDestination() catalog.Destination {
	return catalog.Destination{
		Name: "postgres", Title: "PostgreSQL", Help: "a PostgreSQL server, version 12 or later",
		Schemes: []string{"postgres", "postgresql"},
		Options: catalog.Options{
			{Name: "uri", Type: catalog.URI, Secret: true, Title: "Connection URI?", Required: true, Env: "DATABASE_URL",
				Example: "postgres://user:password@localhost:5432/database",
				Help:    "connection URI: host, database, user and password"},
			{Name: "schema", Type: catalog.Text, Example: "billing", DefaultNote: "the first of the user's search path",
				Help: "schema that holds the tables; made if there is none"},
		},
		FromURI: func(uri string) catalog.Values { return catalog.Values{"uri": catalog.NewSecret(uri)} },
		Open: func(ctx context.Context, v catalog.Values, readOnly bool, _ *slog.Logger) (syncline.Destination, error) {
			return postgres.Open(ctx, postgres.Options{URI: v.Text("uri"), Schema: v.Text("schema"), ReadOnly: readOnly})
		},
	}
}
