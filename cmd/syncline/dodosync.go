package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/all"
	"github.com/synclinehq/syncline/catalog"
)

// dodoSyncFlags are dodo-sync's, by its names. They are texts, because what is
// wrong with one is said here and not by the flag library.
type dodoSyncFlags struct {
	interval, database, uri, scopes, key, env, rate string
	journal                                         string
	full                                            bool
}

func (a *app) dodoSyncCommand() *cobra.Command {
	var f dodoSyncFlags
	c := &cobra.Command{
		Use: "dodo-sync", Short: "drop-in for dodo-sync: same flags, same tables", Args: cobra.NoArgs,
		Long: `Take the place of dodo-sync: the same flags, and the same tables (id and one JSON
column) as they stand, filled ones included. Without --interval it runs once and
exits. The run is incremental, survives crashes and ends with a receipt.`,
		Example: `  syncline dodo-sync -i 600 -d postgres -u postgresql://me@localhost/shop \
    --scopes licences,payments,customers,subscriptions --api-key KEY --env test_mode`,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.dodoSyncPipeline(&f)
			if err != nil {
				return err
			}
			return a.workAlone(c.Context(), p, f.journal, work{full: f.full})
		},
	}
	fl := c.Flags()
	fl.StringVarP(&f.interval, "interval", "i", "", "seconds between runs; without it, one run")
	fl.StringVarP(&f.database, "database", "d", "", "postgres or sqlite (mongodb, mysql and clickhouse are to come)")
	fl.StringVarP(&f.uri, "database-uri", "u", "", "connection URI of the database")
	fl.StringVar(&f.scopes, "scopes", "", "comma list of "+strings.Join(all.DodoScopes(), ", "))
	fl.StringVar(&f.key, "api-key", "", "API key; better in $DODO_PAYMENTS_API_KEY, where other users cannot see it")
	fl.StringVar(&f.env, "env", "", "test_mode or live_mode")
	fl.StringVar(&f.env, "environment", "", "the same as --env")
	fl.StringVar(&f.rate, "rate-limit", "", "requests per second")
	fl.StringVar(&f.rate, "rl", "", "the same as --rate-limit")
	fl.StringVar(&f.journal, "journal", "", "journal file, default: one per source and destination in the user's state folder")
	fl.BoolVar(&f.full, "full", false, "read everything, whatever the plan says")
	return c
}

// dodoSyncPipeline checks the flags, all of them before the first complaint.
func (a *app) dodoSyncPipeline(f *dodoSyncFlags) (*catalog.Pipeline, error) {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	o := all.DodoSyncOptions{Database: f.database, DatabaseURI: f.uri, Scopes: commaList(f.scopes)}
	o.DodoPayments.BearerToken = f.key
	if f.key == "" {
		o.DodoPayments.BearerToken = a.getenv("DODO_PAYMENTS_API_KEY")
	}
	a.keepSecret(o.DodoPayments.BearerToken)
	a.keepSecret(catalog.Sensitive(f.uri)...)
	o.DodoPayments.Environment = f.env
	if o.DodoPayments.BaseURL = a.getenv("DODO_PAYMENTS_BASE_URL"); o.DodoPayments.BaseURL != "" {
		a.warnf("base_url is %s, from the environment variable DODO_PAYMENTS_BASE_URL", catalog.SafeURI(o.DodoPayments.BaseURL))
	}
	if f.interval != "" {
		n, err := strconv.ParseFloat(f.interval, 64)
		if err != nil || n < 1 || n > 31*86400 {
			complain("--interval %q is not a number of seconds from 1 to 2678400; leave it out for a single run", f.interval)
		}
		o.Interval = time.Duration(n * float64(time.Second))
	}
	if f.rate != "" {
		n, err := strconv.ParseFloat(f.rate, 64)
		if err != nil || n <= 0 || n > 10000 {
			complain("--rate-limit %q is not a number of requests per second above 0", f.rate)
		}
		o.RateLimit = n
	}
	for _, need := range []struct{ value, what string }{
		{o.Database, "--database (-d)"}, {o.DatabaseURI, "--database-uri (-u)"}, {f.scopes, "--scopes"},
		{o.DodoPayments.BearerToken, "--api-key or the environment variable DODO_PAYMENTS_API_KEY"}, {o.DodoPayments.Environment, "--env"},
	} {
		if need.value == "" {
			complain("%s is missing", need.what)
		}
	}
	if len(wrong) > 0 {
		return nil, usageError{fmt.Errorf("%s", strings.Join(wrong, "\n"))}
	}
	p, err := all.DodoSyncPipeline(o)
	if err != nil {
		return nil, usageError{err}
	}
	return p, nil
}
