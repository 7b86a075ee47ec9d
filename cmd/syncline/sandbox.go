package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/dodo"
)

// sandboxKey is the API key the sandbox accepts.
const sandboxKey = "sandbox_test_key"

type sandboxFlags struct {
	listen, tier, webhook, webhookSecret string
	objects                              int
	seed                                 uint64
	touch                                time.Duration
}

func (a *app) sandboxCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "sandbox CONNECTOR", Short: "serve a faithful fake of a vendor's API on this machine",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name the connector, for example: syncline sandbox dodo")
			}
			return usagef("there is no sandbox %q: one of dodo", args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	c.AddCommand(a.sandboxDodo())
	return c
}

var tiers = map[string]sandbox.Rate{"off": {}, "0": dodo.Tier0, "1": dodo.Tier1, "2": dodo.Tier2}

func (a *app) sandboxDodo() *cobra.Command {
	var f sandboxFlags
	c := &cobra.Command{
		Use: "dodo", Short: "serve a fake of the Dodo Payments API", Args: cobra.NoArgs,
		Example: `  syncline sandbox dodo --objects 10000 --tier 0
  syncline sandbox dodo --touch 2s --webhook http://127.0.0.1:8787/webhooks --webhook-secret whsec_...`,
		RunE: func(c *cobra.Command, _ []string) error { return a.serveSandbox(c.Context(), f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.listen, "listen", "127.0.0.1:8700", "address and port")
	fl.IntVar(&f.objects, "objects", 1000, "number of payments; the other objects in proportion")
	fl.Uint64Var(&f.seed, "seed", 1, "the same seed gives the same data")
	fl.StringVar(&f.tier, "tier", "off", "the vendor's rate limit: off, 0, 1 or 2")
	fl.DurationVar(&f.touch, "touch", 0, "change a few objects so often, as a live account would")
	fl.StringVar(&f.webhook, "webhook", "", "send webhooks for changes to this URL")
	fl.StringVar(&f.webhookSecret, "webhook-secret", "", "sign them with this secret, default: one is made up and shown")
	return c
}

func (a *app) serveSandbox(ctx context.Context, f sandboxFlags) error {
	rate, ok := tiers[f.tier]
	if !ok {
		return usagef("--tier %q is not one of off, 0, 1, 2", f.tier)
	}
	if f.objects < 1 {
		return usagef("--objects %d is less than 1", f.objects)
	}
	server, err := dodo.New(dodo.Options{Seed: f.seed, Counts: dodo.Scaled(f.objects), RateLimit: rate, Epoch: a.now().UTC().Truncate(time.Hour)})
	if err != nil {
		return usageError{err}
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, What: "sandbox cannot listen", Err: err, Fix: "Choose another address with --listen"}
	}
	url := "http://" + listener.Addr().String()
	a.printf("sandbox of Dodo Payments at %s, test_mode, API key %s\n", url, sandboxKey)
	a.printf("try in another shell:\n  export DODO_PAYMENTS_BASE_URL=%s DODO_PAYMENTS_API_KEY=%s\n  syncline sync dodo --env test_mode --to sqlite:./dodo.db\n", url, sandboxKey)
	a.printf("in a syncline.yaml the address has to be written, under source:\n  base_url: ${env:DODO_PAYMENTS_BASE_URL}\n")
	if f.webhook != "" {
		if f.webhookSecret == "" {
			f.webhookSecret = newWebhookSecret()
		}
		server.AddEndpoint(dodo.Endpoint{URL: f.webhook, Secret: f.webhookSecret})
		a.printf("webhooks go to %s, signed with %s\n", f.webhook, f.webhookSecret)
		go func() { _ = server.RunWebhooks(ctx) }()
	}
	if f.touch > 0 {
		go touch(ctx, server, f.touch)
	}
	return serve(ctx, listener, server)
}

// newWebhookSecret makes up a signing secret in the vendor's form.
func newWebhookSecret() string {
	key := make([]byte, 24)
	_, _ = rand.Read(key) // it never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

func touch(ctx context.Context, server *dodo.Server, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			server.Touch(3)
		}
	}
}

// serve answers requests until ctx ends; that is its normal end.
func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
