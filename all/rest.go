package all

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/source/rest"
	"github.com/synclinehq/syncline/source/webhook"
)

// restConnector declares a connector file: its environments and secrets become
// options, next to those that every REST source has.
func restConnector(name string, c *rest.Connector) catalog.Connector {
	return catalog.Connector{
		Name: name, Title: c.Title, Help: c.Title + ", by its REST API",
		Options: restOptions(c), StreamOptions: restStreamOptions(), Webhooks: c.Webhooks != nil,
		Streams: func() ([]catalog.StreamInfo, error) { return restStreams(c), nil },
		Open: func(_ context.Context, a catalog.Account) (syncline.Source, error) {
			return openREST(c, a)
		},
		Check: func(ctx context.Context, a catalog.Account) error {
			source, err := openREST(c, a)
			if err != nil {
				return err
			}
			return errors.Join(source.Check(ctx), source.Close())
		},
	}
}

func restOptions(c *rest.Connector) catalog.Options {
	environment := catalog.Option{Name: "environment", Alias: "env", Type: catalog.Text, Title: "Which environment?", Required: true,
		Example: c.Environments[0].Name, Help: "which of the vendor's environments the key belongs to"}
	for _, e := range c.Environments {
		environment.Choices = append(environment.Choices, catalog.Choice{Value: e.Name, Help: e.Title})
	}
	out := catalog.Options{environment}
	for _, s := range c.Secrets {
		if c.Webhooks != nil && s.Name == c.Webhooks.Secret {
			continue // it belongs to the pipeline's webhooks
		}
		out = append(out, catalog.Option{Name: s.Name, Type: catalog.Text, Title: s.Title + "?", Secret: true, Required: true, Env: s.Env,
			Help: strings.ToLower(s.Title[:1]) + s.Title[1:] + "; one that may only read is enough"})
		if strings.HasPrefix(s.Title, "API") {
			out[len(out)-1].Help = s.Title + "; one that may only read is enough"
		}
	}
	return append(out,
		catalog.Option{Name: "base_url", Type: catalog.URI, Env: strings.ToUpper(envPrefix(c)) + "_BASE_URL", Example: "http://127.0.0.1:8700",
			Help: "another address of the API, for a proxy or the sandbox", DefaultNote: "the environment's"},
		catalog.Option{Name: "rate_limit", Alias: "rl", Type: catalog.Number, Min: 0.01, Max: 10000, Example: "4",
			Help: "most requests per second, retries included", DefaultNote: "the vendor's published limits"},
		catalog.Option{Name: "concurrency", Type: catalog.Integer, Min: 1, Max: 64, Example: "4",
			Help: "most requests under way at once", DefaultNote: "the connector's"},
	)
}

// envPrefix is what the vendor's environment variables begin with: those of its
// key without "_API_KEY".
func envPrefix(c *rest.Connector) string {
	for _, s := range c.Secrets {
		if p, ok := strings.CutSuffix(s.Env, "_API_KEY"); ok {
			return p
		}
	}
	return c.Name
}

func restStreamOptions() catalog.Options {
	const year = 366 * 86400
	return catalog.Options{
		{Name: "table", Type: catalog.Text, Example: "billing_payments", Help: "name of the table", DefaultNote: "the stream's name"},
		{Name: "detail", Type: catalog.Bool, DefaultNote: byConnector,
			Help: "complete new and changed rows by the get-by-id call: more columns for one request a row"},
		{Name: "start", Type: catalog.Time, Example: "2026-01-01",
			Help: "leave out what was created before; deletions are not found then"},
		{Name: "overlap", Type: catalog.Duration, DefaultNote: byConnector, Example: "5m", Max: year,
			Help: "how far before the last run's start a run begins"},
		{Name: "window", Type: catalog.Duration, DefaultNote: byConnector, Example: "30d", Max: 10 * year,
			Help: "how far back recently created rows are read again"},
		{Name: "window_every", Type: catalog.Duration, DefaultNote: byConnector, Example: "1d", Max: year,
			Help: "how often they are; 0s is never"},
		{Name: "open_every", Type: catalog.Duration, DefaultNote: byConnector, Example: "15m", Max: year,
			Help: "how often rows in states that will change are read again; 0s is never"},
		{Name: "sweep", Type: catalog.Duration, DefaultNote: byConnector, Example: "12h", Max: year,
			Help: "how often everything is read again, to find changes and deletions that nothing else shows; 0s is never"},
		{Name: "max_delete_rows", Type: catalog.Integer, DefaultNote: byConnector, Example: "1000", Min: 1, Max: 1 << 30,
			Help: "brake: a sweep that finds more rows gone than this and than max_delete_share deletes none and fails"},
		{Name: "max_delete_share", Type: catalog.Number, DefaultNote: byConnector, Example: "0.05", Max: 1,
			Help: "brake: share of the table"},
	}
}

const byConnector = "the connector's"

