// Package all is the catalogue: everything that can be connected, one line
// each. It is the only package that imports every connector, destination and
// journal; a program that needs fewer imports those it needs and passes them to
// [syncline.New] itself.
package all

import (
	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/connectors"
)

// Catalog returns the catalogue. Each call makes a new one.
func Catalog() *catalog.Catalog {
	return &catalog.Catalog{
		Connectors: []catalog.Connector{
			restConnector("dodo", connectors.Dodo()),
		},
		Destinations: []catalog.Destination{
			sqliteDestination(),
			postgresDestination(),
			soon("mysql", "MySQL", "mysql", "mariadb"),
			soon("clickhouse", "ClickHouse", "clickhouse", "http", "https"),
			soon("mongodb", "MongoDB", "mongodb", "mongodb+srv"),
		},
		Journals: []catalog.Journal{
			sqliteJournal(),
		},
	}
}

// soon is a destination that people ask for and that is not built yet. It is
// known so that the answer can be clear.
func soon(name, title string, schemes ...string) catalog.Destination {
	return catalog.Destination{Name: name, Title: title, Schemes: schemes, Soon: true}
}
