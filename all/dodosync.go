package all

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
)

// DodoSyncOptions are the options of dodo-sync's constructor.
type DodoSyncOptions struct {
	// Database is "postgres" or "sqlite". "mongodb", "mysql" and "clickhouse"
	// give a [*catalog.SoonError].
	Database string
	// DatabaseURI is the connection URI of the database.
	DatabaseURI string
	// Scopes are what to sync, see [DodoScopes].
	Scopes       []string
	DodoPayments DodoPaymentsOptions
	// Interval between runs, needed for Start only.
	Interval time.Duration
	// RateLimit is requests per second; 0 means the vendor's published limits.
	RateLimit float64
	// JournalPath is the journal file. Default: .syncline/dodo-sync.journal.db.
	JournalPath string
	// Logger gets what happened; nil discards.
	Logger *slog.Logger
}

// DodoPaymentsOptions are those of the vendor's SDK that matter here.
type DodoPaymentsOptions struct {
	// BearerToken is the API key.
	BearerToken string
	// Environment is "test_mode" or "live_mode"; it may be empty if BaseURL is
	// set.
	Environment string
	// BaseURL replaces the environment's address.
	BaseURL string
}

// dodoScope is one of dodo-sync's scopes.
type dodoScope struct{ scope, stream, table string }

// dodoScopes are in the order dodo-sync works them. It calls its licence table
// "Licenses", which unquoted is licenses.
var dodoScopes = []dodoScope{
	{"licences", "license_keys", "licenses"},
	{"payments", "payments", "payments"},
	{"customers", "customers", "customers"},
	{"subscriptions", "subscriptions", "subscriptions"},
}

// DodoScopes returns the scopes dodo-sync knows.
func DodoScopes() []string {
	var out []string
	for _, s := range dodoScopes {
		out = append(out, s.scope)
	}
	return out
}

// DodoSync returns an engine that takes dodo-sync's place: the same options,
// and the same tables with the same rows, filled ones included. Call Run for
// one pass, Start for one every Interval, Close at the end.
func DodoSync(ctx context.Context, o DodoSyncOptions) (*syncline.Engine, error) {
	p, err := DodoSyncPipeline(o)
	if err != nil {
		return nil, err
	}
	if o.JournalPath == "" {
		o.JournalPath = ".syncline/dodo-sync.journal.db"
	}
	p.Journal = catalog.Part{Name: "sqlite", Values: catalog.Values{"path": o.JournalPath}}
	return Catalog().Open(ctx, p, catalog.Run{Logger: o.Logger})
}

// DodoSyncPipeline checks the options and returns the pipeline they describe,
// without a journal.
func DodoSyncPipeline(o DodoSyncOptions) (*catalog.Pipeline, error) {
	cat := Catalog()
	d, err := cat.Destination(o.Database)
	if err != nil {
		return nil, err
	}
	if scheme, _, found := strings.Cut(o.DatabaseURI, "://"); found && !slices.Contains(d.Schemes, scheme) {
		return nil, fmt.Errorf("the URI of database %s begins with %q, want %s://", d.Name, scheme+"://", d.Schemes[0])
	}
	con, err := cat.Connector("dodo")
	if err != nil {
		return nil, err
	}
	p := &catalog.Pipeline{Name: "dodo-sync", Destination: catalog.Part{Name: d.Name, Values: d.FromURI(o.DatabaseURI)}}
	if p.Streams, err = scopeStreams(o.Scopes); err != nil {
		return nil, err
	}
	if p.Source, err = dodoSource(con, o); err != nil {
		return nil, err
	}
	p.Settings, err = catalog.Values{"layout": string(syncline.LayoutDocument), "every": o.Interval}.Complete(catalog.PipelineOptions)
	return p, err
}

func dodoSource(con *catalog.Connector, o DodoSyncOptions) (catalog.Part, error) {
	v := catalog.Values{}
	environment := o.DodoPayments.Environment
	if environment == "" && o.DodoPayments.BaseURL != "" {
		environment = "test_mode"
	}
	for _, s := range [][2]string{{"environment", environment}, {"api_key", o.DodoPayments.BearerToken}, {"base_url", o.DodoPayments.BaseURL}} {
		if s[1] == "" {
			continue
		}
		if err := v.Set(con.Options, s[0], s[1]); err != nil {
			return catalog.Part{}, err
		}
	}
	if o.RateLimit > 0 {
		v["rate_limit"] = o.RateLimit
	}
	v, err := v.Complete(con.Options)
	return catalog.Part{Name: con.Name, Values: v}, err
}

func scopeStreams(scopes []string) (out []catalog.StreamChoice, err error) {
	for _, name := range scopes {
		i := slices.IndexFunc(dodoScopes, func(s dodoScope) bool { return s.scope == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown scope %q%s: one of %s", name, catalog.DidYouMean(name, DodoScopes()), strings.Join(DodoScopes(), ", "))
		}
		s := dodoScopes[i]
		out = append(out, catalog.StreamChoice{Name: s.stream, Values: catalog.Values{"table": s.table}})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no scopes: give some of %s", strings.Join(DodoScopes(), ", "))
	}
	return out, nil
}
