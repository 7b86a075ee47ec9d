package all_test

import (
	"database/sql"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/synclinehq/syncline/all"
	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/sandbox/dodo"
)

func dodoSyncOptions(t *testing.T) all.DodoSyncOptions {
	t.Helper()
	server, err := dodo.New(dodo.Options{Counts: dodo.Scaled(50)})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(server)
	t.Cleanup(s.Close)
	dir := t.TempDir()
	return all.DodoSyncOptions{Database: "sqlite", DatabaseURI: filepath.Join(dir, "x.db"), Scopes: all.DodoScopes(),
		DodoPayments: all.DodoPaymentsOptions{BearerToken: "sandbox_test_key", Environment: "test_mode", BaseURL: s.URL},
		RateLimit:    1000, Interval: time.Hour, JournalPath: filepath.Join(dir, "journal", "j.db")}
}

// The library constructor fills dodo-sync's tables in dodo-sync's shape.
func TestDodoSync(t *testing.T) {
	o := dodoSyncOptions(t)
	e, err := all.DodoSync(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Run(t.Context())
	if err != nil || !r.Green() {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", o.DatabaseURI)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for table, key := range map[string]string{"licenses": "id", "payments": "payment_id", "customers": "customer_id", "subscriptions": "subscription_id"} {
		var rows, same int
		err := db.QueryRow("select count(*), sum(id = data->>'$."+key+"') from "+table).Scan(&rows, &same)
		if err != nil || rows == 0 || rows != same {
			t.Errorf("table %s: %d rows, %d with their id in data, %v", table, rows, same, err)
		}
	}
}

func TestDodoSyncRefusesWrongOptions(t *testing.T) {
	for want, change := range map[string]func(*all.DodoSyncOptions){
		`did you mean "licences"?`:  func(o *all.DodoSyncOptions) { o.Scopes = []string{"licenses"} },
		"no scopes":                 func(o *all.DodoSyncOptions) { o.Scopes = nil },
		"unknown destination":       func(o *all.DodoSyncOptions) { o.Database = "oracle" },
		"MySQL is not built yet":    func(o *all.DodoSyncOptions) { o.Database = "mysql" },
		"api_key missing":           func(o *all.DodoSyncOptions) { o.DodoPayments.BearerToken = "" },
		"not one of test_mode":      func(o *all.DodoSyncOptions) { o.DodoPayments.Environment = "prod" },
		`begins with "mysql://"`:    func(o *all.DodoSyncOptions) { o.Database, o.DatabaseURI = "postgres", "mysql://h/d" },
		"environment missing":       func(o *all.DodoSyncOptions) { o.DodoPayments.Environment, o.DodoPayments.BaseURL = "", "" },
		"no path of an SQLite file": func(o *all.DodoSyncOptions) { o.DatabaseURI = "" },
	} {
		o := dodoSyncOptions(t)
		change(&o)
		e, err := all.DodoSync(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
		if e != nil {
			t.Error("an engine came with the error")
		}
		var soon *catalog.SoonError
		if o.Database == "mysql" && !errors.As(err, &soon) {
			t.Errorf("%v is no SoonError", err)
		}
	}
}

// Every declared option can be used: it has help, its default and example parse,
// and no name is declared twice.
func TestDeclaredOptions(t *testing.T) {
	c := all.Catalog()
	lists := map[string]catalog.Options{"pipeline": catalog.PipelineOptions, "webhooks": catalog.WebhookOptions}
	for _, con := range c.Connectors {
		lists["connector "+con.Name] = con.Options
		lists["streams of "+con.Name] = con.StreamOptions
	}
	for _, d := range c.Destinations {
		lists["destination "+d.Name] = d.Options
	}
	for _, j := range c.Journals {
		lists["journal "+j.Name] = j.Options
	}
	for where, options := range lists {
		seen := map[string]bool{}
		for i := range options {
			o := &options[i]
			if seen[o.Name] || o.Help == "" || o.Type == "" {
				t.Errorf("%s: option %q is declared twice or incompletely", where, o.Name)
			}
			seen[o.Name] = true
			for _, text := range []string{o.Example, defaultText(o)} {
				if text == "" {
					continue
				}
				if _, err := o.Parse(text); err != nil {
					t.Errorf("%s: %v", where, err)
				}
			}
		}
	}
}

func defaultText(o *catalog.Option) string {
	if o.Default == nil {
		return ""
	}
	return o.DefaultText()
}