func openREST(c *rest.Connector, a catalog.Account) (*rest.Source, error) {
	o := rest.Options{
		Secrets:     map[string]string{},
		Environment: a.Values.Text("environment"),
		BaseURL:     a.Values.Text("base_url"),
		RateLimit:   a.Values.Number("rate_limit"),
		Concurrency: a.Values.Int("concurrency"),
		Streams:     map[string]rest.StreamOptions{},
		Now:         a.Now,
		Logger:      a.Logger,
	}
	for _, s := range c.Secrets {
		if v := a.Values.Text(s.Name); v != "" {
			o.Secrets[s.Name] = v
		}
	}
	if secret := a.Webhooks.Text("secret"); c.Webhooks != nil && secret != "" {
		o.Secrets[c.Webhooks.Secret] = secret
	}
	if previous := a.Webhooks.Text("previous_secret"); previous != "" {
		o.WebhookSecrets = append(o.WebhookSecrets, webhook.Secret{Key: previous})
	}
	for name, v := range a.Streams {
		o.Streams[name] = streamOptions(c.Stream(name), v)
	}
	return rest.New(c, o)
}

// streamOptions passes on what is set; the rest is the connector's.
func streamOptions(s *rest.Stream, v catalog.Values) rest.StreamOptions {
	o := rest.StreamOptions{Start: v.Time("start"), MaxDeleteRows: v.Int("max_delete_rows"), MaxDeleteShare: v.Number("max_delete_share"),
		Overlap: duration(v, "overlap"), OpenEvery: duration(v, "open_every"), SweepEvery: duration(v, "sweep")}
	if v.Has("detail") {
		detail := v.Bool("detail")
		o.Detail = &detail
	}
	if age, every := duration(v, "window"), duration(v, "window_every"); s != nil && (age != nil || every != nil) {
		o.Window = &rest.Trailing{}
		if s.Freshness != nil && s.Freshness.Window != nil {
			*o.Window = *s.Freshness.Window
		}
		if age != nil {
			o.Window.Age = rest.Duration(*age)
		}
		if every != nil {
			o.Window.Every = rest.Duration(*every)
		}
	}
	return o
}

func duration(v catalog.Values, name string) *time.Duration {
	if !v.Has(name) {
		return nil
	}
	d := v.Duration(name)
	return &d
}

func restStreams(c *rest.Connector) []catalog.StreamInfo {
	out := make([]catalog.StreamInfo, len(c.Streams))
	for i, s := range c.Streams {
		means, staleness := freshness(s)
		columns := len(s.Fields)
		out[i] = catalog.StreamInfo{Name: s.Name, Default: s.Default, Path: s.Path, Key: s.Key, Columns: columns,
			Means: means, Staleness: staleness, Webhooks: len(s.Events), Lacks: lacks(s)}
	}
	return out
}

// lacks says which options would do nothing for a stream, and why.
func lacks(s *rest.Stream) map[string]string {
	out := map[string]string{}
	add := func(why string, options ...string) {
		for _, o := range options {
			out[o] = why
		}
	}
	if s.Get == "" {
		add("its objects cannot be read by id; remove detail", "detail")
	}
	if s.Path == "" {
		add("only webhooks bring its records; remove it", "start", "overlap", "window", "window_every", "open_every", "sweep",
			"max_delete_rows", "max_delete_share")
		return out
	}
	if s.Slice == nil {
		const noFilter = "the API cannot list it by time of creation, so every reading is a whole one; "
		add(noFilter+"remove it", "start", "overlap")
		add(noFilter+"set how often with sweep", "window", "window_every")
	}
	if f := s.Freshness; f == nil || f.Open == nil || len(f.Open.Filters) == 0 {
		add("it has no states that are read apart; set how often everything is read with sweep", "open_every")
	}
	return out
}

// freshness says how a stream's changes are found and after how long the last
// of the means has seen them.
func freshness(s *rest.Stream) (means, staleness string) {
	if s.Path == "" {
		return "webhooks only", "seconds"
	}
	var parts, bounds []string
	f := s.Freshness
	if s.Slice != nil {
		parts = append(parts, "new rows every run")
		if f.Open != nil && f.Open.Every > 0 && len(f.Open.Filters) > 0 {
			parts = append(parts, "open rows every "+short(f.Open.Every))
			bounds = append(bounds, "open "+short(f.Open.Every))
		}
		if f.Window != nil && f.Window.Every > 0 && f.Window.Age > 0 {
			parts = append(parts, fmt.Sprintf("last %s every %s", short(f.Window.Age), short(f.Window.Every)))
			bounds = append(bounds, fmt.Sprintf("%s if younger than %s", short(f.Window.Every), short(f.Window.Age)))
		}
	}
	if f.Sweep != nil && f.Sweep.Every > 0 {
		parts = append(parts, "everything every "+short(f.Sweep.Every))
		bounds = append(bounds, short(f.Sweep.Every))
	}
	if len(s.Events) > 0 {
		parts = append(parts, "webhooks")
	}
	return strings.Join(parts, ", "), strings.Join(bounds, ", else ")
}

func short(d rest.Duration) string { return catalog.FormatDuration(time.Duration(d)) }
