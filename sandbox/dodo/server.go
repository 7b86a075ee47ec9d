package dodo

import (
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/synclinehq/syncline/sandbox"
)

// Server is one sandbox. It is an http.Handler, safe for concurrent use.
type Server struct {
	world    *world
	clock    *sandbox.Clock
	limiter  *sandbox.Limiter
	faults   *sandbox.Faults
	counters sandbox.Counters
	api      *http.ServeMux
	control  *http.ServeMux
	nonce    atomic.Uint64 // reads so far, for values that differ on every read

	mu        sync.Mutex
	live      Options // the settings that may change while the server runs
	random    *rand.Rand
	messages  uint64 // events so far
	endpoints []*endpoint
}

// New returns a sandbox. It takes the same, short time for any number of
// objects.
func New(opts Options) (*Server, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	w, err := newWorld(opts)
	if err != nil {
		return nil, err
	}
	s := &Server{
		world:   w,
		clock:   opts.Clock,
		limiter: sandbox.NewLimiter(opts.Clock),
		faults:  sandbox.NewFaults(opts.Clock, opts.Seed),
		live:    opts,
		random:  rand.New(rand.NewPCG(opts.Seed, 0xd0d0)),
	}
	s.api = s.routes()
	s.control = s.controlRoutes()
	return s, nil
}

// Clock returns the sandbox's clock.
func (s *Server) Clock() *sandbox.Clock { return s.clock }

// BusinessID returns the id of the business all objects belong to.
func (s *Server) BusinessID() string { return s.world.business }

// Inject makes something go wrong; see sandbox.Fault.
func (s *Server) Inject(f sandbox.Fault) error { return s.faults.Inject(f) }

// Faults returns the faults in force.
func (s *Server) Faults() *sandbox.Faults { return s.faults }

// Counters returns what was asked so far.
func (s *Server) Counters() sandbox.Counts { return s.counters.Snapshot() }

// ResetCounters sets the counters to zero.
func (s *Server) ResetCounters() { s.counters.Reset() }

// Settings are the options that may change while the server runs.
type Settings struct {
	RateLimit  sandbox.Rate `json:"rate_limit"`
	RetryAfter bool         `json:"retry_after"`
	Order      Order        `json:"order"`
	MaxPage    int          `json:"max_page"`
	Churn      Churn        `json:"churn"`
}

// Settings returns the current settings.
func (s *Server) Settings() Settings {
	o := s.options()
	return Settings{RateLimit: o.RateLimit, RetryAfter: o.RetryAfter, Order: o.Order, MaxPage: o.MaxPage, Churn: o.Churn}
}

// Change replaces the settings. Counts taken by the rate limiter start anew.
func (s *Server) Change(to Settings) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.live
	next.RateLimit, next.RetryAfter, next.MaxPage, next.Churn = to.RateLimit, to.RetryAfter, to.MaxPage, to.Churn
	if to.Order != "" {
		next.Order = to.Order
	}
	if err := next.validate(); err != nil {
		return err
	}
	s.live = next
	s.limiter.Reset()
	return nil
}

func (s *Server) options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live
}

// ServeHTTP answers one request: control endpoints as they are, all others
// counted, subject to faults, authorised and limited.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, controlPrefix) {
		s.control.ServeHTTP(w, r)
		return
	}
	_, pattern := s.api.Handler(r)
	if pattern == "/" {
		pattern = "(unknown)"
	}
	rec, done := s.counters.Begin(w, r, pattern)
	defer done()
	rec.Header().Set("Date", s.clock.Now().Format(http.TimeFormat))
	s.faults.Serve(rec, r, http.HandlerFunc(s.admit), errorBody)
}

// admit checks the key and the limits, then answers.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) {
	o := s.options()
	key, refused := authorise(&o, r)
	account, rate := "key "+key, o.RateLimit
	if key == "" {
		account, rate = "address "+remoteHost(r), o.AnonymousRate
	}
	if !rate.Off() {
		now := s.clock.Now()
		v := s.limiter.Take(account, rate)
		v.SetHeaders(w.Header(), now, o.RelativeReset)
		if !v.Allowed {
			if o.RetryAfter {
				sandbox.SetRetryAfter(w.Header(), v.Reset.Sub(now))
			}
			(&apiError{status: http.StatusTooManyRequests, Code: "TOO_MANY_REQUESTS"}).write(w)
			return
		}
	}
	if refused != nil {
		refused.write(w)
		return
	}
	if o.OnRequest != nil {
		o.OnRequest(r)
	}
	s.api.ServeHTTP(w, r)
}

// authorise returns the key of a request, empty if it is not valid, and the
// refusal if there is one.
func authorise(o *Options, r *http.Request) (string, *apiError) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	key = strings.TrimSpace(key)
	want := o.TestKey
	if o.Mode == Live {
		want = o.LiveKey
	}
	switch {
	case !strings.EqualFold(scheme, "Bearer") || key == "":
		return "", &apiError{http.StatusUnauthorized, "UNAUTHORIZED", "missing bearer token"}
	case o.ReadOnlyKey != "" && key == o.ReadOnlyKey:
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return key, &apiError{http.StatusForbidden, "FORBIDDEN", "this API key is read-only"}
		}
		return key, nil
	case key != want:
		return "", &apiError{http.StatusUnauthorized, "UNAUTHORIZED", "invalid API key"}
	}
	return key, nil
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
