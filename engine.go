package syncline

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/synclinehq/syncline/internal/failpoint"
)

// Config is what an [Engine] needs. Source, Destination and Journal are
// required; the engine closes them.
type Config struct {
	// Pipeline names the state in destination and journal. Two engines of one
	// name on one destination exclude each other. Default "default".
	Pipeline    string
	Source      Source
	Destination Destination
	Journal     Journal
	// Streams to sync, empty for the source's default ones.
	Streams []string
	// Full makes every run a full sweep.
	Full bool
	// Interval between the starts of two runs, for [Engine.Start]. A run that
	// takes longer is followed by the next at once, never overlapped.
	Interval time.Duration
	// Layout of the tables, LayoutColumns by default.
	Layout Layout
	// TablePrefix goes before every table name; Tables overrides single ones,
	// by stream.
	TablePrefix string
	Tables      map[string]string
	// MaxBatchRows and MaxBatchBytes bound a batch below what the destination
	// allows. Default 5,000 rows and 4 MiB.
	MaxBatchRows  int
	MaxBatchBytes int
	// MaxBacklog is how many bytes may be journalled and not yet delivered
	// before collecting waits. Default 12 MiB, so that a journal still has in
	// memory what is read next.
	MaxBacklog int64
	// RejectRatio is the share of records that may be set aside before the
	// stream stops; a handful is always allowed. Default 0.01.
	RejectRatio float64
	// RetryFor bounds how long one failing step is tried again in a run.
	// Default 2 minutes.
	RetryFor time.Duration
	// Retention is how long delivered entries stay in the journal. Default 35
	// days.
	Retention time.Duration
	// Parallel is how many streams are worked at the same time. Default 4.
	Parallel int
	// TempDir holds the spill files of sweeps. Default os.TempDir().
	TempDir string
	// Logger gets what happened, at most a few lines per run. Default: none.
	Logger *slog.Logger
	// Progress, if set, is called for each stream at most about four times a
	// second, and once more at its end, from any goroutine.
	Progress func(Progress)
	// OnReceipt, if set, is called after each run that Start makes.
	OnReceipt func(*Receipt, error)
	// Now and Random are the clock and the randomness; tests replace them.
	Now    func() time.Time
	Random io.Reader
}

