package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/source/webhook"
)

// Source reads one account of an API. It implements [syncline.Source],
// [syncline.Fetcher] and [syncline.Receiver]. All its methods may be called
// from several goroutines; all streams share one rate budget.
type Source struct {
	name        string
	conn        *Connector
	client      *client
	streams     map[string]*stream
	order       []string
	concurrency int
	verifier    *webhook.Verifier
	log         *slog.Logger
	skewed      sync.Once
}

// New returns a source. Nothing is requested.
func New(c *Connector, o Options) (*Source, error) {
	bad := func(where, what, fix string) error {
		return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: where, What: what, Fix: fix}
	}
	env := c.Environment(o.Environment)
	if env == nil {
		return nil, bad("environment", fmt.Sprintf("%s has no environment %q", c.Name, o.Environment), "One of "+strings.Join(c.environmentNames(), ", "))
	}
	base := strings.TrimSuffix(env.BaseURL, "/")
	if o.BaseURL != "" {
		base = strings.TrimSuffix(o.BaseURL, "/")
	}
	if err := checkBase(base); err != nil {
		return nil, bad("base_url", err.Error(), "Use an https address without user and query; http is for this machine only")
	}
	src := &Source{name: c.Name + "/" + env.Name, conn: c, streams: map[string]*stream{}, concurrency: o.Concurrency, log: o.Logger}
	if src.concurrency <= 0 {
		src.concurrency = c.Limits.Concurrency
	}
	if src.log == nil {
		src.log = slog.New(slog.DiscardHandler)
	}
	if err := src.addStreams(o); err != nil {
		return nil, bad("streams", err.Error(), "")
	}
	src.client = newClient(c, base, src.concurrency, o)
	if c.Auth.Kind != "none" && o.Secrets[c.Auth.Secret] == "" {
		return nil, bad(c.Auth.Secret, "no "+c.secretTitle(c.Auth.Secret)+" was given", "Set "+c.secretEnv(c.Auth.Secret))
	}
	if c.Webhooks != nil {
		secrets := o.WebhookSecrets
		if s := o.Secrets[c.Webhooks.Secret]; s != "" {
			secrets = append([]webhook.Secret{{Key: s}}, secrets...)
		}
		var err error
		if src.verifier, err = webhook.NewVerifier(secrets...); err != nil {
			return nil, bad(c.Webhooks.Secret, err.Error(), "Copy the signing secret from the vendor's dashboard")
		}
	}
	return src, nil
}

func (src *Source) addStreams(o Options) error {
	for _, def := range src.conn.Streams {
		s, err := newStream(src.conn, def, o.Streams[def.Name])
		if err != nil {
			return err
		}
		src.streams[def.Name] = s
		src.order = append(src.order, def.Name)
	}
	for name := range o.Streams {
		if src.streams[name] == nil {
			return fmt.Errorf("connector %s has no stream %q", src.conn.Name, name)
		}
	}
	for _, s := range src.streams {
		if s.def.Parent != "" {
			s.parent = src.streams[s.def.Parent]
		}
	}
	return nil
}

func newClient(c *Connector, base string, n int, o Options) *client {
	cl := &client{conn: c, base: base, agent: o.UserAgent, slots: make(chan struct{}, n),
		now: o.Now, sleep: o.Sleep, random: o.Random, clock: &sourceClock{}}
	if cl.agent == "" {
		cl.agent = "syncline"
	}
	if cl.now == nil {
		cl.now = time.Now //nolint:forbidigo // the default of the parameter
	}
	if cl.sleep == nil {
		cl.sleep = sleep
	}
	if cl.random == nil {
		cl.random = rand.Float64 //nolint:forbidigo // the default of the parameter
	}
	for _, v := range o.Secrets {
		if v != "" {
			cl.secrets = append(cl.secrets, v)
		}
	}
	switch secret := o.Secrets[c.Auth.Secret]; c.Auth.Kind {
	case "bearer":
		cl.auth = [2]string{"Authorization", "Bearer " + secret}
	case "api_key":
		cl.auth = [2]string{c.Auth.Header, secret}
	}
	transport := o.Transport
	if transport == nil {
		transport = newTransport(n)
	}
	cl.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	cl.limiter = newLimiter(c.Limits.Windows, o.RateLimit, c.Limits.Reserve, cl.now, cl.sleep)
	return cl
}

func (c *Connector) environmentNames() []string {
	var names []string
	for _, e := range c.Environments {
		names = append(names, e.Name)
	}
	return names
}

func (c *Connector) secretTitle(name string) string {
	for _, s := range c.Secrets {
		if s.Name == name && s.Title != "" {
			return s.Title
		}
	}
	return name
}

func (c *Connector) secretEnv(name string) string {
	for _, s := range c.Secrets {
		if s.Name == name && s.Env != "" {
			return s.Env + " or " + name
		}
	}
	return name
}

// checkBase accepts https addresses, and http ones of this machine.
func checkBase(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is not an address", base)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the address holds more than scheme, host and path")
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	local := host == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return fmt.Errorf("%s is not allowed to %s", u.Scheme, host)
	}
	return nil
}

// Name identifies connector and environment, e.g. "dodo/test_mode".
func (src *Source) Name() string { return src.name }

// Streams lists the connector's streams in the order of the file.
func (src *Source) Streams(context.Context) ([]syncline.Stream, error) {
	var out []syncline.Stream
	for _, name := range src.order {
		out = append(out, src.streams[name].describe())
	}
	return out, nil
}

// Check proves address and credentials with one cheap request.
func (src *Source) Check(ctx context.Context) error {
	c := src.conn.Check
	if c == nil {
		return nil
	}
	q := url.Values{}
	for k, v := range c.Query {
		q.Set(k, v)
	}
	_, err := src.client.get(ctx, &request{path: c.Path, query: q, where: "check", accept: func(body []byte) error {
		if i := skipBlank(body); i == len(body) || body[i] != '{' && body[i] != '[' {
			return errors.New("not JSON")
		}
		return nil
	}}, nil)
	if errors.Is(err, errGone) || errors.Is(err, errStuck) {
		return &syncline.Error{Code: syncline.CodeSourceContract, Class: syncline.Permanent, Where: "check", What: "the address answers, but not like " + src.conn.Title, Fix: "Check the base URL"}
	}
	return err
}

// DefaultStreams returns the streams that are meant when none are named.
func (c *Connector) DefaultStreams() []string {
	var out []string
	for _, s := range c.Streams {
		if s.Default {
			out = append(out, s.Name)
		}
	}
	return out
}

// warnOfSkew says once if the source's clock and ours are far apart.
func (src *Source) warnOfSkew() {
	if skew := src.client.clock.skew(); absDuration(skew) > clockAllowance {
		src.skewed.Do(func() {
			src.log.Warn("the source's clock and this machine's differ; one of them is wrong", "source", src.name, "code", syncline.CodeClockSkew, "ahead", skew.Round(time.Second))
		})
	}
}

// Close lets idle connections go.
func (src *Source) Close() error {
	src.client.http.CloseIdleConnections()
	return nil
}
