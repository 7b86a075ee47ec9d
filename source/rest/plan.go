package rest

import (
	"maps"
	"time"

	"github.com/synclinehq/syncline/internal/mutant"
)

// The means that keep a stream fresh, as named in cursors.
const (
	meansNew    = "new"
	meansWindow = "window"
	meansOpen   = "open"
	meansSweep  = "sweep"
)

// plan returns the run that is due at the time now of the source's clock, nil if
// nothing is. sweep is true if the run lists everything.
func (s *stream) plan(c *cursor, now time.Time, skew time.Duration, full bool) (r *run, sweep bool) {
	f := s.fresh
	due := func(means string, every Duration) bool {
		last, ok := c.Done[means]
		return !ok || !now.Before(last.Add(time.Duration(every))) || last.After(now.Add(clockAllowance))
	}
	first := c.Watermark.IsZero()
	sweeping := f.Sweep != nil && f.Sweep.Every > 0
	// A sweep that a crash has cut in two found changes, but no absences.
	unlisted := sweeping && s.def.Delete.Absent && !c.Listed.Add(2*time.Duration(f.Sweep.Every)).After(now)
	if full || first || sweeping && (due(meansSweep, f.Sweep.Every) || unlisted) {
		r = &run{Started: now, Means: []string{meansNew, meansWindow, meansOpen, meansSweep}}
		for _, q := range s.variants() {
			r.Tasks = append(r.Tasks, task{Query: q, Todo: []span{s.whole()}})
		}
		return r, s.opt.Start.IsZero()
	}
	r = &run{Started: now}
	if s.def.Slice != nil {
		s.planRecent(r, c, now, skew, due)
	}
	if f.Open != nil && f.Open.Every > 0 && due(meansOpen, f.Open.Every) {
		r.Means = append(r.Means, meansOpen)
		for _, q := range f.Open.Filters {
			r.Tasks = append(r.Tasks, task{Query: q, Todo: []span{s.since(now, time.Duration(f.Open.Age))}})
		}
	}
	if len(r.Tasks) == 0 {
		return nil, false
	}
	return r, false
}

// planRecent plans new rows and the trailing window as one interval up to now.
func (s *stream) planRecent(r *run, c *cursor, now time.Time, skew time.Duration, due func(string, Duration) bool) {
	f := s.fresh
	from := int64(openTo)
	overlap, every := time.Minute, Duration(0)
	if f.New != nil {
		every = f.New.Every
		if f.New.Overlap > 0 {
			overlap = time.Duration(f.New.Overlap)
		}
	}
	if skew = max(absDuration(skew), absDuration(c.Skew)); skew > clockAllowance {
		overlap += skew
	}
	if mutant.On("strict_cursor") {
		overlap = -time.Microsecond
	}
	recent := c.Watermark.Add(-overlap).UnixMicro()
	if due(meansNew, every) {
		from = recent
		r.Means = append(r.Means, meansNew)
	}
	if f.Window != nil && f.Window.Every > 0 && due(meansWindow, f.Window.Every) {
		from = min(recent, now.Add(-time.Duration(f.Window.Age)).UnixMicro())
		if len(r.Means) == 0 {
			r.Means = append(r.Means, meansNew)
		}
		r.Means = append(r.Means, meansWindow)
	}
	if from == openTo {
		return
	}
	if !s.opt.Start.IsZero() {
		from = max(from, s.opt.Start.UnixMicro())
	}
	for _, q := range s.variants() {
		r.Tasks = append(r.Tasks, task{Query: q, Todo: []span{{from, openTo}}})
	}
}

// whole is the interval of a full listing.
func (s *stream) whole() span {
	if s.def.Slice != nil && !s.opt.Start.IsZero() {
		return span{s.opt.Start.UnixMicro(), openTo}
	}
	return everything
}

// since is the interval of the given age up to now, everything if age is 0.
func (s *stream) since(now time.Time, age time.Duration) span {
	out := s.whole()
	if s.def.Slice != nil && age > 0 {
		out.from = max(out.from, now.Add(-age).UnixMicro())
	}
	return out
}

// variants returns the queries that together list everything.
func (s *stream) variants() []map[string]string {
	if len(s.def.Variants) == 0 {
		return []map[string]string{nil}
	}
	out := make([]map[string]string, 0, len(s.def.Variants))
	for _, v := range s.def.Variants {
		out = append(out, maps.Clone(v))
	}
	return out
}
