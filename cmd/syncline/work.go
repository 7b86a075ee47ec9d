package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
)

// work is how pipelines are to be run.
type work struct {
	once, full bool
	streams    []string
}

// job is a pipeline with its engine.
type job struct {
	pipeline *catalog.Pipeline
	engine   *syncline.Engine
}

// work runs pipelines and reports. Those with an interval run until a signal
// comes, unless once is set; the others run one after the other.
func (a *app) work(ctx context.Context, pipelines []*catalog.Pipeline, w work) (err error) {
	rep := a.newReporter(len(pipelines) > 1)
	defer rep.close()
	var jobs []job
	defer func() {
		for _, j := range jobs {
			err = errors.Join(err, j.engine.Close())
		}
	}()
	for _, p := range pipelines {
		streams, err := a.chooseStreams(p, w.streams)
		if err != nil {
			return err
		}
		e, err := a.catalog.Open(ctx, p, catalog.Run{Streams: streams, Full: w.full, Logger: a.logger(),
			Progress:  func(pr syncline.Progress) { rep.progress(p.Name, pr) },
			OnReceipt: func(r *syncline.Receipt, err error) { giveBack(r); rep.receipt(r, err, p.Every()) }})
		if err != nil {
			return err
		}
		jobs = append(jobs, job{p, e})
	}
	stopped := make(chan struct{})
	defer a.onStop(func() {
		close(stopped)
		for _, j := range jobs {
			go func() { _ = j.engine.Stop(ctx) }()
		}
	})()
	return a.workAll(ctx, jobs, w.once, rep, stopped)
}

// giveBack returns the memory of a pull to the system: it will not be needed
// until the next. After a delivery there is next to nothing.
func giveBack(r *syncline.Receipt) {
	if r != nil && r.Pull {
		debug.FreeOSMemory()
	}
}

func (a *app) workAll(ctx context.Context, jobs []job, once bool, rep reporter, stopped <-chan struct{}) error {
	var repeat []job
	var failed error
	for _, j := range jobs {
		if j.pipeline.Every() > 0 && !once {
			repeat = append(repeat, j)
			continue
		}
		select {
		case <-stopped:
			return syncline.ErrStopped
		default:
		}
		r, err := j.engine.Run(ctx)
		rep.receipt(r, err, 0)
		if err != nil && failed == nil {
			failed = shownError{runError(r, err)}
		}
	}
	if len(repeat) == 0 || failed != nil {
		return failed
	}
	return a.repeat(ctx, repeat)
}

// repeat runs pipelines at their intervals until they are stopped.
func (a *app) repeat(ctx context.Context, jobs []job) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, j := range jobs {
		if err := a.receive(ctx, g, j); err != nil {
			return err
		}
		if err := j.engine.Start(ctx); err != nil {
			return err
		}
		g.Go(func() error {
			err := j.engine.Wait()
			if err == nil {
				err = errDone // ends the webhook servers of the group too
			}
			return err
		})
	}
	if err := g.Wait(); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

var errDone = errors.New("stopped as asked")

// receive serves a pipeline's webhooks until ctx ends.
func (a *app) receive(ctx context.Context, g *errgroup.Group, j job) error {
	w := j.pipeline.Webhooks
	if w == nil {
		return nil
	}
	handler := j.engine.WebhookHandler()
	if handler == nil {
		return usagef("connector %s receives no webhooks", j.pipeline.Source.Name)
	}
	listener, err := net.Listen("tcp", w.Text("listen"))
	if err != nil {
		return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: "webhooks", What: "cannot listen", Err: err,
			Fix: "Choose another address with listen"}
	}
	mux := http.NewServeMux()
	mux.Handle(w.Text("path"), handler)
	server := webhookServer(mux)
	a.note("webhooks for %s: http://%s%s", j.pipeline.Name, listener.Addr(), w.Text("path"))
	g.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return server.Shutdown(grace)
	})
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("webhooks: %w", err)
		}
		return nil
	})
	return nil
}

// webhookServer bounds what a slow or hostile sender can hold open.
func webhookServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
}