func (c Config) withDefaults() Config {
	c.Pipeline = orDefault(c.Pipeline, "default")
	c.Layout = orDefault(c.Layout, LayoutColumns)
	c.MaxBatchRows = orDefault(c.MaxBatchRows, 5000)
	c.MaxBatchBytes = orDefault(c.MaxBatchBytes, 4<<20)
	c.MaxBacklog = orDefault(c.MaxBacklog, 12<<20)
	c.RejectRatio = orDefault(c.RejectRatio, 0.01)
	c.RetryFor = orDefault(c.RetryFor, 2*time.Minute)
	c.Retention = orDefault(c.Retention, 35*24*time.Hour)
	c.Parallel = orDefault(c.Parallel, 4)
	c.TempDir = orDefault(c.TempDir, os.TempDir())
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	if c.OnReceipt == nil {
		c.OnReceipt = func(*Receipt, error) {}
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of the parameter
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if caps := c.Destination.Capabilities(); caps.MaxBatchRows > 0 {
		c.MaxBatchRows = min(c.MaxBatchRows, caps.MaxBatchRows)
	}
	if caps := c.Destination.Capabilities(); caps.MaxBatchBytes > 0 {
		c.MaxBatchBytes = min(c.MaxBatchBytes, caps.MaxBatchBytes)
	}
	return c
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Engine runs one pipeline: one source into one destination through a journal.
type Engine struct {
	Config
	running sync.Mutex // held during a run: runs never overlap
	wake    chan struct{}

	mu      sync.Mutex
	stop    chan struct{} // closed by Stop
	loop    chan struct{} // closed when the loop of Start has ended
	loopErr error
	closed  bool
}

// ErrRunning is returned by Run while another run of the engine is going on.
var ErrRunning = errors.New("a run of this pipeline is in progress")

// New returns an engine. It asks neither source nor destination anything.
func New(c Config) (*Engine, error) {
	switch {
	case c.Source == nil, c.Destination == nil, c.Journal == nil:
		return nil, &Error{Code: CodeConfigInvalid, Class: Fatal, What: "an engine needs a source, a destination and a journal"}
	case c.Layout != "" && c.Layout != LayoutColumns && c.Layout != LayoutDocument:
		return nil, &Error{Code: CodeConfigInvalid, Class: Fatal, What: fmt.Sprintf("unknown layout %q", c.Layout), Fix: "Use columns or document"}
	case c.Interval < 0:
		return nil, &Error{Code: CodeConfigInvalid, Class: Fatal, What: "the interval is negative"}
	}
	return &Engine{Config: c.withDefaults(), wake: make(chan struct{}, 1), stop: make(chan struct{})}, nil
}

// Run makes one pass over all streams and returns its receipt; the error is nil
// if and only if the receipt is green. Cancelling ctx stops at once; Stop lets
// the batches in hand finish first. Either way the next run goes on from there.
func (e *Engine) Run(ctx context.Context) (*Receipt, error) {
	return e.run(ctx, true)
}

// Deliver brings what is in the journal, webhooks for example, into the
// destination without asking the source for new pages.
func (e *Engine) Deliver(ctx context.Context) (*Receipt, error) {
	return e.run(ctx, false)
}

func (e *Engine) run(ctx context.Context, pull bool) (*Receipt, error) {
	if !e.running.TryLock() {
		return nil, ErrRunning
	}
	defer e.running.Unlock()
	r := &Receipt{Run: e.newRunID(), Pipeline: e.Pipeline, Pull: pull, Source: e.Source.Name(),
		Destination: e.Destination.Capabilities().Name, Started: e.Now().UTC()}
	err := e.runStreams(ctx, r, pull)
	if err == nil {
		_, err = e.Journal.Prune(ctx, e.Now().Add(-e.Retention))
	}
	if err != nil {
		r.Error, r.Code = err.Error(), endCode(err)
	}
	r.Ended = e.Now().UTC()
	if ferr := failpoint.Hit("run.before_receipt"); ferr != nil {
		return r, ferr
	}
	// The receipt of an interrupted run is worth keeping too.
	if serr := e.Journal.SaveRun(context.WithoutCancel(ctx), r); serr != nil && r.Error == "" {
		r.Error, r.Code = serr.Error(), CodeOf(serr)
	}
	return r, r.Err()
}

func (e *Engine) runStreams(ctx context.Context, r *Receipt, pull bool) error {
	streams, err := e.streams(ctx)
	if err != nil {
		return err
	}
	r.Streams = make([]StreamReceipt, len(streams))
	var g errgroup.Group
	g.SetLimit(e.Parallel)
	for i := range streams {
		g.Go(func() error {
			r.Streams[i] = newStreamRun(e, r.Run, &streams[i], pull).do(ctx)
			return nil
		})
	}
	return g.Wait()
}

// streams returns the chosen streams in the order they were named.
func (e *Engine) streams(ctx context.Context) ([]Stream, error) {
	all, err := e.Source.Streams(ctx)
	if err != nil {
		return nil, err
	}
	var out []Stream
	if len(e.Streams) == 0 {
		for _, s := range all {
			if s.Default {
				out = append(out, s)
			}
		}
	}
	for _, name := range e.Streams {
		i := slices.IndexFunc(all, func(s Stream) bool { return s.Name == name })
		if i < 0 {
			return nil, &Error{Code: CodeConfigInvalid, Class: Fatal, Where: name, What: "the source has no such stream", Fix: "It has " + streamNames(all)}
		}
		out = append(out, all[i])
	}
	for i := range out {
		if err := out[i].validate(); err != nil {
			return nil, &Error{Code: CodeConfigInvalid, Class: Fatal, Err: err}
		}
	}
	return out, nil
}

func streamNames(all []Stream) string {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return strings.Join(names, ", ")
}

// newRunID returns an id that sorts by time: 20261121T210957Z-5f3a9c.
func (e *Engine) newRunID() string {
	var b [3]byte
	if _, err := io.ReadFull(e.Random, b[:]); err != nil {
		b = [3]byte{}
	}
	return e.Now().UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// Start begins to run now and then every Interval until Stop, and delivers
// webhooks as they arrive. It returns at once; [Engine.Wait] waits for the end.
// A failed run is reported to OnReceipt and tried again at the next interval;
// only [ErrFenced] and untrustworthy state end the loop.
func (e *Engine) Start(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.loop != nil {
		return errors.New("the engine was started before")
	}
	if e.Interval <= 0 {
		return &Error{Code: CodeConfigInvalid, Class: Fatal, What: "Start needs an interval", Fix: "Set Interval, or call Run"}
	}
	e.loop = make(chan struct{})
	go func() {
		defer close(e.loop)
		e.loopErr = e.runForever(ctx)
	}()
	return nil
}

func (e *Engine) runForever(ctx context.Context) error {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		pull := true
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.stop:
			return nil
		case <-e.wake:
			pull = false
		case <-next.C:
			next.Reset(e.Interval)
		}
		r, err := e.run(ctx, pull)
		e.OnReceipt(r, err)
		if code := r.worst(); code == CodeFenced || code == CodeStateInvalid {
			return err
		}
	}
}

// Wait waits until the loop that Start began has ended and returns why: nil
// after Stop.
func (e *Engine) Wait() error {
	e.mu.Lock()
	loop := e.loop
	e.mu.Unlock()
	if loop == nil {
		return nil
	}
	<-loop
	return e.loopErr
}

// Stop ends Start and lets a run in progress finish the batches in hand. It may
// be called more than once, and before Start. It waits until ctx ends.
func (e *Engine) Stop(ctx context.Context) error {
	e.mu.Lock()
	select {
	case <-e.stop:
	default:
		close(e.stop)
	}
	loop := e.loop
	e.mu.Unlock()
	if loop == nil {
		return nil
	}
	select {
	case <-loop:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close stops the engine and closes source, destination and journal.
func (e *Engine) Close() error {
	if err := e.Stop(context.Background()); err != nil {
		return err
	}
	e.running.Lock() // a run in progress has been told to stop
	defer e.running.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	return errors.Join(e.Source.Close(), e.Destination.Close(), e.Journal.Close())
}
