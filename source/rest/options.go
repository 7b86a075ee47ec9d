package rest

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/synclinehq/syncline/source/webhook"
)

// Options configures a [Source].
type Options struct {
	// Environment names one of the connector's; empty is its first.
	Environment string
	// BaseURL, if set, replaces the environment's address.
	BaseURL string
	// Secrets holds the connector's secrets by name. The webhook secret may be
	// left out: then [Source.Receive] refuses everything.
	Secrets map[string]string
	// WebhookSecrets are accepted besides the one in Secrets (rotation).
	WebhookSecrets []webhook.Secret
	// Streams holds settings by stream name.
	Streams map[string]StreamOptions
	// RateLimit is the user's own limit in requests per second, beside the
	// connector's windows. 0 is none; below 0 switches the windows off, too, so
	// that only what the API says about its budget counts.
	RateLimit float64
	// Concurrency is the number of requests under way at once; 0 is the
	// connector's.
	Concurrency int
	// UserAgent is sent with each request; empty is "syncline".
	UserAgent string
	// Transport sends the requests; nil is one made for the purpose.
	Transport http.RoundTripper
	// Now, Sleep and Random are the clock and the dice; nil are the real ones.
	// Sleep returns early with the context's error.
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error
	Random func() float64
	// Logger takes warnings; nil is none.
	Logger *slog.Logger
}

// StreamOptions is the user's settings for a stream. Nil means what the
// connector says.
type StreamOptions struct {
	// Detail says whether new and changed rows are completed by reading them by
	// id.
	Detail *bool
	// Start leaves out what was created before. A stream with it never claims
	// to have listed everything, so that no deletion is found by absence.
	Start time.Time
	// Overlap is how far before the last run's start to begin.
	Overlap *time.Duration
	// Window, OpenEvery and SweepEvery override the means of freshness; an
	// interval of 0 switches one off.
	Window     *Trailing
	OpenEvery  *time.Duration
	SweepEvery *time.Duration
	// MaxDeleteRows and MaxDeleteShare replace the brake of a sweep.
	MaxDeleteRows  int
	MaxDeleteShare float64
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
